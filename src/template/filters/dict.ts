import { subscript } from '../access.ts';
import { byCodePoint, compare, equal } from '../compare.ts';
import {
  asNumber,
  type Dict,
  dictOf,
  entriesOf,
  entry,
  type Item,
  isList,
  isMapping,
  isString,
  iterate,
  tuple,
  wrong,
} from '../item.ts';
import { type Operation, shape, text } from '../operation.ts';
import { str } from '../print.ts';
import { asDictItem } from './support.ts';

export const dictFilters: Readonly<Record<string, Operation>> = {
  items: shape('', (item) => entriesOf(asDictItem(item)).map((pair) => tuple(pair))),
  dictsort: shape('case_sensitive by reverse', (item, [cased, by, reverse]) => {
    const place = text(by, 'key') === 'value' ? 1 : 0;
    const fold = (one: Item): Item => (isString(one) && asNumber(cased) !== 1 ? one.toLowerCase() : one);
    const order = asNumber(reverse) === 1 ? -1 : 1;
    return [...entriesOf(asDictItem(item))]
      .sort((a, b) => order * compare(fold(a[place]), fold(b[place])))
      .map((pair) => tuple(pair));
  }),
  dict2items: shape('key_name value_name', (item, [key, name]) =>
    entriesOf(asDictItem(item)).map(([k, v]) =>
      dictOf([
        [text(key, 'key'), k],
        [text(name, 'value'), v],
      ]),
    ),
  ),
  items2dict: shape('key_name value_name', (item, [key, name]) =>
    dictOf(
      iterate(item).map((one) => {
        const dict = asDictItem(one);
        const [k, v] = [entry(dict, text(key, 'key')), entry(dict, text(name, 'value'))];
        return k === undefined || v === undefined
          ? wrong(`items2dict: every item needs '${text(key, 'key')}' and '${text(name, 'value')}'`)
          : ([k, v] as const);
      }),
    ),
  ),
  rekey_on_member: shape('key duplicates', (item, [key = null, duplicates]) => {
    const rule = text(duplicates, 'error');
    if (!['error', 'overwrite'].includes(rule))
      wrong(`rekey_on_member: no duplicates '${rule}'`, { expected: 'error or overwrite' });
    const items = isMapping(item) ? entriesOf(item).map(([, one]) => one) : iterate(item);
    const seen = new Map<Item, Item>();
    for (const one of items) {
      const value = entry(asDictItem(one), key);
      if (value === undefined) return wrong(`rekey_on_member: the key '${str(key)}' was not found`);
      if (rule === 'error' && seen.has(value)) wrong(`rekey_on_member: the key '${str(value)}' is not unique`);
      seen.set(value, one);
    }
    return dictOf([...seen]);
  }),
  combine: shape('* recursive list_merge', (item, [recursive, merge], _ctx, { positional }) => {
    const lists = text(merge, 'replace');
    if (!Object.hasOwn(merges, lists))
      wrong(`combine: no list_merge '${lists}'`, { expected: `one of ${Object.keys(merges).join(', ')}` });
    const dicts = [item, ...positional].flatMap((one) => (isList(one) ? one : [one])).map(asDictItem);
    return dicts.reduce((base, over) => combined(base, over, asNumber(recursive) === 1, lists));
  }),
  extract: shape('container morekeys', (key, [container = null, more], ctx) => {
    const keys = [key, ...(more === undefined || more === null ? [] : isList(more) ? more : [more])];
    return keys.reduce((of: Item, one) => subscript(of, one, () => ctx), container);
  }),
};

type Merge = (old: readonly Item[], over: readonly Item[]) => readonly Item[];
const without = (list: readonly Item[], those: readonly Item[]) =>
  list.filter((one) => !those.some((other) => equal(one, other)));

/** combine's list_merge: how two lists under one key are merged. */
export const merges: Readonly<Record<string, Merge>> = {
  replace: (_old, over) => over,
  keep: (old) => old,
  append: (old, over) => [...old, ...over],
  prepend: (old, over) => [...over, ...old],
  append_rp: (old, over) => [...without(old, over), ...over],
  prepend_rp: (old, over) => [...over, ...without(old, over)],
};

export function combined(base: Dict, over: Dict, recursive: boolean, lists: string): Dict {
  const merge = merges[lists];
  return dictOf([
    ...entriesOf(base),
    ...entriesOf(over).map(([key, item]) => {
      const old = entry(base, key);
      if (recursive && isMapping(old) && isMapping(item)) return [key, combined(old, item, true, lists)] as const;
      if (isList(old) && isList(item) && merge !== undefined) return [key, merge(old, item)] as const;
      return [key, item] as const;
    }),
  ]);
}

/** Keys in the order of their texts, as sort_keys does. */
export function byKey(dict: Dict): readonly (readonly [Item, Item])[] {
  return [...entriesOf(dict)].sort(([a], [b]) => (isString(a) && isString(b) ? byCodePoint(a, b) : compare(a, b)));
}
