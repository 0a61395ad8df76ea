import { failure, tell } from '../core/errors/index.ts';
import { type Change, isBlocked, type Step } from '../core/module.ts';
import { isDict, Unknown, type Vars } from '../core/value.ts';
import type { Probe } from './answers.ts';
import { dependsOn, ONLY_APPLY_ASKS } from './because.ts';
import { isTrue } from './booleans.ts';
import { type Made, makeChanges } from './change.ts';
import { bringsProgram, lookedAt, lookOf } from './look.ts';
import { noteOfDelegated, notifyPieces } from './notify.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import type { Scope } from './ports.ts';
import { tail } from './read-back.ts';
import { probeOf, type Unit } from './resolve.ts';
import { dataOf, rcOf, resultOf } from './result.ts';
import type { HostState } from './state.ts';
import type { World } from './variables.ts';

/** What is to be changed for one unit, as its host stands. */
export type Intent = Readonly<{
  r: TaskRun;
  unit: Bound;
  name: string;
  there: HostState;
  ahead: () => Iterable<Probe>;
  probe: Probe | undefined;
  stdout: string;
  changes: readonly Change[];
  /** It was planned by what a change of the same trip, not yet made, leaves: it must not be made if that one fails. */
  follows: boolean;
}>;
export type Bound = Unit & { readonly step: Step };

export function isIntent(made: Outcome | Intent): made is Intent {
  return 'there' in made;
}

/** One try: look, plan, and in apply mode change. */
export async function attempt(r: TaskRun, unit: Bound, name: string, isRetry: boolean): Promise<Outcome> {
  const intent = await intend(r, unit, name, isRetry);
  return isIntent(intent) ? carryOut(intent) : intent;
}

/**
 * Looks and plans: the outcome where nothing is to be changed (in this mode), else what is.
 *
 * @param seen what the probe will print by then; else it is asked
 */
export async function intend(
  r: TaskRun,
  unit: Bound,
  name: string,
  isRetry: boolean,
  seen?: string,
): Promise<Outcome | Intent> {
  const { world, host, task } = r;
  const { run } = world;
  const { step, ctx, scope, label } = unit;
  const there = placeOf(r, scope);
  const { session } = there;
  const ahead = there === host ? r.ahead : () => []; // what comes is this host's, not the delegate's
  const isCheck = checkMode(r, scope);
  const userLook = lookOf(task, unit);
  const probe = probeOf(unit);
  const earlier = run.mode === 'plan' ? there.planned.find((p) => session.overlap(p.touches, step.needs)) : undefined;
  const unknown = (because: string, changes: Outcome['changes'] = []): Outcome => {
    there.planned.push({ what: name, touches: step.touches });
    return { status: 'unknown', result: new Unknown(because), changes, because, label };
  };
  if (userLook !== undefined && earlier === undefined) return lookedAt(r, unit, userLook, there);
  if (isRetry && probe !== undefined) session.forget(probe);
  const foreseen = seen === undefined ? undefined : { code: 0, stdout: seen, stderr: '' };
  const output = foreseen ?? (probe === undefined ? undefined : await session.look(probe, ahead));
  if (output !== undefined && output.code !== 0) {
    if (earlier !== undefined) return unknown(dependsOn(earlier.what));
    const diagnostic = tell('E_PROBE_FAILED', { exit: output.code, detail: tail(output.stderr) }, task.at);
    return {
      status: 'failed',
      result: { failed: true, changed: false, msg: diagnostic.message, stderr: output.stderr },
      changes: [],
      diagnostic,
      label,
    };
  }
  const stdout = output?.stdout ?? '';
  const steps = step.plan(stdout, ctx);
  if (isBlocked(steps)) {
    if (earlier !== undefined) return unknown(dependsOn(earlier.what));
    const diagnostic = { ...steps.blocked, at: task.at };
    return {
      status: 'failed',
      result: { failed: true, changed: false, msg: diagnostic.message, ...dataOf(step, stdout, unit) },
      changes: [],
      diagnostic,
      label,
    };
  }
  if (earlier !== undefined) return unknown(dependsOn(earlier.what), steps);
  if (steps.length === 0) {
    keepFacts(r, step, dataOf(step, stdout, unit));
    if (step.module === 'debug') say(r, dataOf(step, stdout, unit));
    return { status: 'ok', result: resultOf(step, stdout, unit, { changed: false }), changes: [], label };
  }
  if (isCheck && run.mode === 'apply') return wouldBe(unit, steps, stdout);
  if (isCheck) {
    if (steps.every((s) => s.harmless === true)) return unknown(ONLY_APPLY_ASKS, steps);
    there.planned.push({ what: name, touches: step.touches });
    return { status: 'changed', result: new Unknown(dependsOn(name)), changes: steps, label };
  }
  return { r, unit, name, there, ahead, probe, stdout, changes: steps, follows: seen !== undefined };
}

/** `check_mode: true` in a run that changes: what would be done is registered, and nothing is counted as done. */
function wouldBe(unit: Bound, changes: readonly Change[], stdout: string): Outcome {
  const { step, label } = unit;
  const isUsers = changes.some((c) => c.action === true) && step.series === undefined;
  const because = 'check_mode is true';
  const base = isUsers ? { changed: false, skipped: true, msg: because } : { changed: true };
  const result = resultOf(step, stdout, unit, base);
  return { status: isUsers ? 'skipped' : 'ok', result, changes, because, label };
}

export async function carryOut(intent: Intent): Promise<Outcome> {
  const { r, unit, name, there, ahead, probe, changes } = intent;
  const { run } = r.world;
  const { task, host } = r;
  const isHidden = isTrue(run, task.noLog, unit.scope, 'no_log', task.at);
  const doing = isHidden ? name : `${name}: ${changes.map((s) => s.what).join(', ')}`;
  run.emit({ type: 'busy', host: host.name, doing });
  const timeout = task.timeout === undefined ? undefined : Number(run.templates.resolve(task.timeout, unit.scope));
  const around = { before: notifyPieces(r, unit), after: isLast(intent) ? r.after : undefined };
  await noteOfDelegated(r, unit);
  const made = await makeChanges(run, there.session, unit, changes, probe, ahead, around, timeout);
  return conclude(intent, made);
}

/** Whether nothing is left of the task, on this host, once these changes are made without an error. */
export function isLast({ r: { task, host }, there, changes }: Intent): boolean {
  const isDecided = task.failedWhen.length === 0 && task.until.length === 0 && task.loop === undefined;
  return isDecided && there === host && changes.every((c) => c.reboots === undefined);
}

/** The outcome of what was made, with the host as it is now. */
export async function conclude(intent: Intent, made: Made): Promise<Outcome> {
  const { r, unit, there, ahead, probe, changes } = intent;
  const { step, label } = unit;
  noteChange(r.world, there);
  if (there !== r.host) r.host.session.metOthers();
  const after =
    made.failed === undefined && probe !== undefined && !changes.some((c) => c.action ?? c.harmless)
      ? (await there.session.look(probe, ahead)).stdout
      : intent.stdout;
  const because = made.failed === undefined ? undefined : bringsProgram(made.ran.code, there.planned);
  if (because !== undefined) return { status: 'unknown', result: new Unknown(because), changes, because, label };
  if (made.failed !== undefined) {
    const base = { changed: true, failed: true, msg: made.failed.message, ...rcOf(made.ran) };
    const result = resultOf(step, after, unit, base, made.ran);
    return { status: 'failed', result, changes, diagnostic: { ...made.failed, at: r.task.at }, label };
  }
  keepFacts(r, step, dataOf(step, after, unit, made.ran));
  const { warnings = [] } = made;
  for (const text of warnings)
    r.world.run.emit({ type: 'message', host: r.host.name, text: `warning: ${text}`, at: r.task.at });
  const base = { changed: !made.unchanged, ...(warnings.length > 0 && { warnings: [...warnings] }) };
  const result = resultOf(step, after, unit, base, made.ran);
  return { status: made.unchanged ? 'ok' : 'changed', result, changes, label };
}

/** Somebody else's view of what this change may have altered is stale: other hosts look again at the next play. */
function noteChange(world: World, place: HostState): void {
  world.changed.add(place.name);
}

/** The host on which the task's work is done: its own, or the delegate. */
function placeOf(r: TaskRun, scope: Scope): HostState {
  if (r.task.delegateTo === undefined) return r.host;
  const name = r.world.run.templates.resolve(r.task.delegateTo, scope);
  const other = typeof name === 'string' ? (r.world.hosts.get(name) ?? r.world.localhost(name)) : undefined;
  if (other !== undefined) return other;
  const known = r.world.hosts.keys();
  throw failure('E_UNKNOWN_HOST', { pattern: String(name), known, hint: 'add the host to the inventory' }, r.task.at);
}

function checkMode(r: TaskRun, scope: Scope): boolean {
  const { run } = r.world;
  return r.task.checkMode === undefined
    ? run.mode === 'plan'
    : isTrue(run, r.task.checkMode, scope, 'check_mode', r.task.at);
}

/** debug's message, or a variable's value, for the user to see. */
function say({ world: { run }, host, task }: TaskRun, data: Vars): void {
  const shown = Object.entries(data).map(([key, value]) =>
    key === 'msg' ? run.templates.print(value) : `${key} = ${run.templates.print(value)}`,
  );
  if (shown.length > 0) run.emit({ type: 'message', host: host.name, text: shown.join('\n'), at: task.at });
}

/** set_fact's win over all but extra vars; other modules' facts are facts. */
function keepFacts(r: TaskRun, step: Step, data: Vars): void {
  const facts = data['ansible_facts'];
  if (!isDict(facts)) return;
  if (step.module === 'set_fact') r.host.set = { ...r.host.set, ...facts };
  else r.host.facts = { ...r.host.facts, ...facts };
}
