import { basename, dirname, resolve } from 'node:path';
import type { Inventory, Layer, Play, Role } from '../../core/playbook.ts';
import { THIS_MACHINE, thisMachine } from '../../core/this-machine.ts';
import { type Raw, type RawVars, Ready, type Value, type Vars } from '../../core/value.ts';
import type { Start } from './claims.ts';
import type { GrowingInventory } from './inventory.ts';
import type { Run, Scope, Templates } from './ports.ts';
import type { HostState, Where } from './state.ts';

/** Everything that a host's variables are built from. All hosts of a run share it. */
export type World = Readonly<{
  run: Run;
  /** Describes what was last begun on a host. */
  doing: (host: string) => string;
  hosts: ReadonlyMap<string, HostState>;
  /** The inventory, which add_host and group_by extend. */
  inventory: GrowingInventory;
  /** Call it after a change of the inventory. */
  inventoryChanged: () => void;
  /** The hosts that --limit leaves. */
  limit: Set<string>;
  /** Hosts that were added during the run. --limit does not concern them. */
  added: Set<string>;
  /** What set_stats collected: of the run under '', and of hosts by their names. */
  stats: Map<string, Vars>;
  addHost: (name: string) => void;
  /** This machine as a delegate if the inventory does not list it: 'localhost', '127.0.0.1'. */
  localhost: (name: string) => HostState | undefined;
  start: Start;
  /** Hosts that other runs held for longer than this run waits. */
  locked: Set<string>;
  /** The hosts of each play, with those that were added or grouped during the run. */
  selected: WeakMap<Play, readonly string[]>;
  /** Hosts that changed since the last play began. What other hosts know may be stale. */
  changed: Set<string>;
}>;

/**
 * The layers of Ansible's variable precedence, lowest first (Ansible's documentation: "Understanding variable
 * precedence").
 */
export function scopeFor(world: World, host: HostState, where: Where): Scope {
  return world.run.templates.scope(layersFor(world, host, where));
}

export function layersFor(world: World, host: HostState, where: Where): readonly RawVars[] {
  const { run } = world;
  const { play, role } = where;
  return [
    where.way ?? NO_WAY,
    { ansible_host: host.name },
    ...play.roles.map((r) => r.defaults.vars),
    ...host.publicRoles.map((r) => r.defaults.vars),
    ...(role === undefined ? [] : [role.defaults.vars]),
    ...(run.inventory.hosts.get(host.name)?.layers ?? implicitLayers(run, host.name)).map((l) => l.vars),
    factLayer(host),
    readyLayer(host.moduleFacts),
    play.vars,
    run.answers.get(play) ?? {},
    ...play.varsFiles.map((l) => l.vars),
    ...host.playFiles,
    ...play.roles.map((r) => r.vars.vars),
    ...host.publicRoles.map((r) => r.vars.vars),
    ...(role === undefined ? [] : [role.vars.vars]),
    ...where.vars,
    ...host.included,
    readyLayer(host.set),
    ...(role === undefined ? [] : [role.params]),
    ...(where.params ?? []),
    run.extraVars,
    magic(world, host, where),
  ];
}

const NO_WAY: RawVars = {};

/** The variables of this machine as a delegate that the inventory does not list. */
function implicitLayers(run: Run, name: string): readonly Layer[] {
  if (!THIS_MACHINE.includes(name)) return []; // a host that a new reading of the inventory left out
  const ofRun = implicits.get(run.inventory) ?? new Map<string, readonly Layer[]>();
  implicits.set(run.inventory, ofRun);
  const layers = ofRun.get(name) ?? thisMachine(name, run.inventory, { file: '<inventory>', line: 1, col: 1 }).layers;
  ofRun.set(name, layers);
  return layers;
}
const implicits = new WeakMap<Inventory, Map<string, readonly Layer[]>>();

function readyLayer(vars: Readonly<Record<string, Value>>): RawVars {
  const known = readyLayers.get(vars);
  if (known !== undefined) return known;
  const layer = Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, new Ready(value)]));
  readyLayers.set(vars, layer);
  return layer;
}
const readyLayers = new WeakMap<Readonly<Record<string, Value>>, RawVars>();

/**
 * Facts under both of Ansible's names: ansible_facts.os_family and ansible_os_family. Built once for each gathering.
 */
function factLayer({ facts }: HostState): RawVars {
  if (facts === undefined) return NO_FACTS;
  const known = factLayers.get(facts);
  if (known !== undefined) return known;
  const prefixed = Object.entries(facts).map(([name, value]) => {
    const full = name.startsWith('ansible_') ? name : `ansible_${name}`;
    return [full, new Ready(value as Value)] as const;
  });
  const layer = { ...Object.fromEntries(prefixed), ansible_facts: new Ready(facts as Value) };
  factLayers.set(facts, layer);
  return layer;
}
const factLayers = new WeakMap<RawVars, RawVars>();
const NO_FACTS: RawVars = { ansible_facts: new Ready({}) };

/**
 * The magic variables. They are the same for all tasks of one role on a host in a play, and are kept as long as the
 * batch.
 */
function magic(world: World, host: HostState, where: Where): RawVars {
  const ofBatch = magics.get(where.batch) ?? new Map<string, Map<Role | undefined, RawVars>>();
  magics.set(where.batch, ofBatch);
  const ofHost = ofBatch.get(host.name) ?? new Map<Role | undefined, RawVars>();
  ofBatch.set(host.name, ofHost);
  const vars = ofHost.get(where.role) ?? makeMagic(world, host, where);
  ofHost.set(where.role, vars);
  return vars;
}
const magics = new WeakMap<readonly string[], Map<string, Map<Role | undefined, RawVars>>>();

function makeMagic(world: World, host: HostState, where: Where): RawVars {
  const { run } = world;
  const { play, role } = where;
  const hosts = world.selected.get(play) ?? play.hosts;
  const lazy = (vars: Record<string, Raw>, name: string, make: () => Raw): void => {
    Object.defineProperty(vars, name, { enumerable: true, configurable: true, get: make });
  };
  const vars: Record<string, Raw> = {
    inventory_hostname: host.name,
    inventory_hostname_short: host.name.split('.')[0] ?? host.name,
    ansible_play_hosts_all: hosts as Value,
    ansible_play_name: play.name,
    ansible_play_role_names: namesOf(play.roles.filter((r) => !r.isDependency)),
    ansible_dependent_role_names: namesOf(play.roles.filter((r) => r.isDependency)),
    ansible_role_names: namesOf(play.roles),
    ansible_check_mode: run.mode === 'plan',
    ansible_verbosity: run.verbosity,
    ansible_forks: run.forks,
    ...(run.limitText !== undefined && { ansible_limit: run.limitText }),
    ansible_config_file: run.configFile ?? null,
    ansible_playbook_python: null,
    ansible_diff_mode: run.diff,
    ansible_run_tags: run.tags.length > 0 ? [...run.tags] : ['all'],
    ansible_skip_tags: [...run.skipTags],
    ...placesOf(run),
    ansible_version: { full: '2.19.0', major: 2, minor: 19, revision: 0, string: '2.19.0' },
    ...(role !== undefined && {
      role_name: basename(role.name),
      role_path: resolve(role.path),
      ansible_role_name: role.name,
      ansible_collection_name: role.collection ?? null,
    }),
    ...(role !== undefined &&
      role.parents.length > 0 && {
        ansible_parent_role_names: role.parents.map((one) => one.name),
        ansible_parent_role_paths: role.parents.map((one) => resolve(one.path)),
      }),
  };
  // Hosts that failed are gone. Those of later batches have yet to run.
  const alive = (): Value => hosts.filter((name) => isTaking(world, name));
  lazy(vars, 'ansible_play_batch', () => where.batch.filter((name) => isTaking(world, name)));
  lazy(vars, 'ansible_play_hosts', alive);
  lazy(vars, 'play_hosts', alive);
  // add_host and group_by may change these.
  lazy(vars, 'group_names', () => [...(run.inventory.hosts.get(host.name)?.groups ?? [])]);
  lazy(vars, 'groups', () => groupsOf(run.inventory));
  lazy(vars, 'role_names', () => namesOf(play.roles)); // an include may add roles
  lazy(vars, 'hostvars', () => new Ready(hostvars(world, where)));
  return vars;
}

function namesOf(roles: readonly Role[]): readonly string[] {
  return [...new Set(roles.map((role) => role.name))];
}

/** Whether the host is in this run and has not failed. */
function isTaking({ hosts, limit, added }: World, name: string): boolean {
  const host = hosts.get(name);
  return (limit.has(name) || added.has(name)) && host !== undefined && !host.failed && !host.unreachable;
}

/** Shared by all scopes of a run, so that a thousand hosts share one object. */
function groupsOf(inventory: Inventory): Value {
  const known = groupDicts.get(inventory) ?? (Object.fromEntries(inventory.groups) as Value);
  groupDicts.set(inventory, known);
  return known;
}
const groupDicts = new WeakMap<Inventory, Value>();
export function forgetGroups(inventory: Inventory): void {
  groupDicts.delete(inventory);
}

function placesOf(run: Run): RawVars {
  const known = places.get(run) ?? {
    playbook_dir: resolve(dirname(run.playbook.file)),
    inventory_dir: resolve(run.inventory.dir),
    inventory_file: resolve(run.inventory.source),
    ansible_inventory_sources: run.inventory.given.map((one) => (one.includes(',') ? one : resolve(one))),
  };
  places.set(run, known);
  return known;
}
const places = new WeakMap<Run, RawVars>();

/** The variables of every host. Each is evaluated only when it is read. */
function hostvars(world: World, where: Where): Value {
  const all: Record<string, Value> = {};
  for (const name of world.run.inventory.hosts.keys()) {
    let vars: Value | undefined;
    Object.defineProperty(all, name, {
      enumerable: true,
      get: () => {
        vars ??= varsOfHost(world, name, where);
        return vars;
      },
    });
  }
  if (!Object.hasOwn(all, LOCALHOST)) {
    // As in Ansible, the implicit localhost has variables, but it is not listed.
    const get = (): Value => varsOfHost(world, LOCALHOST, where);
    Object.defineProperty(all, LOCALHOST, { enumerable: false, get });
  }
  return all;
}
const LOCALHOST = 'localhost';

function varsOfHost(world: World, name: string, where: Where): Value {
  const state = world.hosts.get(name) ?? world.localhost(name);
  if (state === undefined) return {};
  // As in Ansible, variables of a task or role are not visible through hostvars.
  const scope = scopeFor(world, state, { ...where, role: undefined, vars: [], way: NO_WAY });
  return lazyVars(scope);
}

/**
 * `ansible_delegated_vars`: the variables of the host that a task is delegated to. As in Ansible, its
 * `inventory_hostname` is the host that the task belongs to.
 */
export function delegatedVars(world: World, host: HostState, delegate: string, where: Where): RawVars {
  const all: Record<string, Value> = {};
  const get = (): Value => {
    const vars = varsOfHost(world, delegate, where);
    return Object.defineProperty(vars, 'inventory_hostname', { value: host.name, enumerable: true });
  };
  Object.defineProperty(all, delegate, { enumerable: true, get });
  return { ansible_delegated_vars: new Ready(all) };
}

/**
 * Variables outside of a play, for checks: those of one host or, without a host, those that all hosts share, and
 * `hostvars`.
 */
export function inventoryScope(
  templates: Templates,
  inventory: Inventory,
  extraVars: RawVars,
  playbookDir: string,
  host?: string,
): Scope {
  const own = (name: string): Scope => templates.scope([...layersOf(inventory, name), extraVars, common(name)]);
  const common = (name: string | undefined): RawVars => ({
    ...(name !== undefined && {
      inventory_hostname: name,
      group_names: [...(inventory.hosts.get(name)?.groups ?? [])],
    }),
    groups: Object.fromEntries(inventory.groups) as Value,
    playbook_dir: resolve(playbookDir),
    inventory_dir: resolve(inventory.dir),
    inventory_file: resolve(inventory.source),
  });
  if (host !== undefined) return own(host);
  const all: Record<string, Value> = {};
  for (const name of inventory.hosts.keys()) {
    Object.defineProperty(all, name, { enumerable: true, get: () => lazyVars(own(name)) });
  }
  return templates.scope([
    ...sharedLayers(inventory),
    extraVars,
    { ...common(undefined), hostvars: new Ready(all as Value) },
  ]);
}

function layersOf(inventory: Inventory, name: string): readonly RawVars[] {
  return [{ ansible_host: name }, ...(inventory.hosts.get(name)?.layers ?? []).map((l) => l.vars)];
}

/** Layers that all hosts get from the same source: the variables of `all`. */
function sharedLayers(inventory: Inventory): readonly RawVars[] {
  const [first, ...others] = [...inventory.hosts.values()].filter((host) => host.isImplicit !== true);
  return (first?.layers ?? [])
    .filter((layer) => others.every((h) => h.layers.some((l) => l.from === layer.from)))
    .map((l) => l.vars);
}

function lazyVars(scope: Scope): Value {
  const vars: Record<string, Value> = {};
  for (const key of scope.names()) {
    if (key !== 'hostvars')
      Object.defineProperty(vars, key, { enumerable: true, configurable: true, get: () => scope.get(key) });
  }
  return vars;
}
