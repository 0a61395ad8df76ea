import {
  type Dict,
  dictOf,
  entriesOf,
  entry,
  type Item,
  isList,
  isMapping,
  iterate,
  keysOf,
  setEntry,
  tuple,
  wrong,
} from '../item.ts';
import { type Operation, shape } from '../operation.ts';

function asDict(item: Item): Dict {
  return isMapping(item) ? item : wrong('expected a dict');
}

export const dictMethods: Readonly<Record<string, Operation>> = {
  items: shape('', (dict) => entriesOf(asDict(dict)).map((pair) => tuple(pair))),
  keys: shape('', (dict) => keysOf(asDict(dict))),
  values: shape('', (dict) => entriesOf(asDict(dict)).map(([, item]) => item)),
  get: shape('key default', (dict, [key = null, fallback = null]) => entry(asDict(dict), key) ?? fallback),
  copy: shape('', (dict) => dictOf(entriesOf(asDict(dict)))),
  update: shape('other **', (dict, [other], _ctx, { named }) => {
    for (const [key, item] of [...(other === undefined ? [] : pairs(other)), ...named]) put(dict, key, item);
    return null;
  }),
  setdefault: shape('key default', (dict, [key = null, fallback = null]) => {
    const found = entry(asDict(dict), key);
    if (found !== undefined) return found;
    put(dict, key, fallback);
    return fallback;
  }),
  pop: shape('key default', (dict, [key = null, fallback]) => {
    const found = entry(asDict(dict), key);
    if (found !== undefined) drop(dict, key);
    return found ?? fallback ?? wrong('pop: the dict has no such key');
  }),
  clear: shape('', (dict) => {
    for (const key of keysOf(asDict(dict))) drop(dict, key);
    return null;
  }),
};

/** The entries of a dict, or of a list of pairs. */
export function pairs(item: Item): readonly (readonly [Item, Item])[] {
  if (isMapping(item)) return entriesOf(item);
  return iterate(item).map((pair) => {
    if (!isList(pair) || pair.length !== 2) return wrong('expected a list of pairs');
    return [pair[0] ?? null, pair[1] ?? null];
  });
}

/** A dict that a template changes is a Map since it was created or read: see `mutable` in evaluate.ts. */
function put(dict: Item, key: Item, item: Item): void {
  if (dict instanceof Map) setEntry(dict, key, item);
  else wrong('this dict cannot be changed', { hint: 'make a new one with combine()' });
}

function drop(dict: Item, key: Item): void {
  if (dict instanceof Map) for (const known of dict.keys()) if (known === key) dict.delete(known);
}
