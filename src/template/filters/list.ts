import { createHash } from 'node:crypto';
import { Secret, Unknown } from '../../core/value.ts';
import { path, undefinedItem } from '../access.ts';
import { compare, equal, truth } from '../compare.ts';
import type { Ctx } from '../env.ts';
import {
  type Args,
  asNumber,
  demand,
  entry,
  Hang,
  type Item,
  isList,
  isMapping,
  isString,
  iterate,
  namedTuple,
  tuple,
  Undefined,
  wrong,
} from '../item.ts';
import { lazy, number, type Operation, shape, text, value } from '../operation.ts';
import { short } from '../operators.ts';
import { str } from '../print.ts';
import { sorted } from '../sorting.ts';
import { keyOf } from './support.ts';

/** A length reveals too little to be secret. */
const length = lazy('', (item) => iterate(item instanceof Secret ? item.reveal() : item).length);

export const listFilters: Readonly<Record<string, Operation>> = {
  length,
  count: length,
  list: shape('', (item) => [...iterate(item)]),
  first: shape(
    '',
    (item, _given, ctx) => iterate(item)[0] ?? undefinedItem('no first item, the sequence is empty', () => ctx),
  ),
  last: shape(
    '',
    (item, _given, ctx) => iterate(item).at(-1) ?? undefinedItem('no last item, the sequence is empty', () => ctx),
  ),
  reverse: shape('', (item) => (isString(item) ? [...item].reverse().join('') : [...iterate(item)].reverse())),
  join: value('d attribute', (item, [glue, attribute], ctx) =>
    short(
      iterate(item)
        .map((one) => str(attribute === undefined ? one : found(path(one, attribute, ctx))))
        .join(text(glue)),
    ),
  ),
  map: shape('* attribute default **', (item, [attribute, fallback], ctx, args) =>
    map(item, attribute, fallback, ctx, args),
  ),
  select: shape('* **', (item, _given, ctx, args) => chosen(item, true, false, args, ctx)),
  reject: shape('* **', (item, _given, ctx, args) => chosen(item, false, false, args, ctx)),
  selectattr: shape('* **', (item, _given, ctx, args) => chosen(item, true, true, args, ctx)),
  rejectattr: shape('* **', (item, _given, ctx, args) => chosen(item, false, true, args, ctx)),
  sort: shape('reverse case_sensitive attribute', (item, [reverse, cased, attribute], ctx) =>
    sorted(iterate(item), keyOf(attribute, asNumber(cased) === 1, ctx), asNumber(reverse) === 1),
  ),
  unique: shape('case_sensitive attribute', (item, [cased, attribute], ctx) => {
    const key = keyOf(attribute, asNumber(cased) === 1, ctx);
    return distinct(iterate(item), key, ctx);
  }),
  groupby: shape('attribute default case_sensitive', (item, [attribute = null, fallback, cased], ctx) => {
    const raw = (one: Item): Item => {
      const key = path(one, attribute, ctx);
      return key instanceof Undefined && fallback !== undefined ? fallback : key;
    };
    const fold = (key: Item): Item => (isString(key) && asNumber(cased) !== 1 ? key.toLowerCase() : key);
    const groups: { key: Item; items: Item[] }[] = [];
    for (const one of sorted(iterate(item), (each) => fold(raw(each)))) {
      const last = groups.at(-1);
      if (last !== undefined && equal(fold(last.key), fold(raw(one)))) last.items.push(one);
      else groups.push({ key: raw(one), items: [one] });
    }
    return groups.map(({ key, items }) => namedTuple([key, items]));
  }),
  batch: shape('linecount fill_with', (item, [count, fill]) => {
    const size = Math.max(1, number(count, 1));
    const items = iterate(item);
    return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => {
      const part = items.slice(i * size, (i + 1) * size);
      return fill === undefined || fill === null ? part : filled(part, size, fill);
    });
  }),
  slice: shape('slices fill_with', (item, [count, fill]) => {
    const size = Math.min(100_000, Math.max(1, number(count, 1)));
    const items = iterate(item);
    const [each, extra] = [Math.floor(items.length / size), items.length % size];
    return Array.from({ length: size }, (_, i) => {
      const start = i * each + Math.min(i, extra);
      const part = items.slice(start, start + each + (i < extra ? 1 : 0));
      return fill !== undefined && fill !== null && i >= extra ? [...part, fill] : part;
    });
  }),
  max: shape('case_sensitive attribute', (item, [cased, attribute], ctx) =>
    best(item, 1, keyOf(attribute, asNumber(cased) === 1, ctx), ctx),
  ),
  min: shape('case_sensitive attribute', (item, [cased, attribute], ctx) =>
    best(item, -1, keyOf(attribute, asNumber(cased) === 1, ctx), ctx),
  ),
  flatten: shape('levels skip_nulls', (item, [levels, skip]) =>
    flatten(
      iterate(item),
      levels === undefined || levels === null ? Number.POSITIVE_INFINITY : number(levels, 0),
      asNumber(skip) !== 0,
    ),
  ),
  zip: shape('* strict', (item, [strict], _ctx, { positional }) => {
    const lists = [item, ...positional].map(iterate);
    const size = Math.min(...lists.map((one) => one.length));
    if (asNumber(strict) === 1 && lists.some((one) => one.length !== size)) wrong('zip: the lists differ in length');
    return Array.from({ length: size }, (_, i) => tuple(lists.map((one) => one[i] ?? null)));
  }),
  zip_longest: shape('* fillvalue', (item, [fill = null], _ctx, { positional }) => {
    const lists = [item, ...positional].map(iterate);
    const size = Math.max(...lists.map((one) => one.length));
    return Array.from({ length: size }, (_, i) =>
      tuple(lists.map((one) => (i < one.length ? (one[i] ?? null) : fill))),
    );
  }),
  product: shape('* repeat', (item, [repeat], ctx, { positional }) => {
    const lists = [item, ...positional].map(iterate);
    const all = Array.from({ length: number(repeat, 1) }, () => lists).flat();
    const count = all.reduce((size, one) => size * one.length, 1);
    ctx.burn(count);
    return all
      .reduce<readonly (readonly Item[])[]>(
        (done, one) => done.flatMap((head) => one.map((next) => [...head, next])),
        [[]],
      )
      .map(tuple);
  }),
  permutations: shape('r', (item, [r], ctx) => choose(iterate(item), number(r, iterate(item).length), true, ctx)),
  combinations: shape('r', (item, [r], ctx) => choose(iterate(item), number(r, 0), false, ctx)),
  subelements: shape('subelements skip_missing', (item, [inside = null, skip], ctx) => {
    const items = isMapping(item) ? [...(item instanceof Map ? item.values() : Object.values(item))] : iterate(item);
    return items.flatMap((one) => {
      const name = isList(inside) ? inside.map(str).join('.') : str(inside);
      const own = isMapping(one) ? entry(one, name) : undefined;
      if (own === undefined && isMapping(one) && !name.includes('.') && asNumber(skip) === 1) return [];
      const list = own ?? path(one, name, ctx);
      if (list instanceof Undefined && asNumber(skip) === 1) return [];
      if (!isList(list) && !(list instanceof Undefined))
        return wrong(`the key '${name}' should point to a list, got '${str(list)}'`);
      return iterate(list).map((each) => tuple([one, each]));
    });
  }),
  random: shape('end start step seed', (item, [end, start, step, seed]) => {
    const chance = randomness(seed === undefined ? str(item) : text(seed));
    const top = asNumber(item);
    if (top === undefined) {
      const items = iterate(item);
      return items[chance(items.length)] ?? wrong('random needs a list that is not empty');
    }
    const from = number(start ?? (end === undefined ? undefined : null), 0);
    const by = number(step, 1);
    return from + by * chance(Math.max(1, Math.ceil((top - from) / by)));
  }),
  shuffle: shape('seed', (item, [seed]) => {
    const items = [...iterate(item)];
    const chance = randomness(seed === undefined ? str(items) : text(seed));
    for (let i = items.length - 1; i > 0; i--) {
      const j = chance(i + 1);
      [items[i], items[j]] = [items[j] ?? null, items[i] ?? null];
    }
    return items;
  }),
};

/** Throws if the item is undefined, because an attribute that is asked for must exist. */
function found(item: Item): Item {
  if (item instanceof Undefined) throw item.failure;
  return item;
}

function map(
  input: Item,
  attribute: Item | undefined,
  fallback: Item | undefined,
  ctx: Ctx,
  { positional, named }: Args,
): Item {
  if (attribute !== undefined) {
    if (!truth(input)) return []; // None and False count as empty, as in Jinja2
    return iterate(input).map((one) => {
      if (one instanceof Unknown) return one;
      const part = path(one, attribute, ctx);
      if (!(part instanceof Undefined)) return part;
      return fallback ?? part;
    });
  }
  const [name, ...rest] = positional;
  if (!truth(input)) return [];
  if (name === undefined) return wrong('map needs a filter, or attribute=');
  ctx.burn(iterate(input).length);
  return iterate(input).map((one) => ctx.filter(text(name), one, { positional: rest, named }));
}

function chosen(input: Item, wanted: boolean, byAttribute: boolean, args: Args, ctx: Ctx): Item {
  const [attribute, ...after] = args.positional;
  if (byAttribute && attribute === undefined) wrong('an attribute is missing: selectattr(attribute, test, …)');
  const [name, ...rest] = byAttribute ? after : args.positional;
  if (!truth(input)) return [];
  ctx.burn(iterate(input).length);
  return iterate(input).filter((one) => {
    const item = byAttribute && attribute !== undefined && !(one instanceof Unknown) ? path(one, attribute, ctx) : one;
    const holds =
      name === undefined ? truth(item) : ctx.test(text(name), item, { positional: rest, named: args.named });
    if (holds instanceof Unknown) throw new Hang(holds);
    return holds === wanted;
  });
}

/** Removes duplicates. The first of equal items stays, and the order is kept. */
export function distinct(items: readonly Item[], key: (item: Item) => Item, ctx: Ctx): readonly Item[] {
  const plain = new Set<Item>();
  const others: Item[] = [];
  return items.filter((item) => {
    const k = demand(key(item));
    if (isString(k)) {
      if (plain.has(k)) return false;
      plain.add(k);
      return true;
    }
    ctx.burn(others.length);
    if (others.some((other) => equal(other, k))) return false;
    others.push(k);
    return true;
  });
}

function filled(part: readonly Item[], size: number, fill: Item): readonly Item[] {
  return [...part, ...Array.from({ length: size - part.length }, () => fill)];
}

function best(input: Item, sign: 1 | -1, key: (item: Item) => Item, ctx: Ctx): Item {
  const [first, ...rest] = iterate(input);
  if (first === undefined) return undefinedItem('no aggregated item, the sequence is empty', () => ctx);
  return rest.reduce((held, one) => (compare(key(one), key(held)) * sign > 0 ? one : held), first);
}

function flatten(items: readonly Item[], levels: number, skipNulls: boolean): readonly Item[] {
  return items.flatMap((item) => {
    if (skipNulls && (item === null || item === 'None' || item === 'null')) return [];
    return isList(item) ? (levels >= 1 ? flatten(item, levels - 1, skipNulls) : [item]) : [item];
  });
}

function choose(items: readonly Item[], size: number, ordered: boolean, ctx: Ctx): readonly Item[] {
  const out: Item[] = [];
  const walk = (picked: readonly number[]): void => {
    if (picked.length === size) {
      ctx.burn(size + 1);
      out.push(tuple(picked.map((i) => items[i] ?? null)));
      return;
    }
    for (let i = ordered ? 0 : (picked.at(-1) ?? -1) + 1; i < items.length; i++) {
      if (!picked.includes(i)) walk([...picked, i]);
    }
  };
  if (size <= items.length) walk([]);
  return out;
}

/** Numbers that look random but are the same for the same seed, because a second run must plan no change. */
export function randomness(seed: string): (below: number) => number {
  let count = 0;
  return (below) => {
    const digest = createHash('sha256').update(`${seed}\0${count++}`).digest();
    return below <= 0 ? 0 : Number(digest.readBigUInt64BE() % BigInt(below));
  };
}
