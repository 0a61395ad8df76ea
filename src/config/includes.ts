import { isAbsolute, join } from 'node:path';
import { Failure } from '../core/diagnostic.ts';
import type { Common, Include, Item, Loaded } from '../core/playbook.ts';
import { COLLECTIONS } from './arguments.ts';
import { readCommon } from './common.ts';
import { BLOCK, INCLUDE, isKeyword } from './keywords.ts';
import { readLoop } from './loops.ts';
import { booleanOf, checkTemplates, isNull, type Reading, rawOf, textOf } from './reading.ts';
import { type Entry, entry, type MapNode, toRaw } from './source.ts';

export function readInclude(node: MapNode, action: Entry, around: Common, reading: Reading): readonly Item[] {
  const kind = action.key.replace(COLLECTIONS, '');
  const { problems } = reading;
  for (const e of node.entries) if (e !== action && !e.key.startsWith('with_')) isKeyword(e, INCLUDE, kind, problems);
  if (kind === 'include' || kind === 'import_playbook') {
    const hint =
      kind === 'include'
        ? 'write include_tasks or import_tasks'
        : 'import_playbook stands at the top of a playbook, beside plays';
    problems.push({ code: 'E_UNSUPPORTED', message: `'${kind}' cannot stand here`, at: action.keyAt, hint });
    return [];
  }
  const isRole = kind.endsWith('role');
  const options = optionsOf(node, action, isRole);
  const target = options === undefined ? toRaw(action.value) : rawOf(options, isRole ? 'name' : 'file', reading);
  if (target === undefined || target === null) {
    problems.push({
      code: 'E_ARGS',
      message: `${kind} names no ${isRole ? 'role' : 'file'}`,
      at: action.keyAt,
      expected: isRole ? 'name: ROLE' : 'a file',
    });
    return [];
  }
  const optionNames = isRole
    ? ['name', 'tasks_from', 'vars_from', 'defaults_from', 'handlers_from', 'apply', 'public', 'allow_duplicates']
    : ['file', 'apply'];
  for (const e of options?.entries ?? []) isKeyword(e, optionNames, kind, problems);
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
  const own = {
    ...around,
    vars: common.vars,
    become: common.become,
    role: common.role,
    environment: common.environment,
  };
  const inner = kind.startsWith('import') ? common : applied(options, own, reading);
  const loadNamed = (name: string): Loaded => {
    if (isRole) return reading.loadRole(name, common.at, inner, reading, use);
    return {
      items: reading.readTasks(findTasks(name, common, reading), inner, reading, common),
      handlers: [],
      roles: [],
    };
  };
  const isStatic = typeof target === 'string';
  const word = isRole ? `role ${String(target)} ${use.tasksFrom ?? ''}` : findTasks(String(target), common, reading);
  const isOpen = reading.open.includes(word);
  const load = (name: string): Loaded => {
    reading.open.push(word);
    try {
      return loadNamed(name);
    } finally {
      reading.open.pop();
    }
  };
  if (kind.startsWith('import')) {
    if (isOpen) {
      problems.push({ code: 'E_SYNTAX', message: `'${String(target)}' imports itself`, at: action.value.at });
      return [];
    }
    if (!isStatic || entry(node, 'loop') !== undefined) {
      problems.push({
        code: 'E_UNSUPPORTED',
        message: `${kind} is read before the run: it takes no ${isStatic ? 'loop' : 'template'}`,
        at: action.value.at,
        hint: `write ${kind.replace('import', 'include')}`,
      });
      return [];
    }
    const loaded = load(target);
    reading.imported.handlers.push(...loaded.handlers);
    reading.imported.roles.push(...loaded.roles);
    return loaded.items;
  }
  if (isStatic && !isOpen) reading.imported.late.push(...load(target).handlers); // also for the mistakes in them, which are reported before the run
  const include: Include = {
    ...common,
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
    reading.problems.push({ code: 'E_ARGS', message: "'apply' takes a map of keywords", at: apply.at });
    return inner;
  }
  const allowed = BLOCK.filter((key) => !['block', 'rescue', 'always', 'name'].includes(key));
  for (const e of apply.entries) isKeyword(e, allowed, "'apply'", reading.problems);
  return { ...readCommon(apply, inner, reading), at: inner.at, name: inner.name };
}

/** Rejects options of which only the default is supported. */
function refuseOptions(options: MapNode, kind: string, reading: Reading): void {
  const only: readonly (readonly [string, boolean, string])[] = [
    ['public', kind === 'import_role', 'list the role under roles: or use import_role to share its variables'],
    ['allow_duplicates', true, 'remove it: a role runs each time that it is used'],
  ];
  for (const [key, value, hint] of only) {
    const given = booleanOf(options, key, reading);
    if (given === undefined || given === value) continue;
    const message = `'${key}' other than ${value} is not supported in ${kind}`;
    reading.problems.push({ code: 'E_UNSUPPORTED', message, at: entry(options, key)?.value.at, hint });
  }
  const apply = entry(options, 'apply');
  if (apply !== undefined && kind.startsWith('import'))
    reading.problems.push({
      code: 'E_ARGS',
      message: `'apply' cannot stand in ${kind}`,
      at: apply.keyAt,
      hint: 'write its keywords beside the import',
    });
}

/** During the run, a mistake in an included file is a failure of that task. */
function loadLate(name: string, load: (name: string) => Loaded, reading: Reading): Loaded {
  const before = reading.problems.length;
  const loaded = load(name);
  const found = reading.problems.slice(before);
  if (found.length > 0) throw new Failure(found);
  return loaded;
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
