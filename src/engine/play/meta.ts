import type { Task } from '../../core/playbook.ts';
import type { Where } from '../host/state.ts';
import type { TaskAt } from '../task/together.ts';
import type { Rest } from '../trip/ahead.ts';
import type { HostRun } from '../trip/host-run.ts';
import { flushHandlers } from './handlers.ts';
import { metaWord, plainMeta } from './meta-action.ts';

/**
 * Runs a `meta:` task.
 *
 * @returns how many of the `following` tasks are done with it
 */
export async function runMeta(
  hostRun: HostRun,
  task: Task,
  where: Where,
  rest: Rest,
  following: TaskAt,
): Promise<number> {
  if (metaWord(hostRun, task, where) === 'flush_handlers')
    return flushHandlers(hostRun, rest, `${task.at.file}:${task.at.line}`, following);
  await plainMeta(hostRun, task, where);
  return 0;
}
