import { dirname, isAbsolute, join, relative } from 'node:path';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Own } from '../core/language/keywords.ts';
import type {
  Common,
  Inventory,
  Item,
  KeywordValues,
  Layer,
  Play,
  Playbook,
  Role,
  Section,
  Task,
} from '../core/playbook.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { checkWords, inheritedFrom, isKeyword, ORDERS, readCommon, readOwnKeywords, topLevel } from './common.ts';
import { defaultsFor } from './defaults.ts';
import { doubtsOf } from './doubts.ts';
import { type Files, varsFile } from './files.ts';
import { handlerNames, unique } from './notified.ts';
import { addLibrary, openLibrary } from './own-modules.ts';
import { select } from './patterns.ts';
import { patternOf, serialOf } from './play-parts.ts';
import { readPrompts } from './prompts.ts';
import {
  conditionsOf,
  isNull,
  knownValue,
  noteVars,
  type Reading,
  type ReadingPorts,
  rawOf,
  textOf,
  varsOf,
  wordsOf,
} from './reading.ts';
import { allowsDuplicates, handlersIn, keywordsOf, loadRole, roleUse, useKey } from './roles.ts';
import { type Entry, entry, type MapNode, type Node, toRaw, wrongShape } from './source.ts';
import { readItems, readTasksFile } from './tasks.ts';

export type PlaybookOptions = Readonly<{
  files: Files;
  inventory: Inventory;
  ports: ReadingPorts;
  extraVars: RawVars;
  /** Directories of roles beside the playbook's own roles/. */
  rolePaths?: readonly string[];
  /** Directories of collections beside the playbook's own collections/. */
  collectionPaths?: readonly string[];
  /** Directories with modules beside the playbook's own library/. */
  libraries?: readonly string[];
  /** Keywords that every play has unless it sets them: `become`, `gather_facts` … */
  playDefaults?: RawVars;
}>;
export type LoadedPlaybook = Readonly<{
  playbook: Playbook;
  /** Every tag that occurs anywhere. Asking for any other tag is a mistake. */
  tags: ReadonlySet<string>;
  defined: ReadonlySet<string>;
  used: ReadonlyMap<string, Pos>;
}>;

/**
 * Reads a playbook with everything that it imports. Mistakes are added to `files.problems`; the caller stops if there
 * are any.
 */
export function loadPlaybook(file: string, options: PlaybookOptions): LoadedPlaybook {
  const dir = dirname(file);
  const reading: Reading = {
    files: options.files,
    problems: options.files.problems,
    inventory: options.inventory,
    ports: options.ports,
    playbookDir: dir,
    rolePaths: [join(dir, 'roles'), ...(options.rolePaths ?? [])],
    collectionPaths: [join(dir, 'collections'), ...(options.collectionPaths ?? [])],
    library: openLibrary(options.libraries ?? []),
    extraVars: options.extraVars,
    playDefaults: options.playDefaults ?? {},
    defined: new Set(Object.keys(options.extraVars)),
    used: new Map(),
    definitions: new Map(),
    setByTasks: new Set(),
    texts: new Map(),
    tags: new Set(),
    loadRole,
    readTasks: readTasksFile,
    place: 'task',
    open: [],
    imported: { handlers: [], roles: [], late: [], vars: {}, used: new Set() },
  };
  const plays = readPlays(file, reading, [], NOTHING);
  const doubts = doubtsOf(reading, options.inventory);
  const { notes } = reading.library;
  return { playbook: { file, plays, doubts, notes }, tags: reading.tags, defined: reading.defined, used: reading.used };
}

function readPlays(
  file: string,
  reading: Reading,
  above: readonly string[],
  around: Around,
  from?: Pos,
): readonly Play[] {
  const node = reading.files.yaml(file, undefined, from);
  if (node === undefined) return [];
  addLibrary(reading, join(dirname(file), 'library'));
  if (node.kind !== 'seq') {
    reading.problems.push(wrongShape(node, 'a playbook', 'a list of plays', '- hosts: …'));
    return [];
  }
  return node.items.flatMap((item) => {
    if (item.kind !== 'map') {
      reading.problems.push(wrongShape(item, 'a play', 'a map', '- hosts: …'));
      return [];
    }
    const imported = item.entries.find((e) => /^(ansible\.(builtin|legacy)\.)?import_playbook$/.test(e.key));
    if (imported !== undefined) return importPlays(item, imported, file, reading, above, around);
    const play = readPlay(item, file, reading, around);
    return play === undefined ? [] : [play];
  });
}

/** What an import_playbook adds to each play that it imports. */
type Around = Pick<Common, 'when' | 'tags'> & Readonly<{ vars: RawVars }>;
const NOTHING: Around = { when: [], tags: [], vars: {} };

function importPlays(
  node: MapNode,
  found: Entry,
  file: string,
  reading: Reading,
  above: readonly string[],
  around: Around,
): readonly Play[] {
  for (const e of node.entries) isKeyword(e, 'import_playbook', 'import_playbook', reading.problems, [found.key]);
  const own: Around = {
    when: [...around.when, ...conditionsOf(node, 'when', reading)],
    tags: [...around.tags, ...wordsOf(node, 'tags', reading)],
    vars: { ...around.vars, ...varsOf(node, reading) },
  };
  for (const tag of own.tags) reading.tags.add(tag);
  const name = playbookName(found.value, own.vars, reading);
  if (name === undefined) return [];
  const path = isAbsolute(name) ? name : join(dirname(file), name);
  if (path !== file && !above.includes(path)) return readPlays(path, reading, [...above, file], own, found.value.at);
  reading.problems.push(tell('E_CYCLE', { what: `'${name}'`, verb: 'imports' }, found.value.at));
  return [];
}

/** The file that an import names. A template may read variables of the import and of -e. */
function playbookName(value: Node, vars: RawVars, reading: Reading): string | undefined {
  const raw = toRaw(value);
  const known = knownValue(raw, { vars: [vars], role: undefined }, reading);
  if (typeof known === 'string' && known !== '') return known;
  const what = raw instanceof TemplateText ? 'template' : undefined;
  const expected = 'import_playbook: FILE';
  reading.problems.push(
    what === undefined
      ? tell('E_NO_TARGET', { kind: 'import_playbook', wanted: 'file', expected }, value.at)
      : tell('E_IMPORT_DYNAMIC', { kind: 'import_playbook', what }, value.at),
  );
  return undefined;
}

/** The order of the hosts. A template may read variables of the play and of -e. */
function orderOf(node: MapNode, vars: RawVars, reading: Reading): Play['order'] {
  const raw = rawOf(node, 'order', reading) ?? 'inventory';
  const known = raw instanceof TemplateText ? knownValue(raw, { vars: [vars], role: undefined }, reading) : raw;
  const order = ORDERS.find((one) => one === known);
  if (order !== undefined || !(raw instanceof TemplateText)) return order ?? 'inventory'; // see checkWords
  const value = typeof known === 'string' ? known : raw.text;
  const expected = ORDERS.join(', ');
  reading.problems.push(tell('E_UNSUPPORTED_VALUE', { keyword: 'order', value, expected }, raw.at));
  return 'inventory';
}

/** The name of a play. A template whose value is not known before the run stays as it is written. */
function nameOf(node: MapNode, vars: RawVars, reading: Reading): string | undefined {
  const raw = rawOf(node, 'name', reading);
  if (!(raw instanceof TemplateText)) return textOf(node, 'name', reading);
  const known = knownValue(raw, { vars: [vars], role: undefined }, reading);
  return typeof known === 'string' ? known : raw.text;
}

function readPlay(node: MapNode, file: string, reading: Reading, by: Around): Play | undefined {
  const { problems } = reading;
  for (const e of node.entries) isKeyword(e, 'play', 'a play', problems);
  const hosts = entry(node, 'hosts');
  if (hosts === undefined) {
    problems.push(tell('E_NO_HOSTS', {}, node.at));
    return undefined;
  }
  reading.imported.handlers.length = 0;
  reading.imported.roles.length = 0;
  reading.imported.late.length = 0;
  reading.imported.used.clear();
  const vars = { ...varsOf(node, reading), ...by.vars };
  reading.imported.vars = vars;
  const pattern = patternOf(hosts, vars, reading);
  const varsFiles = readVarsFiles(node, vars, file, reading);
  const top = { ...topLevel(dirname(file)), ...inheritedFrom(reading.playDefaults), tags: by.tags, when: by.when };
  const read = readCommon({ ...node, entries: node.entries.filter(({ key }) => key !== 'vars') }, top, reading);
  const common: Common = { ...read, remoteUser: read.remoteUser ?? rawOf(node, 'user', reading) };
  const around: Common = { ...common, name: undefined };
  const { gatherFacts, forceHandlers, ...keywords } = readOwnKeywords(node, 'play', reading);
  const part = (key: string): readonly Item[] => readItems(entry(node, key)?.value, around, reading);
  const pre = part('pre_tasks');
  const used = readRoles(node, around, reading);
  const tasks = part('tasks');
  const post = part('post_tasks');
  const own = handlersIn(
    readItems(entry(node, 'handlers')?.value, { ...around, when: [] }, { ...reading, place: 'handler' }),
    reading,
  );
  const { imported } = reading;
  const sections: readonly Section[] = [
    { name: 'pre_tasks', body: pre },
    { name: 'tasks', body: [...used.items, ...tasks] },
    { name: 'post_tasks', body: post },
  ];
  const handlers = unique([...used.handlers, ...imported.handlers, ...own]);
  checkWords(node, reading);
  const unknown: Diagnostic[] = [];
  const selected = select(pattern, reading.inventory, hosts.value.at, unknown);
  problems.push(...unknown.filter(({ code }) => code !== 'E_UNKNOWN_HOST'));
  const max = keywords.maxFailPercentage;
  return {
    name: nameOf(node, vars, reading) ?? pattern,
    at: node.at,
    pattern,
    hosts: selected,
    warnings: unknown.filter(({ code }) => code === 'E_UNKNOWN_HOST'),
    order: orderOf(node, vars, reading),
    gatherFacts: gatherFacts ?? reading.playDefaults['gather_facts'] ?? true,
    gatherArgs: gatherArgsOf(keywords, common),
    common,
    vars,
    prompts: readPrompts(node, reading),
    varsFiles: varsFiles.known,
    lateVarsFiles: varsFiles.late,
    sections: sections.filter((s) => s.body.length > 0),
    handlers,
    handlerNames: handlerNames([...handlers, ...imported.late]),
    roles: [...used.roles, ...imported.roles],
    serial: serialOf(node, vars, reading),
    maxFailPercentage: typeof max === 'number' ? max : undefined,
    forceHandlers:
      entry(node, 'force_handlers') === undefined ? (reading.playDefaults['force_handlers'] ?? false) : forceHandlers,
  };
}

/** The arguments of the module `setup` for gathering the play's facts. */
function gatherArgsOf(
  { gatherSubset, factPath }: Pick<Own<'play', KeywordValues>, 'gatherSubset' | 'factPath'>,
  { moduleDefaults }: Common,
): RawVars {
  return {
    ...defaultsFor('gather_facts', moduleDefaults),
    ...defaultsFor('setup', moduleDefaults),
    ...(gatherSubset !== undefined && { gather_subset: gatherSubset }),
    ...(factPath !== undefined && { fact_path: factPath }),
  };
}

type VarsFiles = Readonly<{ known: readonly Layer[]; late: Play['lateVarsFiles'] }>;

/**
 * `vars_files`. A nested list names alternatives, of which the first that exists counts. A name that reads a host's
 * facts or variables is looked for when the host's play begins.
 */
function readVarsFiles(node: MapNode, vars: RawVars, file: string, reading: Reading): VarsFiles {
  const found = entry(node, 'vars_files')?.value;
  if (found === undefined || isNull(found)) return { known: [], late: [] };
  const items = found.kind === 'seq' ? found.items : [found];
  const folders = [...new Set([dirname(file), reading.playbookDir])].flatMap((dir) => [join(dir, 'vars'), dir]);
  const known: Layer[] = [];
  const late: Play['lateVarsFiles'][number][] = [];
  for (const item of items) {
    const names = (item.kind === 'seq' ? item.items : [item]).map((one) => toRaw(one));
    const texts = names.map((raw) => textKnown(raw, vars, reading));
    if (texts.includes(undefined)) {
      late.push({ names, folders, at: item.at });
      reading.defined.add('*');
      continue;
    }
    const paths = texts.flatMap((text = '') => (isAbsolute(text) ? [text] : folders.map((dir) => join(dir, text))));
    const path = paths.find((p) => reading.files.isFile(p)) ?? paths[0];
    if (path === undefined) continue;
    const loaded = varsFile(path, reading.files, item.at);
    noteVars(loaded, reading);
    known.push({ from: relative(process.cwd(), path), vars: loaded });
  }
  return { known, late };
}

function textKnown(raw: Raw, vars: RawVars, reading: Reading): string | undefined {
  try {
    const text = reading.ports.evaluate(raw, { ...vars, ...reading.extraVars });
    return typeof text === 'string' ? text : undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const isOpen = error.diagnostics.every(({ code }) => code.startsWith('E_UNDEFINED_'));
    if (!isOpen) reading.problems.push(...error.diagnostics);
    return isOpen ? undefined : '';
  }
}

type Roles = Readonly<{ items: readonly Item[]; handlers: readonly Task[]; roles: readonly Role[] }>;

/** The roles of a play, in order. A role that is used again with equal parameters runs once. */
function readRoles(node: MapNode, around: Common, reading: Reading): Roles {
  const list = entry(node, 'roles')?.value;
  if (list === undefined || isNull(list)) return { items: [], handlers: [], roles: [] };
  if (list.kind !== 'seq') {
    reading.problems.push(wrongShape(list, "'roles'", 'a list', '- ROLE'));
    return { items: [], handlers: [], roles: [] };
  }
  const seen = new Set<string>();
  const all = list.items.flatMap((item) => {
    const { name, params } = roleUse(item, around, reading);
    if (name === undefined) return [];
    const use = useKey(item, params);
    const key = `${name} ${use}`;
    if (seen.has(key) && !allowsDuplicates(name, around, reading)) return [];
    seen.add(key);
    const inner = item.kind === 'map' ? keywordsOf(item, around, reading) : { ...around, at: item.at };
    return [loadRole(name, item.at, inner, reading, { params, key: use })];
  });
  return {
    items: all.flatMap((l) => l.items),
    handlers: all.flatMap((l) => l.handlers),
    roles: all.flatMap((l) => l.roles),
  };
}
