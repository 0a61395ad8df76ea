import { isAbsolute, join } from 'node:path';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { KEYWORDS } from '../core/language/keywords.ts';
import type { Common, Include, IncludedItems, Item } from '../core/playbook.ts';
import { BUILTIN } from './arguments.ts';
import { isKeyword, isOption, readCommon } from './common.ts';
import { readLoop } from './loops.ts';
import { aside, booleanOf, checkTemplates, isNull, type Reading, rawOf, settle, textOf } from './reading.ts';
import { described, type Entry, entry, type MapNode, toRaw, wrongShape } from './source.ts';

export function readInclude(node: MapNode, action: Entry, around: Common, reading: Reading): readonly Item[] {
  const own = aside(reading);
  const items = readOwn(node, action, around, own, reading);
  const found = settle(own, around, reading);
  return items.map((item) =>
    item.kind === 'include' && item.at === node.at ? { ...item, ...merged(item, found) } : item,
  );
}

/** Mistakes in the include itself, then those in the file that it names. */
function merged(
  include: Include,
  { faults, reads }: Pick<Common, 'faults' | 'reads'>,
): Pick<Common, 'faults' | 'reads'> {
  return { faults: [...faults, ...include.faults], reads };
}

function becomeOf({ become, becomeUser, becomeMethod, becomeExe, becomeFlags }: Common) {
  return { become, becomeUser, becomeMethod, becomeExe, becomeFlags };
}

/** An import with a loop is refused in words of its own. */
const LOOPS = ['loop', 'loop_control'];
const INHERITED = Object.entries(KEYWORDS).flatMap(([name, row]) =>
  'inherit' in row && row.inherit !== 'own' ? [name] : [],
);

/** @param reading collects what belongs to the include itself; `outer` collects what belongs to imported items */
function readOwn(node: MapNode, action: Entry, around: Common, reading: Reading, outer: Reading): readonly Item[] {
  const kind = action.key.replace(BUILTIN, '');
  const { problems } = reading;
  const place = kind.startsWith('import') ? 'import' : 'include';
  for (const e of node.entries)
    if (e !== action && !e.key.startsWith('with_'))
      isKeyword(e, place, kind, problems, place === 'import' ? LOOPS : []);
  if (kind === 'include' || kind === 'import_playbook') {
    const hint =
      kind === 'include'
        ? 'write include_tasks or import_tasks'
        : 'write import_playbook at the top of a playbook, beside plays';
    problems.push(tell('E_INCLUDE_PLACE', { kind, hint }, action.keyAt));
    return [];
  }
  const isRole = kind.endsWith('role');
  const options = optionsOf(node, action, isRole);
  const target = options === undefined ? toRaw(action.value) : rawOf(options, isRole ? 'name' : 'file', reading);
  if (target === undefined || target === null) {
    const [wanted, expected] = isRole ? ['role', 'name: ROLE'] : ['file', `${kind}: FILE`];
    problems.push(tell('E_NO_TARGET', { kind, wanted, expected }, action.keyAt));
    return [];
  }
  const optionNames = isRole
    ? ['name', 'tasks_from', 'vars_from', 'defaults_from', 'handlers_from', 'apply', 'public', 'allow_duplicates']
    : ['file', 'apply'];
  for (const e of options?.entries ?? []) isOption(e, optionNames, kind, problems);
  checkTemplates(target, reading);
  const common = readCommon(node, around, reading);
  const from = (key: string): string | undefined => options && textOf(options, key, reading);
  const use = {
    params: common.vars.at(-1) ?? {},
    tasksFrom: from('tasks_from'),
    varsFrom: from('vars_from'),
    defaultsFrom: from('defaults_from'),
    handlersFrom: from('handlers_from'),
  };
  if (options !== undefined) refuseOptions(options, kind, reading);
  // An import passes its when and tags on to each task. An include applies them to itself and passes on only its
  // variables.
  const own = { ...around, vars: common.vars, role: common.role, environment: common.environment, ...becomeOf(common) };
  let inner: Common = kind.startsWith('import') ? common : applied(options, own, reading);
  const loadNamed = (name: string, into: Reading): IncludedItems => {
    if (isRole) return reading.loadRole(name, common.at, inner, into, use);
    return {
      items: reading.readTasks(findTasks(name, common, reading), inner, into, common),
      handlers: [],
      roles: [],
    };
  };
  const isStatic = typeof target === 'string';
  const word = isRole ? `role ${String(target)} ${use.tasksFrom ?? ''}` : findTasks(String(target), common, reading);
  const isOpen = reading.open.includes(word);
  const load = (name: string, into: Reading): IncludedItems => {
    reading.open.push(word);
    try {
      return loadNamed(name, into);
    } finally {
      reading.open.pop();
    }
  };
  if (kind.startsWith('import')) {
    if (isOpen) {
      problems.push(tell('E_CYCLE', { what: `'${String(target)}'`, verb: 'imports' }, action.value.at));
      return [];
    }
    if (!isStatic || entry(node, 'loop') !== undefined) {
      problems.push(tell('E_IMPORT_DYNAMIC', { kind, what: isStatic ? 'loop' : 'template' }, action.value.at));
      return [];
    }
    const { faults, reads } = settle(reading, around, outer);
    reading.problems.length = 0;
    inner = { ...inner, faults, reads };
    const loaded = load(target, outer);
    reading.imported.handlers.push(...loaded.handlers);
    reading.imported.roles.push(...loaded.roles);
    return loaded.items;
  }
  const preview = isStatic && !isOpen ? loadApart(target, load, reading) : undefined;
  reading.imported.late.push(...(preview?.items.handlers ?? []));
  const include: Include = {
    ...common,
    faults: preview?.problems ?? [],
    preview: preview?.items,
    kind: 'include',
    what: isRole ? 'role' : 'tasks',
    target,
    targetAt: action.value.at,
    load: (name) => loadLate(name, load, reading),
    ...readLoop(node, reading),
  };
  return [include];
}

/** The options of an include: its map, or a bare name with `args:` beside it. */
function optionsOf(node: MapNode, action: Entry, isRole: boolean): MapNode | undefined {
  const args = entry(node, 'args')?.value;
  const more = args?.kind === 'map' ? args.entries : [];
  if (action.value.kind === 'map') return { ...action.value, entries: [...action.value.entries, ...more] };
  if (more.length === 0) return undefined;
  const key = isRole ? 'name' : 'file';
  const target = isNull(action.value) ? [] : [{ key, keyValue: key, keyAt: action.keyAt, value: action.value }];
  return { kind: 'map', at: action.keyAt, entries: [...target, ...more] };
}

/** `apply:` of an include. Its tasks inherit these keywords as if a block surrounded them. */
function applied(options: MapNode | undefined, inner: Common, reading: Reading): Common {
  const apply = options && entry(options, 'apply')?.value;
  if (apply === undefined || isNull(apply)) return inner;
  if (apply.kind !== 'map') {
    reading.problems.push(wrongShape(apply, "'apply'", 'a map of keywords'));
    return inner;
  }
  for (const e of apply.entries) isOption(e, INHERITED, "'apply'", reading.problems);
  return { ...readCommon(apply, inner, reading), at: inner.at, name: inner.name };
}

/** Rejects options of which only the default is supported. */
function refuseOptions(options: MapNode, kind: string, reading: Reading): void {
  const only: readonly (readonly [string, boolean, string])[] = [
    ['public', kind === 'import_role', 'list the role under roles: or use import_role to share its variables'],
    ['allow_duplicates', true, 'remove it: a role always runs each time that it is used'],
  ];
  for (const [key, value, hint] of only) {
    const given = booleanOf(options, key, reading);
    if (given === undefined || given === value) continue;
    const option = `${key}: ${described(entry(options, key)?.value ?? options)}`;
    reading.problems.push(tell('E_UNSUPPORTED_OPTION', { option, kind, hint }, entry(options, key)?.value.at));
  }
  const apply = entry(options, 'apply');
  if (apply !== undefined && kind.startsWith('import'))
    reading.problems.push(
      tell(
        'E_UNSUPPORTED_OPTION',
        { option: 'apply', kind, hint: 'write its keywords beside the import' },
        apply.keyAt,
      ),
    );
}

type Load = (name: string, into: Reading) => IncludedItems;

/** Reads what an include names. Mistakes in the file are kept apart, because they matter only if a host includes it. */
function loadApart(
  name: string,
  load: Load,
  reading: Reading,
): Readonly<{ items: IncludedItems; problems: Diagnostic[] }> {
  const apart = { ...reading, problems: [] as Diagnostic[] };
  const before = reading.files.problems.length;
  const items = load(name, apart);
  return { items, problems: [...reading.files.problems.splice(before), ...apart.problems] };
}

/** During the run, a mistake in an included file is a failure of that task. */
function loadLate(name: string, load: Load, reading: Reading): IncludedItems {
  const { items, problems } = loadApart(name, load, reading);
  if (problems.length > 0) throw new Failure(problems);
  return items;
}

/** Searched beside the including file, then in the role's tasks/, then beside the playbook. */
function findTasks(name: string, common: Common, reading: Reading): string {
  if (isAbsolute(name)) return name;
  const roots = [
    common.dir,
    ...(common.role === undefined ? [] : [join(common.role.path, 'tasks')]),
    reading.playbookDir,
  ];
  const found = roots.map((root) => join(root, name)).find((path) => reading.files.isFile(path));
  return found ?? join(common.dir, name);
}
