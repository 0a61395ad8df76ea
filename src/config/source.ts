import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  Scalar,
  type Node as YamlNode,
} from 'yaml';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { size } from '../core/units.ts';
import { Float, type Raw, type RawVars, TemplateText, type Value } from '../core/value.ts';
import { OWN, UNWANTED } from './yaml-tags.ts';

/** A parsed YAML value with its position. The rest of config/ sees YAML only in this form. */
export type Node = MapNode | SeqNode | ScalarNode;
export type MapNode = Readonly<{ kind: 'map'; at: Pos; entries: readonly Entry[] }>;
export type SeqNode = Readonly<{ kind: 'seq'; at: Pos; items: readonly Node[] }>;
export type ScalarNode = Readonly<{
  kind: 'scalar';
  at: Pos;
  value: Raw;
  /** As written, without quotes: `0644`, `yes`. */
  source: string;
  isPlain: boolean;
}>;
export type Entry = Readonly<{ key: string; keyValue: Value; keyAt: Pos; value: Node }>;

export type SourceOptions = Readonly<{
  /** Decrypts a `!vault` scalar. */
  decrypt?: (text: string, at: Pos) => Value;
}>;

/**
 * Parses YAML 1.1 as Ansible does: yes/no/on/off are booleans, 0644 is octal, `<<` merges. Duplicate keys, unknown
 * tags, alias bombs and unquoted `{{ }}` are problems with a position. An empty file gives undefined.
 */
export function parseYaml(
  text: string,
  file: string,
  problems: Diagnostic[],
  options: SourceOptions = {},
): Node | undefined {
  if (text.length > MOST) {
    problems.push(tell('E_YAML_TOO_LARGE', { limit: size(MOST) }, { file, line: 1, col: 1 }));
    return undefined;
  }
  const bad = text.search(UNPRINTABLE);
  if (bad >= 0) {
    problems.push(unprintable(text, bad, file));
    return undefined;
  }
  const counter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: counter,
    merge: true,
    keepSourceTokens: false,
    uniqueKeys: false, // the library compares every key with every other, so we check it ourselves
    customTags: (tags) => [...tags.filter((t) => typeof t === 'string' || !UNWANTED.has(t.tag)), ...OWN],
  });
  if (!Array.isArray(documents)) return undefined;
  const place = (offset: number, end?: number): Pos => {
    const { line, col } = counter.linePos(offset);
    return {
      file,
      line: Math.max(line, 1),
      col: Math.max(col, 1),
      ...(end !== undefined && end > offset && { length: end - offset }),
    };
  };
  const [first, second] = documents;
  if (second !== undefined) {
    problems.push(tell('E_YAML_DOCUMENTS', {}, place(second.range?.[0] ?? 0)));
  }
  const faults = [...(first?.errors ?? []), ...(first?.warnings ?? [])];
  const deep = faults.find(({ message }) => DEEP.test(message));
  if (deep !== undefined) {
    problems.push(tooDeep(place(deep.pos[0])));
    return undefined;
  }
  const tab = faults.length === 0 ? undefined : tabIn(text);
  if (tab !== undefined) {
    problems.push(tell('E_YAML_TAB', {}, place(tab, tab + 1)));
    return undefined;
  }
  // After the first mistake, the parser expects none of the rest of the file.
  for (const fault of faults.filter(({ code }, i) => i === 0 || code !== 'UNEXPECTED_TOKEN'))
    problems.push(
      yamlProblem(fault.code, fault.message, place(fault.pos[0], Math.min(fault.pos[1], fault.pos[0] + 40))),
    );
  if (first === undefined || first.contents === null || faults.length > 0) return undefined;
  /** Sizes of nodes with aliases expanded, and the node that each anchor names so far. */
  const sizes = new WeakMap<Node, number>();
  const anchors = new Map<string, Node | undefined>();
  const sized = <N extends Node>(node: N, parts: readonly Node[]): N => {
    const size = parts.reduce((sum, part) => sum + (sizes.get(part) ?? 1), 1);
    if (size > MOST_NODES) throw new Bomb({ ...node.at }, 'too many aliases: the file grows beyond a million values');
    if (size > 1) sizes.set(node, size);
    return node;
  };
  const convert = (node: YamlNode | null | undefined, fallback: Pos): Node => {
    if (isAlias(node)) return aliased(node.source, node.range ? place(node.range[0], node.range[1]) : fallback);
    const anchor = (isMap(node) || isSeq(node) || isScalar(node)) && node.anchor;
    if (!anchor) return plainly(node, fallback);
    anchors.set(anchor, undefined);
    const raw = plainly(node, fallback);
    anchors.set(anchor, raw);
    return raw;
  };
  const aliased = (name: string, at: Pos): Node => {
    const found = anchors.get(name);
    if (found !== undefined) return found;
    const why = anchors.has(name) ? 'is inside of its own anchor' : 'has no anchor before it';
    throw new Bomb(at, `the alias '*${name}' ${why}`);
  };
  const plainly = (node: YamlNode | null | undefined, fallback: Pos): Node => {
    if (node === null || node === undefined)
      return { kind: 'scalar', at: fallback, value: null, source: '', isPlain: true };
    const at = node.range ? place(node.range[0], Math.min(node.range[1], node.range[0] + 60)) : fallback;
    if (isMap(node)) return toMap(node.items as Pair<YamlNode, YamlNode>[], at);
    if (isSeq(node)) {
      const items = node.items.map((item) => convert(item as YamlNode, at));
      return sized({ kind: 'seq', at, items }, items);
    }
    if (isScalar(node)) return toScalar(node, at);
    return { kind: 'scalar', at, value: null, source: '', isPlain: true };
  };
  const toMap = (pairs: readonly Pair<YamlNode, YamlNode>[], at: Pos): Node => {
    const entries: Entry[] = [];
    const merged: Entry[] = [];
    for (const pair of pairs) {
      const keyAt = pair.key?.range ? place(pair.key.range[0], pair.key.range[1]) : at;
      if (isMap(pair.key) || isSeq(pair.key)) {
        problems.push(tell('E_UNQUOTED_TEMPLATE', {}, keyAt));
        continue;
      }
      const key = convert(pair.key, keyAt);
      if (key.kind !== 'scalar') continue;
      const value = convert(pair.value, keyAt);
      if (key.isPlain && key.source === '<<') {
        const sources = value.kind === 'seq' ? value.items : [value];
        for (const source of sources) if (source.kind === 'map') merged.push(...source.entries);
      } else entries.push({ key: key.source, keyValue: keyOf(key), keyAt, value });
    }
    const own = new Set<string>();
    for (const { key, keyValue, keyAt } of entries) {
      const word = `${typeof keyValue} ${key}`;
      if (own.has(word)) problems.push(tell('E_DUPLICATE_KEY', { key }, keyAt));
      own.add(word);
    }
    for (const { key } of entries) own.add(key);
    const kept = merged.filter(({ key }) => !own.has(key) && own.add(key));
    const all = [...kept, ...entries];
    return sized(
      { kind: 'map', at, entries: all },
      all.map((e) => e.value),
    );
  };
  const toScalar = (node: Scalar, at: Pos): ScalarNode => {
    const source = node.source ?? (node.value === null ? '' : String(node.value));
    const isPlain = node.type === undefined || node.type === Scalar.PLAIN;
    if (node.tag === '!vault') {
      const value = options.decrypt?.(String(node.value), at) ?? null;
      if (options.decrypt === undefined) problems.push(tell('E_VAULT_LOCKED', { what: 'value' }, at));
      return { kind: 'scalar', at, value, source: '', isPlain: false };
    }
    const { value } = node;
    if (node.tag === '!unsafe') return { kind: 'scalar', at, value: String(value), source, isPlain: false };
    if (typeof value === 'string')
      return { kind: 'scalar', at, value: textValue(value, node, at), source: value, isPlain };
    if (typeof value === 'number') return { kind: 'scalar', at, value: numberValue(value, source), source, isPlain };
    if (typeof value === 'boolean' || value === null) return { kind: 'scalar', at, value, source, isPlain };
    return { kind: 'scalar', at, value: source, source, isPlain }; // dates stay text: Ansible prints them as written
  };
  try {
    return convert(first.contents as YamlNode, place(0));
  } catch (error) {
    if (error instanceof Bomb) problems.push(tell('E_YAML_ALIAS', { problem: error.message }, error.at));
    else if (error instanceof RangeError && DEEP.test(error.message)) problems.push(tooDeep(place(0)));
    else throw error;
    return undefined;
  }
}
/** The longest text in characters. Reading a million takes a second. */
const MOST = 2 * 1024 ** 2;
const MOST_NODES = 1_000_000;
class Bomb extends Error {
  readonly at: Pos;
  constructor(at: Pos, message: string) {
    super(message);
    this.at = at;
  }
}
/** V8's message for a recursion that went too deep. */
const DEEP = /Maximum call stack/;

function tooDeep(at: Pos): Diagnostic {
  return tell('E_YAML_DEPTH', {}, at);
}

/** The characters that YAML forbids, except for lone surrogates, which the text of a file cannot contain. */
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/;

function unprintable(text: string, at: number, file: string): Diagnostic {
  const before = text.slice(0, at).split('\n');
  const place = { file, line: before.length, col: (before.at(-1) ?? '').length + 1 };
  const code = text.charCodeAt(at).toString(16).padStart(4, '0');
  return tell('E_YAML_CONTROL_CHARACTER', { code }, place);
}

function keyOf(key: ScalarNode): Value {
  return key.value instanceof TemplateText || typeof key.value === 'object' ? key.source : key.value;
}

/**
 * The position of a template in a file. The parser gives the position of the quote or block indicator, so the text
 * starts one column or one line later.
 */
function textValue(value: string, node: Scalar, at: Pos): Raw {
  if (!HAS_TEMPLATE.test(value)) return value;
  const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE;
  const block = node.type === Scalar.BLOCK_FOLDED || node.type === Scalar.BLOCK_LITERAL;
  const where = quoted ? { ...at, col: at.col + 1 } : block ? { ...at, line: at.line + 1, col: 1 } : at;
  return new TemplateText(value, where);
}
export const HAS_TEMPLATE = /\{\{|\{%|\{#/;

function numberValue(value: number, source: string): Value {
  return Number.isInteger(value) && /[.eE]/.test(source) && !/^0x/i.test(source) ? new Float(value) : value;
}

/** The offset of a tab that indents a line. The parser reports only that the following text is not expected. */
function tabIn(text: string): number | undefined {
  const found = /^ *\t[ \t]*[^\s#]/m.exec(text);
  return found === null ? undefined : found.index + found[0].indexOf('\t');
}

function yamlProblem(code: string, message: string, at: Pos): Diagnostic {
  const [first = message] = message.split('\n');
  const said = first.replace(/ at line \d+, column \d+:?$/, '');
  if (code === 'TAG_RESOLVE_FAILED') return tell('E_YAML_TAG', { problem: said }, at);
  const hint = /implicit|nested mappings|compact mapping/i.test(said) ? "quote the value: it contains ': '" : undefined;
  return tell('E_YAML_SYNTAX', { problem: said, hint }, at);
}

/** Describes the value of a node for a reader: 'a list', "'web'", '5'. */
export function described(node: Node): string {
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list';
  const { value, source } = node;
  if (value === null) return 'nothing';
  const shown = source.length > 60 ? `${source.slice(0, 57)}...` : source;
  return typeof value === 'string' || value instanceof TemplateText ? `'${shown}'` : shown;
}

/** The diagnostic for a list in place of a map, or the other way round. */
export function wrongShape(node: Node, what: string, wanted: string, expected?: string, hint?: string): Diagnostic {
  const more = { ...(expected !== undefined && { expected }), ...(hint !== undefined && { hint }) };
  return tell('E_WRONG_SHAPE', { what, wanted, found: described(node), ...more }, node.at);
}

/**
 * The plain data of a node, with templates as TemplateText. A map whose keys JavaScript would reorder becomes a Map.
 */
export function toRaw(node: Node): Raw {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'seq':
      return node.items.map(toRaw);
    case 'map': {
      const isOrdinary = node.entries.every((e) => typeof e.keyValue === 'string' && !/^\d+$/.test(e.keyValue));
      if (isOrdinary) return toVars(node);
      return new Map(node.entries.map((e) => [e.keyValue, toRaw(e.value)]));
    }
  }
}

/** A map as variables, with keys as written. */
export function toVars(node: MapNode): RawVars {
  const vars: Record<string, Raw> = Object.create(null);
  for (const { key, value } of node.entries) vars[key] = toRaw(value);
  nodes.set(vars, node);
  return vars;
}
/** Where variables were read from, for positions in messages. */
const nodes = new WeakMap<RawVars, MapNode>();

/** Notes that variables were copied from others, so that their positions stay known. */
export function copyVars(to: Record<string, Raw>, from: RawVars): void {
  Object.assign(to, from);
  const [before, more] = [nodes.get(to), nodes.get(from)];
  const entries = [...(more?.entries ?? []), ...(before?.entries ?? [])];
  const at = more?.at ?? before?.at;
  if (at !== undefined) nodes.set(to, { kind: 'map', at, entries });
}

/** The position of a value among variables that were read from YAML. undefined: they came from elsewhere. */
export function placeIn(
  vars: RawVars,
  path: readonly (string | number)[],
  mark: 'key' | 'value' = 'value',
): Pos | undefined {
  const node = nodes.get(vars);
  return node === undefined ? undefined : placeOf(node, path, mark);
}

export function entry(node: MapNode, key: string): Entry | undefined {
  return node.entries.find((e) => e.key === key);
}

/**
 * The position of the value at `path`, or of the nearest value around it. `mark` chooses the position of the value or
 * of its key.
 */
export function placeOf(node: Node, path: readonly (string | number)[], mark: 'key' | 'value' = 'value'): Pos {
  const [step, ...rest] = path;
  if (step === undefined) return node.at;
  if (node.kind === 'map') {
    const found = entry(node, String(step));
    if (found === undefined) return node.at;
    if (rest.length === 0 && (mark === 'key' || found.value.kind !== 'scalar')) return found.keyAt;
    return placeOf(found.value, rest, mark);
  }
  const item = node.kind === 'seq' ? node.items[Number(step)] : undefined;
  return item === undefined ? node.at : placeOf(item, rest, mark);
}
