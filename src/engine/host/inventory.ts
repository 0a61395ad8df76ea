// The inventory of a run, which add_host and group_by extend, and which `meta: refresh_inventory` reads again.
import type { Pos } from '../../core/diagnostic.ts';
import type { Inventory, InventoryHost } from '../../core/playbook.ts';
import { Ready, type Value } from '../../core/value.ts';
import type { World } from './variables.ts';

export type GrowingInventory = {
  readonly hosts: Map<string, InventoryHost>;
  readonly groups: Map<string, readonly string[]>;
  /** As its sources say. */
  read: Inventory;
  /** What add_host and group_by did, in order. */
  readonly additions: (() => void)[];
};

export function growing(read: Inventory): GrowingInventory {
  return { hosts: new Map(read.hosts), groups: new Map(read.groups), read, additions: [] };
}

export type NewHost = Readonly<{
  name: string;
  groups: readonly string[];
  vars: Readonly<Record<string, Value>>;
  at: Pos;
}>;

/** Adds a host for the rest of the run, or adds variables and groups to it. Returns whether that changed anything. */
export function addHost(world: World, host: NewHost): boolean {
  world.inventory.additions.push(() => putHost(world, host));
  return putHost(world, host);
}

function putHost(world: World, { name, groups, vars, at }: NewHost): boolean {
  const { hosts } = world.inventory;
  const known = hosts.get(name);
  const ready = Object.fromEntries(Object.entries(vars).map(([key, value]) => [key, new Ready(value)]));
  const layer = { from: 'add_host', vars: ready };
  hosts.set(name, {
    name,
    at: known?.at ?? at,
    groups: known?.groups ?? [],
    layers: [...(known?.layers ?? world.inventory.read.groupLayers('all')), layer],
  });
  world.added.add(name);
  if (!world.hosts.has(name)) world.addHost(name);
  putInto(world, name, 'all');
  const isNew = groups.map((group) => putInto(world, name, group)).includes(true);
  if (groups.length === 0) putInto(world, name, 'ungrouped');
  return isNew || known === undefined;
}

/** Adds a host to a group and to the group's parents. Returns whether it was not in the group. */
export function addToGroup(world: World, name: string, group: string, parents: readonly string[]): boolean {
  const put = (): boolean => {
    const isNew = putInto(world, name, group);
    for (const parent of parents) if (parent !== 'all') putInto(world, name, parent);
    return isNew;
  };
  world.inventory.additions.push(put);
  return put();
}

/** Puts a host into a group, whose variables it gets. Returns whether it was not in it. */
function putInto(world: World, name: string, group: string): boolean {
  const { groups, hosts, read } = world.inventory;
  const members = groups.get(group) ?? [];
  const host = hosts.get(name);
  if (members.includes(name) || host === undefined) return false;
  groups.set(group, [...members, name]);
  if (group !== 'all') {
    const groupLayers = read.groupLayers(group).filter((one) => !host.layers.some(({ from }) => from === one.from));
    // Variables of a group count less than those of the host, which come last.
    hosts.set(name, {
      ...host,
      groups: [...new Set([...host.groups, group])].sort(),
      layers: [...groupLayers, ...host.layers],
    });
  }
  world.inventoryChanged();
  return true;
}

/**
 * Reads the sources of the inventory again. As in Ansible, what add_host and group_by did before holds, and --limit
 * selects among the new hosts too. Throws Failure if the sources have mistakes; nothing has changed then.
 */
export function refreshInventory(world: World): void {
  const { inventory, run } = world;
  const { inventory: read, limit } = run.rereadInventory();
  inventory.read = read;
  inventory.hosts.clear();
  inventory.groups.clear();
  for (const [name, host] of read.hosts) {
    inventory.hosts.set(name, host);
    if (!world.hosts.has(name)) world.addHost(name);
  }
  for (const [name, members] of read.groups) inventory.groups.set(name, members);
  for (const name of limit) world.limit.add(name);
  for (const again of inventory.additions) again();
  world.inventoryChanged();
}
