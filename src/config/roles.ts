import { readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { rowOf } from '../core/language/keywords.ts';
import type { Common, IncludedItems, Item, Layer, Role, Task } from '../core/playbook.ts';
import type { RawVars } from '../core/value.ts';
import { isKeyword } from './common.ts';
import { varsFile } from './files.ts';
import { noteVars, type Reading, type RoleUse } from './reading.ts';
import { entry, type Node, toRaw, toVars, wrongShape } from './source.ts';
import { readItems, readTasksFile } from './tasks.ts';

/**
 * Loads a role: its items, preceded by those of the roles that it depends on; its handlers; every role that is used.
 */
export function loadRole(
  name: string,
  at: Pos,
  around: Common,
  reading: Reading,
  use: RoleUse,
  above: readonly string[] = [],
): IncludedItems {
  const path = findRole(name, around, reading);
  if (path === undefined) {
    const file = `${join(reading.rolePaths[0] ?? 'roles', name)}/tasks/main.yml`;
    reading.problems.push(tell('E_UNKNOWN_ROLE', { name, known: rolesThere(reading), file }, at));
    return { items: [], handlers: [], roles: [] };
  }
  if (above.includes(path)) {
    reading.problems.push(tell('E_CYCLE', { what: `role '${name}'`, verb: 'depends on' }, at));
    return { items: [], handlers: [], roles: [] };
  }
  const role: Role = {
    name,
    path,
    defaults: layer(join(path, 'defaults'), use.defaultsFrom, reading, at),
    vars: layer(join(path, 'vars'), use.varsFrom, reading, at),
    params: use.params,
  };
  const inner: Common = { ...around, role, dir: join(path, 'tasks') };
  const needed = dependencies(path, around, reading, [...above, path]);
  const tasksFile = partOf(join(path, 'tasks'), use.tasksFrom, reading, at);
  const own = tasksFile === undefined ? [] : readTasksFile(tasksFile, inner, reading);
  return {
    items: [...needed.items, ...own],
    handlers: [...needed.handlers, ...readHandlers(path, inner, reading, use.handlersFrom, at)],
    roles: [...needed.roles, role],
  };
}

function readHandlers(
  path: string,
  inner: Common,
  reading: Reading,
  from: string | undefined,
  at: Pos,
): readonly Task[] {
  const file = partOf(join(path, 'handlers'), from, reading, at);
  if (file === undefined) return [];
  return onlyTasks(
    readItems(
      reading.files.yaml(file),
      { ...inner, when: [], tags: [], notify: [], dir: join(path, 'handlers') },
      { ...reading, place: 'handler' },
    ),
    reading,
  );
}

export function onlyTasks(items: readonly Item[], reading: Reading): readonly Task[] {
  return items.flatMap((item) => {
    if (item.kind === 'task') {
      const action = item.module === 'meta' ? item.args['free_form'] : undefined;
      if (action !== 'flush_handlers' && action !== 'end_role') return [item];
      reading.problems.push(
        tell('E_NOT_A_HANDLER', { what: `'meta: ${action}'`, hint: 'write it as a task' }, item.at),
      );
      return [];
    }
    const hint = 'give each of its tasks the same listen: topic';
    reading.problems.push(tell('E_NOT_A_HANDLER', { what: `a ${item.kind}`, hint }, item.at));
    return [];
  });
}

function dependencies(path: string, around: Common, reading: Reading, above: readonly string[]): IncludedItems {
  const file = yamlFile(join(path, 'meta'), 'main', reading);
  const meta = file === undefined ? undefined : reading.files.yaml(file);
  const list = meta?.kind === 'map' ? entry(meta, 'dependencies')?.value : undefined;
  if (list === undefined || list.kind !== 'seq') return { items: [], handlers: [], roles: [] };
  const loaded = list.items.map((item) => {
    const { name, params } = roleUse(item, reading);
    return name === undefined ? undefined : loadRole(name, item.at, around, reading, { params }, above);
  });
  const all = loaded.filter((l) => l !== undefined);
  return {
    items: all.flatMap((l) => l.items),
    handlers: all.flatMap((l) => l.handlers),
    roles: all.flatMap((l) => l.roles),
  };
}

/** A keyword of roles is no parameter of a role. Every other key is one, as in Ansible. */
const isOfPlaybook = (key: string): boolean => rowOf(key)?.on.includes('role') === true;

/** `- nginx`, or `- {role: nginx, vars: …, port: 80}`. Keys that are not keywords are parameters. */
export function roleUse(item: Node, reading: Reading): { name: string | undefined; params: RawVars } {
  if (item.kind === 'scalar' && typeof item.value === 'string') return { name: item.value, params: {} };
  if (item.kind !== 'map') {
    reading.problems.push(wrongShape(item, 'an item of roles', 'a name, or a map with role:', '- ROLE'));
    return { name: undefined, params: {} };
  }
  const name = (entry(item, 'role') ?? entry(item, 'name'))?.value;
  if (name?.kind !== 'scalar' || typeof name.value !== 'string') {
    reading.problems.push(
      tell('E_NO_TARGET', { kind: 'the item of roles', wanted: 'role', expected: 'role: NAME' }, item.at),
    );
    return { name: undefined, params: {} };
  }
  const vars = entry(item, 'vars')?.value;
  for (const e of item.entries) if (isOfPlaybook(e.key)) isKeyword(e, 'role', 'a role', reading.problems, ['role']);
  const rest = item.entries.filter((e) => !isOfPlaybook(e.key)).map((e) => [e.key, toRaw(e.value)] as const);
  const params = { ...(vars?.kind === 'map' ? toVars(vars) : {}), ...Object.fromEntries(rest) };
  noteVars(params, reading);
  return { name: name.value, params };
}

/** `name` may be a path, a name, or a name with its collection. Short names are searched in `collections:` too. */
function findRole(name: string, { dir, collections, role }: Common, reading: Reading): string | undefined {
  const [, own, short = name] = /^(\w+\.\w+)\.(\w+)$/.exec(name) ?? [];
  const inCollections = (own === undefined ? [...collections, ...collectionOf(role)] : [own]).flatMap((collection) =>
    reading.collectionPaths.map((root) => join(root, 'ansible_collections', ...collection.split('.'), 'roles', short)),
  );
  const roots = [...reading.rolePaths, dir].map((root) => join(root, name));
  const paths = isAbsolute(name) ? [name] : [...roots, ...inCollections];
  return paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
}

/** A role of a collection finds its collection's other roles by their short names. */
function collectionOf(role: Role | undefined): readonly string[] {
  const [, space, name] = /\/ansible_collections\/(\w+)\/(\w+)\/roles\//.exec(role?.path ?? '') ?? [];
  return space === undefined || name === undefined ? [] : [`${space}.${name}`];
}

function rolesThere(reading: Reading): readonly string[] {
  return reading.rolePaths
    .filter((p) => statSync(p, { throwIfNoEntry: false })?.isDirectory())
    .flatMap((p) => readdirSync(p));
}

/** A part of a role: the file named by `…_from`, which must exist, or the main file, which may be absent. */
function partOf(folder: string, from: string | undefined, reading: Reading, at: Pos): string | undefined {
  const file = yamlFile(folder, from ?? 'main', reading);
  if (file !== undefined || from === undefined) return file;
  const wanted = /\.ya?ml$/.test(from) ? from : `${from}.yml`;
  reading.problems.push(tell('E_FILE_MISSING', { path: join(folder, wanted) }, at));
  return undefined;
}

function layer(folder: string, from: string | undefined, reading: Reading, at: Pos): Layer {
  const file = partOf(folder, from, reading, at);
  const vars = file === undefined ? {} : varsFile(file, reading.files);
  noteVars(vars, reading);
  return { from: file ?? folder, vars };
}

function yamlFile(folder: string, name: string, reading: Reading): string | undefined {
  const names = /\.(ya?ml)$/.test(name) ? [name] : [`${name}.yml`, `${name}.yaml`];
  for (const one of names) if (reading.files.isFile(join(folder, one))) return join(folder, one);
  const sub = join(folder, name);
  if (statSync(sub, { throwIfNoEntry: false })?.isDirectory()) {
    return readdirSync(sub)
      .filter((f) => /\.ya?ml$/.test(f))
      .sort()
      .map((f) => join(sub, f))[0];
  }
  return undefined;
}
