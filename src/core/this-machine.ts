import type { Pos } from './diagnostic.ts';
import type { Inventory, InventoryHost } from './playbook.ts';

/** The names that stand for this machine if the inventory does not list them. */
export const THIS_MACHINE: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/**
 * Ansible's implicit localhost. It belongs to no group, but it has the variables of `all` and its own in host_vars/. Source:
 * "Implicit localhost" in Ansible's documentation.
 */
export function thisMachine(name: string, { groupLayers, hostLayers }: Inventory, at: Pos): InventoryHost {
  const local = { from: 'implicit localhost', vars: { ansible_connection: 'local' } };
  const own = hostLayers(name);
  return { name, at, groups: [], layers: [local, ...groupLayers(['all']), ...own], own, isImplicit: true };
}
