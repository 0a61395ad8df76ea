// The inventory of a run, which add_host and group_by extend, and which `meta: refresh_inventory` reads again.
import type { Pos } from '../../core/diagnostic.ts';
import type { Inventory, InventoryHost, Layer } from '../../core/playbook.ts';
import { Ready, type Value } from '../../core/value.ts';
import type { World } from './variables.ts';

export type GrowingInventory = {
  readonly hosts: Map<string, InventoryHost>;
  readonly groups: Map<string, readonly string[]>;
  /** As its sources say. */
  read: Inventory;
  /** The groups above those that group_by made. */
  readonly above: Map<string, Set<string>>;
  /** What add_host and group_by did, in order. */
  readonly additions: (() => void)[];
};

export function growing(read: Inventory): GrowingInventory {
  return { hosts: new Map(read.hosts), groups: new Map(read.groups), read, above: new Map(), additions: [] };
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

const ADDED = 'add_host';

function putHost(world: World, { name, groups, vars, at }: NewHost): boolean {
  const { hosts } = world.inventory;
  const known = hosts.get(name);
  const ready = Object.fromEntries(Object.entries(vars).map(([key, value]) => [key, new Ready(value)]));
  const { read } = world.inventory;
  const memberOf = known?.groups ?? [];
  const before = known?.own ?? read.hostLayers(name);
  // What add_host sets is the inventory's: files in host_vars/ override it.
  const files = before.findIndex(({ from }) => from !== ADDED && !from.startsWith(`host ${name} in `));
  const own = before.toSpliced(files < 0 ? before.length : files, 0, { from: ADDED, vars: ready });
  hosts.set(name, { name, at: known?.at ?? at, groups: memberOf, ...withGroups(world, memberOf, own) });
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
    const above = world.inventory.above.get(group) ?? new Set();
    for (const parent of parents) if (parent !== 'all') above.add(parent);
    world.inventory.above.set(group, above);
    return putInto(world, name, group);
  };
  world.inventory.additions.push(put);
  return put();
}

/** The variables of a host in these groups: its own override those of the groups. */
function withGroups(
  { inventory }: World,
  groups: readonly string[],
  own: readonly Layer[],
): Pick<InventoryHost, 'layers' | 'own'> {
  return { own, layers: [...inventory.read.groupLayers(['all', ...groups]), ...own] };
}

/** Puts a host into a group and the groups above it, whose variables it gets. Returns whether it was not in it. */
function putInto(world: World, name: string, group: string): boolean {
  const { above, read } = world.inventory;
  const all = new Set([group]); // grows while it is walked: a group may be named as its own parent
  for (const one of all) for (const parent of [...read.groupsAbove(one), ...(above.get(one) ?? [])]) all.add(parent);
  return [...all].map((one) => putIntoOne(world, name, one))[0] === true;
}

function putIntoOne(world: World, name: string, group: string): boolean {
  const { groups, hosts } = world.inventory;
  const members = groups.get(group) ?? [];
  const host = hosts.get(name);
  if (members.includes(name) || host === undefined) return false;
  groups.set(group, [...members, name]);
  if (group !== 'all') {
    const memberOf = [...new Set([...host.groups, group])].sort();
    hosts.set(name, { ...host, groups: memberOf, ...withGroups(world, memberOf, host.own) });
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
