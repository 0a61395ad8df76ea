import type { Piece } from '../core/connection.ts';
import type { Task } from '../core/playbook.ts';
import { playRest, type Rest } from './ahead.ts';
import { asUnreachable, gatherTask } from './gather.ts';
import { aheadOf, type HostRun } from './host-run.ts';
import type { After, TaskRun } from './outcome.ts';
import { forgetPending, pendingKey, pendingProbe } from './pending.ts';
import { userOf } from './resolve.ts';
import { runTask } from './task.ts';
import { type TaskAt, tasksTogether } from './together.ts';
import { scopeFor } from './variables.ts';

/** Handlers that an earlier run left behind: they run at this play's first flush. */
export async function recallHandlers(h: HostRun): Promise<void> {
  const { host, play, world } = h;
  if (play.handlers.length === 0) return;
  const scope = scopeFor(world, host, h.where);
  const probe = pendingProbe(userOf(gatherTask(play), scope, world.run));
  try {
    const output = await host.session.look(probe, aheadOf(h, playRest(play, h.where)));
    const waiting = new Set(output.stdout.split('\n'));
    for (const handler of play.handlers)
      if (waiting.has(pendingKey(play, handler))) host.notified.set(handler, undefined);
  } catch (error) {
    throw asUnreachable(error);
  }
}

/**
 * Notified handlers in the order in which they are defined, each once; one may notify another.
 *
 * @param following the n-th task that comes then, as tasksTogether takes it: it may be made on the handlers' trip
 * @returns how many of those are done
 */
export async function flushHandlers(
  h: HostRun,
  rest: Rest | undefined,
  following: TaskAt = () => undefined,
): Promise<number> {
  const { host, play, world } = h;
  if (host.notified.size === 0) {
    host.coming.clear();
    return 0;
  }
  const user = userOf(gatherTask(play), scopeFor(world, host, h.where), world.run);
  const isApply = world.run.mode === 'apply';
  if (isApply) host.session.forget(pendingProbe(user));
  const forgetting = (keys: readonly string[]): Piece => ({ script: forgetPending(keys, user), user });
  const left: string[] = [];
  const next: Rest = { items: [], index: 0, where: h.where, up: rest, isFlushed: true };
  const all = (): readonly Task[] => [
    ...play.handlers,
    ...world.lateHandlers.filter((l) => !play.handlers.includes(l)),
  ];
  /** The next one's turn; what notifies others comes alone, since they may be ahead of those after it. */
  const take = (isWithOthers: boolean): HandlerRun | undefined => {
    const handler = all().find((t) => host.notified.has(t));
    if (handler === undefined || (isWithOthers && handler.notify.length > 0)) return undefined;
    const maybe = host.notified.get(handler);
    host.notified.delete(handler);
    host.coming.delete(handler);
    return {
      world,
      host,
      where: { ...h.where, role: handler.role },
      task: handler,
      isHandler: true,
      maybe,
      ahead: aheadOf(h, next),
      // With its own trip where that is possible: it is either run and forgotten, or neither.
      after: { piece: forgetting([pendingKey(play, handler)]), isDone: false, isTold: false },
    };
  };
  let others = 0;
  while (host.notified.size > 0) {
    const taken: HandlerRun[] = [];
    const takeNext: TaskAt = (n) => {
      if (host.notified.size === 0) return left.length === 0 ? following(n - taken.length) : undefined;
      const one = take(true);
      if (one !== undefined) taken.push(one);
      return one;
    };
    try {
      const done = await tasksTogether(0, takeNext);
      others = Math.max(0, done - taken.length);
      if (done === 0) {
        const one = taken[0] ?? take(false);
        if (one === undefined) break; // what waits is no handler of this play
        taken[0] = one;
        await runTask(one);
      }
    } finally {
      for (const { task, maybe, after } of taken) if (!after.isTold) host.notified.set(task, maybe);
    }
    for (const { task, after } of taken) if (after.isTold && !after.isDone) left.push(pendingKey(play, task));
    if (others > 0) break; // what those have notified waits for its own flush
  }
  host.coming.clear();
  if (left.length > 0 && isApply) await host.session.change({ pieces: [forgetting(left)] }, () => [], undefined);
  return others;
}
type HandlerRun = TaskRun & Readonly<{ after: After }>;
