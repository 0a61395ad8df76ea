import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Inventory, InventoryHost, Layer } from '../core/playbook.ts';
import type { RawVars } from '../core/value.ts';
import { type Building, construct, pluginOf } from './constructed.ts';
import { addHost, type Draft, expandRange, group } from './draft.ts';
import { type Files, varsFile } from './files.ts';
import { parseIni } from './ini.ts';
import { isScript, readScript } from './inventory-script.ts';
import { copyVars, type Node, toVars, wrongShape } from './source.ts';

/**
 * Reads inventories: YAML and INI files, scripts, and directories of them, with group_vars/ and host_vars/ beside them.
 * As in Ansible, a list of hosts with a comma (`'web1,'`) is an inventory too, and of a variable that two of them set
 * the later value counts.
 */
export function loadInventory(
  given: string | readonly string[],
  files: Files,
  playbookDirs: readonly string[] = [],
  ports: InventoryPorts = NO_PORTS,
): Inventory {
  const paths = [given].flat();
  const source = paths.join(', ');
  const draft: Draft = { hosts: new Map(), groups: new Map() };
  group(draft, 'all', { file: source, line: 1, col: 1 });
  const dirs = paths.map((path) => (isList(path) ? '.' : isFolder(path) ? path : dirname(path)));
  const varDirs = [...new Set([...playbookDirs, ...dirs])];
  const varsOf = (withFiles: boolean): ReadonlyMap<string, RawVars> => {
    const { hosts } = link(copyOf(draft), paths, '.', withFiles ? varDirs : [], files);
    return new Map(
      [...hosts].map(([name, host]) => [name, Object.assign({}, ...host.layers.map((l) => l.vars), selfVars(host))]),
    );
  };
  const building: Building = { draft, problems: files.problems, varsOf, ...ports };
  for (const path of paths) {
    if (!isList(path)) for (const file of sources(path, files)) readSource(file, building, files);
    else {
      const at: Pos = { file: '<inventory>', line: 1, col: 1 };
      for (const word of path.split(',').filter((one) => one.trim() !== ''))
        for (const name of expandRange(word.trim(), at, files.problems)) addHost(draft, 'all', name, at, {});
    }
  }
  return link(draft, paths, dirs[0] ?? '.', varDirs, files);
}

/** What `constructed` needs from outside. */
export type InventoryPorts = Pick<Building, 'extraVars' | 'evaluate'>;
const NO_PORTS: InventoryPorts = { extraVars: {}, evaluate: () => null };

/** Linking adds groups, which must not stay. */
function copyOf({ hosts, groups }: Draft): Draft {
  return {
    hosts,
    groups: new Map([...groups].map(([name, one]) => [name, { ...one, children: new Map(one.children) }])),
  };
}

function selfVars({ name, groups }: InventoryHost): RawVars {
  return { inventory_hostname: name, inventory_hostname_short: name.split('.')[0] ?? name, group_names: groups };
}

/** As in Ansible, `web1,web2` and `web[1:3]` are lists of hosts, unless there is such a file. */
const isList = (path: string): boolean => /,|\[\w+:\w+/.test(path) && !existsSync(path);

/** The files of a source: itself, or those in its directory that are inventories. */
export function sources(path: string, files: Files): readonly string[] {
  if (!isFolder(path)) return [path];
  const skip = /^(group_vars|host_vars|known_hosts)$|^\.|(~|\.(cfg|retry|bak|orig|md|txt|pub|key))$/;
  const found = readdirSync(path)
    .filter((name) => !skip.test(name) && !isFolder(join(path, name)))
    .sort();
  if (found.length === 0) files.problems.push(tell('E_INVENTORY_EMPTY', { path }));
  return found.map((name) => join(path, name));
}

function readSource(file: string, building: Building, files: Files): void {
  const { draft } = building;
  if (isScript(file)) {
    readScript(file, draft, files.problems);
    return;
  }
  const text = files.read(file);
  if (text === undefined) return;
  if (isIni(file, text)) {
    parseIni(text, file, draft, files.problems);
    return;
  }
  const node = files.yaml(file, text);
  if (node === undefined) return;
  if (node.kind !== 'map') {
    files.problems.push(wrongShape(node, 'an inventory', 'a map of groups', 'all: {hosts: …, children: …}'));
    return;
  }
  if (pluginOf(node) !== undefined) construct(node, building);
  else for (const { key, keyAt, value } of node.entries) readGroup(draft, key, keyAt, value, files.problems, []);
}

/** Whether an inventory is in Ansible's INI format. Else it is YAML. */
export function isIni(file: string, text: string): boolean {
  if (/\.(ya?ml|json)$/.test(file) || /^(all|ungrouped)\s*:|^---/m.test(text)) return false;
  return /^\s*(\[|[\w.-]+(\s|$))/m.test(text);
}

function readGroup(
  draft: Draft,
  name: string,
  at: Pos,
  node: Node,
  problems: Diagnostic[],
  above: readonly string[],
): void {
  const target = group(draft, name, at);
  if (above.includes(name)) {
    problems.push(tell('E_GROUP_CYCLE', { path: [...above, name] }, at));
    return;
  }
  if (node.kind === 'scalar' && node.value === null) return;
  if (node.kind !== 'map') {
    problems.push(wrongShape(node, `group '${name}'`, 'a map', 'hosts, vars or children'));
    return;
  }
  for (const { key, keyAt, value } of node.entries) {
    if (key === 'hosts') readHosts(draft, name, value, problems);
    else if (key === 'vars') copyVars(target.vars, mapOf(value, `the vars of group '${name}'`, problems));
    else if (key === 'children') {
      if (value.kind === 'scalar' && value.value === null) continue;
      if (value.kind !== 'map')
        problems.push(wrongShape(value, "'children'", 'a map of groups', 'children: {web: {…}}'));
      else
        for (const child of value.entries) {
          target.children.set(child.key, child.keyAt);
          readGroup(draft, child.key, child.keyAt, child.value, problems, [...above, name]);
        }
    } else {
      problems.push(tell('E_UNKNOWN_GROUP_KEY', { key, group: name }, keyAt));
    }
  }
}

function readHosts(draft: Draft, name: string, node: Node, problems: Diagnostic[]): void {
  if (node.kind === 'scalar' && node.value === null) return;
  if (node.kind !== 'map') {
    const hint = "write 'web1:' (with a colon) instead of '- web1'";
    problems.push(wrongShape(node, "'hosts'", 'a map', 'hosts: {web1: , web2: }', hint));
    return;
  }
  for (const { key, keyAt, value } of node.entries) {
    const vars = value.kind === 'scalar' && value.value === null ? {} : mapOf(value, `host '${key}'`, problems);
    for (const host of expandRange(key, keyAt, problems)) addHost(draft, name, host, keyAt, vars);
  }
}

function mapOf(node: Node, what: string, problems: Diagnostic[]): RawVars {
  if (node.kind === 'map') return toVars(node);
  if (!(node.kind === 'scalar' && node.value === null)) {
    problems.push(wrongShape(node, what, 'a map of variables', 'name: value'));
  }
  return {};
}

function link(
  draft: Draft,
  given: readonly string[],
  dir: string,
  varDirs: readonly string[],
  files: Files,
): Inventory {
  const source = given.join(', ');
  const all = group(draft, 'all', { file: source, line: 1, col: 1 });
  for (const name of draft.groups.keys())
    if (name !== 'all' && name !== 'ungrouped' && !isChild(draft, name)) all.children.set(name, all.at);
  const members = new Map<string, Set<string>>();
  const memberOf = (name: string, path: readonly string[]): Set<string> => {
    const known = members.get(name);
    if (known !== undefined || path.includes(name)) return known ?? new Set();
    const { hosts, children } = group(draft, name, all.at);
    const set = new Set(hosts);
    for (const child of children.keys()) for (const host of memberOf(child, [...path, name])) set.add(host);
    members.set(name, set);
    return set;
  };
  for (const name of draft.groups.keys()) memberOf(name, []);
  members.set('all', new Set(draft.hosts.keys()));
  const grouped = new Set(
    [...members].filter(([n]) => n !== 'all' && n !== 'ungrouped').flatMap(([, hosts]) => [...hosts]),
  );
  members.set('ungrouped', new Set([...draft.hosts.keys()].filter((h) => !grouped.has(h))));
  const order = [...draft.hosts.keys()];
  const depths = depthsOf(draft);
  const filled = (layers: readonly Layer[]): readonly Layer[] => layers.filter((l) => Object.keys(l.vars).length > 0);
  const fromFiles = new Map<string, readonly Layer[]>();
  const layersOf = (name: string): readonly Layer[] => {
    const read = fromFiles.get(name) ?? varDirs.flatMap((d) => varLayers(join(d, 'group_vars'), name, files));
    fromFiles.set(name, read);
    return [{ from: `group ${name} in ${source}`, vars: draft.groups.get(name)?.vars ?? {} }, ...read];
  };
  const sorted = [...members.keys()].sort((a, b) => rank(draft, depths, a, b));
  for (const name of sorted) layersOf(name);
  const groupLayers = (names: readonly string[]): readonly Layer[] =>
    filled(names.toSorted((a, b) => rank(draft, depths, a, b)).flatMap(layersOf));
  const hostLayers = (name: string): readonly Layer[] =>
    filled([
      { from: `host ${name} in ${source}`, vars: draft.hosts.get(name)?.vars ?? {} },
      ...varDirs.flatMap((d) => varLayers(join(d, 'host_vars'), name, files)),
    ]);
  const hosts = new Map<string, InventoryHost>();
  for (const [name, { at }] of draft.hosts) {
    const groupsOfHost = sorted.filter((g) => members.get(g)?.has(name));
    const own = hostLayers(name);
    const layers = [...filled(groupsOfHost.flatMap(layersOf)), ...own];
    hosts.set(name, { name, at, groups: groupsOfHost.filter((g) => g !== 'all').sort(), layers, own });
  }
  const groups = new Map([...members].map(([name, set]) => [name, order.filter((h) => set.has(h))] as const));
  const groupsAbove = (name: string): readonly string[] => {
    const above = [...draft.groups].filter(([parent, { children }]) => parent !== 'all' && children.has(name));
    return [...new Set(above.flatMap(([parent]) => [parent, ...groupsAbove(parent)]))];
  };
  return { source, given, dir, hosts, groups, groupLayers, groupsAbove, hostLayers };
}

function isChild(draft: Draft, name: string): boolean {
  return [...draft.groups].some(([parent, g]) => parent !== 'all' && g.children.has(name));
}

/** The longest path from `all` to each group. A child's variables override its parent's. */
function depthsOf(draft: Draft): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  const walk = (name: string, depth: number, path: readonly string[]): void => {
    if (path.includes(name) || (depths.get(name) ?? -1) >= depth) return;
    depths.set(name, depth);
    for (const child of draft.groups.get(name)?.children.keys() ?? []) walk(child, depth + 1, [...path, name]);
  };
  walk('all', 0, []);
  return depths;
}

function rank(draft: Draft, depths: ReadonlyMap<string, number>, a: string, b: string): number {
  const depth = (name: string): number => (name === 'all' ? -1 : (depths.get(name) ?? 1));
  const priority = (name: string): number => Number(draft.groups.get(name)?.vars['ansible_group_priority'] ?? 1);
  return depth(a) - depth(b) || priority(a) - priority(b) || (a < b ? -1 : 1);
}

/** Reads group_vars/NAME.yml, group_vars/NAME (a file), or every file in the directory group_vars/NAME/, sorted. */
function varLayers(folder: string, name: string, files: Files): readonly Layer[] {
  if (!isFolder(folder)) return [];
  const paths = ['', '.yml', '.yaml', '.json'].map((ending) => join(folder, name + ending));
  return paths.flatMap((path) => {
    if (isFolder(path)) {
      const inside = readdirSync(path)
        .filter((f) => !f.startsWith('.') && /^[^.]+$|\.(ya?ml|json)$/.test(f))
        .sort();
      return inside.map((f) => ({ from: join(path, f), vars: varsFile(join(path, f), files) }));
    }
    return isFile(path) ? [{ from: path, vars: varsFile(path, files) }] : [];
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
