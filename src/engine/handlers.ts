import type { Task } from '../core/playbook.ts';
import { playRest, type Rest } from './ahead.ts';
import { asUnreachable, gatherTask } from './gather.ts';
import { aheadOf, type HostRun } from './host-run.ts';
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
  const ran: string[] = [];
  const all = (): readonly Task[] => [
    ...play.handlers,
    ...world.lateHandlers.filter((l) => !play.handlers.includes(l)),
  ];
  for (
    let next = all().find((t) => host.notified.has(t));
    next !== undefined;
    next = all().find((t) => host.notified.has(t))
  ) {
    const maybe = host.notified.get(next);
    host.notified.delete(next);
    await runTask({
      world,
      host,
      where: { ...h.where, role: next.role },
      task: next,
      isHandler: true,
      maybe,
      ahead: aheadOf(h, rest),
    });
    ran.push(pendingKey(play, next));
  }
  if (ran.length === 0 || world.run.mode === 'plan') return;
  const user = userOf(gatherTask(play), scopeFor(world, host, h.where), world.run);
  await host.session.change([{ script: forgetPending(ran, user), user }], [], undefined, () => [], undefined);
  host.session.forget(pendingProbe(user));
}
