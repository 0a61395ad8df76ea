import { byKey } from './filters/dict.ts';
import {
  asNumber,
  dictOf,
  entriesOf,
  float,
  type Item,
  isList,
  isMapping,
  isNumber,
  isString,
  tooMuch,
  typeName,
  wrong,
} from './item.ts';
import { floatText, str } from './print.ts';

type Style = Readonly<{
  indent: string | undefined;
  sort: boolean;
  /** Python's ensure_ascii: characters outside of ASCII become \uXXXX. */
  ascii: boolean;
  separators: readonly [string, string] | undefined;
}>;

/** JSON as Python's json.dumps writes it: with `, ` and `: `, 1.0 for floats, keys sorted on request. */
export function jsonText(item: Item, style: Style, level = 0): string {
  if (item === null) return 'null';
  if (typeof item === 'boolean') return String(item);
  if (isString(item)) return jsonString(item, style.ascii);
  if (isNumber(item)) {
    const size = asNumber(item) ?? 0;
    return typeof item === 'number' && Number.isInteger(item)
      ? String(item)
      : Number.isFinite(size)
        ? floatText(size)
        : Number.isNaN(size)
          ? 'NaN'
          : size > 0
            ? 'Infinity'
            : '-Infinity';
  }
  const { indent } = style;
  const [comma, colon] = style.separators ?? [indent === undefined ? ', ' : ',', ': '];
  const line = indent === undefined ? '' : `\n${indent.repeat(level + 1)}`;
  const close = indent === undefined ? '' : `\n${indent.repeat(level)}`;
  if (isList(item)) {
    return item.length === 0
      ? '[]'
      : `[${item.map((one) => line + jsonText(one, style, level + 1)).join(comma)}${close}]`;
  }
  if (!isMapping(item)) return wrong(`Object of type ${typeName(item)} is not JSON serializable`);
  const entries = style.sort ? byKey(item) : entriesOf(item);
  if (entries.length === 0) return '{}';
  const parts = entries.map(
    ([key, one]) => `${line}${jsonString(keyText(key), style.ascii)}${colon}${jsonText(one, style, level + 1)}`,
  );
  return `{${parts.join(comma)}${close}}`;
}

function keyText(key: Item): string {
  return key === null ? 'null' : typeof key === 'boolean' ? String(key) : str(key);
}

function jsonString(s: string, ascii: boolean): string {
  const text = JSON.stringify(s);
  return ascii
    ? text.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : text;
}

/** Parses JSON so that 1.0 stays a float, keys keep their order, and no key is special. */
export function readJson(text: string): Item {
  const token =
    /\s*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(true|false|null|NaN|-?Infinity))/y;
  const fail = (): never => wrong(`from_json: not valid JSON at offset ${token.lastIndex}`);
  let depth = 0;
  const next = (): readonly (string | undefined)[] => token.exec(text) ?? fail();
  const read = ([, sign, string, digits, word]: readonly (string | undefined)[]): Item => {
    if (string !== undefined) return parsedString(string);
    if (digits !== undefined) return /[.eE]/.test(digits) ? float(Number(digits)) : Number(digits);
    if (word !== undefined)
      return word === 'null' ? null : word === 'true' ? true : word === 'false' ? false : Number(word);
    if (++depth > 500) return tooMuch('from_json: it nests too deep');
    const value = sign === '[' ? array() : sign === '{' ? object() : fail();
    depth--;
    return value;
  };
  const array = (): Item => {
    const items: Item[] = [];
    for (let at = next(); ; at = next()) {
      if (at[1] === ']' && items.length === 0) return items;
      items.push(read(at));
      const [, after] = next();
      if (after === ']') return items;
      if (after !== ',') fail();
    }
  };
  const object = (): Item => {
    const entries: (readonly [Item, Item])[] = [];
    for (let at = next(); ; at = next()) {
      if (at[1] === '}' && entries.length === 0) return dictOf([]);
      const key = at[2] ?? fail();
      if (next()[1] !== ':') fail();
      entries.push([parsedString(key), read(next())]);
      const [, after] = next();
      if (after === '}') return dictOf(entries);
      if (after !== ',') fail();
    }
  };
  const parsedString = (quoted: string): string => {
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return fail();
    }
  };
  const item = read(next());
  return /\S/.test(text.slice(token.lastIndex)) ? fail() : item;
}
