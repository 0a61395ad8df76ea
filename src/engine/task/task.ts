import { Lost } from '../../core/connection.ts';
import { type Diagnostic, Failure } from '../../core/diagnostic.ts';
import { isCutOff, isOfFiles, tell } from '../../core/errors/index.ts';
import type { Task } from '../../core/playbook.ts';
import { Ready, Unknown } from '../../core/value.ts';
import { dependsOn, isFalse } from '../evaluate/because.ts';
import { isTrue, wholeNumber } from '../evaluate/booleans.ts';
import { noteOfJudged } from '../evaluate/notify.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { falseCondition, loopItems, unitOf } from '../evaluate/resolve.ts';
import { skippedResult } from '../evaluate/result.ts';
import { pause } from '../host/pause.ts';
import type { Scope } from '../host/ports.ts';
import { NotKnown, Unreachable } from '../host/state.ts';
import { delegatedVars, type World } from '../host/variables.ts';
import { scopeOfItem } from '../host/way.ts';
import { attempt } from '../trip/attempt.ts';
import { asUnreachable } from '../trip/gather.ts';
import type { Part } from '../trip/join.ts';
import { finish } from './finish.ts';
import { type Items, itemsOf } from './items.ts';
import { gaveUp, holds, judge, withAttempts } from './judge.ts';
import { aheadOfItems, itemsTogether } from './loop.ts';
import { taskName } from './names.ts';

export function scopeOf({ world, host, task, where }: TaskRun): Scope {
  return scopeOfItem(world, host, task, where);
}

/** Runs one task on one host, with all its items. Throws TaskFailed, Unreachable. */
export async function runTask(taskRun: TaskRun): Promise<void> {
  const { world, task } = taskRun;
  const scope = scopeOf(taskRun);
  const began = world.run.now();
  const name = taskName(task, scope, world);
  const outcomes: Outcome[] = [];
  let isLoop = false;
  try {
    const items = taskRun.maybe === undefined ? loopItems(task, scope, world.run) : undefined;
    isLoop = items !== undefined;
    if (items === undefined)
      outcomes.push(await outcomeOf(taskRun, { scope, label: undefined, item: undefined }, name));
    if (items !== undefined)
      outcomes.push(
        ...(await loop(
          taskRun,
          itemsOf(taskRun, items, scope, () => scopeOf(taskRun)),
          name,
        )),
      );
  } catch (error) {
    noteOpen(taskRun, name, error);
    outcomes.push(unreachedOutcome(taskRun, scope, error) ?? thrownOutcome(error, task, world, name, undefined));
  }
  await noteOfJudged(taskRun, scope, outcomes).catch((error: unknown) => {
    throw asUnreachable(error);
  });
  finish(taskRun, { scope, name, isLoop }, outcomes, world.run.now() - began);
}

/** Runs items one after the other. Items run together only if none of them reads what another one sets. */
async function loop(taskRun: TaskRun, all: Items, name: string): Promise<readonly Outcome[]> {
  const { world, task } = taskRun;
  const outcomes: Outcome[] = [];
  while (outcomes.length < all.count) {
    const n = outcomes.length;
    const own: TaskRun = { ...taskRun, ahead: () => aheadOfItems(taskRun, all.from(n + 1)) };
    const joined = await itemsTogether(own, all, n, name);
    const next = joined.length > 0 ? joined : [await outcomeOf(own, all.at(n), name)];
    outcomes.push(...next);
    all.note(next.at(-1));
    if (task.loopControl.breakWhen.length > 0 && isBroken(own, all.at(n).scope, next.at(-1))) return outcomes;
    if (task.loopControl.pause === undefined || world.run.mode !== 'apply' || outcomes.length === all.count) continue;
    const wait = Number(world.run.templates.resolve(task.loopControl.pause, all.at(n).scope));
    if (wait > 0) await pause(wait * 1000, world.run.signal);
    taskRun.host.session.metOthers();
  }
  return outcomes;
}

/** Whether loop_control's `break_when` ends the loop after this item. It reads what the item registered. */
function isBroken({ task, world }: TaskRun, scope: Scope, outcome: Outcome | undefined): boolean {
  const registered = task.register === undefined ? {} : { [task.register]: new Ready(outcome?.result ?? null) };
  return falseCondition(task.loopControl.breakWhen, scope.with(registered), world.run) === undefined;
}

/** The outcome of one item. An error belongs to this item only; as in Ansible, the items after it still run. */
async function outcomeOf(taskRun: TaskRun, part: Part, name: string): Promise<Outcome> {
  try {
    return await runUnit(taskRun, part, name);
  } catch (error) {
    noteOpen(taskRun, name, error);
    const unreached = unreachedOutcome(taskRun, part.scope, error);
    return unreached ?? thrownOutcome(error, taskRun.task, taskRun.world, name, part.label);
  }
}

/** With `ignore_unreachable`, a host that cannot be reached is only a result. The next task tries it again. */
function unreachedOutcome({ world: { run }, task }: TaskRun, scope: Scope, error: unknown): Outcome | undefined {
  if (task.ignoreUnreachable === false) return undefined;
  const cause = asUnreachable(error);
  if (!(cause instanceof Unreachable) || !isTrue(run, task.ignoreUnreachable, scope, 'ignore_unreachable', task.at))
    return undefined;
  const { diagnostic } = cause;
  const result = { changed: false, unreachable: true, msg: run.redactor.hide(diagnostic.message) };
  return { status: 'ignored', result, changes: [], diagnostic: { ...diagnostic, at: diagnostic.at ?? task.at } };
}

/** In a plan, a task whose arguments are not known may do anything that later tasks need. */
function noteOpen({ world, host }: TaskRun, what: string, error: unknown): void {
  if (error instanceof NotKnown && world.run.mode === 'plan') host.planned.push({ what, touches: [], isOpen: true });
}

/** Turns an error that was thrown while a task was resolved into that task's outcome. */
function thrownOutcome(error: unknown, task: Task, world: World, name: string, label: string | undefined): Outcome {
  if (error instanceof NotKnown)
    return { status: 'unknown', result: new Unknown(error.because), changes: [], because: error.because, label };
  if (error instanceof Failure) {
    const [first] = error.diagnostics;
    const making =
      world.run.mode === 'plan' && isOfFiles(first?.code) ? world.localhost('localhost')?.planned[0] : undefined;
    if (making !== undefined) {
      const because = dependsOn(making.what);
      return { status: 'unknown', result: new Unknown(because), changes: [], because, label };
    }
    if (first !== undefined && isCutOff(first.code)) throw new Unreachable(first);
    const diagnostic: Diagnostic = {
      ...(first ?? tell('E_TASK_FAILED', { name })),
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
    throw new Unreachable(tell('E_CONNECTION_LOST', { why: error.message, during: `'${name}'` }, task.at));
  throw error;
}

async function runUnit(taskRun: TaskRun, part: Part, name: string): Promise<Outcome> {
  const { label, item } = part;
  const { world, task, host } = taskRun;
  const scope = withDelegate(taskRun, part.scope);
  const { run } = world;
  if (taskRun.maybe !== undefined) {
    const skipped = surelyFalse(task, scope, world);
    if (skipped !== undefined)
      return { status: 'skipped', result: { skipped: true }, changes: [], because: isFalse(skipped) };
    return { status: 'unknown', result: new Unknown(taskRun.maybe), changes: [], because: taskRun.maybe };
  }
  const { impl } = task;
  if (impl === undefined) throw new Error(`no module '${task.module}'`);
  const unit = unitOf(run, task, impl, scope, label, item);
  if (unit.step === undefined)
    return { status: 'skipped', result: skippedResult(unit), changes: [], because: isFalse(unit.skipped), label };
  const repeats = task.until.length > 0 || task.retries !== undefined;
  const tries =
    repeats && run.mode === 'apply' ? wholeNumber(run, task.retries ?? 3, scope, 'retries', task.at) + 1 : 1;
  const delay = Number(run.templates.resolve(task.delay ?? 5, scope));
  for (let n = 1; ; n++) {
    const outcome = judge(taskRun, unit, await attempt(taskRun, { ...unit, step: unit.step }, name, n > 1), n);
    if (!repeats || run.mode === 'plan') return outcome;
    const isOver = task.until.length === 0 ? outcome.status !== 'failed' : holds(taskRun, unit, outcome, n);
    if (isOver) return withAttempts(outcome, n);
    if (n >= tries) return gaveUp(outcome, n - 1, task);
    run.emit({ type: 'busy', host: host.name, doing: `${name}: try ${n + 1} of ${tries}` });
    await pause(delay * 1000, run.signal);
  }
}

function withDelegate({ world, task, host, where }: TaskRun, scope: Scope): Scope {
  if (task.delegateTo === undefined) return scope;
  const name = world.run.templates.resolve(task.delegateTo, scope);
  return typeof name === 'string' ? scope.with(delegatedVars(world, host, name, where)) : scope;
}

/** For a task that may not run at all: its condition if it is already known to be false. */
function surelyFalse(task: Task, scope: Scope, world: World): string | undefined {
  try {
    return falseCondition(task.when, scope, world.run);
  } catch {
    return undefined;
  }
}
