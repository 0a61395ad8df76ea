import { failure, tell } from '../../core/errors/index.ts';
import { type Change, isBlocked, type Step } from '../../core/module.ts';
import type { Task } from '../../core/playbook.ts';
import { isDict, Unknown, type Value, type Vars } from '../../core/value.ts';
import { dependsOn, ONLY_APPLY_ASKS, ONLY_APPLY_RUNS } from '../evaluate/because.ts';
import { isTrue, wholeNumber } from '../evaluate/booleans.ts';
import { withoutPrefix } from '../evaluate/facts.ts';
import { noteOfDelegated, notifyPieces } from '../evaluate/notify.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { probeOf, type Unit } from '../evaluate/resolve.ts';
import { dataOf, rcOf, resultOf } from '../evaluate/result.ts';
import type { Probe } from '../host/answers.ts';
import type { Scope } from '../host/ports.ts';
import type { HostState } from '../host/state.ts';
import type { World } from '../host/variables.ts';
import { isOtherWay, wayOf } from '../host/way.ts';
import { finishedResult, inBackground, type Job, jobOf, startedResult } from '../make/background.ts';
import { type ChangeResult, type ExtraPieces, makeChanges } from '../make/change.ts';
import { workHere } from '../make/controller.ts';
import { tail } from '../make/read-back.ts';
import { whileWatched } from '../make/reboot.ts';
import { bringsProgram, userProbeOf, userProbeOutcome } from './user-probe.ts';

/** The changes that one unit of a task has to make in the host's present state. */
export type Intent = Readonly<{
  taskRun: TaskRun;
  unit: Bound;
  name: string;
  place: HostState;
  ahead: () => Iterable<Probe>;
  probe: Probe | undefined;
  stdout: string;
  changes: readonly Change[];
  /**
   * The change was planned from the result of an earlier change of the same round trip. If that one fails, this one
   * must not run.
   */
  follows: boolean;
}>;
export type Bound = Unit & { readonly step: Step };

export function isIntent(outcome: Outcome | Intent): outcome is Intent {
  return 'place' in outcome;
}

/** One attempt: probe, plan and, in apply mode, change. */
export async function attempt(taskRun: TaskRun, unit: Bound, name: string, isRetry: boolean): Promise<Outcome> {
  const intent = await intend(taskRun, unit, name, isRetry);
  return isIntent(intent) ? carryOut(intent) : intent;
}

/**
 * Probes and plans. Returns the outcome if nothing has to change or if this is a plan, else the changes.
 *
 * @param seen the probe's output if it is already known; otherwise the host is probed
 */
export async function intend(
  taskRun: TaskRun,
  unit: Bound,
  name: string,
  isRetry: boolean,
  seen?: string,
): Promise<Outcome | Intent> {
  const { world, host, task } = taskRun;
  const { run } = world;
  const { step, ctx, scope, label } = unit;
  const place = placeOf(taskRun, scope);
  const { session } = place;
  const ahead = place === host ? taskRun.ahead : () => []; // the tasks ahead belong to this host, not to the delegate
  const isCheck = checkMode(taskRun, scope);
  const userLook = userProbeOf(task, unit);
  const probe = probeOf(unit);
  const earlier = run.mode === 'plan' ? place.planned.find((p) => session.overlap(p.touches, step.needs)) : undefined;
  const unknown = (because: string, changes: Outcome['changes'] = []): Outcome => {
    place.planned.push({ what: name, touches: step.touches });
    return { status: 'unknown', result: new Unknown(because), changes, because, label };
  };
  if (userLook !== undefined && earlier === undefined) return userProbeOutcome(taskRun, unit, userLook, place);
  if (isRetry) session.forgetAll(); // what is waited for may change what later tasks asked, too
  const foreseen = seen === undefined ? undefined : { code: 0, stdout: seen, stderr: '' };
  const output = foreseen ?? (probe === undefined ? undefined : await session.ask(probe, ahead));
  // What hinders the task now may be gone after an earlier task, of which nobody knows what it will do.
  const remedy = earlier ?? (run.mode === 'plan' ? place.planned.find((p) => p.isOpen) : undefined);
  if (output !== undefined && output.code !== 0) {
    if (remedy !== undefined) return unknown(dependsOn(remedy.what));
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
  const here = await workHere(taskRun, unit, place, { isCheck, limit: () => timeLimit(taskRun, scope) });
  if (here !== undefined) {
    if (earlier !== undefined) return unknown(dependsOn(earlier.what));
    if (isCheck && here.status === 'changed') place.planned.push({ what: name, touches: step.touches });
    return here;
  }
  const steps = step.plan(stdout, ctx);
  if (isBlocked(steps)) {
    if (remedy !== undefined) return unknown(dependsOn(remedy.what));
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
    // The state was reached while the host worked on an earlier change, perhaps after other answers were given.
    if (step.waits && host.counts.changed > 0) session.forgetAll();
    keepFacts(taskRun, place, unit, dataOf(step, stdout, unit));
    if (step.loads !== undefined) taskRun.host.included = [...taskRun.host.included, step.loads(ctx)];
    if (step.says) say(taskRun, dataOf(step, stdout, unit));
    return { status: 'ok', result: resultOf(step, stdout, unit, { changed: false }), changes: [], label };
  }
  if (isCheck && run.mode === 'apply') return wouldBe(unit, steps, stdout);
  if (isCheck) {
    if (steps.every((s) => s.harmless === true)) return unknown(ONLY_APPLY_ASKS, steps);
    if (steps.some((s) => s.action === true && s.verdict !== undefined)) return unknown(ONLY_APPLY_RUNS, steps);
    place.planned.push({ what: name, touches: step.touches });
    return { status: 'changed', result: new Unknown(dependsOn(name)), changes: steps, label };
  }
  return { taskRun, unit, name, place, ahead, probe, stdout, changes: steps, follows: seen !== undefined };
}

/**
 * `check_mode: true` in an apply run: the result of the planned change is registered, and the host does not count as
 * changed.
 */
function wouldBe(unit: Bound, changes: readonly Change[], stdout: string): Outcome {
  const { step, label } = unit;
  const isUsers = changes.some((c) => c.action === true) && step.series === undefined;
  const because = 'check_mode is true';
  const base = isUsers ? { changed: false, skipped: true } : { changed: true };
  const full = resultOf(step, stdout, unit, base);
  const said = { msg: 'Command would have run if not in check mode', rc: 0 };
  const result = isUsers && isDict(full) ? { ...full, ...said } : full;
  return { status: isUsers ? 'skipped' : 'ok', result, changes, because, label };
}

export async function carryOut(intent: Intent): Promise<Outcome> {
  const { taskRun, unit, name, place, ahead, probe, changes } = intent;
  const { run } = taskRun.world;
  const { task, host } = taskRun;
  const isHidden = isTrue(run, task.noLog, unit.scope, 'no_log', task.at);
  const doing = isHidden ? name : `${name}: ${changes.map((s) => s.what).join(', ')}`;
  run.emit({ type: 'busy', host: host.name, doing });
  const timeout = timeLimit(taskRun, unit.scope);
  const around = {
    before: notifyPieces(taskRun, unit),
    after: isLast(intent) ? taskRun.after : undefined,
    rebooting: { host: place.name, at: task.at },
  };
  await noteOfDelegated(taskRun, unit);
  const job = jobOf(taskRun, unit.scope);
  if (job !== undefined) return startJob(intent, job, around);
  const reboots = changes.some((change) => change.reboots !== undefined);
  const changeResult = await whileWatched(run, place.name, reboots, () =>
    makeChanges(run, place.session, unit, changes, probe, ahead, around, timeout),
  );
  return conclude(intent, changeResult);
}

/** Starts the changes in the background. What they alter is not known until the job ends, so answers are forgotten. */
async function startJob(intent: Intent, job: Job, around: ExtraPieces): Promise<Outcome> {
  const { taskRun, unit, place, changes, ahead } = intent;
  const started = inBackground(taskRun, changes, job);
  const result = await makeChanges(
    taskRun.world.run,
    place.session,
    unit,
    started,
    undefined,
    ahead,
    around,
    undefined,
  );
  place.session.forgetAll();
  noteChange(taskRun.world, place);
  if (result.failed !== undefined) return conclude({ ...intent, changes: started }, result);
  const own = resultOf(unit.step, intent.stdout, unit, startedResult(job));
  return {
    status: 'changed',
    result: isDict(own) ? { ...own, ...startedResult(job) } : own,
    changes: started,
    label: unit.label,
  };
}

/** In seconds. `async` limits the time too if the task is waited for. */
function timeLimit({ task, world: { run } }: TaskRun, scope: Scope): number | undefined {
  const of = (raw: Task['timeout'], keyword: string): number =>
    raw === undefined ? 0 : wholeNumber(run, raw, scope, keyword, task.at);
  const limits = [of(task.timeout, 'timeout'), of(task.async, 'async')].filter((seconds) => seconds > 0);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** Whether the task is finished on this host once these changes succeed. */
export function isLast({ taskRun: { task, host }, place, changes }: Intent): boolean {
  const isDecided = task.failedWhen.length === 0 && task.until.length === 0 && task.loop === undefined;
  return isDecided && place === host && changes.every((c) => c.reboots === undefined && c.verdict === undefined);
}

/** Builds the outcome of changes that were made, from the host's state after them. */
export async function conclude(intent: Intent, changeResult: ChangeResult): Promise<Outcome> {
  const { taskRun, unit, place, ahead, probe, changes } = intent;
  const { step, label } = unit;
  noteChange(taskRun.world, place);
  if (place !== taskRun.host) taskRun.host.session.metOthers();
  for (const other of place.sessions.all()) if (other !== place.session) other.forgetAll();
  const after =
    changeResult.failed === undefined && probe !== undefined && !changes.some((c) => c.action ?? c.harmless)
      ? (await place.session.ask(probe, ahead)).stdout
      : intent.stdout;
  const because = changeResult.failed === undefined ? undefined : bringsProgram(changeResult.ran.code, place.planned);
  if (because !== undefined) return { status: 'unknown', result: new Unknown(because), changes, because, label };
  if (changeResult.failed !== undefined) {
    const base = { changed: true, failed: true, msg: changeResult.failed.message, ...rcOf(changeResult.ran) };
    const own = resultOf(step, after, unit, base, changeResult.ran);
    // The module speaks of a script that ended by itself. That it was ended is more important.
    const isEnded = !['E_CHANGE_FAILED', 'E_MODULE_FAILED'].includes(changeResult.failed.code);
    const { period } = changeResult;
    const said = { msg: changeResult.failed.message, ...(period !== undefined && { timedout: { period } }) };
    const result = isEnded && isDict(own) ? { ...own, ...said } : own;
    return { status: 'failed', result, changes, diagnostic: { ...changeResult.failed, at: taskRun.task.at }, label };
  }
  keepFacts(taskRun, place, unit, dataOf(step, after, unit, changeResult.ran));
  const { warnings = [] } = changeResult;
  for (const text of warnings)
    taskRun.world.run.emit({ type: 'message', host: taskRun.host.name, text: `warning: ${text}`, at: taskRun.task.at });
  const job = finishedResult(taskRun.task, taskRun.world.run);
  const base = { changed: !changeResult.unchanged, ...job, ...(warnings.length > 0 && { warnings: [...warnings] }) };
  const result = resultOf(step, after, unit, base, changeResult.ran);
  return { status: changeResult.unchanged ? 'ok' : 'changed', result, changes, label };
}

/** Other hosts may have read what this change altered. They probe again in their next play. */
function noteChange(world: World, place: HostState): void {
  world.changed.add(place.name);
}

/** The host on which the task runs, the host itself or the delegate, over the way that the task asks for. */
function placeOf(taskRun: TaskRun, scope: Scope): HostState {
  const { task, world, where } = taskRun;
  const base = delegateOf(taskRun, scope);
  if (!isOtherWay(task, where.play.common)) return base;
  const session = base.sessions.on(wayOf(world.run, task, scope));
  return session === base.session ? base : { ...base, session };
}

function delegateOf(taskRun: TaskRun, scope: Scope): HostState {
  if (taskRun.task.delegateTo === undefined) return taskRun.host;
  const name = taskRun.world.run.templates.resolve(taskRun.task.delegateTo, scope);
  const other = typeof name === 'string' ? (taskRun.world.hosts.get(name) ?? taskRun.world.localhost(name)) : undefined;
  if (other !== undefined) return other;
  const known = taskRun.world.hosts.keys();
  throw failure(
    'E_UNKNOWN_HOST',
    { pattern: String(name), known, hint: 'add the host to the inventory' },
    taskRun.task.at,
  );
}

function checkMode(taskRun: TaskRun, scope: Scope): boolean {
  const { run } = taskRun.world;
  const { checkMode, at } = taskRun.task;
  const isPlan = run.mode === 'plan';
  return checkMode === undefined ? isPlan : isTrue(run, checkMode, scope, 'check_mode', at, isPlan);
}

/** Shows the message of `debug`, or a variable's value, to the user. */
function say({ world: { run }, host, task }: TaskRun, data: Vars): void {
  const shown = Object.entries(data).map(([key, value]) =>
    key === 'msg' ? run.templates.print(value) : `${key} = ${run.templates.print(value)}`,
  );
  if (shown.length > 0) run.emit({ type: 'message', host: host.name, text: shown.join('\n'), at: task.at });
}

/**
 * Facts of set_fact override everything except extra vars. Facts of other modules are added to the host's facts. They
 * belong to the host of the task or, with delegate_facts, to the host of delegate_to.
 */
function keepFacts(taskRun: TaskRun, place: HostState, { step, scope }: Bound, data: Vars): void {
  const { host, task, world } = taskRun;
  const { run } = world;
  if (isDict(data['ansible_stats'])) keepStats(world, host, data['ansible_stats']);
  const facts = data['ansible_facts'];
  if (!isDict(facts)) return;
  const isTheirs = task.delegateTo !== undefined && isTrue(run, task.delegateFacts, scope, 'delegate_facts', task.at);
  const owner = isTheirs ? place : host;
  if (step.sets === 'vars') {
    owner.set = { ...owner.set, ...facts };
    if (data['_ansible_facts_cacheable'] === true) owner.facts = { ...owner.facts, ...withoutPrefix(facts) };
  } else {
    owner.facts = { ...owner.facts, ...withoutPrefix(facts) };
    // Facts of the system, such as `domain` of hostname, keep their prefix: a variable of that name stays.
    if (task.impl?.facts !== undefined) owner.moduleFacts = { ...owner.moduleFacts, ...facts };
  }
}

/** Adds what set_stats sets: numbers are summed, lists and texts joined, dicts merged, unless `aggregate` is false. */
function keepStats({ stats }: World, { name }: HostState, given: Vars): void {
  const key = given['per_host'] === true ? name : '';
  const before = stats.get(key) ?? {};
  const own = isDict(given['data']) ? given['data'] : {};
  const added = Object.entries(own).map(([stat, value]) => {
    const was = before[stat];
    const isAdded = given['aggregate'] === true && was !== undefined;
    return [stat, isAdded ? summed(was, value) : value] as const;
  });
  stats.set(key, { ...before, ...Object.fromEntries(added) });
}

function summed(was: Value, value: Value): Value {
  if (typeof was === 'number' && typeof value === 'number') return was + value;
  if (typeof was === 'string' && typeof value === 'string') return was + value;
  if (Array.isArray(was) && Array.isArray(value)) return [...was, ...value];
  return isDict(was) && isDict(value) ? { ...was, ...value } : value;
}
