import { Lost } from '../core/connection.ts';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import type { TaskEvent, TaskStatus } from '../core/event.ts';
import { isBlocked, type Step } from '../core/module.ts';
import type { Task } from '../core/playbook.ts';
import { overlaps } from '../core/resource.ts';
import { isDict, Unknown, type Value, type Vars } from '../core/value.ts';
import { makeChanges, tail } from './change.ts';
import { gaveUp, holds, judge, withAttempts } from './judge.ts';
import { lookedAt, lookOf } from './look.ts';
import { labelOf, taskName } from './names.ts';
import { handlersFor, notifyPieces } from './notify.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import { pause } from './pause.ts';
import type { Scope } from './ports.ts';
import { loopItems, loopVars, probeOf, type Unit, unitOf } from './resolve.ts';
import { dataOf, loopResult, rcOf, resultOf, skippedResult } from './result.ts';
import { type HostState, NotKnown, TaskFailed, Unreachable } from './state.ts';
import { scopeFor, type World } from './variables.ts';

/** Runs one task on one host, with all its items. Throws TaskFailed, Unreachable. */
export async function runTask(r: TaskRun): Promise<void> {
  const { world, host, task } = r;
  const scope = scopeFor(world, host, { ...r.where, role: task.role, vars: task.vars });
  const began = world.run.now();
  const name = taskName(task, scope, world);
  const outcomes: Outcome[] = [];
  let isLoop = false;
  try {
    const items = r.maybe === undefined ? loopItems(task, scope, world.run) : undefined;
    isLoop = items !== undefined;
    if (items === undefined) outcomes.push(await outcomeOf(r, scope, undefined, undefined, name));
    for (const [i, item] of (items ?? []).entries()) {
      const own = scope.with(loopVars(items ?? [], i, task.loopControl));
      const label = labelOf(task, item, own, world);
      outcomes.push(await outcomeOf(r, own, label, item, name));
      const wait =
        task.loopControl.pause === undefined ? 0 : Number(world.run.templates.resolve(task.loopControl.pause, own));
      if (wait > 0 && world.run.mode === 'apply' && i < (items?.length ?? 0) - 1)
        await pause(wait * 1000, world.run.signal);
    }
  } catch (error) {
    outcomes.push(thrownOutcome(error, task, world, name, undefined));
  }
  finish(r, scope, name, outcomes, isLoop, world.run.now() - began);
}

/** One item's outcome; what it throws is its own: the items after it have their turn, as in Ansible. */
async function outcomeOf(
  r: TaskRun,
  scope: Scope,
  label: string | undefined,
  item: Value | undefined,
  name: string,
): Promise<Outcome> {
  try {
    return await runUnit(r, scope, label, item, name);
  } catch (error) {
    return thrownOutcome(error, r.task, r.world, name, label);
  }
}

/** What was thrown while a task was resolved, as that task's outcome. */
function thrownOutcome(error: unknown, task: Task, world: World, name: string, label: string | undefined): Outcome {
  if (error instanceof NotKnown)
    return { status: 'unknown', result: new Unknown(error.because), changes: [], because: error.because, label };
  if (error instanceof Failure) {
    const [first] = error.diagnostics;
    const making =
      world.run.mode === 'plan' && first?.code === 'E_FILE' ? world.localhost('localhost')?.planned[0] : undefined;
    if (making !== undefined)
      return { status: 'unknown', result: new Unknown(making.what), changes: [], because: making.what, label };
    if (first?.code === 'E_CONNECT' || first?.code === 'E_BECOME') throw new Unreachable(first);
    const diagnostic: Diagnostic = {
      ...(first ?? { code: 'E_BLOCKED', message: error.message }),
      at: first?.at ?? task.at,
    };
    return {
      status: 'failed',
      result: { failed: true, changed: false, msg: world.run.redactor.hide(diagnostic.message) },
      changes: [],
      diagnostic,
      label,
    };
  }
  if (error instanceof Lost)
    throw new Unreachable({
      code: 'E_CONNECT',
      message: error.message,
      at: task.at,
      mend: `it was lost in '${name}': check the host, then run again; what was done stays done`,
    });
  throw error;
}

async function runUnit(
  r: TaskRun,
  scope: Scope,
  label: string | undefined,
  item: Value | undefined,
  name: string,
): Promise<Outcome> {
  const { world, task, host } = r;
  const { run } = world;
  if (r.maybe !== undefined) return { status: 'unknown', result: new Unknown(r.maybe), changes: [], because: r.maybe };
  const { impl } = task;
  if (impl === undefined) throw new Error(`no module '${task.module}'`);
  const unit = unitOf(run, task, impl, scope, label, item);
  if (unit.step === undefined)
    return { status: 'skipped', result: skippedResult(unit), changes: [], because: unit.skipped, label };
  const tries =
    task.until.length > 0 && run.mode === 'apply' ? Number(run.templates.resolve(task.retries ?? 3, scope)) + 1 : 1;
  const delay = Number(run.templates.resolve(task.delay ?? 5, scope));
  for (let n = 1; ; n++) {
    const outcome = judge(r, unit, await attempt(r, { ...unit, step: unit.step }, name, n > 1), n);
    if (task.until.length === 0 || run.mode === 'plan') return outcome;
    if (n >= tries && outcome.status !== 'failed' && !holds(r, unit, outcome, n)) return gaveUp(outcome, n - 1, task);
    if (n >= tries) return withAttempts(outcome, n);
    if (holds(r, unit, outcome, n)) return withAttempts(outcome, n);
    run.emit({ type: 'busy', host: host.name, doing: `${name}: try ${n + 1} of ${tries}` });
    await pause(delay * 1000, run.signal);
  }
}

/** One try: look, plan, and in apply mode change. */
async function attempt(r: TaskRun, unit: Unit & { step: Step }, name: string, isRetry: boolean): Promise<Outcome> {
  const { world, host, task } = r;
  const { run } = world;
  const { step, ctx, scope, label } = unit;
  const there = placeOf(r, scope);
  const { session } = there;
  const ahead = there === host ? r.ahead : () => []; // what comes is this host's, not the delegate's
  const isCheck = checkMode(r, scope);
  const userLook = lookOf(task, unit);
  const probe = probeOf(unit);
  const hangsOn = run.mode === 'plan' ? there.planned.find((p) => overlaps(p.touches, step.needs)) : undefined;
  const unknown = (because: string, changes: Outcome['changes'] = []): Outcome => {
    there.planned.push({ what: name, touches: step.touches });
    return { status: 'unknown', result: new Unknown(because), changes, because, label };
  };
  if (userLook !== undefined && hangsOn === undefined) return lookedAt(r, unit, userLook, session);
  if (isRetry && probe !== undefined) session.forget(probe);
  const output = probe === undefined ? undefined : await session.look(probe, ahead);
  if (output !== undefined && output.code !== 0) {
    if (hangsOn !== undefined) return unknown(hangsOn.what);
    const diagnostic: Diagnostic = {
      code: 'E_PROBE',
      message: `the host could not be looked at: exit code ${output.code}`,
      detail: tail(output.stderr),
      at: task.at,
    };
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
    if (hangsOn !== undefined) return unknown(hangsOn.what);
    const diagnostic: Diagnostic = {
      code: 'E_BLOCKED',
      message: steps.blocked,
      mend: steps.mend,
      detail: steps.detail,
      at: task.at,
    };
    return {
      status: 'failed',
      result: { failed: true, changed: false, msg: steps.blocked, ...dataOf(step, stdout, unit) },
      changes: [],
      diagnostic,
      label,
    };
  }
  if (hangsOn !== undefined) return unknown(hangsOn.what, steps);
  if (steps.length === 0) {
    keepFacts(r, step, dataOf(step, stdout, unit));
    if (step.module === 'debug') tell(r, dataOf(step, stdout, unit));
    return { status: 'ok', result: resultOf(step, stdout, unit, { changed: false }), changes: [], label };
  }
  if (isCheck) {
    if (steps.every((s) => s.harmless === true)) return unknown('it is asked when it is applied', steps);
    there.planned.push({ what: name, touches: step.touches });
    return { status: 'changed', result: new Unknown(name), changes: steps, label };
  }
  const isHidden = run.templates.truthy(run.templates.resolve(task.noLog, scope)) === true;
  const doing = isHidden ? name : `${name}: ${steps.map((s) => s.what).join(', ')}`;
  run.emit({ type: 'busy', host: host.name, doing });
  const timeout = task.timeout === undefined ? undefined : Number(run.templates.resolve(task.timeout, scope));
  const made = await makeChanges(run, session, unit, steps, probe, ahead, notifyPieces(r, unit), timeout);
  noteChange(world, there);
  const after =
    made.failed === undefined && probe !== undefined && !steps.some((s) => s.action ?? s.harmless)
      ? (await session.look(probe, ahead)).stdout
      : stdout;
  const data = dataOf(step, after, unit, made.ran);
  if (made.failed !== undefined) {
    const result = resultOf(
      step,
      after,
      unit,
      { changed: true, failed: true, msg: made.failed.message, ...rcOf(made.ran) },
      made.ran,
    );
    return { status: 'failed', result, changes: steps, diagnostic: { ...made.failed, at: task.at }, label };
  }
  keepFacts(r, step, data);
  const result = resultOf(step, after, unit, { changed: !made.unchanged }, made.ran);
  return { status: made.unchanged ? 'ok' : 'changed', result, changes: steps, label };
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
  const message = `delegate_to: there is no host '${String(name)}'`;
  throw new Failure({ code: 'E_UNKNOWN', message, at: r.task.at, mend: 'add it to the inventory' });
}

function checkMode(r: TaskRun, scope: Scope): boolean {
  const { run } = r.world;
  if (r.task.checkMode === undefined) return run.mode === 'plan';
  return run.templates.truthy(run.templates.resolve(r.task.checkMode, scope)) === true;
}

/** A fact that a plan cannot know is not undefined: what reads it is unknown too. */
function keepUnknownFacts({ host, task }: TaskRun, outcomes: readonly Outcome[]): void {
  const unknown = outcomes.find((o) => o.status === 'unknown');
  if (unknown === undefined || task.module !== 'set_fact') return;
  for (const name of Object.keys(task.args)) host.set[name] = new Unknown(unknown.because ?? 'a task before it');
}

/** debug's message, or a variable's value, for the user to see. */
function tell({ world: { run }, host, task }: TaskRun, data: Vars): void {
  const shown = Object.entries(data).map(([key, value]) =>
    key === 'msg' ? run.templates.print(value) : `${key} = ${run.templates.print(value)}`,
  );
  if (shown.length > 0) run.emit({ type: 'message', host: host.name, text: shown.join('\n'), at: task.at });
}

/** set_fact's win over all but extra vars; other modules' facts are facts. */
function keepFacts(r: TaskRun, step: Step, data: Vars): void {
  const facts = data['ansible_facts'];
  if (!isDict(facts)) return;
  if (step.module === 'set_fact') Object.assign(r.host.set, facts);
  else r.host.facts = { ...r.host.facts, ...facts };
}

/** Register, notify, count, tell; and fail where it must. */
function finish(
  r: TaskRun,
  scope: Scope,
  name: string,
  outcomes: readonly Outcome[],
  isLoop: boolean,
  ms: number,
): void {
  const { host, task, world } = r;
  const { run } = world;
  const truthy = (raw: Task['noLog']): boolean => run.templates.truthy(run.templates.resolve(raw, scope)) === true;
  const isHidden = truthy(task.noLog);
  const ignores = outcomes.some((o) => o.status === 'failed') && truthy(task.ignoreErrors);
  const result = isLoop ? loopResult(outcomes) : (outcomes[0]?.result ?? {});
  keepUnknownFacts(r, outcomes);
  if (task.register !== undefined) {
    host.set[task.register] = result;
  }
  const worst = WORST.find((s) => outcomes.some((o) => o.status === s)) ?? 'skipped';
  if (worst === 'changed' || worst === 'unknown' || outcomes.some((o) => o.status === 'changed')) {
    const isCertain = outcomes.some((o) => o.status === 'changed');
    const because = isCertain ? undefined : (outcomes.find((o) => o.because !== undefined)?.because ?? name);
    for (const handler of handlersFor(r, scope))
      if (!host.notified.has(handler) || isCertain) host.notified.set(handler, because);
  }
  const status = worst === 'failed' && ignores ? 'ignored' : worst;
  host.counts[status]++;
  for (const o of outcomes.length === 0
    ? [{ status, changes: [], because: 'the loop is empty', result: null } as Outcome]
    : outcomes) {
    run.emit(taskEvent(r, name, o, ignores, isHidden, ms));
  }
  const failed = outcomes.find((o) => o.status === 'failed');
  if (failed === undefined || ignores) return;
  const diagnostic = failed.diagnostic ?? { code: 'E_APPLY', message: `${name} failed`, at: task.at };
  throw new TaskFailed(diagnostic, result, { name, at: task.at });
}
const WORST: readonly TaskStatus[] = ['failed', 'changed', 'unknown', 'ok', 'skipped'];

function taskEvent(r: TaskRun, name: string, o: Outcome, ignores: boolean, isHidden: boolean, ms: number): TaskEvent {
  const { task, host, where } = r;
  const hidden = "hidden by 'no_log: true'";
  const changes = o.changes.map(({ what, diff }) =>
    isHidden ? { what: hidden } : { what, ...(diff !== undefined && { diff }) },
  );
  const told =
    isHidden && o.diagnostic !== undefined ? { ...o.diagnostic, message: hidden, detail: undefined } : o.diagnostic;
  return {
    type: 'task',
    host: host.name,
    play: where.play.name,
    task: name,
    module: task.module,
    at: task.at,
    role: task.role?.name,
    isHandler: r.isHandler,
    status: o.status === 'failed' && ignores ? ('ignored' as const) : o.status,
    changes,
    because: o.because,
    item: isHidden && o.label !== undefined ? hidden : o.label,
    diagnostic: told,
    delegate: typeof task.delegateTo === 'string' ? task.delegateTo : undefined,
    ms,
  };
}
