import { matching } from '../../core/bounded.ts';
import { asNumber, dictOf, entriesOf, entry, type Item, isList, iterate, wrong } from '../item.ts';
import { pairs } from '../methods/dict.ts';
import { type Operation, shape, text, value } from '../operation.ts';
import { str } from '../print.ts';
import { pythonRegex } from '../regex.ts';
import { versionCompare } from '../version.ts';
import { setFilters } from './sets.ts';
import { asDictItem } from './support.ts';

const FORMS = ['NFC', 'NFD', 'NFKC', 'NFKD'];

/** Filters of the collection community.general. */
export const communityFilters: Readonly<Record<string, Operation>> = {
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
  return shape('*', (item, _given, ctx, args) => {
    const join = (all: Item, one: Item): Item => operation?.run(all, [one], ctx, args) ?? all;
    return args.positional.reduce<Item>(join, join(item, name === 'intersect' ? item : []));
  });
}
