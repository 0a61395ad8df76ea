import { Secret, Unknown } from '../core/value.ts';
import { compare, contains, equal } from './compare.ts';
import { percentFormat } from './format.ts';
import {
  asNumber,
  demand,
  float,
  type Item,
  int,
  isFloat,
  isList,
  isString,
  isTuple,
  tooMuch,
  tuple,
  typeName,
  Undefined,
  wrong,
} from './item.ts';
import { hushed } from './operation.ts';
import { str } from './print.ts';
import { inspect, reveal, seal } from './taint.ts';
import { ofTime } from './time-things.ts';

/** The longest text that a template may build, in characters. The longest list has 1/32 as many items. */
export const LONGEST = 32 * 1024 * 1024;

/** A binary operator. An Unknown operand gives that Unknown, a Secret operand gives a Secret. */
export function operator(sign: string, left: Item, right: Item): Item {
  for (const item of [left, right]) if (item instanceof Undefined && !item.lenient) throw item.failure;
  for (const item of [left, right]) if (item instanceof Unknown) return item;
  if (sign === '+' && isList(left) && isList(right)) return join(left, right);
  if (sign === '*' && (isList(left) || isList(right))) return repeated(left, right);
  const found = sign === '%' || sign === '~' ? inspect([left, right]) : inspectFlat(left, right);
  if (found.undefined !== undefined && !found.undefined.lenient) throw found.undefined.failure;
  if (found.unknown !== undefined) return found.unknown;
  if (!found.secret) return compute(sign, left, right);
  return seal(hushed(`'${sign}'`, () => compute(sign, reveal(left), reveal(right))));
}

function inspectFlat(left: Item, right: Item) {
  return { unknown: undefined, undefined: undefined, secret: left instanceof Secret || right instanceof Secret };
}

function compute(sign: string, left: Item, right: Item): Item {
  if (sign === '~') return short(str(left) + str(right));
  if (isString(left)) {
    if (sign === '%') return short(percentFormat(left, right));
    if (sign === '+')
      return isString(right)
        ? short(left + right)
        : wrong(`can only concatenate str (not "${typeName(right)}") to str`, {
            hint: 'join them with ~ instead of +, or use | string',
          });
  }
  if (sign === '*' && (isString(left) || isString(right))) return repeatedText(left, right);
  if (sign === '+' && isList(left)) wrong(`can only concatenate list (not "${typeName(right)}") to list`);
  const span = ofTime(sign, left, right);
  if (span !== undefined) return span;
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a === undefined || b === undefined) {
    return wrong(`unsupported operand type(s) for ${sign}: '${typeName(left)}' and '${typeName(right)}'`);
  }
  return arithmetic(sign, a, b, isFloat(left) || isFloat(right));
}

function arithmetic(sign: string, a: number, b: number, fraction: boolean): Item {
  const make = fraction ? float : int;
  switch (sign) {
    case '+':
      return make(a + b);
    case '-':
      return make(a - b);
    case '*':
      return make(a * b);
    case '/':
      return b === 0 ? wrong('division by zero') : float(a / b);
    case '//':
      return b === 0 ? wrong('division by zero') : make(Math.floor(a / b));
    case '%': {
      if (b === 0) return wrong('modulo by zero');
      const rest = a % b;
      return make(rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest);
    }
    default:
      return power(a, b, fraction);
  }
}

function power(a: number, b: number, fraction: boolean): Item {
  if (a === 0 && b < 0) return wrong('0.0 cannot be raised to a negative power');
  const result = a ** b;
  if (Number.isNaN(result)) return wrong('a negative number has no such power');
  return fraction || b < 0 ? float(result) : int(result);
}

function join(left: readonly Item[], right: readonly Item[]): Item {
  if (isTuple(left) !== isTuple(right)) {
    wrong(`can only concatenate ${typeName(left)} (not "${typeName(right)}") to ${typeName(left)}`);
  }
  const both = sized([...left, ...right]);
  return isTuple(left) ? tuple(both) : both;
}

function repeated(left: Item, right: Item): Item {
  const list = isList(left) ? left : (right as readonly Item[]);
  const times = times_(isList(left) ? right : left, list);
  if (list.length * times > LONGEST / 32) tooMuch('the list grows too long');
  const out = Array.from({ length: times }, () => list).flat(1);
  return isTuple(list) ? tuple(out) : out;
}

function repeatedText(left: Item, right: Item): Item {
  const text = isString(left) ? left : (right as string);
  const times = times_(isString(left) ? right : left, text);
  if (text.length * times > LONGEST) tooMuch('the text grows too long: more than 32 MiB');
  return text.repeat(times);
}

function times_(item: Item, of: Item): number {
  const times = demand(item) instanceof Secret ? asNumber(reveal(item)) : isFloat(item) ? undefined : asNumber(item);
  return times === undefined ? wrong(`can't multiply ${typeName(of)} by ${typeName(item)}`) : Math.max(0, times);
}

/** Rejects a text beyond the size limit. */
export function short(text: string): string {
  return text.length > LONGEST ? tooMuch('the text grows too long: more than 32 MiB') : text;
}

function sized(list: readonly Item[]): readonly Item[] {
  return list.length > LONGEST / 32 ? tooMuch('the list grows too long') : list;
}

/** One comparison of a chain. Throws Hang if it depends on an Unknown. */
export function compares(sign: string, left: Item, right: Item): boolean {
  demand(left);
  demand(right);
  switch (sign) {
    case '==':
      return equal(left, right);
    case '!=':
      return !equal(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
  }
  const order = compare(left, right, sign);
  if (sign === '<') return order < 0;
  if (sign === '<=') return order <= 0;
  return sign === '>' ? order > 0 : order >= 0;
}
