import { asNumber, type Dict, entry, type Item, isFloat, isList, isMapping, isTuple, typeName, wrong } from './item.ts';
import { repr, str } from './print.ts';

const WIDEST = 100_000;
const percent = /%(?:\(([^)]*)\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([\s\S]?)/g;

/** Python's `template % given`. A value that is no tuple counts as a tuple with one item. */
export function percentFormat(template: string, given: Item): string {
  const list = isList(given) && isTuple(given) ? given : [given];
  let next = 0;
  let mapped = false;
  const take = (): Item => {
    const item = list[next++];
    return item === undefined ? wrong('not enough arguments for format string') : item;
  };
  const out = template.replace(percent, (...m: readonly unknown[]) => {
    const [, key, flags, width, digits, kind] = m as (string | undefined)[];
    if (kind === '%') return '%';
    const size = width === '*' ? asNumber(take()) : width === undefined ? 0 : Number(width);
    const places = digits === '*' ? asNumber(take()) : digits === undefined ? undefined : Number(digits);
    if (key !== undefined) mapped = true;
    const item = key === undefined ? take() : keyed(given, key);
    return padded(conversion(kind ?? '', item, flags ?? '', places), size ?? 0, flags ?? '', kind ?? '');
  });
  // Python treats a list as a mapping here, and a mapping may hold unused values.
  if (!mapped && next < list.length && !isMapping(given) && (!isList(given) || isTuple(given))) {
    wrong('not all arguments converted during string formatting');
  }
  return out;
}

function keyed(given: Item, key: string): Item {
  const item = isMapping(given) ? entry(given, key) : wrong('format requires a mapping');
  return item === undefined ? wrong(`the dict has no key '${key}'`) : item;
}

function conversion(kind: string, item: Item, flags: string, places: number | undefined): string {
  switch (kind) {
    case 's':
      return cut(str(item), places);
    case 'r':
    case 'a':
      return cut(repr(item), places);
    case 'c':
      return typeof item === 'number' ? String.fromCodePoint(item) : str(item);
    case '':
      return wrong('incomplete format');
  }
  const value = asNumber(item);
  if (!'diuxXoeEfFgG'.includes(kind)) wrong(`unsupported format character '${kind}'`);
  if (value === undefined) {
    return wrong(
      'diuxXo'.includes(kind)
        ? `%${kind} format: a real number is required, not ${typeName(item)}`
        : `must be real number, not ${typeName(item)}`,
    );
  }
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if ('xXo'.includes(kind) && isFloat(item)) wrong(`%${kind} format: an integer is required, not float`);
  return sign + digitsOf(kind, size, flags.includes('#'), places);
}

function digitsOf(kind: string, size: number, marked: boolean, places: number | undefined): string {
  switch (kind) {
    case 'x':
      return (marked ? '0x' : '') + size.toString(16).padStart(places ?? 0, '0');
    case 'X':
      return (
        (marked ? '0X' : '') +
        size
          .toString(16)
          .toUpperCase()
          .padStart(places ?? 0, '0')
      );
    case 'o':
      return (marked ? '0o' : '') + size.toString(8).padStart(places ?? 0, '0');
    case 'f':
    case 'F':
      return fixed(size, places ?? 6);
    case 'e':
    case 'E': {
      const text = exponent(size, places ?? 6);
      return kind === 'E' ? text.toUpperCase() : text;
    }
    case 'g':
    case 'G': {
      const text = general(size, places ?? 6, marked);
      return kind === 'G' ? text.toUpperCase() : text;
    }
    default:
      return String(Math.trunc(size)).padStart(places ?? 0, '0');
  }
}

/** Rounds as Python does: a tie goes to the even digit. JavaScript's toFixed rounds it away from zero. */
export function fixed(value: number, places: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (places > 100) wrong('too many digits after the point: more than 100');
  if (Math.abs(value) >= 1e21) return BigInt(value).toString() + (places > 0 ? `.${'0'.repeat(places)}` : '');
  const rounded = value.toFixed(places);
  const exact = value.toFixed(Math.min(100, places + 25));
  const kept = exact.indexOf('.') + (places === 0 ? 0 : places + 1);
  const tie = /^\.?50*$/.test(exact.slice(kept));
  return tie && /[02468]$/.test(exact.slice(0, kept)) ? exact.slice(0, kept) : rounded;
}

function exponent(value: number, places: number): string {
  if (!Number.isFinite(value)) return fixed(value, 0);
  const [digits = '', power = '+0'] = value.toExponential(Math.min(places, 100)).split('e');
  return `${digits}e${power[0] === '-' ? '-' : '+'}${power.replace(/^[-+]/, '').padStart(2, '0')}`;
}

function general(value: number, places: number, marked: boolean): string {
  if (!Number.isFinite(value)) return fixed(value, 0);
  const precision = places === 0 ? 1 : places;
  const power = value === 0 ? 0 : Number(value.toExponential(Math.min(precision - 1, 100)).split('e')[1] ?? 0);
  const text =
    power < -4 || power >= precision
      ? exponent(value, precision - 1)
      : fixed(value, Math.max(0, precision - 1 - power));
  if (marked || !text.includes('.')) return text;
  return text.replace(/\.?0+(?=e|$)/, '');
}

function padded(text: string, width: number, flags: string, kind: string): string {
  const left = flags.includes('-') || width < 0;
  const size = Math.abs(width);
  if (size > WIDEST) wrong(`the format is too wide: more than ${WIDEST}`);
  if (left) return text.padEnd(size);
  if (!flags.includes('0') || 'srac'.includes(kind)) return text.padStart(size);
  const sign = /^[-+ ]?(?:0[xXo])?/.exec(text)?.[0] ?? '';
  return sign + text.slice(sign.length).padStart(size - sign.length, '0');
}

function cut(text: string, places: number | undefined): string {
  return places === undefined ? text : [...text].slice(0, places).join('');
}

const spec = /^(?:([\s\S])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** Python's str.format: {} {0} {name} {0.attr} {0[key]} with !r, !s and the usual format specs. */
export function braceFormat(template: string, positional: readonly Item[], named: ReadonlyMap<string, Item>): string {
  let auto = 0;
  return template.replace(/\{\{|\}\}|\{([^{}!:]*)(?:!([rsa]))?(?::([^{}]*))?\}|[{}]/g, (...m: readonly unknown[]) => {
    const [whole, field, conv, format] = m as (string | undefined)[];
    if (whole === '{{' || whole === '}}') return (whole ?? '').slice(1);
    if (field === undefined) return wrong(`single '${whole ?? ''}' encountered in format string`);
    const [, head = '', path = ''] = /^([^.[]*)([\s\S]*)$/.exec(field) ?? [];
    let item = head === '' || /^\d+$/.test(head) ? positional[head === '' ? auto++ : Number(head)] : named.get(head);
    for (const part of path.matchAll(/\.([^.[]+)|\[([^\]]*)\]/g)) {
      const key = part[1] ?? part[2] ?? '';
      item = isMapping(item) ? entry(item as Dict, key) : isList(item) ? item[Number(key)] : undefined;
    }
    if (item === undefined) return wrong(`format: nothing is given for '{${field}}'`);
    const shown = conv === 'r' || conv === 'a' ? repr(item) : conv === 's' ? str(item) : item;
    return specFormat(shown, format ?? '');
  });
}

function specFormat(item: Item, format: string): string {
  if (format === '') return str(item);
  const found = spec.exec(format) ?? wrong(`invalid format specifier '${format}'`);
  const [, fill, align, sign = '', alternate, zero, width = '0', group, places, kind] = found as (string | undefined)[];
  if (Number(width) > WIDEST) wrong(`the format is too wide: more than ${WIDEST}`);
  const value = asNumber(item);
  const numeric = value !== undefined && kind !== 's';
  let body = numeric
    ? specNumber(value, item, kind, places, alternate !== undefined, group)
    : cut(str(item), places === undefined ? undefined : Number(places));
  if (!numeric && kind !== undefined && kind !== 's')
    wrong(`unknown format code '${kind}' for an object of type '${typeName(item)}'`);
  const minus = numeric && body.startsWith('-') ? '-' : numeric && sign !== '-' ? sign : '';
  if (body.startsWith('-') && numeric) body = body.slice(1);
  const space = Math.max(0, Number(width) - [...body].length - minus.length);
  const char = fill ?? (zero === undefined ? ' ' : '0');
  const where = align ?? (zero !== undefined && numeric ? '=' : numeric ? '>' : '<');
  if (where === '=') return minus + char.repeat(space) + body;
  if (where === '<') return minus + body + char.repeat(space);
  if (where === '>') return char.repeat(space) + minus + body;
  return char.repeat(Math.floor(space / 2)) + minus + body + char.repeat(space - Math.floor(space / 2));
}

function specNumber(
  value: number,
  item: Item,
  kind: string | undefined,
  places: string | undefined,
  marked: boolean,
  group: string | undefined,
): string {
  const size = Math.abs(value);
  const digits = places === undefined ? undefined : Number(places);
  let text: string;
  if (kind === '%') text = `${fixed(size * 100, digits ?? 6)}%`;
  else if (kind === 'b') text = (marked ? '0b' : '') + size.toString(2);
  else if (kind === undefined || kind === 'n')
    text = isFloat(item) && digits !== undefined ? general(size, digits, false) : str(item).replace(/^-/, '');
  else text = digitsOf(kind, size, marked, digits);
  if (group !== undefined) text = text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, group));
  return (value < 0 ? '-' : '') + text;
}
