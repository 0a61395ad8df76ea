import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { matching } from '../../core/bounded.ts';
import { compare } from '../compare.ts';
import { asNumber, type Dict, dictOf, entriesOf, entry, type Item, isList, iterate, wrong } from '../item.ts';
import { csvRows } from '../lookups-files.ts';
import { pairs } from '../methods/dict.ts';
import { type Operation, shape, text, value } from '../operation.ts';
import { operator } from '../operators.ts';
import { str } from '../print.ts';
import { pythonRegex } from '../regex.ts';
import { versionCompare } from '../version.ts';
import { combined, merges } from './dict.ts';
import { iniFilters } from './ini.ts';
import { setFilters } from './sets.ts';
import { asDictItem } from './support.ts';

const FORMS = ['NFC', 'NFD', 'NFKC', 'NFKD'];

/** Filters of the collection community.general. */
export const communityFilters: Readonly<Record<string, Operation>> = {
  ...iniFilters,
  accumulate: shape('', (item) => {
    const [first, ...others] = iterate(item);
    if (first === undefined) return [];
    const sums: Item[] = [first];
    for (const one of others) sums.push(operator('+', sums.at(-1) ?? null, one));
    return sums;
  }),
  dict: shape('', (item) => dictOf(pairs(item))),
  dict_kv: shape('key', (item, [key]) => dictOf([[text(key), item]])),
  groupby_as_dict: shape('attribute', (item, [attribute]) => {
    const name = text(attribute);
    const seen = new Set<string>();
    return dictOf(
      iterate(item).map((one) => {
        const key = entry(asDictItem(one), name) ?? wrong(`groupby_as_dict: an item has no attribute '${name}'`);
        const word = str(key);
        if (seen.has(word)) wrong(`groupby_as_dict: several items have the same value of '${name}'`);
        seen.add(word);
        return [key, one] as const;
      }),
    );
  }),
  lists_mergeby: shape('* recursive list_merge', (item, [recursive, merge], _ctx, { positional }) => {
    const index = text(positional.at(-1));
    const how = text(merge, 'replace');
    if (positional.length === 0) wrong('lists_mergeby: name the key to merge by');
    if (!Object.hasOwn(merges, how))
      wrong(`lists_mergeby: no list_merge '${how}'`, { expected: `one of ${Object.keys(merges).join(', ')}` });
    const given = [item, ...positional.slice(0, -1)].map((one) => iterate(one));
    const lists = given.flatMap((list) => (list.length > 0 && list.every(isList) ? (list as Item[][]) : [list]));
    const [only] = lists;
    return lists.length === 1 && only !== undefined ? only : mergedBy(lists, index, asNumber(recursive) === 1, how);
  }),
  counter: shape('', (item) => {
    const counts = new Map<Item, number>();
    for (const one of iterate(item)) counts.set(one, (counts.get(one) ?? 0) + 1);
    return dictOf([...counts]);
  }),
  from_csv: value('dialect fieldnames delimiter skipinitialspace strict', (item, given) => {
    const [dialect, names, delimiter, skips] = given;
    const kind = text(dialect, 'excel');
    if (!['excel', 'excel-tab', 'unix'].includes(kind))
      wrong(`from_csv: no dialect '${kind}'`, { expected: 'excel, excel-tab or unix' });
    const mark = delimiter === undefined || delimiter === null ? (kind === 'excel-tab' ? '\t' : ',') : text(delimiter);
    const rows = csvRows(text(item), mark).filter((cells) => cells.length > 1 || cells[0] !== '');
    const isList = names !== undefined && names !== null;
    const keys = isList ? iterate(names).map((one) => text(one)) : (rows[0] ?? []);
    const clean = (cell: string): string => (asNumber(skips ?? null) === 1 ? cell.trimStart() : cell);
    return rows.slice(isList ? 0 : 1).map((cells) => dictOf(keys.map((key, i) => [key, clean(cells[i] ?? '')])));
  }),
  replace_keys: shape('target matching_parameter', (item, [target = null, how]) => {
    const pairs = iterate(target).map((one) => {
      const [before, after] = [entry(asDictItem(one), 'before'), entry(asDictItem(one), 'after')];
      if (before === undefined || after === undefined) wrong("replace_keys: a target needs 'before' and 'after'");
      return { isHit: hit(text(how, 'equal'), [text(before)]), after: text(after) };
    });
    const renamed = (key: Item): Item => pairs.find(({ isHit }) => isHit(str(key)))?.after ?? key;
    return iterate(item).map((one) => dictOf(entriesOf(asDictItem(one)).map(([key, each]) => [renamed(key), each])));
  }),
  random_mac: value('seed', (item, [seed]) => {
    const prefix = text(item).toLowerCase();
    if (!/^[\da-f]{2}(:[\da-f]{2}){0,4}$/.test(prefix))
      wrong(`random_mac: '${prefix}' is not the begin of a hardware address`, { expected: "'52:54:00'" });
    const bytes = prefix.split(':');
    const drawn = createHash('sha256')
      .update(`random_mac ${seed === undefined ? prefix : text(seed)}`)
      .digest('hex');
    return [...bytes, ...(drawn.match(/../g) ?? [])].slice(0, 6).join(':');
  }),
  crc32: value('', (item) => crc32(Buffer.from(str(item))).toString(16)),
  version_sort: value('reverse', (item, [reverse]) => {
    const order = asNumber(reverse) === 1 ? -1 : 1;
    const before = (a: string, b: string): boolean => versionCompare(a, b, '<', false, undefined);
    return iterate(item)
      .map((one) => str(one))
      .sort((a, b) => order * (before(a, b) ? -1 : before(b, a) ? 1 : 0));
  }),
  unicode_normalize: value('form', (item, [form]) => {
    const name = text(form, 'NFC');
    if (!FORMS.includes(name))
      wrong(`unicode_normalize: no form '${name}'`, { expected: `one of ${FORMS.join(', ')}` });
    return text(item).normalize(name);
  }),
  keep_keys: keys((hit) => hit),
  remove_keys: keys((hit) => !hit),
  lists_union: lists('union'),
  lists_intersect: lists('intersect'),
  lists_difference: lists('difference'),
  lists_symmetric_difference: lists('symmetric_difference'),
};

/** Dicts with the same value under `index`, merged from the first list to the last, in the order of those values. */
function mergedBy(
  lists: readonly (readonly Item[])[],
  index: string,
  recursive: boolean,
  how: string,
): readonly Item[] {
  const found = new Map<string, Dict>();
  for (const one of lists.flat()) {
    const dict = asDictItem(one);
    const key = entry(dict, index);
    if (key === undefined) continue;
    const known = found.get(str(key));
    found.set(str(key), known === undefined ? dict : combined(known, dict, recursive, how));
  }
  return [...found.values()].sort((a, b) => compare(entry(a, index) ?? null, entry(b, index) ?? null));
}

/** keep_keys and remove_keys: dicts with only those keys that `keeps` accepts. */
function keys(keeps: (hit: boolean) => boolean): Operation {
  return shape('target matching_parameter', (item, [target = null, how]) => {
    const wanted = isList(target) ? target.map((one) => text(one)) : [text(target)];
    const hits = hit(text(how, 'equal'), wanted);
    return iterate(item).map((one) => dictOf(entriesOf(asDictItem(one)).filter(([key]) => keeps(hits(str(key))))));
  });
}

function hit(how: string, wanted: readonly string[]): (key: string) => boolean {
  switch (how) {
    case 'equal':
      return (key) => wanted.includes(key);
    case 'starts_with':
      return (key) => wanted.some((one) => key.startsWith(one));
    case 'ends_with':
      return (key) => wanted.some((one) => key.endsWith(one));
    case 'regex': {
      const [pattern = ''] = wanted;
      if (wanted.length !== 1) wrong('a regular expression must be the only target');
      const regex = pythonRegex(`^(?:${pattern})`);
      return (key) => matching(pattern, () => regex.test(key));
    }
    default:
      return wrong(`no matching_parameter '${how}'`, { expected: 'one of equal, starts_with, ends_with, regex' });
  }
}

/** A set operation on the input and all further lists, from left to right. */
function lists(name: 'union' | 'intersect' | 'difference' | 'symmetric_difference'): Operation {
  const operation = setFilters[name];
  return shape('* flatten', (item, [flatten], ctx, args) => {
    const join = (all: Item, one: Item): Item => operation?.run(all, [one], ctx, args) ?? all;
    const given = [item, ...args.positional];
    const [first = [], ...others] = asNumber(flatten ?? null) === 1 ? given.flatMap(partsOf) : given;
    return others.reduce<Item>(join, join(first, name === 'intersect' ? first : []));
  });
}

/** With `flatten`, a list of lists stands for these lists, and an empty list for nothing. */
function partsOf(list: Item): readonly Item[] {
  const items = iterate(list);
  return items.length === 0 ? [] : items.every((one) => isList(one)) ? items : [items];
}
