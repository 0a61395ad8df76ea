import type { Piece } from '../core/connection.ts';
import type { Task } from '../core/playbook.ts';
import { playRest, type Rest } from './ahead.ts';
import { asUnreachable, gatherTask } from './gather.ts';
import { aheadOf, type HostRun } from './host-run.ts';
import type { After } from './outcome.ts';
import { forgetPending, pendingKey, pendingProbe } from './pending.ts';
import { userOf } from './resolve.ts';
import { runTask } from './task.ts';
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

/** Notified handlers in the order in which they are defined, each once; one may notify another. */
export async function flushHandlers(h: HostRun, rest: Rest | undefined): Promise<void> {
  const { host, play, world } = h;
  if (host.notified.size === 0) return host.coming.clear();
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
  for (
    let handler = all().find((t) => host.notified.has(t));
    handler !== undefined;
    handler = all().find((t) => host.notified.has(t))
  ) {
    const maybe = host.notified.get(handler);
    host.notified.delete(handler);
    host.coming.delete(handler);
    const key = pendingKey(play, handler);
    // With its own trip where that is possible: it is either run and forgotten, or neither.
    const after: After = { piece: forgetting([key]), isDone: false };
    await runTask({
      world,
      host,
      where: { ...h.where, role: handler.role },
      task: handler,
      isHandler: true,
      maybe,
      ahead: aheadOf(h, next),
      after,
    });
    if (!after.isDone) left.push(key);
  }
  host.coming.clear();
  if (left.length > 0 && isApply) await host.session.change({ pieces: [forgetting(left)] }, () => [], undefined);
}
