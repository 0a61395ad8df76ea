import { compare } from './compare.ts';
import type { Item } from './item.ts';

/** Sorts by `key`. The sort is stable, and with `reverse` equal items keep their order too, as in Python. */
export function sorted(items: readonly Item[], key: (item: Item) => Item, reverse = false): readonly Item[] {
  return items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => (reverse ? compare(b.key, a.key) : compare(a.key, b.key)))
    .map(({ item }) => item);
}
