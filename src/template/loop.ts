import { Callable, type Item, Thing, tuple, wrong } from './item.ts';

/** What `loop` is inside a {% for %}. */
export function loopThing(
  items: readonly Item[],
  i: number,
  depth: number,
  changed: (now: Item) => boolean,
  again: ((next: Item) => Item) | undefined,
): Thing {
  const parts: Readonly<Record<string, () => Item | undefined>> = {
    index: () => i + 1,
    index0: () => i,
    revindex: () => items.length - i,
    revindex0: () => items.length - i - 1,
    first: () => i === 0,
    last: () => i === items.length - 1,
    length: () => items.length,
    depth: () => depth + 1,
    depth0: () => depth,
    previtem: () => items[i - 1],
    nextitem: () => items[i + 1],
    cycle: () =>
      new Callable(
        'cycle',
        ({ positional }) => positional[i % positional.length] ?? wrong('no items for cycling given'),
      ),
    changed: () => new Callable('changed', ({ positional }) => changed(tuple(positional))),
    __call__: () =>
      new Callable('loop', ({ positional: [next = null] }) =>
        again === undefined
          ? wrong('the loop is not recursive', { mend: "end its tag with 'recursive'" })
          : again(next),
      ),
  };
  return new Thing('LoopContext', (name) => (Object.hasOwn(parts, name) ? parts[name]?.() : undefined));
}
