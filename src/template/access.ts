import { failure } from '../core/errors/index.ts';
import { REDACTED, Secret, Unknown } from '../core/value.ts';
import type { Ctx } from './env.ts';
import {
  asNumber,
  Callable,
  entry,
  float,
  type Item,
  int,
  isFloat,
  isList,
  isMapping,
  isString,
  isTuple,
  keysOf,
  Thing,
  tuple,
  typeName,
  Undefined,
  wrong,
} from './item.ts';
import { dictMethods } from './methods/dict.ts';
import { listMethods, tupleMethods } from './methods/list.ts';
import { textMethods } from './methods/text.ts';
import { type Operation, operate } from './operation.ts';
import { repr, str } from './print.ts';
import { reveal, seal } from './taint.ts';

/**
 * Evaluates `of.name`: a method or part of that name, else the entry of the dict. Properties of JavaScript objects are
 * never visible.
 */
export function attribute(of: Item, name: string, ctx: () => Ctx): Item {
  const missing = untouchable(of);
  if (missing !== undefined) return missing;
  const method = methodsOf(of)[name];
  if (method !== undefined && Object.hasOwn(methodsOf(of), name)) {
    return new Callable(name, (args) => operate(name, method, of, args, ctx()));
  }
  if (of instanceof Thing) {
    const part = of.get(name);
    if (part !== undefined) return part;
  }
  if (isMapping(of)) {
    const found = entry(of, name);
    if (found !== undefined) return found;
  }
  return absent(of, name, ctx);
}

/** Evaluates `of[key]`: an item or entry, else the method of that name. */
export function subscript(of: Item, key: Item, ctx: () => Ctx): Item {
  const missing = untouchable(of) ?? untouchable(key);
  if (missing !== undefined) return missing;
  const index = key instanceof Secret ? reveal(key) : key;
  if (isMapping(of)) {
    const found = entry(of, index);
    if (found !== undefined) return found;
  } else if (isList(of) || isString(of) || of instanceof Secret) {
    const place = isFloat(index) ? undefined : asNumber(index);
    if (place !== undefined) return at(of, place, ctx);
  }
  if (isString(index)) {
    if (of instanceof Thing || Object.hasOwn(methodsOf(of), index)) return attribute(of, index, ctx);
    return absent(of, str(key), ctx);
  }
  return undefinedItem(`${described(of)} has no element ${repr(key)}`, ctx);
}

function at(of: Item, place: number, ctx: () => Ctx): Item {
  const items = isList(of) ? of : [...textOf(of)];
  const found = items[place < 0 ? items.length + place : place];
  if (found === undefined) return undefinedItem(`${typeName(of)} object has no element ${place}`, ctx);
  return of instanceof Secret ? seal(found) : found;
}

/** Evaluates `of[start:stop:step]`. */
export function slice(of: Item, bounds: readonly (Item | undefined)[]): Item {
  for (const item of [of, ...bounds]) {
    if (item instanceof Unknown) return item;
    if (item instanceof Undefined) throw item.failure;
  }
  if (!isList(of) && !isString(of) && !(of instanceof Secret)) wrong(`'${typeName(of)}' object cannot be sliced`);
  const items: readonly Item[] = isList(of) ? of : [...textOf(of)];
  const [start, stop, step = 1] = bounds.map((bound) => {
    if (bound === undefined || bound === null) return undefined;
    return isFloat(bound)
      ? wrong('slice indices must be integers')
      : (asNumber(bound) ?? wrong('slice indices must be integers'));
  });
  if (step === 0) wrong('slice step cannot be zero');
  const length = items.length;
  const clamp = (bound: number | undefined, fallback: number): number => {
    if (bound === undefined) return fallback;
    const place = bound < 0 ? bound + length : bound;
    return step > 0 ? Math.min(Math.max(place, 0), length) : Math.min(Math.max(place, -1), length - 1);
  };
  const from = clamp(start, step > 0 ? 0 : length - 1);
  const to = clamp(stop, step > 0 ? length : -1);
  const out: Item[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(items[i] ?? null);
  if (isList(of)) return isTuple(of) ? tuple(out) : out;
  return of instanceof Secret ? new Secret(out.join('')) : out.join('');
}

/** Follows a dotted path, as in map(attribute='a.b.0'). */
export function path(of: Item, dotted: Item, ctx: Ctx): Item {
  const here = () => ctx;
  if (!isString(dotted)) return subscript(of, dotted, here);
  let item = of;
  for (const part of dotted.split('.')) item = subscript(item, /^\d+$/.test(part) ? Number(part) : part, here);
  return item;
}

/**
 * A part of an Undefined is undefined too, as in Ansible: `a.b | default('x')` gives x if `a` is not defined. A part of an
 * Unknown is unknown.
 */
function untouchable(item: Item): Unknown | Undefined | undefined {
  return item instanceof Undefined || item instanceof Unknown ? item : undefined;
}

const none: Readonly<Record<string, Operation>> = {};

function methodsOf(of: Item): Readonly<Record<string, Operation>> {
  if (isString(of) || of instanceof Secret) return textMethods;
  if (isList(of)) return isTuple(of) ? tupleMethods : listMethods;
  return isMapping(of) ? dictMethods : asNumber(of) === undefined ? none : numberMethods;
}

const numberMethods: Readonly<Record<string, Operation>> = {
  is_integer: { kind: 'value', parameters: [], run: (item) => Number.isInteger(asNumber(item)) },
  bit_length: {
    kind: 'value',
    parameters: [],
    run: (item) =>
      int(
        Math.abs(asNumber(item) ?? 0)
          .toString(2)
          .replace(/^0$/, '').length,
      ),
  },
  conjugate: { kind: 'value', parameters: [], run: (item) => (isFloat(item) ? float(asNumber(item) ?? 0) : item) },
};

function textOf(item: Item): string {
  return item instanceof Secret ? item.reveal() : (item as string);
}

function described(of: Item): string {
  return of instanceof Thing ? `'${of.type}'` : `'${typeName(of)} object'`;
}

function absent(of: Item, name: string, ctx: () => Ctx): Undefined {
  return new Undefined(() => {
    const known = isMapping(of) && name !== REDACTED ? keysOf(of).filter(isString) : [];
    return failure('E_UNDEFINED_ATTRIBUTE', { of: described(of), name, known }, ctx().at);
  });
}

export function undefinedItem(problem: string, ctx: () => Ctx): Undefined {
  return new Undefined(() => failure('E_UNDEFINED_VALUE', { problem }, ctx().at));
}
