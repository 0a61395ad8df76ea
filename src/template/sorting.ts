import { compare } from './compare.ts';
import type { Item } from './item.ts';

/** Sorted by `key`, stable; `reverse` keeps equal items in their order too, as Python does. */
export function sorted(items: readonly Item[], key: (item: Item) => Item, reverse = false): readonly Item[] {
  return items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => (reverse ? compare(b.key, a.key) : compare(a.key, b.key)))
    .map(({ item }) => item);
}
