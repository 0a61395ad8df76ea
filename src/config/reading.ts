import { basename, resolve } from 'node:path';
import { toBoolean } from '../core/coerce.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { mattersIfReached, tell } from '../core/errors/index.ts';
import type { Module } from '../core/module.ts';
import type { Common, Condition, IncludedItems, Inventory, Item, Reads, Role, Task } from '../core/playbook.ts';
import { type Raw, type RawVars, Secret, TemplateText, type Value } from '../core/value.ts';
import type { Files } from './files.ts';
import type { Library, OwnModulePorts } from './own-modules.ts';
import { described, entry, HAS_TEMPLATE, type MapNode, type Node, toRaw, toVars } from './source.ts';

/** What reading a playbook needs from outside. cli/ provides it. */
export type ReadingPorts = Readonly<{
  /** Modules by every name that a playbook may use, without collection prefixes. */
  modules: ReadonlyMap<string, Module>;
  /** Compiles a template or a bare expression and returns the names that it reads. Throws Failure. */
  namesIn: (text: string, at: Pos, kind: 'template' | 'expression') => ReadonlySet<string>;
  /** Makes modules of files of the project. */
  own: OwnModulePorts;
  templatesIn: (raw: Raw) => Iterable<TemplateText>;
  /** Evaluates a value with these variables only. Throws Failure. */
  evaluate: (raw: Raw, vars: RawVars) => Value;
}>;

/** The state while a playbook is read: where problems are collected, and what was found. */
export type Reading = Readonly<{
  files: Files;
  problems: Diagnostic[];
  inventory: Inventory;
  ports: ReadingPorts;
  playbookDir: string;
  rolePaths: readonly string[];
  /** Directories with an ansible_collections/ in them. */
  collectionPaths: readonly string[];
  /** The project's own modules. */
  library: Library;
  extraVars: RawVars;
  /** Keywords that every play has unless it sets them. */
  playDefaults: RawVars;
  /**
   * Every name that is defined somewhere: register, vars, set_fact … It serves to find names that are never defined.
   */
  defined: Set<string>;
  /** The names that are read, each once, with a position: of the play, or of one item (see `aside`). */
  used: Map<string, Pos>;
  /** What each definition of a variable reads, and the mistakes in it. */
  definitions: Map<string, Definition[]>;
  /** The names that tasks set or register. */
  setByTasks: Set<string>;
  /** The templates of variables that are defined, by their names. */
  texts: Map<string, string[]>;
  tags: Set<string>;
  /** loadRole of roles.ts. It is passed in because a role's tasks may import roles again. */
  loadRole: (name: string, at: Pos, around: Common, reading: Reading, use: RoleUse) => IncludedItems;
  /** readTasksFile of tasks.ts, passed in for the same reason. */
  readTasks: (file: string, around: Common, reading: Reading, from?: Common) => readonly Item[];
  /** Files of tasks and roles that are being read. A file that includes itself is read when the run reaches it. */
  open: string[];
  /** What the list of items holds that is being read. */
  place: 'task' | 'handler';
  /** What import_role added to the play that is being read. `late` holds handlers that include_role will add, `vars` the play's variables, `used`
   * the dependencies of roles that were read. */
  imported: { handlers: Task[]; roles: Role[]; late: Task[]; vars: RawVars; used: Set<string> };
}>;
/** A value of a variable, in vars:, in a role or in a file of variables. */
export type Definition = Pick<Common, 'faults'> & Readonly<{ reads: Reads }>;
/** The part of the state that records templates and the names that they read. */
export type TemplateReading = Pick<Reading, 'problems' | 'ports' | 'defined' | 'used'>;

export type RoleUse = Readonly<{
  /** Tells uses of one role apart: see useKey. Default: '', a use without parameters. */
  key?: string;
  /** The role whose meta/main.yml names this one. */
  dependent?: Role;
  params: RawVars;
  tasksFrom?: string | undefined;
  varsFrom?: string | undefined;
  defaultsFrom?: string | undefined;
  handlersFrom?: string | undefined;
  /** Whether the arguments are checked against meta/argument_specs.yml. Default: true. */
  validates?: boolean;
}>;

/** The raw value of a key, with its templates checked. undefined if the key is absent. */
export function rawOf(node: MapNode, key: string, reading: TemplateReading): Raw | undefined {
  const found = entry(node, key);
  if (found === undefined) return undefined;
  const raw = toRaw(found.value);
  checkTemplates(raw, reading);
  return raw;
}

/** A boolean keyword as a boolean or a template. Ansible's words for booleans, such as 'no', are converted. */
export function booleanOf(node: MapNode, key: string, reading: TemplateReading): Raw | undefined {
  const raw = rawOf(node, key, reading);
  if (raw === undefined || raw === null) return undefined;
  if (raw instanceof TemplateText || raw instanceof Secret) return raw;
  const word = toBoolean(raw);
  if (typeof word === 'boolean') return word;
  wrongValue(node, key, 'a boolean', reading, 'true or false');
  return undefined;
}

export function checkTemplates(raw: Raw, reading: TemplateReading): void {
  for (const { text, at } of reading.ports.templatesIn(raw)) noteNames(text, at, 'template', reading);
}

function noteNames(text: string, at: Pos, kind: 'template' | 'expression', reading: TemplateReading): void {
  guarded(reading, () => {
    const names = reading.ports.namesIn(text, at, kind);
    // A guard (`is defined`, default) makes it legitimate to read a name that nothing defines.
    if (GUARD.test(text)) return;
    for (const name of names) if (!reading.used.has(name)) reading.used.set(name, at);
  });
}
const GUARD = /\b(un)?defined\b|\bdefault\b|\|\s*d\b|\bomit\b|\bmandatory\b|lookup\('vars'|hostvars|\bvars\b/;

/** Records variables that are defined. What is wrong in a value matters only where the variable is read. */
export function noteVars(vars: RawVars, reading: Pick<Reading, 'ports' | 'defined' | 'definitions' | 'texts'>): void {
  for (const [name, value] of Object.entries(vars)) {
    reading.defined.add(name);
    for (const { text } of reading.ports.templatesIn(value))
      reading.texts.set(name, [...(reading.texts.get(name) ?? []), text]);
    const own = { ports: reading.ports, defined: reading.defined, problems: [], used: new Map<string, Pos>() };
    checkTemplates(value, own);
    if (own.used.size === 0 && own.problems.length === 0) continue;
    const known = reading.definitions.get(name) ?? [];
    known.push({ reads: own.used, faults: own.problems });
    reading.definitions.set(name, known);
  }
}

/** A state that collects the mistakes of one item, and the names that it reads, apart from all others. */
export function aside(reading: Reading): Reading {
  return { ...reading, problems: [], used: new Map() };
}

/**
 * What `own` collected about an item. A mistake in a keyword is reported whether the item is reached or not, as in
 * Ansible. Any other one matters only if a host reaches the item: a role's tasks for another system are no mistake.
 */
export function settle(own: Reading, around: Common, reading: Reading): Pick<Common, 'faults' | 'reads'> {
  const late = own.problems.filter(({ code }) => mattersIfReached(code));
  reading.problems.push(...own.problems.filter(({ code }) => !mattersIfReached(code)));
  return {
    faults: late.length === 0 ? around.faults : [...around.faults, ...late],
    reads: own.used.size === 0 ? around.reads : [...around.reads, own.used],
  };
}

/** Runs a function that may throw Failure, and collects its diagnostics as problems. */
export function guarded(reading: Pick<Reading, 'problems'>, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Error && 'diagnostics' in error)) throw error;
    reading.problems.push(...(error.diagnostics as readonly Diagnostic[]));
  }
}

export function varsOf(node: MapNode, reading: Reading, key = 'vars'): RawVars {
  const found = entry(node, key);
  if (found === undefined || isNull(found.value)) return {};
  if (found.value.kind !== 'map') {
    wrongValue(node, key, 'a map', reading, 'name: value');
    return {};
  }
  const vars = toVars(found.value);
  noteVars(vars, reading);
  return vars;
}

/** Reads when, changed_when, failed_when or until: a bare expression, a boolean, or a list of which all must hold. */
export function conditionsOf(node: MapNode, key: string, reading: Reading): readonly Condition[] {
  const found = entry(node, key);
  if (found === undefined) return [];
  const items = found.value.kind === 'seq' ? found.value.items : [found.value];
  return items.flatMap((item): readonly Condition[] => {
    if (item.kind !== 'scalar') {
      const expected = "an expression such as: ansible_os_family == 'Debian'";
      const found = described(item);
      reading.problems.push(tell('E_KEYWORD_VALUE', { keyword: key, wanted: 'expressions', found, expected }, item.at));
      return [];
    }
    if (typeof item.value === 'boolean') return [item.value];
    if (item.value === null) return [];
    const quoted = item.isPlain ? 0 : 1;
    const at = { ...item.at, col: item.at.col + quoted };
    const [, inner] = /^\s*\{\{((?:(?!\{\{|\}\})[\s\S])*)\}\}\s*$/.exec(item.source) ?? [];
    if (inner === undefined && HAS_TEMPLATE.test(item.source)) {
      noteNames(item.source, at, 'template', reading);
      return [{ text: item.source, at }];
    }
    const text = inner ?? item.source;
    noteNames(text, at, 'expression', reading);
    return [{ text, at }];
  });
}

/** A string or a list of strings, as in `tags: a,b` or `tags: [a, b]`. */
export function wordsOf(node: MapNode, key: string, reading: Reading): readonly string[] {
  const found = entry(node, key);
  if (found === undefined || isNull(found.value)) return [];
  const items = found.value.kind === 'seq' ? found.value.items : [found.value];
  return items.flatMap((item): readonly string[] => {
    if (item.kind === 'scalar')
      return item.source
        .split(',')
        .map((w) => w.trim())
        .filter((w) => w !== '');
    const value = { keyword: key, wanted: 'words', found: described(item), expected: `${key}: [one, two]` };
    reading.problems.push(tell('E_KEYWORD_VALUE', value, item.at));
    return [];
  });
}

/** A text that must be known before the run: a name, a file. */
export function textOf(node: MapNode, key: string, reading: Reading): string | undefined {
  const found = entry(node, key);
  if (found === undefined) return undefined;
  if (found.value.kind === 'scalar' && (typeof found.value.value === 'string' || typeof found.value.value === 'number'))
    return found.value.source;
  wrongValue(node, key, 'a plain text', reading);
  return undefined;
}

/**
 * A text that is known before the run: written as it is, or a template of variables of the play, of the role, of -e.
 * undefined: it needs a value of the run.
 */
export function knownText(raw: Raw | undefined, common: Common, reading: Reading): string | undefined {
  if (raw === undefined || typeof raw === 'string') return raw;
  const value = knownValue(raw, common, reading);
  return typeof value === 'string' ? value : undefined;
}

/** The same for a value of any type. */
export function knownValue(
  raw: Raw,
  { vars, role }: Pick<Common, 'vars' | 'role'>,
  reading: Reading,
): Value | undefined {
  const places = {
    playbook_dir: resolve(reading.playbookDir),
    ...(role !== undefined && ofRole(role)),
  };
  try {
    const own: RawVars = Object.assign({}, role?.defaults.vars, reading.imported.vars, role?.vars.vars, ...vars);
    return reading.ports.evaluate(raw, { ...own, ...places, ...role?.params, ...reading.extraVars });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** The variables about a role that all its tasks have. */
function ofRole({ name, path, collection, parents }: Role): RawVars {
  return {
    role_path: resolve(path),
    role_name: basename(name),
    ansible_role_name: name,
    ansible_collection_name: collection ?? null,
    ...(parents.length > 0 && {
      ansible_parent_role_names: parents.map((one) => one.name),
      ansible_parent_role_paths: parents.map((one) => resolve(one.path)),
    }),
  };
}

/** A text that names a variable. */
export function variableName(node: MapNode, key: string, reading: Reading): string | undefined {
  const name = textOf(node, key, reading);
  if (name === undefined || /^[A-Za-z_]\w*$/.test(name)) return name;
  wrongValue(node, key, 'the name of a variable', reading, 'letters, digits and _; no digit first');
  return undefined;
}

/** Reports a value of a keyword that has the wrong type. */
export function wrongValue(
  node: MapNode,
  key: string,
  wanted: string,
  { problems }: Pick<Reading, 'problems'>,
  expected?: string,
): void {
  const value = entry(node, key)?.value;
  const found = value === undefined ? 'nothing' : described(value);
  const more = { ...(expected !== undefined && { expected }) };
  problems.push(tell('E_KEYWORD_VALUE', { keyword: key, wanted, found, ...more }, value?.at));
}

export function isNull(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null;
}
