import { Secret } from '../core/value.ts';
import {
  asNumber,
  demand,
  entriesOf,
  entry,
  type Item,
  isList,
  isMapping,
  isTuple,
  iterate,
  keysOf,
  Thing,
  typeName,
  wrong,
} from './item.ts';
import { reveal } from './taint.ts';

/** Python's truth of a value. Throws Hang if it depends on an Unknown. */
export function truth(item: Item): boolean {
  const value = open(item);
  if (value === null || value === false || value === '') return false;
  if (isList(value)) return value.length > 0;
  if (isMapping(value)) return keysOf(value).length > 0;
  return asNumber(value) !== 0;
}

/** Python's ==. Throws Hang if it depends on an Unknown. */
export function equal(left: Item, right: Item): boolean {
  const a = open(left);
  const b = open(right);
  const number = asNumber(a);
  if (number !== undefined) return number === asNumber(b);
  if (isList(a))
    return (
      isList(b) && isTuple(a) === isTuple(b) && a.length === b.length && a.every((one, i) => equal(one, b[i] ?? null))
    );
  if (isMapping(a)) {
    if (!isMapping(b) || keysOf(a).length !== keysOf(b).length) return false;
    return entriesOf(a).every(([key, one]) => {
      const other = entry(b, key);
      return other !== undefined && equal(one, other);
    });
  }
  if (a instanceof Thing && b instanceof Thing && a.quantity && b.quantity)
    return a.type === b.type && a.quantity.ms === b.quantity.ms;
  return a === b;
}

/** Negative if `left` comes first. `sign` is used in the error message. */
export function compare(left: Item, right: Item, sign = '<'): number {
  const a = open(left);
  const b = open(right);
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) return x - y;
  if (typeof a === 'string' && typeof b === 'string') return byCodePoint(a, b);
  if (isList(a) && isList(b) && isTuple(a) === isTuple(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const [one, other] = [a[i] ?? null, b[i] ?? null];
      if (!equal(one, other)) return compare(one, other, sign);
    }
    return a.length - b.length;
  }
  if (a instanceof Thing && b instanceof Thing && a.type === b.type && a.quantity && b.quantity)
    return a.quantity.ms - b.quantity.ms;
  return wrong(`'${sign}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** Python's `in`. */
export function contains(container: Item, item: Item): boolean {
  const within = open(container);
  const wanted = open(item);
  if (typeof within === 'string') {
    if (typeof wanted === 'string') return within.includes(wanted);
    return wrong(`'in <string>' requires string as left operand, not ${typeName(wanted)}`);
  }
  if (isMapping(within)) {
    if (isMapping(wanted) || (isList(wanted) && !isTuple(wanted))) wrong(`unhashable type: '${typeName(wanted)}'`);
    return entry(within, wanted) !== undefined;
  }
  if (isList(within)) return within.some((one) => equal(one, wanted));
  return iterate(within).some((one) => equal(one, wanted));
}

/**
 * Compares texts by code points, as Python does. JavaScript compares UTF-16 units, which differs beyond the Basic
 * Multilingual Plane.
 */
export function byCodePoint(a: string, b: string): number {
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const far = (x[i]?.codePointAt(0) ?? 0) - (y[i]?.codePointAt(0) ?? 0);
    if (far !== 0) return far;
  }
  return x.length - y.length;
}

function open(item: Item): Item {
  const value = demand(item);
  return value instanceof Secret ? reveal(value) : value;
}
