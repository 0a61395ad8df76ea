import { tell } from '../core/errors/index.ts';
import type { Block, Item, Task } from '../core/playbook.ts';
import { Unknown } from '../core/value.ts';
import type { Rest } from './ahead.ts';
import type { Met } from './batch.ts';
import { runsOnlyIfFails } from './because.ts';
import { isTrue } from './booleans.ts';
import { gather } from './gather.ts';
import { flushHandlers } from './handlers.ts';
import { aheadOf, type HostRun } from './host-run.ts';
import { runInclude } from './include.ts';
import { runMeta } from './meta.ts';
import { includeVars } from './meta-action.ts';
import type { TaskRun } from './outcome.ts';
import { dueAtEnd, recallHandlers } from './recall.ts';
import { isSelected } from './selection.ts';
import { Aborted, EndHost, TaskFailed, type Where } from './state.ts';
import { runTask, scopeOf } from './task.ts';
import { tasksTogether } from './together.ts';
import { scopeFor, type World } from './variables.ts';

/** Runs a play on a host. Throws TaskFailed, Unreachable. */
export async function runPlay(h: HostRun): Promise<void> {
  const { play, host, world } = h;
  await gather(h);
  await recallHandlers(h);
  try {
    for (const [i, section] of play.sections.entries()) {
      const rest = play.sections.slice(i + 1).flatMap((s) => s.body);
      const up: Rest = { items: rest, index: 0, where: h.where, up: undefined };
      host.section = section.name;
      await runItems(h, section.body, h.where, { ...up, isFlushed: true });
      dueAtEnd(h, section.name, i === play.sections.length - 1);
      await flushHandlers(h, up, section.name);
    }
  } catch (error) {
    if (error instanceof EndHost) {
      await flushHandlers(h, undefined, 'end');
      return;
    }
    if (
      error instanceof TaskFailed &&
      isTrue(world.run, play.forceHandlers, scopeFor(world, host, h.where), 'force_handlers', play.at)
    )
      await flushHandlers(h, undefined, 'failed');
    throw error;
  } finally {
    if (world.run.mode === 'plan') host.notified.clear();
    host.isOld.clear();
  }
}

async function runItems(h: HostRun, items: readonly Item[], where: Where, up: Rest | undefined): Promise<void> {
  const restAfter = (i: number): Rest => ({ items, index: i + 1, where, up });
  const plain = (i: number) => plainTask(h, items[i], where, restAfter(i));
  for (let i = 0; i < items.length; i++) {
    h.world.run.signal.throwIfAborted();
    const done = await tasksTogether(i, plain);
    if (done > 0) {
      i += done - 1; // what ended the trip may begin the next
      continue;
    }
    const item = items[i];
    if (item === undefined) return;
    if (isEnded(h, item)) continue;
    if (h.maybe !== undefined && item.kind === 'task' && item.impl === undefined) continue; // meta, include_vars
    if (item.kind === 'block') await runBlock(h, item, where, restAfter(i));
    else if (!isSelected(item.tags, h.world.run)) continue;
    else if (item.kind === 'include')
      await runInclude(h, item, where, (included, inner) => runItems(h, included, inner, restAfter(i)));
    else if (item.module === 'meta')
      i += await runMeta(h, item, ofRole(item, where), restAfter(i), (n) => plain(i + 1 + n));
    else await withOthers(h, item, () => runOneTask(h, item, where, restAfter(i)));
  }
}

function isEnded({ host }: HostRun, { role }: Item): boolean {
  return role !== undefined && host.ended.has(role);
}

function ofRole({ role }: Task, where: Where): Where {
  return { ...where, role };
}

/** A task that is this host's own affair. */
function plainTask(h: HostRun, item: Item | undefined, where: Where, rest: Rest): TaskRun | 'left out' | undefined {
  if (item?.kind !== 'task') return undefined;
  if (isEnded(h, item) || !isSelected(item.tags, h.world.run)) return 'left out';
  if (['meta', 'include_vars'].includes(item.module) || item.runOnce !== false || readsOthers(item)) return undefined;
  if (item.anyErrorsFatal !== false && h.batch.hosts.length > 1) return undefined;
  return taskRunOf(h, item, where, rest);
}

function taskRunOf(h: HostRun, task: Task, where: Where, rest: Rest): TaskRun {
  const { world, host } = h;
  return { world, host, where: ofRole(task, where), task, isHandler: false, maybe: h.maybe, ahead: aheadOf(h, rest) };
}

async function runBlock(h: HostRun, block: Block, where: Where, rest: Rest): Promise<void> {
  const always: Rest = { items: block.always, index: 0, where, up: rest };
  const before = h.host.mayFail.length;
  const failure = await failureOf(() => runItems(h, block.body, where, always));
  const left =
    failure === undefined || block.rescue.length === 0
      ? failure
      : await failureOf(() => rescue(h, block, failure, where, always));
  if (failure === undefined && block.rescue.length > 0) await announceRescue(h, block, before, where, always);
  await runItems(h, block.always, where, rest);
  if (left !== undefined) throw left;
}

/** plan: what apply may do when a task of the block fails. Its facts are not known by then, and nothing else is done. */
async function announceRescue(h: HostRun, block: Block, before: number, where: Where, always: Rest): Promise<void> {
  const { host } = h;
  const [name, ...others] = host.mayFail.slice(before);
  if (name === undefined) return;
  const maybe = runsOnlyIfFails(name, others.length > 0);
  const unknown = { ansible_failed_task: new Unknown(maybe), ansible_failed_result: new Unknown(maybe) };
  host.set = { ...host.set, ...unknown };
  await runItems({ ...h, maybe }, block.rescue, where, always);
}

async function rescue(h: HostRun, block: Block, failure: TaskFailed, where: Where, always: Rest): Promise<void> {
  h.host.counts.rescued++;
  if (!(failure instanceof Aborted)) h.host.counts.failed--;
  h.host.set = {
    ...h.host.set,
    ansible_failed_task: { name: failure.task.name },
    ansible_failed_result: failure.result,
  };
  await runItems(h, block.rescue, where, always);
}

/** A failed task; anything else (an unreachable host, a stop) goes on up: no rescue and no always is for that. */
async function failureOf(work: () => Promise<void>): Promise<TaskFailed | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof TaskFailed) return error;
    throw error;
  }
}

/**
 * any_errors_fatal: the task is finished on all hosts of the batch, and none goes on when it failed on one. Also a host that
 * was lost before stops the others.
 */
async function withOthers(h: HostRun, task: Task, work: () => Promise<void>): Promise<void> {
  const { batch, host, world } = h;
  if (task.anyErrorsFatal === false || batch.hosts.length < 2) return work();
  const scope = scopeFor(world, host, { ...h.where, role: task.role, vars: [...h.where.vars, ...task.vars] });
  if (!isTrue(world.run, task.anyErrorsFatal, scope, 'any_errors_fatal', task.at)) return work();
  const here = batch.visit(`${task.at.file}:${task.at.line} fatal`, host.name);
  const stop = (by: string | undefined): void => {
    if (by === undefined) return;
    throw new Aborted(tell('E_STOPPED', { by }, task.at), {}, { name: 'any_errors_fatal', at: task.at });
  };
  await batch.meet(`${here} begins`, host.name);
  stop(batch.hosts.find((name) => isLost(world, name)));
  const failure = await failureOf(work);
  const met = await batch.meet(here, host.name, failure === undefined ? [] : ['failed']);
  if (failure !== undefined) throw failure;
  stop(met.find(({ brought }) => brought.length > 0)?.host ?? batch.hosts.find((name) => isLost(world, name)));
}

function isLost({ hosts }: World, name: string): boolean {
  const host = hosts.get(name);
  return host?.failed === true || host?.unreachable === true;
}

async function runOneTask(h: HostRun, task: Task, where: Where, rest: Rest): Promise<void> {
  if (task.module === 'include_vars') return includeVars(h, task, ofRole(task, where));
  const here = h.batch.visit(`${task.at.file}:${task.at.line}`, h.host.name);
  if (readsOthers(task)) await meet(h, here);
  const r = taskRunOf(h, task, where, rest);
  if (!isOnce(h, r)) return runTask(r);
  const [doer] = await meet(h, `${here} once`);
  const isDoer = doer?.host === h.host.name;
  const result = await h.batch.once(here, isDoer, async () => {
    await runTask(r);
    return task.register === undefined ? undefined : h.host.set[task.register];
  });
  if (!isDoer && task.register !== undefined && result !== undefined) {
    h.host.set = { ...h.host.set, [task.register]: result };
  }
}

async function meet({ batch, host }: HostRun, here: string): Promise<readonly Met[]> {
  const met = await batch.meet(here, host.name);
  host.session.metOthers();
  return met;
}

/** What decides is asked on each host; where it is wrong or not known, the task tells of it. */
function isOnce({ world }: HostRun, r: TaskRun): boolean {
  const { runOnce, at } = r.task;
  try {
    return isTrue(world.run, runOnce, scopeOf(r), 'run_once', at);
  } catch {
    return false;
  }
}

/** Whether a task may read what another host registered or set in this very play. The same for every host. */
function readsOthers(task: Task): boolean {
  const known = othersRead.get(task);
  if (known !== undefined) return known;
  const reads = /\bhostvars\b/.test(
    JSON.stringify([task.args, task.when, task.loop, task.name], (_, value: unknown) =>
      typeof value === 'function' ? undefined : value,
    ),
  );
  othersRead.set(task, reads);
  return reads;
}
const othersRead = new WeakMap<Task, boolean>();
