import { Failure } from '../../core/diagnostic.ts';
import { tell } from '../../core/errors/index.ts';
import { META_ACTIONS } from '../../core/language/meta.ts';
import type { Task } from '../../core/playbook.ts';
import { falseCondition } from '../evaluate/resolve.ts';
import { refreshInventory } from '../host/inventory.ts';
import { EndHost, type Where } from '../host/state.ts';
import { scopeOfItem } from '../host/way.ts';
import { failStep } from '../trip/fail.ts';
import type { HostRun } from '../trip/host-run.ts';

/** The action of a meta task, or undefined if its condition is false. */
export function metaWord(hostRun: HostRun, task: Task, where: Where): string | undefined {
  const scope = scopeOfItem(hostRun.world, hostRun.host, task, where);
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
      hostRun.host.gathered = undefined;
      return;
    case 'reset_connection':
      return hostRun.host.session.drop();
    case 'refresh_inventory': {
      const { point, isFirst } = await meetAll(hostRun, task);
      try {
        return await hostRun.batch.once(point, isFirst, async () => refreshInventory(hostRun.world));
      } catch (error) {
        const [wrong] = error instanceof Failure ? error.diagnostics : [];
        throw wrong === undefined
          ? error
          : failStep(hostRun, { name: 'meta', module: 'meta', at: task.at, role: task.role }, wrong);
      }
    }
    case 'clear_host_errors': {
      // Failed hosts take part again from the next play on.
      await meetAll(hostRun, task);
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
      throw failStep(hostRun, { name: 'meta', module: 'meta', at: task.at, role: task.role }, diagnostic);
    }
  }
}

/** Hosts run apart, so all that still run get here first. One of them is the first. */
async function meetAll({ batch, host }: HostRun, { at }: Task): Promise<Readonly<{ point: string; isFirst: boolean }>> {
  const point = batch.visit(`${at.file}:${at.line}`, host.name);
  const met = await batch.meet(point, host.name);
  return { point, isFirst: met[0]?.host === host.name };
}
