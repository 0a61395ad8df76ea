import { path } from '../access.ts';
import { fixed } from '../format.ts';
import { asNumber, float, type Item, int, isFloat, isString, iterate, wrong } from '../item.ts';
import { number, type Operation, text, value } from '../operation.ts';
import { operator } from '../operators.ts';

export const numberFilters: Readonly<Record<string, Operation>> = {
  int: value('default base', (item, [fallback = 0, base]) => toInt(item, number(base, 10)) ?? fallback),
  float: value('default', (item, [fallback = float(0)]) => toFloat(item) ?? fallback),
  abs: value('', (item) => {
    const size = Math.abs(needed(item));
    return isFloat(item) ? float(size) : int(size);
  }),
  round: value('precision method', (item, [precision, method]) => {
    const places = number(precision, 0);
    const how = text(method, 'common');
    const scale = 10 ** places;
    const size = needed(item);
    if (how === 'ceil') return float(Math.ceil(size * scale) / scale);
    if (how === 'floor') return float(Math.floor(size * scale) / scale);
    if (how !== 'common') return wrong("round: method must be 'common', 'ceil' or 'floor'");
    if (!isFloat(item))
      return places >= 0 ? (precision === undefined || true) && int(size) : int(Math.round(size * scale) / scale);
    return float(places >= 0 ? Number(fixed(size, Math.min(places, 100))) : Math.round(size * scale) / scale);
  }),
  sum: value('attribute start', (item, [attribute, start = 0], ctx) =>
    iterate(item).reduce<Item>(
      (total, one) =>
        operator('+', total, attribute === undefined || attribute === null ? one : path(one, attribute, ctx)),
      start,
    ),
  ),
  log: value('base', (item, [base]) => {
    const size = needed(item);
    if (size <= 0) wrong('math domain error');
    return float(
      base === undefined
        ? Math.log(size)
        : number(base, 10) === 10
          ? Math.log10(size)
          : Math.log(size) / Math.log(number(base, 10)),
    );
  }),
  pow: value('y', (item, [y]) => float(needed(item) ** number(y, 1))),
  root: value('base', (item, [base]) => {
    const degree = number(base, 2);
    return float(
      degree === 2 ? Math.sqrt(needed(item)) : degree === 3 ? Math.cbrt(needed(item)) : needed(item) ** (1 / degree),
    );
  }),
  filesizeformat: value('binary', (item, [binary]) => {
    const size = needed(toFloat(item) ?? item);
    const base = asNumber(binary) === 1 ? 1024 : 1000;
    if (size === 1) return '1 Byte';
    if (size < base) return `${Math.trunc(size)} Bytes`;
    const units = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
    const at = Math.min(
      units.length - 1,
      units.findIndex((_, i) => size < base ** (i + 2)) < 0
        ? units.length - 1
        : units.findIndex((_, i) => size < base ** (i + 2)),
    );
    const unit = units[at] ?? 'k';
    return `${fixed(size / base ** (at + 1), 1)} ${base === 1024 ? `${unit === 'k' ? 'K' : unit}iB` : `${unit}B`}`;
  }),
  human_readable: value('isbits unit', (item, [bits, unit]) =>
    humanReadable(
      needed(toFloat(item) ?? item),
      asNumber(bits) === 1,
      unit === undefined || unit === null ? undefined : text(unit),
    ),
  ),
  human_to_bytes: value('default_unit isbits', (item, [unit, bits]) =>
    humanToBytes(text(item), text(unit), asNumber(bits) === 1),
  ),
};

function needed(item: Item): number {
  return asNumber(item) ?? wrong('expected a number');
}

function toInt(item: Item, base: number): number | undefined {
  if (!isString(item)) {
    const size = asNumber(item);
    return size === undefined || !Number.isFinite(size) ? undefined : int(Math.trunc(size));
  }
  const digits = item
    .trim()
    .toLowerCase()
    .replace(/(?<=[\da-z])_(?=[\da-z])/g, '');
  const prefixed = ({ 2: /^([-+]?)0b/, 8: /^([-+]?)0o/, 16: /^([-+]?)0x/ } as Readonly<Record<number, RegExp>>)[base];
  const bare = prefixed === undefined ? digits : digits.replace(prefixed, '$1');
  if (
    /^[-+]?[\da-z]+$/.test(bare) &&
    [...bare.replace(/^[-+]/, '')].every((digit) => Number.parseInt(digit, 36) < base)
  ) {
    return int(Number.parseInt(bare, base));
  }
  const size = base === 10 ? toFloat(item) : undefined;
  return size === undefined ? undefined : toInt(size, 10);
}

function toFloat(item: Item): Item | undefined {
  const size = asNumber(item);
  if (size !== undefined) return float(size);
  if (!isString(item)) return undefined;
  const digits = item.trim().toLowerCase();
  if (/^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+)?$/.test(digits))
    return float(Number(digits.replaceAll('_', '')));
  if (/^\+?(?:inf|infinity)$/.test(digits)) return Number.POSITIVE_INFINITY;
  if (/^-(?:inf|infinity)$/.test(digits)) return Number.NEGATIVE_INFINITY;
  return /^[-+]?nan$/.test(digits) ? Number.NaN : undefined;
}

const units = ['Y', 'Z', 'E', 'P', 'T', 'G', 'M', 'K'];

function humanReadable(size: number, bits: boolean, unit: string | undefined): string {
  const at = units.findIndex((one, i) =>
    unit === undefined ? size >= 1024 ** (units.length - i) : unit.toUpperCase().startsWith(one),
  );
  const base = bits ? 'bits' : 'Bytes';
  if (at < 0) return `${fixed(size, 2)} ${base}`;
  return `${fixed(size / 1024 ** (units.length - at), 2)} ${units[at] ?? ''}${bits ? 'b' : 'B'}`;
}

function humanToBytes(s: string, unit: string, bits: boolean): number {
  const [, digits = '', given = ''] = /^\s*(\d*\.?\d*)\s*([A-Za-z]+)?\s*$/.exec(s) ?? [];
  if (digits === '' || digits === '.')
    return wrong(`human_to_bytes: cannot read '${s}'`, { expected: 'a size such as 10M or 1.5 GB' });
  const named = given === '' ? unit : given;
  if (named === '' || /^(?:b|byte|bytes|bit|bits)$/i.test(named)) return Math.round(Number(digits));
  const at = units.indexOf((named[0] ?? '').toUpperCase());
  const rest = named.slice(1);
  const isSmall = /^[a-z][bB]$/.test(named); // as Ansible since 2.19: 'kB' is no unit
  if (
    at < 0 ||
    isSmall ||
    !['', bits ? 'b' : 'B', 'i'.concat(bits ? 'b' : 'B'), 'yte', 'ytes', 'it', 'its'].includes(rest)
  ) {
    return wrong(`human_to_bytes: '${named}' is no unit`, {
      expected: `one of ${units.join(', ')} (with ${bits ? 'b' : 'B'})`,
    });
  }
  return int(Math.round(Number(digits) * 1024 ** (units.length - at)));
}
