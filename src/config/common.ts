import { toBoolean } from '../core/coerce.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import {
  fieldOf,
  isRefused,
  KEYWORDS,
  type KeywordType,
  keywordsOn,
  type Own,
  type Place,
  rowOf,
} from '../core/language/keywords.ts';
import type { Common, KeywordValues, Role } from '../core/playbook.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { checkDefaults } from './defaults.ts';
import { booleanOf, conditionsOf, knownValue, type Reading, rawOf, variableName, varsOf, wordsOf } from './reading.ts';
import { described, type Entry, entry, type MapNode, toRaw } from './source.ts';

/** The value of a keyword that stands nowhere. */
const NONE: Readonly<Record<KeywordType, unknown>> = {
  flag: false,
  boolean: undefined,
  value: undefined,
  values: [],
  words: [],
  conditions: [],
  vars: [],
  variable: undefined,
  structure: undefined,
};

const READ: Readonly<Record<KeywordType, (node: MapNode, key: string, reading: Reading) => unknown>> = {
  flag: booleanOf,
  boolean: booleanOf,
  value: rawOf,
  values: (node, key, reading) => listOf(rawOf(node, key, reading)),
  words: wordsOf,
  conditions: (node, key, reading) => conditionsOf(node, key, reading),
  vars(node, _key, reading) {
    const vars = varsOf(node, reading);
    return Object.keys(vars).length > 0 ? [vars] : [];
  },
  variable: variableName,
  structure: () => undefined,
};

/** What an item inherits if no block or play surrounds it. */
export function topLevel(dir: string, role?: Role): Common {
  const inherited = Object.entries(KEYWORDS).flatMap(([name, row]) =>
    isRefused(row) || row.inherit === 'own' ? [] : [[fieldOf(name), NONE[row.type]]],
  );
  const own = { at: { file: dir, line: 1, col: 1 }, name: undefined, role, dir, faults: [], reads: [] };
  return { ...(Object.fromEntries(inherited) as Omit<Common, keyof typeof own>), ...own };
}

/** The fields of those keywords that a play's items inherit. */
export function inheritedFrom(keywords: RawVars): Partial<Common> {
  const all = Object.entries(keywords).filter(([name]) => {
    const row = rowOf(name);
    return row !== undefined && !isRefused(row) && row.inherit === 'nearest';
  });
  return Object.fromEntries(all.map(([name, raw]) => [fieldOf(name), raw])) as Partial<Common>;
}

/** Reads the item's own keywords and combines them with the inherited ones. */
export function readCommon(node: MapNode, around: Common, reading: Reading): Common {
  const common: Record<string, unknown> = { ...around, at: node.at, name: rawOf(node, 'name', reading) };
  for (const { key } of node.entries) {
    const row = rowOf(key);
    if (row === undefined || isRefused(row) || row.inherit === 'own' || row.type === 'structure') continue;
    if (key === 'tags') continue;
    const field = fieldOf(key);
    const value = READ[row.type](node, key, reading);
    if (row.inherit === 'nearest') common[field] = value ?? common[field];
    else common[field] = extended(common[field] as readonly unknown[], value as readonly unknown[], row.type);
  }
  checkDefaults(node, reading);
  checkWords(node, reading);
  // Tags may hold templates of the item's own variables.
  const tags = tagsOf(node, common as Common, reading);
  for (const tag of tags) reading.tags.add(tag);
  return { ...(common as Common), tags: [...new Set([...around.tags, ...tags])] };
}

/** As in Ansible, a template in tags knows the variables of the play and the role, and those of -e. */
function tagsOf(node: MapNode, common: Common, reading: Reading): readonly string[] {
  const found = entry(node, 'tags')?.value;
  const items = found === undefined ? [] : found.kind === 'seq' ? found.items : [found];
  if (!items.some((item) => toRaw(item) instanceof TemplateText)) return wordsOf(node, 'tags', reading);
  return items.flatMap((item): readonly string[] => {
    const raw = toRaw(item);
    const value = raw instanceof TemplateText ? knownValue(raw, common, reading) : raw;
    const all = Array.isArray(value) ? value : [value];
    if (all.every((one) => typeof one === 'string'))
      return all
        .flatMap((one) => String(one).split(','))
        .map((word) => word.trim())
        .filter((word) => word !== '');
    const wanted = 'words, or a template of variables that are known before the run';
    reading.problems.push(tell('E_KEYWORD_VALUE', { keyword: 'tags', wanted, found: described(item) }, item.at));
    return [];
  });
}

export const ORDERS = ['inventory', 'reverse_inventory', 'sorted', 'reverse_sorted', 'shuffle'] as const;

/** The words that some keywords may have. A template is checked when the run has its value. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  strategy: ['linear', 'free', 'host_pinned'],
  order: ORDERS,
  become_method: ['sudo', 'doas', 'su'],
  connection: ['ssh', 'local', 'smart', 'paramiko'],
};

/** Reports a value that is not one of a keyword's words. */
export function checkWords(node: MapNode, { problems }: Pick<Reading, 'problems'>): void {
  for (const { key, value } of node.entries) {
    const words = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
    if (words === undefined || value.kind !== 'scalar' || typeof value.value !== 'string') continue;
    if (words.includes(value.source.replace(/^(ansible\.builtin|community\.general)\./, ''))) continue;
    const hint = key === 'become_method' ? { hint: 'set ansible_become_method in the inventory' } : {};
    const wrong = { keyword: key, value: value.source, expected: words.join(', '), ...hint };
    problems.push(tell('E_UNSUPPORTED_VALUE', wrong, value.at));
  }
}

function extended(outer: readonly unknown[], inner: readonly unknown[], type: KeywordType): readonly unknown[] {
  if (inner.length === 0) return outer;
  return type === 'words' ? [...new Set([...outer, ...inner])] : [...outer, ...inner];
}

/** The keywords that only the item itself has. */
export function readOwnKeywords<P extends Place>(node: MapNode, place: P, reading: Reading): Own<P, KeywordValues> {
  const own = keywordsOn(place).flatMap((name) => {
    const row = rowOf(name);
    if (row === undefined || isRefused(row) || row.inherit !== 'own' || row.type === 'structure' || name === 'name')
      return [];
    const value = entry(node, name) === undefined ? undefined : READ[row.type](node, name, reading);
    return [[fieldOf(name), value ?? NONE[row.type]]];
  });
  return Object.fromEntries(own) as Own<P, KeywordValues>;
}

/** Reports a key that is not a keyword here. Returns true if it is one. `also`: more names that may stand here. */
export function isKeyword(
  e: Entry,
  place: Place,
  where: string,
  problems: Diagnostic[],
  also: readonly string[] = [],
): boolean {
  const row = rowOf(e.key);
  if (also.includes(e.key) || (row?.on.includes(place) && !isRefused(row))) return true;
  if (row !== undefined && isRefused(row))
    problems.push(tell('E_UNSUPPORTED_KEYWORD', { keyword: e.key, instead: row.refused }, e.keyAt));
  else {
    const isOfTasks = place === 'include' && row?.on.includes('task') === true;
    const hint = isOfTasks ? { hint: `write it under 'apply', for the included tasks: apply: {${e.key}: …}` } : {};
    const known = [...keywordsOn(place), ...also];
    problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: e.key, where, known, ...hint }, e.keyAt));
  }
  return false;
}

/** Reports a key that is not one of an option's words. */
export function isOption(e: Entry, known: readonly string[], where: string, problems: Diagnostic[]): void {
  if (!known.includes(e.key)) problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: e.key, where, known }, e.keyAt));
}

export function listOf(raw: Raw | undefined): readonly Raw[] {
  return raw === undefined || raw === null ? [] : Array.isArray(raw) ? raw : [raw];
}

/** Whether a literal value of a boolean keyword is true. */
export function isOn(raw: Raw | undefined): boolean {
  return raw !== undefined && toBoolean(raw as never) === true;
}
