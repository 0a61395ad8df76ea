import pLimit from 'p-limit';
import { tell } from '../../core/errors/index.ts';
import type { Block, Item, Task } from '../../core/playbook.ts';
import { Unknown } from '../../core/value.ts';
import { runsOnlyIfFails } from '../evaluate/because.ts';
import { isTrue, wholeNumber } from '../evaluate/booleans.ts';
import type { TaskRun } from '../evaluate/outcome.ts';
import { isSelected } from '../evaluate/selection.ts';
import { Aborted, EndHost, type HostState, isEnded, PlayStopped, TaskFailed, type Where } from '../host/state.ts';
import { scopeFor, type World } from '../host/variables.ts';
import { scopeOfItem } from '../host/way.ts';
import { runTask, scopeOf } from '../task/task.ts';
import { tasksTogether } from '../task/together.ts';
import type { Rest } from '../trip/ahead.ts';
import type { Met } from '../trip/batch.ts';
import { gather } from '../trip/gather.ts';
import { aheadOf, type HostRun } from '../trip/host-run.ts';
import { dueAtEnd, recallHandlers } from '../trip/recall.ts';
import { flushHandlers } from './handlers.ts';
import { runInclude } from './include.ts';
import { runMeta } from './meta.ts';
import { playFilesOf } from './play-files.ts';
import { templatesOf } from './sources.ts';
import { stepped } from './step.ts';

/** Runs a play on a host. Throws TaskFailed, Unreachable. */
export async function runPlay(given: HostRun): Promise<void> {
  const hostRun: HostRun = { ...given, runItems: (items, where) => runItems(hostRun, items, where, undefined) };
  const { play, host, world } = hostRun;
  host.playFiles = [];
  await gather(hostRun);
  host.playFiles = playFilesOf(world, host, hostRun.where);
  await recallHandlers(hostRun);
  try {
    for (const [i, section] of play.sections.entries()) {
      const rest = play.sections.slice(i + 1).flatMap((s) => s.body);
      const up: Rest = { items: rest, index: 0, where: hostRun.where, up: undefined };
      host.section = section.name;
      await runItems(hostRun, section.body, hostRun.where, { ...up, isFlushed: true });
      dueAtEnd(hostRun, section.name, i === play.sections.length - 1);
      await flushHandlers(hostRun, up, section.name);
    }
  } catch (error) {
    if (error instanceof EndHost) {
      await flushHandlers(hostRun, undefined, 'end');
      return;
    }
    if (
      error instanceof TaskFailed &&
      isTrue(world.run, play.forceHandlers, scopeFor(world, host, hostRun.where), 'force_handlers', play.at)
    )
      await flushHandlers(hostRun, undefined, 'failed');
    throw error;
  } finally {
    if (world.run.mode === 'plan') host.notified.clear();
    host.isOld.clear();
  }
}

async function runItems(hostRun: HostRun, items: readonly Item[], where: Where, up: Rest | undefined): Promise<void> {
  const restAfter = (i: number): Rest => ({ items, index: i + 1, where, up });
  const plain = (i: number) => plainTask(hostRun, items[i], where, restAfter(i));
  for (let i = 0; i < items.length; i++) {
    hostRun.world.run.signal.throwIfAborted();
    const done = await tasksTogether(i, plain);
    if (done > 0) {
      i += done - 1; // the task that ended the round trip may begin the next one
      continue;
    }
    const item = items[i];
    if (item === undefined) return;
    if (isEnded(hostRun.host, item.role)) continue;
    if (hostRun.maybe !== undefined && item.kind === 'task' && item.impl === undefined) continue; // meta has no module
    if (item.kind === 'block') await runBlock(hostRun, item, where, restAfter(i));
    else if (!isSelected(item.tags, hostRun.world.run)) continue;
    else if (item.kind === 'include')
      await runInclude(hostRun, item, where, (included, inner) => runItems(hostRun, included, inner, restAfter(i)));
    else if (item.module === 'meta')
      i += await runMeta(hostRun, item, ofRole(item, where), restAfter(i), (n) => plain(i + 1 + n));
    else
      await stepped(hostRun, item, () =>
        withOthers(hostRun, item, () => throttled(hostRun, item, () => runOneTask(hostRun, item, where, restAfter(i)))),
      );
  }
}

function ofRole({ role }: Task, where: Where): Where {
  return { ...where, role };
}

/** The task's run if the task concerns only this host and can travel with others. */
function plainTask(
  hostRun: HostRun,
  item: Item | undefined,
  where: Where,
  rest: Rest,
): TaskRun | 'left out' | undefined {
  if (item?.kind !== 'task' || hostRun.world.run.step !== undefined) return undefined;
  if (isEnded(hostRun.host, item.role) || !isSelected(item.tags, hostRun.world.run)) return 'left out';
  if (item.impl === undefined || item.impl.isOnce === true || readsOthers(hostRun, item)) return undefined;
  return taskRunOf(hostRun, item, where, rest);
}

function taskRunOf(hostRun: HostRun, task: Task, where: Where, rest: Rest): TaskRun {
  const { world, host } = hostRun;
  return {
    world,
    host,
    where: ofRole(task, where),
    task,
    isHandler: false,
    maybe: hostRun.maybe,
    ahead: aheadOf(hostRun, rest),
  };
}

async function runBlock(hostRun: HostRun, block: Block, where: Where, rest: Rest): Promise<void> {
  const always: Rest = { items: block.always, index: 0, where, up: rest };
  const before = hostRun.host.mayFail.length;
  const failure = await failureOf(() => runItems(hostRun, block.body, where, always));
  const left =
    failure === undefined || block.rescue.length === 0
      ? failure
      : await failureOf(() => rescue(hostRun, block, failure, where, always));
  if (failure === undefined && block.rescue.length > 0) await announceRescue(hostRun, block, before, where, always);
  await runItems(hostRun, block.always, where, rest);
  if (left !== undefined) throw left;
}

/**
 * In a plan: shows the rescue tasks that apply would run if a task of the block fails. The facts of a failure are not
 * known in a plan, so nothing else is done.
 */
async function announceRescue(
  hostRun: HostRun,
  block: Block,
  before: number,
  where: Where,
  always: Rest,
): Promise<void> {
  const { host } = hostRun;
  const [name, ...others] = host.mayFail.slice(before);
  if (name === undefined) return;
  const maybe = runsOnlyIfFails(name, others.length > 0);
  const unknown = { ansible_failed_task: new Unknown(maybe), ansible_failed_result: new Unknown(maybe) };
  host.set = { ...host.set, ...unknown };
  await runItems({ ...hostRun, maybe }, block.rescue, where, always);
}

async function rescue(hostRun: HostRun, block: Block, failure: TaskFailed, where: Where, always: Rest): Promise<void> {
  // Of a host that only stopped for another one, nothing is rescued.
  if (!(failure instanceof Aborted)) {
    hostRun.host.counts.rescued++;
    hostRun.host.counts.failed--;
  }
  hostRun.host.set = {
    ...hostRun.host.set,
    ansible_failed_task: { name: failure.task.name, action: failure.task.action },
    ansible_failed_result: failure.result,
  };
  await runItems(hostRun, block.rescue, where, always);
}

/**
 * Returns a failed task. Other errors (an unreachable host, an interruption) are thrown on, because `rescue` and
 * `always` are not for them.
 */
async function failureOf(work: () => Promise<void>): Promise<TaskFailed | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof TaskFailed && !(error instanceof PlayStopped)) return error;
    throw error;
  }
}

/**
 * any_errors_fatal: all hosts of the batch finish the task, and none goes on if it failed on one. A host that was lost
 * earlier also stops the others.
 */
async function withOthers(hostRun: HostRun, task: Task, work: () => Promise<void>): Promise<void> {
  const { batch, host, world } = hostRun;
  if (batch.hosts.length < 2) return work();
  await withinLimit(hostRun, task);
  if (task.anyErrorsFatal === false) return work();
  const scope = scopeOfItem(world, host, task, hostRun.where);
  if (!isTrue(world.run, task.anyErrorsFatal, scope, 'any_errors_fatal', task.at)) return work();
  const here = batch.visit(`${task.at.file}:${task.at.line} fatal`, host.name);
  const stop = (by: string | undefined): void => {
    if (by === undefined) return;
    throw new Aborted(
      tell('E_STOPPED', { by }, task.at),
      {},
      { name: 'any_errors_fatal', action: 'meta', at: task.at },
    );
  };
  await batch.meet(`${here} begins`, host.name);
  stop(batch.hosts.find((name) => isLost(world, name)));
  const failure = await failureOf(work);
  const met = await batch.meet(here, host.name, failure === undefined ? [] : ['failed']);
  if (failure !== undefined) throw failure;
  stop(met.find(({ brought }) => brought.length > 0)?.host ?? batch.hosts.find((name) => isLost(world, name)));
}

/** max_fail_percentage: no host of the batch begins a task after too many of its hosts failed. No rescue is for that. */
async function withinLimit({ batch, host, world, play }: HostRun, task: Task): Promise<void> {
  const { at } = task;
  const most = play.maxFailPercentage;
  if (most === undefined) return;
  await batch.meet(batch.visit(`${at.file}:${at.line} limit`, host.name), host.name);
  const all = batch.hosts.length;
  const failed = batch.hosts.filter((name) => isLost(world, name)).length;
  if ((failed / all) * 100 <= most) return;
  throw new PlayStopped(
    tell('E_TOO_MANY_FAILED', { failed, all, most }, at),
    {},
    { name: 'max_fail_percentage', action: 'meta', at },
  );
}

/** `throttle`: at most so many hosts run the task at the same time. */
async function throttled(hostRun: HostRun, task: Task, work: () => Promise<void>): Promise<void> {
  if (task.throttle === undefined) return work();
  const { world, host } = hostRun;
  const where = { ...hostRun.where, role: task.role, vars: [...hostRun.where.vars, ...task.vars] };
  const most = wholeNumber(world.run, task.throttle, scopeFor(world, host, where), 'throttle', task.at);
  if (most === 0) return work();
  const slot = slots.get(task) ?? pLimit(most);
  slots.set(task, slot);
  return slot(work);
}
const slots = new WeakMap<Task, ReturnType<typeof pLimit>>();

function isLost({ hosts }: World, name: string): boolean {
  const host = hosts.get(name);
  return host?.failed === true || host?.unreachable === true;
}

async function runOneTask(hostRun: HostRun, task: Task, where: Where, rest: Rest): Promise<void> {
  const here = hostRun.batch.visit(`${task.at.file}:${task.at.line}`, hostRun.host.name);
  if (readsOthers(hostRun, task)) await meet(hostRun, here);
  const taskRun = taskRunOf(hostRun, task, where, rest);
  if (!isOnce(hostRun, taskRun)) return runTask(taskRun);
  const [doer] = await meet(hostRun, `${here} once`);
  const isDoer = doer?.host === hostRun.host.name;
  const result = await hostRun.batch.once(here, isDoer, async () => {
    const before = hostRun.host.set;
    await runTask(taskRun);
    return setSince(before, hostRun.host.set);
  });
  if (!isDoer) hostRun.host.set = { ...hostRun.host.set, ...result };
}

/** What a task registered or set: with run_once, all hosts get it. */
function setSince(before: HostState['set'], after: HostState['set']): HostState['set'] {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value));
}

async function meet({ batch, host }: HostRun, here: string): Promise<readonly Met[]> {
  const met = await batch.meet(here, host.name);
  host.session.metOthers();
  return met;
}

/** The condition is evaluated on each host. If it is wrong or not known, the task itself reports that. */
function isOnce({ world }: HostRun, taskRun: TaskRun): boolean {
  const { runOnce, at, impl } = taskRun.task;
  if (impl?.isOnce === true) return true;
  try {
    return isTrue(world.run, runOnce, scopeOf(taskRun), 'run_once', at);
  } catch {
    return false;
  }
}

/** Whether a task may read what another host registered or set in this play. The answer is the same for every host. */
function readsOthers({ world: { run } }: HostRun, task: Task): boolean {
  const known = othersRead.get(task);
  if (known !== undefined) return known;
  const { args, when, loop, name, environment } = task;
  const own = JSON.stringify([args, when, loop, name, environment], (_, value: unknown) =>
    typeof value === 'function' ? undefined : value,
  );
  const { readOthers } = run.playbook.doubts;
  const reads = /\bhostvars\b/.test(own) || [own, ...templatesOf(run, task)].some(readOthers);
  othersRead.set(task, reads);
  return reads;
}
const othersRead = new WeakMap<Task, boolean>();
