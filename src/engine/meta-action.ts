import { tell } from '../core/errors/index.ts';
import { META_ACTIONS } from '../core/language/meta.ts';
import type { Task } from '../core/playbook.ts';
import type { HostRun } from './host-run.ts';
import { falseCondition } from './resolve.ts';
import { EndHost, TaskFailed, type Where } from './state.ts';
import { scopeFor } from './variables.ts';

/** The action of a meta task, or undefined if its condition is false. */
export function metaWord(hostRun: HostRun, task: Task, where: Where): string | undefined {
  const scope = scopeFor(hostRun.world, hostRun.host, { ...where, vars: [...where.vars, ...task.vars] });
  if (falseCondition(task.when, scope, hostRun.world.run) !== undefined) return undefined;
  return String(
    hostRun.world.run.templates.print(hostRun.world.run.templates.resolve(task.args['free_form'] ?? '', scope)),
  );
}

/** Runs every `meta:` action except flush_handlers. */
export async function plainMeta(hostRun: HostRun, task: Task, where: Where): Promise<void> {
  const what = metaWord(hostRun, task, where);
  switch (what) {
    case 'end_host':
    case 'end_play':
    case 'end_batch':
      throw new EndHost(what);
    case 'end_role':
      if (task.role !== undefined) hostRun.host.ended.add(task.role);
      return;
    case 'clear_facts':
      hostRun.host.facts = undefined;
      hostRun.host.factsAreFresh = false;
      return;
    case 'reset_connection':
      return hostRun.host.session.drop();
    case 'clear_host_errors': {
      // Hosts run apart, so all that still run get here first. Failed hosts take part again from the next play on.
      await hostRun.batch.meet(
        hostRun.batch.visit(`${task.at.file}:${task.at.line}`, hostRun.host.name),
        hostRun.host.name,
      );
      for (const host of hostRun.world.hosts.values()) {
        host.failed = false;
        host.unreachable = false;
      }
      return;
    }
    case undefined:
    case 'noop':
      return;
    default: {
      const diagnostic = tell('E_UNKNOWN_META', { name: String(what), known: META_ACTIONS }, task.at);
      throw new TaskFailed(diagnostic, {}, { name: 'meta', at: task.at });
    }
  }
}
