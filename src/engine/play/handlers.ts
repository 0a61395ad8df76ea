import type { Piece } from '../../core/connection.ts';
import type { Task } from '../../core/playbook.ts';
import { handlersOf } from '../evaluate/notify.ts';
import type { After, TaskRun } from '../evaluate/outcome.ts';
import { forgetPending, type Owner, pendingKey } from '../host/pending.ts';
import { TaskFailed } from '../host/state.ts';
import { runTask } from '../task/task.ts';
import { type TaskAt, tasksTogether } from '../task/together.ts';
import type { Rest } from '../trip/ahead.ts';
import { aheadOf, type HostRun } from '../trip/host-run.ts';
import { runInclude } from './include.ts';
import { plainMeta } from './meta-action.ts';
import { leaveToOthers } from './once.ts';

type HandlerRun = TaskRun & Readonly<{ after: After }>;
/** Handlers whose notes must still be removed from the host. */
type HandlersLeft = Task[];

/**
 * Runs notified handlers once each, in the order in which they are defined. A handler may notify another.
 *
 * @param point the position in the play, for hosts that meet there
 * @param following returns the n-th task after the flush, as in tasksTogether; such a task may run on the handlers'
 * round trip
 * @returns how many of the following tasks are done
 */
export async function flushHandlers(
  hostRun: HostRun,
  rest: Rest | undefined,
  point: string,
  following: TaskAt = () => undefined,
): Promise<number> {
  const { host } = hostRun;
  const left: HandlersLeft = [...(await leaveToOthers(hostRun, point))];
  host.flushed.clear();
  let others = 0;
  try {
    while (host.notified.size > 0 && others === 0) {
      const done = await flushSome(hostRun, rest, left, following);
      if (done === undefined) break; // the notes left belong to no handler of this play
      others = done; // handlers that these notified wait for their own flush
    }
  } catch (error) {
    if (error instanceof TaskFailed) await forget(hostRun, left);
    throw error;
  } finally {
    host.coming.clear();
    host.flushed.clear();
  }
  await forget(hostRun, left);
  return others;
}

/** Runs several handlers in one round trip, or one alone. Returns the number of following tasks that are done too. */
async function flushSome(
  hostRun: HostRun,
  rest: Rest | undefined,
  left: HandlersLeft,
  following: TaskAt,
): Promise<number | undefined> {
  const { host } = hostRun;
  const taken: HandlerRun[] = [];
  const takeNext: TaskAt = (n) => {
    if (host.notified.size === 0) return left.length === 0 ? following(n - taken.length) : undefined;
    const one = take(hostRun, rest, true);
    if (one !== undefined) taken.push(one);
    return one;
  };
  let others = 0;
  try {
    const done = await tasksTogether(0, takeNext);
    others = Math.max(0, done - taken.length);
    if (done === 0) {
      const one = taken[0] ?? take(hostRun, rest, false);
      if (one === undefined) return undefined;
      taken[0] = one;
      await runAlone(hostRun, one);
    }
  } finally {
    for (const { task, maybe, after } of taken) {
      if (after.isReported) host.isOld.delete(task);
      else host.notified.set(task, maybe);
      if (after.isReported && !after.isDone && after.isFailed !== true) left.push(task);
    }
  }
  return others;
}

/**
 * Takes the next handler. A handler that notifies others runs alone, because those may come before the ones after it. A
 * handler left behind by an earlier run also runs alone.
 */
function take(hostRun: HostRun, rest: Rest | undefined, isWithOthers: boolean): HandlerRun | undefined {
  const { host, play, world } = hostRun;
  const handler = handlersOf(host, play).find((t) => host.notified.has(t));
  if (handler === undefined) return undefined;
  const isAlone = handler.notify.length > 0 || handler.impl === undefined || host.isOld.has(handler);
  if (isWithOthers && isAlone) return undefined;
  const maybe = host.notified.get(handler);
  host.notified.delete(handler);
  host.coming.delete(handler);
  host.flushed.add(handler);
  const next: Rest = { items: [], index: 0, where: hostRun.where, up: rest, isFlushed: true };
  return {
    world,
    host,
    where: { ...hostRun.where, role: handler.role },
    task: handler,
    isHandler: true,
    maybe,
    ahead: aheadOf(hostRun, next),
    // The note is removed on the handler's own round trip if possible. Then the handler has run and is forgotten, or
    // neither.
    after: { piece: forgettingOne(hostRun, handler), isDone: false, isReported: false },
  };
}

/**
 * A handler that waits since an earlier run and fails again does not stop the play, because a later task may fix the
 * cause. The handler keeps waiting.
 */
async function runAlone(hostRun: HostRun, one: HandlerRun): Promise<void> {
  const { host } = hostRun;
  const { task, after } = one;
  if (task.include !== undefined) {
    after.isReported = true;
    return runInclude(hostRun, task.include, one.where, hostRun.runItems);
  }
  if (task.impl === undefined) {
    after.isReported = true;
    await plainMeta(hostRun, task, one.where);
    return;
  }
  const isOld = host.isOld.has(task);
  try {
    await runTask(one);
  } catch (error) {
    if (!isOld || !(error instanceof TaskFailed)) throw error;
    host.isStuck = true;
  }
}

function ownersOf({ host, play, world }: HostRun, handler: Task): readonly Owner[] {
  const key = pendingKey(world.run, play, handler, handlersOf(host, play));
  return [...(host.noted.get(key) ?? [host.reader])];
}

/**
 * The script that removes a handler's note on the handler's own round trip. undefined if two users keep a note of it.
 */
function forgettingOne(hostRun: HostRun, handler: Task): Piece | undefined {
  const [owner, ...others] = ownersOf(hostRun, handler);
  return others.length > 0 ? undefined : forgetting(hostRun, [handler], owner);
}

function forgetting({ host, play, world }: HostRun, handlers: readonly Task[], owner: Owner): Piece {
  const all = handlersOf(host, play);
  const keys = handlers.map((handler) => pendingKey(world.run, play, handler, all));
  return { script: forgetPending(host.name, keys, owner), user: owner };
}

async function forget(hostRun: HostRun, handlers: readonly Task[]): Promise<void> {
  if (handlers.length === 0 || hostRun.world.run.mode !== 'apply') return;
  const owners = [...new Set(handlers.flatMap((handler) => ownersOf(hostRun, handler)))];
  const pieces = owners.map((owner) =>
    forgetting(
      hostRun,
      handlers.filter((handler) => ownersOf(hostRun, handler).includes(owner)),
      owner,
    ),
  );
  await hostRun.host.session.change({ pieces }, () => [], undefined);
}
