import type { Task } from '../../core/playbook.ts';
import { isTrue } from '../evaluate/booleans.ts';
import { handlersOf } from '../evaluate/notify.ts';
import { scopeOfItem } from '../host/way.ts';
import type { HostRun } from '../trip/host-run.ts';

/**
 * Handlers with run_once. The hosts of the batch meet at the flush, and the first notified host runs the handler for
 * all.
 *
 * @returns the handlers that other hosts run
 */
export async function leaveToOthers(hostRun: HostRun, point: string): Promise<readonly Task[]> {
  const { host, play, batch, world } = hostRun;
  const isOnce = (task: Task): boolean =>
    task.runOnce !== false &&
    isTrue(world.run, task.runOnce, scopeOfItem(world, host, task, hostRun.where), 'run_once', task.at);
  if (batch.hosts.length < 2 || !handlersOf(host, play).some((task) => task.runOnce !== false)) return [];
  const onceHandlers = [...host.notified.keys()].filter(isOnce);
  const word = (task: Task): string => `${task.at.file}:${task.at.line}`;
  const met = await batch.meet(batch.visit(`flush ${point}`, host.name), host.name, onceHandlers.map(word));
  const left = onceHandlers.filter(
    (task) => met.find(({ brought }) => brought.includes(word(task)))?.host !== host.name,
  );
  for (const task of left) host.notified.delete(task);
  return left;
}
