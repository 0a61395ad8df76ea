import { readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { rowOf } from '../core/language/keywords.ts';
import type { Common, IncludedItems, Item, Layer, Role, Task } from '../core/playbook.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { isKeyword, isOn, readCommon } from './common.ts';
import { varsFile } from './files.ts';
import { includeAsHandler, taskOf } from './includes.ts';
import { addLibrary } from './own-modules.ts';
import { knownText, noteVars, type Reading, type RoleUse } from './reading.ts';
import { entry, type MapNode, type Node, toRaw, toVars, wrongShape } from './source.ts';
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
  const path = findRole(name, use.dependent === undefined ? around : { ...around, role: use.dependent }, reading);
  if (path === undefined) {
    const file = `${join(reading.rolePaths[0] ?? 'roles', name)}/tasks/main.yml`;
    reading.problems.push(tell('E_UNKNOWN_ROLE', { name, known: rolesThere(reading), file }, at));
    return { items: [], handlers: [], roles: [] };
  }
  if (above.includes(path)) {
    reading.problems.push(tell('E_CYCLE', { what: `role '${name}'`, verb: 'depends on' }, at));
    return { items: [], handlers: [], roles: [] };
  }
  addLibrary(reading, join(path, 'library'));
  const role: Role = {
    name,
    path,
    defaults: layer(join(path, 'defaults'), use.defaultsFrom, reading, at),
    vars: layer(join(path, 'vars'), use.varsFrom, reading, at),
    params: use.params,
    use: use.key ?? '',
    parents: around.role === undefined ? [] : [around.role, ...around.role.parents],
    isDependency: use.dependent !== undefined,
    allowsDuplicates: allowsDuplicates(name, around, reading),
    collection: collectionAt(path),
  };
  const inner: Common = { ...around, role, dir: join(path, 'tasks') };
  const needed = dependencies(role, around, reading, [...above, path]);
  const own = partOf(join(path, 'tasks'), use.tasksFrom, reading, at).flatMap((file) =>
    readTasksFile(file, inner, reading),
  );
  const check = use.validates === false ? [] : specTask(role, use.tasksFrom, inner, reading);
  return {
    items: [...needed.items, ...check, ...own],
    handlers: [...needed.handlers, ...readHandlers(path, inner, reading, use.handlersFrom, at)],
    roles: [...needed.roles, role],
  };
}

/** The task that checks the role's variables against meta/argument_specs.yml, as Ansible inserts it. */
function specTask(
  { path, name }: Role,
  tasksFrom: string | undefined,
  inner: Common,
  reading: Reading,
): readonly Item[] {
  const [file] = [...yamlFiles(join(path, 'meta'), 'argument_specs', reading)];
  const node = file === undefined ? metaOf(path, reading) : reading.files.yaml(file);
  const specs = node?.kind === 'map' ? entry(node, 'argument_specs')?.value : undefined;
  const point = (tasksFrom ?? 'main').replace(/\.ya?ml$/, '');
  const spec = specs?.kind === 'map' ? entry(specs, point)?.value : undefined;
  const options = spec?.kind === 'map' ? entry(spec, 'options')?.value : undefined;
  const impl = reading.ports.modules.get('validate_argument_spec');
  if (spec?.kind !== 'map' || options?.kind !== 'map' || impl === undefined) return [];
  const short = entry(spec, 'short_description')?.value;
  const more = short?.kind === 'scalar' ? ` - ${short.source}` : '';
  const args = {
    argument_spec: toVars(options) as Raw,
    validate_args_context: { argument_spec_name: point, role: name },
  };
  return [
    taskOf(`Validating arguments against arg spec '${point}'${more}`, impl, args, {
      ...inner,
      at: options.at,
      tags: ['always'],
    }),
  ];
}

function readHandlers(
  path: string,
  inner: Common,
  reading: Reading,
  from: string | undefined,
  at: Pos,
): readonly Task[] {
  const items = partOf(join(path, 'handlers'), from, reading, at).flatMap((file) =>
    readItems(
      reading.files.yaml(file),
      { ...inner, when: [], tags: [], notify: [], dir: join(path, 'handlers') },
      { ...reading, place: 'handler' },
    ),
  );
  return handlersIn(items, reading);
}

/**
 * Handlers: tasks, the tasks of blocks, and includes, whose tasks run when the include is notified. A block's own name
 * cannot be notified, as in Ansible.
 */
export function handlersIn(items: readonly Item[], reading: Reading): readonly Task[] {
  return items.flatMap((item): readonly Task[] => {
    if (item.kind === 'include') return [includeAsHandler(item)];
    if (item.kind === 'block') {
      if (item.rescue.length + item.always.length === 0) return handlersIn(item.body, reading);
      const hint = 'put the block into a file, and include that file in a handler';
      reading.problems.push(tell('E_NOT_A_HANDLER', { what: 'a block with rescue or always', hint }, item.at));
      return [];
    }
    const action = item.module === 'meta' ? item.args['free_form'] : undefined;
    if (action !== 'flush_handlers' && action !== 'end_role') return [item];
    const what = `'meta: ${action}'`;
    reading.problems.push(tell('E_NOT_A_HANDLER', { what, hint: 'write it as a task' }, item.at));
    return [];
  });
}

/** The roles that a role depends on. They see its parameters, and their own override those. */
function dependencies(dependent: Role, around: Common, reading: Reading, above: readonly string[]) {
  const { path, params: outer } = dependent;
  const meta = metaOf(path, reading);
  const list = meta && entry(meta, 'dependencies')?.value;
  const none: IncludedItems = { items: [], handlers: [], roles: [] };
  if (list === undefined || list.kind !== 'seq') return none;
  return list.items.reduce((all, item): IncludedItems => {
    const { name, params } = roleUse(item, around, reading);
    if (name === undefined) return all;
    const use = useKey(item, params);
    const key = `${name} ${use}`;
    if (reading.imported.used.has(key) && !allowsDuplicates(name, { ...around, role: dependent }, reading)) return all;
    reading.imported.used.add(key);
    const inner = item.kind === 'map' ? keywordsOf(item, around, reading) : around;
    const one = loadRole(
      name,
      item.at,
      inner,
      reading,
      { params: { ...outer, ...params }, key: use, dependent },
      above,
    );
    return {
      items: [...all.items, ...one.items],
      handlers: [...all.handlers, ...one.handlers],
      roles: [...all.roles, ...one.roles],
    };
  }, none);
}

/** As in Ansible, a role runs again for other parameters and under another condition. */
export function useKey(item: Node, params: RawVars): string {
  const when = item.kind === 'map' ? entry(item, 'when')?.value : undefined;
  if (when === undefined && Object.keys(params).length === 0) return '';
  const plain = (_: string, value: unknown): unknown => (value instanceof TemplateText ? value.text : value);
  return JSON.stringify([params, when && toRaw(when)], plain);
}

/** What an item of `roles:` or `dependencies:` passes on to the role's tasks. Its `vars` are parameters. */
export function keywordsOf(item: MapNode, around: Common, reading: Reading): Common {
  const entries = item.entries.filter((e) => e.key !== 'vars');
  return { ...readCommon({ ...item, entries }, around, reading), at: item.at, name: undefined };
}

function metaOf(path: string, reading: Reading): MapNode | undefined {
  const [file] = yamlFiles(join(path, 'meta'), 'main', reading);
  const meta = file === undefined ? undefined : reading.files.yaml(file);
  return meta?.kind === 'map' ? meta : undefined;
}

/** Whether the role's meta/main.yml lets it run again in one play with the same parameters. */
export function allowsDuplicates(name: string, around: Common, reading: Reading): boolean {
  const path = findRole(name, around, reading);
  const meta = path === undefined ? undefined : metaOf(path, reading);
  const found = meta && entry(meta, 'allow_duplicates')?.value;
  return found !== undefined && isOn(toRaw(found));
}

/** A keyword of roles is no parameter of a role. Every other key is one, as in Ansible. */
const isOfPlaybook = (key: string): boolean => rowOf(key)?.on.includes('role') === true;

/** `- nginx`, or `- {role: nginx, vars: …, port: 80}`. Keys that are not keywords are parameters. */
export function roleUse(item: Node, around: Common, reading: Reading): { name: string | undefined; params: RawVars } {
  if (item.kind === 'scalar') {
    const own = knownText(item.value, around, reading);
    if (own !== undefined) return { name: own, params: {} };
  }
  if (item.kind !== 'map') {
    reading.problems.push(wrongShape(item, 'an item of roles', 'a name, or a map with role:', '- ROLE'));
    return { name: undefined, params: {} };
  }
  const name = (entry(item, 'role') ?? entry(item, 'name'))?.value;
  const known = name?.kind === 'scalar' ? knownText(name.value, around, reading) : undefined;
  if (known === undefined) {
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
  return { name: known, params };
}

/** `name` may be a path, a name, or a name with its collection. Short names are searched in `collections:` too. */
function findRole(name: string, { dir, collections, role }: Common, reading: Reading): string | undefined {
  const [, own, short = name] = /^(\w+\.\w+)\.(\w+)$/.exec(name) ?? [];
  const near = role?.collection === undefined ? [] : [role.collection]; // a role finds its own collection's others
  const inCollections = (own === undefined ? [...collections, ...near] : [own]).flatMap((collection) =>
    reading.collectionPaths.map((root) => join(root, 'ansible_collections', ...collection.split('.'), 'roles', short)),
  );
  const roots = [...reading.rolePaths, dir].map((root) => join(root, name));
  const paths = isAbsolute(name) ? [name] : [...roots, ...inCollections];
  return paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
}

/** The name of the collection that the directory of a role belongs to. */
function collectionAt(path: string): string | undefined {
  const [, space, name] = /\/ansible_collections\/(\w+)\/(\w+)\/roles\//.exec(path) ?? [];
  return space === undefined || name === undefined ? undefined : `${space}.${name}`;
}

function rolesThere(reading: Reading): readonly string[] {
  return reading.rolePaths
    .filter((p) => statSync(p, { throwIfNoEntry: false })?.isDirectory())
    .flatMap((p) => readdirSync(p));
}

/** A part of a role: the file named by `…_from`, which must exist, or the main file, which may be absent. */
function partOf(folder: string, from: string | undefined, reading: Reading, at: Pos): readonly string[] {
  const files = yamlFiles(folder, from ?? 'main', reading);
  if (files.length > 0 || from === undefined) return files;
  const wanted = /\.ya?ml$/.test(from) ? from : `${from}.yml`;
  reading.problems.push(tell('E_FILE_MISSING', { path: join(folder, wanted) }, at));
  return [];
}

function layer(folder: string, from: string | undefined, reading: Reading, at: Pos): Layer {
  const files = partOf(folder, from, reading, at);
  const vars: RawVars = Object.assign({}, ...files.map((file) => varsFile(file, reading.files)));
  noteVars(vars, reading);
  return { from: files[0] ?? folder, vars };
}

/** The file of this name, or all files of the directory of this name, sorted. Later ones override earlier ones. */
function yamlFiles(folder: string, name: string, reading: Reading): readonly string[] {
  const names = /\.(ya?ml|json)$/.test(name) ? [name] : [`${name}.yml`, `${name}.yaml`, `${name}.json`, name];
  const file = names.map((one) => join(folder, one)).find((path) => reading.files.isFile(path));
  if (file !== undefined) return [file];
  const sub = join(folder, name);
  if (!statSync(sub, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(sub)
    .filter((one) => /\.(ya?ml|json)$/.test(one))
    .sort()
    .map((one) => join(sub, one));
}
