import type { Task } from '../core/playbook.ts';
import type { Rest } from './ahead.ts';
import { flushHandlers } from './handlers.ts';
import type { HostRun } from './host-run.ts';
import { falseCondition, searchPath } from './resolve.ts';
import { EndHost, TaskFailed, type Where } from './state.ts';
import type { TaskAt } from './together.ts';
import { scopeFor } from './variables.ts';

/**
 * `meta:` and what it asks of the engine itself.
 *
 * @returns how many of the tasks `following` it are done with it
 */
export async function runMeta(h: HostRun, task: Task, where: Where, rest: Rest, following: TaskAt): Promise<number> {
  const scope = scopeFor(h.world, h.host, { ...where, vars: [...where.vars, ...task.vars] });
  if (falseCondition(task.when, scope, h.world.run) !== undefined) return 0;
  const what = String(task.args['free_form'] ?? '');
  switch (what) {
    case 'flush_handlers':
      return flushHandlers(h, rest, following);
    case 'end_host':
    case 'end_play':
    case 'end_batch':
      throw new EndHost(what);
    case 'clear_facts':
      h.host.facts = undefined;
      h.host.factsAreFresh = false;
      return 0;
    case 'reset_connection':
      await h.host.session.drop();
      return 0;
    case 'noop':
    case 'clear_host_errors':
    case 'refresh_inventory':
      return 0;
    default:
      throw new TaskFailed(
        {
          code: 'E_UNKNOWN',
          message: `unknown meta action '${what}'`,
          at: task.at,
          expected: 'flush_handlers, end_host, end_play, clear_facts, reset_connection or noop',
        },
        {},
        { name: 'meta', at: task.at },
      );
  }
}

export function includeVars(h: HostRun, task: Task, where: Where): void {
  const { run } = h.world;
  const scope = scopeFor(h.world, h.host, { ...where, vars: [...where.vars, ...task.vars] });
  if (falseCondition(task.when, scope, run) !== undefined) return;
  const file = run.templates.print(run.templates.resolve(task.args['file'] ?? '', scope));
  const into = task.args['name'];
  const vars = run.localFiles.vars(file, searchPath(run, task, 'vars'), task.at);
  h.host.included = [...h.host.included, typeof into === 'string' ? { [into]: vars } : vars];
  h.host.counts.ok++;
}
