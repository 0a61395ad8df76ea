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
import { Float, type Raw, type RawVars, TemplateText, type Value } from '../core/value.ts';

/** A parsed YAML value that knows where it stands. The only form in which the rest of config/ sees YAML. */
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
  /** Opens a `!vault` scalar. */
  decrypt?: (text: string, at: Pos) => Value;
}>;

/**
 * YAML 1.1 as Ansible reads it: yes/no/on/off are booleans, 0644 is octal, `<<` merges. Duplicate keys, unknown tags,
 * alias bombs and unquoted `{{ }}` are problems, each with its place. An empty file is undefined.
 */
export function parseYaml(
  text: string,
  file: string,
  problems: Diagnostic[],
  options: SourceOptions = {},
): Node | undefined {
  const counter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: counter,
    merge: true,
    keepSourceTokens: false,
    customTags: (tags) => [
      ...tags.filter((t) => typeof t === 'string' || !UNWANTED.has(t.tag)),
      TRUE,
      FALSE,
      INT,
      FLOAT,
      VAULT,
      UNSAFE,
    ],
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
    problems.push({
      code: 'E_SYNTAX',
      message: 'more than one YAML document',
      at: place(second.range?.[0] ?? 0),
      mend: "remove the second '---'",
    });
  }
  const faults = [...(first?.errors ?? []), ...(first?.warnings ?? [])];
  for (const fault of faults)
    problems.push(
      yamlProblem(fault.code, fault.message, place(fault.pos[0], Math.min(fault.pos[1], fault.pos[0] + 40))),
    );
  if (first === undefined || first.contents === null || faults.length > 0) return undefined;
  let budget = 1_000_000; // nodes after expanding aliases: more is a bomb
  const convert = (node: YamlNode | null | undefined, fallback: Pos): Node => {
    if (budget-- < 0) throw new AliasBomb();
    if (node === null || node === undefined)
      return { kind: 'scalar', at: fallback, value: null, source: '', isPlain: true };
    const at = node.range ? place(node.range[0], Math.min(node.range[1], node.range[0] + 60)) : fallback;
    if (isAlias(node)) return convert(node.resolve(first), at);
    if (isMap(node)) return toMap(node.items as Pair<YamlNode, YamlNode>[], at);
    if (isSeq(node)) return { kind: 'seq', at, items: node.items.map((item) => convert(item as YamlNode, at)) };
    if (isScalar(node)) return toScalar(node, at);
    return { kind: 'scalar', at, value: null, source: '', isPlain: true };
  };
  const toMap = (pairs: readonly Pair<YamlNode, YamlNode>[], at: Pos): Node => {
    const entries: Entry[] = [];
    const merged: Entry[] = [];
    for (const pair of pairs) {
      const keyAt = pair.key?.range ? place(pair.key.range[0], pair.key.range[1]) : at;
      if (isMap(pair.key) || isSeq(pair.key)) {
        problems.push({
          code: 'E_SYNTAX',
          message: 'a template must be quoted here: YAML reads {{ }} as a map in a map',
          at: keyAt,
          mend: `write "{{ … }}" in double quotes`,
        });
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
    const own = new Set(entries.map((e) => e.key));
    const kept = merged.filter((e, i) => !own.has(e.key) && merged.findIndex((m) => m.key === e.key) === i);
    return { kind: 'map', at, entries: [...kept, ...entries] };
  };
  const toScalar = (node: Scalar, at: Pos): ScalarNode => {
    const source = node.source ?? (node.value === null ? '' : String(node.value));
    const isPlain = node.type === undefined || node.type === Scalar.PLAIN;
    if (node.tag === '!vault') {
      const value = options.decrypt?.(String(node.value), at) ?? null;
      if (options.decrypt === undefined) problems.push(noVault(at));
      return { kind: 'scalar', at, value, source: '', isPlain: false };
    }
    const { value } = node;
    if (node.tag === '!unsafe') return { kind: 'scalar', at, value: String(value), source, isPlain: false };
    if (typeof value === 'string')
      return { kind: 'scalar', at, value: textValue(value, node, at), source: value, isPlain };
    if (typeof value === 'number') return { kind: 'scalar', at, value: numberValue(value, source), source, isPlain };
    if (typeof value === 'boolean' || value === null) return { kind: 'scalar', at, value, source, isPlain };
    return { kind: 'scalar', at, value: source, source, isPlain }; // dates: Ansible prints them as written
  };
  try {
    return convert(first.contents as YamlNode, place(0));
  } catch (error) {
    if (!(error instanceof AliasBomb || error instanceof ReferenceError)) throw error;
    problems.push({
      code: 'E_SYNTAX',
      message: 'too many aliases: the file grows beyond a million nodes',
      at: place(0),
    });
    return undefined;
  }
}
class AliasBomb extends Error {}
const UNWANTED = new Set([
  'tag:yaml.org,2002:bool',
  'tag:yaml.org,2002:int',
  'tag:yaml.org,2002:float',
  'tag:yaml.org,2002:timestamp',
  'tag:yaml.org,2002:binary',
  'tag:yaml.org,2002:set',
  'tag:yaml.org,2002:omap',
  'tag:yaml.org,2002:pairs',
]);
/** PyYAML's booleans, and so Ansible's: y and n, which YAML 1.1 has too, are strings. */
const BOOL = { tag: 'tag:yaml.org,2002:bool', default: true, identify: (value: unknown) => typeof value === 'boolean' };
const TRUE = { ...BOOL, test: /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/, resolve: () => true };
const FALSE = { ...BOOL, test: /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/, resolve: () => false };
const isNumber = (value: unknown): boolean => typeof value === 'number';
/** PyYAML's numbers: 08:30, 09, 1e3 and e3 are strings, 8:30 is 510, 0644 is octal. */
const INT = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  identify: isNumber,
  test: /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*(?::[0-5]?[0-9])*|0x[0-9a-fA-F_]+)$/,
  resolve: (text: string) => signed(text, intOf),
};
const FLOAT = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: isNumber,
  test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  resolve: (text: string) => signed(text, floatOf),
};
function signed(text: string, read: (digits: string) => number): number {
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '');
  return (text.startsWith('-') ? -read(digits) : read(digits)) + 0; // no -0
}
function intOf(digits: string): number {
  if (/^0[bx]/.test(digits)) return Number(digits);
  return /^0\d/.test(digits) ? Number.parseInt(digits, 8) : sexagesimal(digits);
}
function floatOf(digits: string): number {
  if (/^\.inf$/i.test(digits)) return Number.POSITIVE_INFINITY;
  return sexagesimal(digits);
}
function sexagesimal(digits: string): number {
  return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
const VAULT = { tag: '!vault', resolve: (text: string) => text };
const UNSAFE = { tag: '!unsafe', resolve: (text: string) => text };

function keyOf(key: ScalarNode): Value {
  return key.value instanceof TemplateText || typeof key.value === 'object' ? key.source : key.value;
}

/** A template's own text is not in the marks: its place is where its quotes or block begin, plus one for a quote. */
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

function noVault(at: Pos): Diagnostic {
  return {
    code: 'E_FILE',
    message: 'this value is encrypted with ansible-vault',
    at,
    mend: 'give --vault-password-file FILE',
  };
}

function yamlProblem(code: string, message: string, at: Pos): Diagnostic {
  const [first = message] = message.split('\n');
  const said = first.replace(/ at line \d+, column \d+:?$/, '');
  if (code === 'DUPLICATE_KEY')
    return { code: 'E_SYNTAX', message: 'this key stands twice in one map', at, mend: 'remove one of the two' };
  if (code === 'TAB_AS_INDENT')
    return { code: 'E_SYNTAX', message: 'a tab in the indentation', at, mend: 'indent with spaces' };
  if (code === 'TAG_RESOLVE_FAILED') return { code: 'E_SYNTAX', message: said, at, expected: '!vault or !unsafe' };
  const mend = /implicit|nested mappings|compact mapping/i.test(said)
    ? 'quote the value: it holds a colon and a space'
    : undefined;
  return { code: 'E_SYNTAX', message: said, at, mend };
}

/** The plain data of a node, templates left in it as TemplateText. A map whose keys JavaScript would reorder is a Map. */
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

/** A map as variables: keys as written. */
export function toVars(node: MapNode): RawVars {
  const vars: Record<string, Raw> = Object.create(null);
  for (const { key, value } of node.entries) vars[key] = toRaw(value);
  return vars;
}

export function entry(node: MapNode, key: string): Entry | undefined {
  return node.entries.find((e) => e.key === key);
}

/** The place of what `path` leads to, or of the nearest thing around it. `mark`: a value's own place, or its key's. */
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
