import { Callable, type Item, Thing, tuple, wrong } from './item.ts';

type Loop = Readonly<{
  items: readonly Item[];
  at: number;
  depth: number;
  /** Whether `now` differs from the value of the last call. */
  changed: (now: Item) => boolean;
  /** Runs the loop over other items. Only a recursive loop has it. */
  again: ((next: Item) => Item) | undefined;
}>;

/** The variable `loop` inside a {% for %}. */
export function loopThing(loop: Loop): Thing {
  return new Thing('LoopContext', (name) => part(loop, name));
}

function part({ items, at, depth, changed, again }: Loop, name: string): Item | undefined {
  switch (name) {
    case 'index':
      return at + 1;
    case 'index0':
      return at;
    case 'revindex':
      return items.length - at;
    case 'revindex0':
      return items.length - at - 1;
    case 'first':
      return at === 0;
    case 'last':
      return at === items.length - 1;
    case 'length':
      return items.length;
    case 'depth':
      return depth + 1;
    case 'depth0':
      return depth;
    case 'previtem':
      return items[at - 1];
    case 'nextitem':
      return items[at + 1];
    case 'cycle':
      return new Callable(
        'cycle',
        ({ positional }) => positional[at % positional.length] ?? wrong('no items for cycling given'),
      );
    case 'changed':
      return new Callable('changed', ({ positional }) => changed(tuple(positional)));
    case '__call__':
      return new Callable('loop', ({ positional: [next = null] }) =>
        again === undefined
          ? wrong('the loop is not recursive', { hint: "end its tag with 'recursive'" })
          : again(next),
      );
    default:
      return undefined;
  }
}
