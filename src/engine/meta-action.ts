import { tell } from '../core/errors/index.ts';
import { META_ACTIONS } from '../core/meta.ts';
import type { Task } from '../core/playbook.ts';
import type { HostRun } from './host-run.ts';
import { falseCondition, searchPath } from './resolve.ts';
import { EndHost, TaskFailed, type Where } from './state.ts';
import { scopeFor } from './variables.ts';

/** What a meta task asks for, where its condition holds. */
export function metaWord(h: HostRun, task: Task, where: Where): string | undefined {
  const scope = scopeFor(h.world, h.host, { ...where, vars: [...where.vars, ...task.vars] });
  if (falseCondition(task.when, scope, h.world.run) !== undefined) return undefined;
  return String(h.world.run.templates.print(h.world.run.templates.resolve(task.args['free_form'] ?? '', scope)));
}

/** Every `meta:` but flush_handlers. */
export async function plainMeta(h: HostRun, task: Task, where: Where): Promise<void> {
  const what = metaWord(h, task, where);
  switch (what) {
    case 'end_host':
    case 'end_play':
    case 'end_batch':
      throw new EndHost(what);
    case 'end_role':
      if (task.role !== undefined) h.host.ended.add(task.role);
      return;
    case 'clear_facts':
      h.host.facts = undefined;
      h.host.factsAreFresh = false;
      return;
    case 'reset_connection':
      return h.host.session.drop();
    case undefined:
    case 'noop':
    case 'clear_host_errors':
    case 'refresh_inventory':
      return;
    default: {
      const diagnostic = tell('E_UNKNOWN_META', { name: String(what), known: META_ACTIONS }, task.at);
      throw new TaskFailed(diagnostic, {}, { name: 'meta', at: task.at });
    }
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
