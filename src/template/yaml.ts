import { byKey } from './filters/dict.ts';
import {
  asNumber,
  entriesOf,
  type Item,
  isFloat,
  isList,
  isMapping,
  isNumber,
  isString,
  typeName,
  wrong,
} from './item.ts';
import { floatText } from './print.ts';

type Style = Readonly<{
  /**
   * `none` puts every list and dict on lines of its own, `leaves` writes those without inner ones as [a, b], `all`
   * writes all of them so.
   */
  flow: 'none' | 'leaves' | 'all';
  indent: number;
  width: number;
  sort: boolean;
  /** Letters outside of ASCII are written as they are. */
  unicode: boolean;
}>;

/** YAML as Ansible's to_yaml and to_nice_yaml write it: PyYAML's style, without the end mark of the document. */
export function toYaml(item: Item, style: Style): string {
  return `${isList(item) || isMapping(item) ? node(item, 0, style) : scalar(item, 0, style.indent, style, false)}\n`;
}

/** A list or dict in block style. The first line is not indented. */
function node(item: Item, column: number, style: Style): string {
  if (isFlow(item, style)) return flow(item, column, style);
  const margin = ' '.repeat(column);
  if (isList(item)) {
    return item.map((one) => `- ${inner(one, column + 2, style, true)}`).join(`\n${margin}`);
  }
  if (!isMapping(item)) return scalar(item, column, column, style, false);
  const entries = style.sort ? byKey(item) : entriesOf(item);
  return entries
    .map(([key, one]) => {
      const name = scalar(key, column, column, style, true);
      if (isFlow(one, style) || !(isList(one) || isMapping(one))) {
        return `${name}: ${isList(one) || isMapping(one) ? flow(one, column + name.length + 2, style) : scalar(one, column + name.length + 2, column + style.indent, style, false)}`;
      }
      // PyYAML does not indent a list below a key.
      const at = isList(one) ? column : column + style.indent;
      return `${name}:\n${' '.repeat(at)}${node(one, at, style)}`;
    })
    .join(`\n${margin}`);
}

/** The text after `- `. PyYAML pads the dash to the indent. */
function inner(one: Item, column: number, style: Style, _dash: boolean): string {
  const pad = ' '.repeat(Math.max(0, style.indent - 2));
  if (isFlow(one, style) || !(isList(one) || isMapping(one))) {
    return isList(one) || isMapping(one)
      ? flow(one, column, style)
      : scalar(one, column, column - 2 + style.indent, style, false);
  }
  return pad + node(one, column + pad.length, style);
}

function isFlow(item: Item, style: Style): boolean {
  if (!isList(item) && !isMapping(item)) return false;
  const items = isList(item) ? item : entriesOf(item).map(([, one]) => one);
  return (
    items.length === 0 ||
    style.flow === 'all' ||
    (style.flow === 'leaves' && !items.some((one) => isList(one) || isMapping(one)))
  );
}

/** [a, b] and {a: b}, wrapped if a line exceeds the width. */
function flow(item: Item, column: number, style: Style): string {
  const parts = isList(item)
    ? item.map((one) => flowPart(one, style))
    : (style.sort ? byKey(item as never) : entriesOf(item as never)).map(
        ([key, one]) => `${scalar(key, 0, 0, { ...style, width: 1e9 }, true)}: ${flowPart(one, style)}`,
      );
  const [open, close] = isList(item) ? ['[', ']'] : ['{', '}'];
  let at = column + 1;
  let out = open;
  parts.forEach((part, i) => {
    if (i > 0) {
      out += ',';
      at += 1;
      if (at + 1 + part.length > style.width) {
        const margin = ' '.repeat(style.indent);
        out += `\n${margin}`;
        at = margin.length;
      } else {
        out += ' ';
        at += 1;
      }
    }
    out += part;
    at += part.length;
  });
  return out + close;
}

function flowPart(item: Item, style: Style): string {
  if (isList(item) || isMapping(item)) return flow(item, 0, { ...style, width: 1e9 });
  return scalar(item, 0, 0, { ...style, width: 1e9 }, false, true);
}

function scalar(item: Item, column: number, margin: number, style: Style, key: boolean, inFlow = false): string {
  if (item === null) return 'null';
  if (typeof item === 'boolean') return String(item);
  if (isNumber(item)) {
    const size = asNumber(item) ?? 0;
    if (!isFloat(item)) return String(size);
    if (Number.isNaN(size)) return '.nan';
    if (!Number.isFinite(size)) return size > 0 ? '.inf' : '-.inf';
    const text = floatText(size);
    return !text.includes('.') && text.includes('e') ? text.replace('e', '.0e') : text;
  }
  if (!isString(item)) return wrong(`to_yaml: cannot represent an object of type '${typeName(item)}'`);
  const width = key ? 1e9 : style.width;
  if (needsDouble(item, style.unicode)) return doubleQuoted(item, column, margin, width, style.unicode);
  if (item.includes('\n') || !isPlain(item, inFlow)) return singleQuoted(item, column, margin, width, key);
  return folded(item, column, margin, width);
}

const words = /^(?:|~|null|Null|NULL|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|=|<<)$/;
const numbers =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][\d_]*)|[-+]?0x[\da-fA-F_]+|[-+]?[1-9][\d_]*(?::[0-5]?\d)+|[-+]?(?:\d[\d_]*)\.[\d_]*(?:[eE][-+]\d+)?|\.[\d][\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const dates =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/;

/** Whether a text without quotes is still read as a text. */
function isPlain(s: string, inFlow: boolean): boolean {
  if (words.test(s) || numbers.test(s) || dates.test(s)) return false;
  if (/^[\s#,[\]{}&*!|>'"%@`]|^[-?:](?:\s|$)|^(?:---|\.\.\.)/.test(s) || /\s$|\s#|:(?:\s|$)/.test(s)) return false;
  return !(inFlow && (/[,?[\]{}]/.test(s) || s.includes(':'))) || !/[,[\]{}?:]/.test(s);
}

/** Invisible characters, and spaces at the ends of inner lines, survive only between double quotes. */
function needsDouble(s: string, unicode: boolean): boolean {
  return / \n|\n /.test(s) || [...s].some((char) => char !== '\n' && !isPrintable(char, unicode));
}

function isPrintable(char: string, unicode: boolean): boolean {
  if (/^[ -~]$/.test(char)) return true;
  return unicode && /^[\u{a0}-\u{d7ff}\u{e000}-\u{fefe}\u{ff00}-\u{fffd}\u{10000}-\u{10ffff}]$/u.test(char);
}

function folded(s: string, column: number, margin: number, width: number): string {
  let at = column;
  return s
    .split(/( +)/)
    .map((part, i, all) => {
      if (i % 2 === 1 && part === ' ' && at > width && (all[i + 1] ?? '') !== '') {
        at = margin;
        return `\n${' '.repeat(margin)}`;
      }
      at += part.length;
      return part;
    })
    .join('');
}

/** A line break between single quotes is written twice, and the next line is indented. */
function singleQuoted(s: string, column: number, margin: number, width: number, key: boolean): string {
  const parts = s.replaceAll("'", "''").split(/(\n+)/);
  const written = parts.map((part, i) =>
    i % 2 === 1
      ? `\n${part}${' '.repeat(margin)}`
      : folded(part, i === 0 ? column + 1 : margin, margin, key ? 1e9 : width),
  );
  return `'${written.join('')}'`;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\xa0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P', // biome-ignore format: a table
};

function doubleQuoted(s: string, column: number, margin: number, width: number, unicode: boolean): string {
  let out = '"';
  let at = column + 1;
  const chars = [...s];
  chars.forEach((char, i) => {
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16).toUpperCase();
    const shown =
      escapes[char] ??
      (isPrintable(char, unicode)
        ? char
        : code < 0x100
          ? `\\x${hex.padStart(2, '0')}`
          : code < 0x10000
            ? `\\u${hex.padStart(4, '0')}`
            : `\\U${hex.padStart(8, '0')}`);
    if (char === ' ' && i > 0 && i < chars.length - 1 && at > width) {
      out += `\\\n${' '.repeat(margin)}`;
      at = margin;
      if (chars[i + 1] === ' ') out += '\\';
    }
    out += shown;
    at += shown.length;
  });
  return `${out}"`;
}
