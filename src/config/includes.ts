import { isAbsolute, join } from 'node:path';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Own } from '../core/language/keywords.ts';
import type { From, IncludeKind } from '../core/language/options.ts';
import type { Module } from '../core/module.ts';
import type { Common, Include, IncludedItems, Item, KeywordValues, LoopControl, Task } from '../core/playbook.ts';
import { type RawVars, TemplateText } from '../core/value.ts';
import { BUILTIN } from './arguments.ts';
import { isKeyword, readCommon } from './common.ts';
import { applied, type IncludeOptions, noTarget, readIncludeOptions } from './include-options.ts';
import { readLoop } from './loops.ts';
import { aside, knownText, type Reading, settle, wordsOf } from './reading.ts';
import { type Entry, entry, type MapNode } from './source.ts';

/** The parts of a role that are chosen, by name. */
type Chosen = Readonly<Partial<Record<From, string>>>;
type Load = (name: string, from: Chosen, into: Reading) => IncludedItems;

/** Reads an include or an import: the imported items, or one include that the run expands. */
export function readInclude(node: MapNode, action: Entry, around: Common, reading: Reading): readonly Item[] {
  const own = aside(reading);
  const kind = kindOf(node, action);
  const place = kind.startsWith('import') ? 'import' : 'include';
  // An import with a loop is refused in words of its own.
  const also = [...(place === 'import' ? LOOPS : []), ...(reading.place === 'handler' ? ['listen'] : [])];
  for (const e of node.entries)
    if (e !== action && !e.key.startsWith('with_')) isKeyword(e, place, kind, own.problems, also);
  if (kind === 'import_playbook') {
    const hint = 'write import_playbook at the top of a playbook, beside plays';
    reading.problems.push(...own.problems, tell('E_INCLUDE_PLACE', { kind, hint }, action.keyAt));
    return [];
  }
  const options = readIncludeOptions(node, action, kind, own);
  const common = readCommon(node, around, own);
  if (options.target === undefined) own.problems.push(noTarget(kind, action));
  const given = { node, action, kind, options, common, around };
  return place === 'import' ? readImport(given, own, reading) : [readDynamic(given, own, reading)];
}

type Given = Readonly<{
  node: MapNode;
  action: Entry;
  kind: IncludeKind;
  options: IncludeOptions;
  common: Common;
  around: Common;
}>;
const LOOPS = ['loop', 'loop_control'];

/** `include` of old playbooks is an import, unless it needs a value of the run. */
function kindOf(node: MapNode, { key, value }: Entry): IncludeKind | 'import_playbook' {
  const kind = key.replace(BUILTIN, '');
  if (kind !== 'include') return kind as IncludeKind | 'import_playbook';
  const isLoop = node.entries.some((e) => e.key === 'loop' || e.key.startsWith('with_'));
  return isLoop || (value.kind === 'scalar' && value.value instanceof TemplateText) ? 'include_tasks' : 'import_tasks';
}

/** An import passes its keywords on to each task. */
function readImport(given: Given, own: Reading, reading: Reading): readonly Item[] {
  const { node, action, kind, options, common, around } = given;
  const isLoop = entry(node, 'loop') !== undefined || node.entries.some((e) => e.key.startsWith('with_'));
  const target = knownText(options.target, common, own);
  const from = Object.entries(options.from).map(([name, raw]) => [name, knownText(raw, common, own)] as const);
  const isOpen = target !== undefined && own.open.includes(wordOf(target, given, own));
  if (isOpen) own.problems.push(tell('E_CYCLE', { what: `'${target}'`, verb: 'imports' }, action.value.at));
  const unknown = options.target !== undefined && (target === undefined || from.some(([, name]) => name === undefined));
  if (isLoop || unknown)
    own.problems.push(tell('E_IMPORT_DYNAMIC', { kind, what: isLoop ? 'loop' : 'template' }, action.value.at));
  const inner = { ...common, ...settle(own, around, reading) };
  if (target === undefined || isOpen || isLoop || unknown) return [];
  const loaded = loader(given, inner)(target, Object.fromEntries(from), reading);
  reading.imported.handlers.push(...loaded.handlers);
  reading.imported.roles.push(...(options.isPublic ? loaded.roles : []));
  return loaded.items;
}

/** An include applies its `when` and tags to itself, and passes on its variables and what says how tasks are run. */
function readDynamic(given: Given, own: Reading, reading: Reading): Include {
  const { node, action, kind, options, common, around } = given;
  const { vars, role, environment, become, becomeUser, becomeMethod, becomeExe, becomeFlags } = common;
  const { noLog, runOnce, collections } = common;
  const how = { environment, become, becomeUser, becomeMethod, becomeExe, becomeFlags, noLog, runOnce, collections };
  const passed = { vars, role, ...how };
  const load = loader(given, applied(options.map, { ...around, ...passed }, own));
  const target = options.target ?? '';
  const from = Object.entries(options.from);
  const isStatic = typeof target === 'string' && from.every(([, raw]) => typeof raw === 'string');
  const isOpen = isStatic && own.open.includes(wordOf(target, given, own));
  const chosen = Object.fromEntries(options.target === undefined ? [] : from) as Chosen;
  const preview =
    isStatic && !isOpen && options.target !== undefined ? loadApart(target, chosen, load, reading) : undefined;
  reading.imported.late.push(...(preview?.items.handlers ?? []));
  const loop = readLoop(node, own);
  const { faults, reads } = settle(own, around, reading);
  return {
    ...common,
    faults: [...faults, ...(preview?.problems ?? [])],
    reads,
    preview: preview?.items,
    kind: 'include',
    what: kind.endsWith('role') ? 'role' : 'tasks',
    target,
    targetAt: action.value.at,
    params: kind.endsWith('role') ? {} : ownVars(common, around),
    from: options.from,
    isPublic: options.isPublic,
    allowsDuplicates: options.allowsDuplicates,
    listen: wordsOf(node, 'listen', own),
    load: (name, parts) => loadLate(name, parts, load, reading),
    ...loop,
  };
}

/** Identifies what is being read, to find a file that includes itself. */
function wordOf(target: string, { kind, options, common }: Given, reading: Reading): string {
  if (kind.endsWith('role')) return `role ${target} ${String(options.from.tasks_from ?? '')}`;
  return findTasks(target, common, reading);
}

function loader(given: Given, inner: Common): Load {
  const { kind, options, common } = given;
  const loadNamed: Load = (name, from, into) => {
    if (!kind.endsWith('role'))
      return { items: into.readTasks(findTasks(name, common, into), inner, into, common), handlers: [], roles: [] };
    const use = {
      params: common.vars.at(-1) ?? {},
      tasksFrom: from.tasks_from,
      varsFrom: from.vars_from,
      defaultsFrom: from.defaults_from,
      handlersFrom: from.handlers_from,
      validates: options.validates,
    };
    return into.loadRole(name, common.at, inner, into, use);
  };
  return (name, from, into) => {
    into.open.push(wordOf(name, given, into));
    try {
      return loadNamed(name, from, into);
    } finally {
      into.open.pop();
    }
  };
}

/**
 * An include is read without regard to what was read before: whether a role that it depends on has run already is known
 * when a host gets there.
 */
function afresh(reading: Reading): Reading {
  return { ...reading, imported: { ...reading.imported, used: new Set() } };
}

/** Reads what an include names. Mistakes in the file are kept apart, because they matter only if a host includes it. */
function loadApart(
  name: string,
  from: Chosen,
  load: Load,
  reading: Reading,
): Readonly<{ items: IncludedItems; problems: Diagnostic[] }> {
  const apart = { ...afresh(reading), problems: [] as Diagnostic[] };
  const before = reading.files.problems.length;
  const items = load(name, from, apart);
  return { items, problems: [...reading.files.problems.splice(before), ...apart.problems] };
}

/** During the run, a mistake in an included file is a failure of that task. */
export function loadLate(name: string, from: Chosen, load: Load, reading: Reading): IncludedItems {
  const { items, problems } = loadApart(name, from, load, reading);
  if (problems.length > 0) throw new Failure(problems);
  return items;
}

/** Searched beside the including file, then in the role and its tasks/, then beside the playbook. */
function findTasks(name: string, common: Common, reading: Reading): string {
  if (isAbsolute(name)) return name;
  const { role } = common;
  const roots = [
    common.dir,
    ...(role === undefined ? [] : [join(role.path, 'tasks'), role.path]),
    join(reading.playbookDir, 'tasks'),
    reading.playbookDir,
  ];
  const found = roots.map((root) => join(root, name)).find((path) => reading.files.isFile(path));
  return found ?? join(common.dir, name);
}

/** An include among handlers. Its tasks run when it is notified. */
export function includeAsHandler(include: Include): Task {
  return {
    ...include,
    ...NO_KEYWORDS,
    kind: 'task',
    module: 'include',
    impl: undefined,
    args: {},
    argAt: () => include.targetAt,
    listen: include.listen,
    include,
  };
}

const NO_KEYWORDS: Own<'handler', KeywordValues> = {
  register: undefined,
  changedWhen: [],
  failedWhen: [],
  until: [],
  retries: undefined,
  delay: undefined,
  async: undefined,
  poll: undefined,
  listen: [],
};

/** The variables that an include has beside those around it. */
function ownVars({ vars }: Common, around: Common): RawVars {
  return vars.length > around.vars.length ? (vars.at(-1) ?? {}) : {};
}

/** A task that no playbook has written down. */
export function taskOf(name: string, impl: Module, args: RawVars, common: Common): Task {
  return {
    ...common,
    ...NO_KEYWORDS,
    kind: 'task',
    name,
    module: impl.name,
    impl,
    args,
    argAt: () => common.at,
    loop: undefined,
    loopControl: NO_LOOP,
  };
}

export const NO_LOOP: LoopControl = {
  loopVar: 'item',
  indexVar: undefined,
  label: undefined,
  pause: undefined,
  extended: false,
  allItems: true,
  breakWhen: [],
};
