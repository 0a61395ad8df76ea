import type { Value } from '../core/value.ts';
import { undefinedItem } from './access.ts';
import type { Ctx } from './env.ts';
import { Callable, dictOf, entriesOf, type Item, isMapping, Thing, tooMuch, wrong } from './item.ts';
import { lookUpPlugin } from './lookups.ts';
import { pairs } from './methods/dict.ts';
import { bind, noArgs, number, text } from './operation.ts';
import { dateText } from './time.ts';
import { moment } from './time-things.ts';

/** The result of `default(omit)`. Code that resolves a dict drops the key. Compared by identity. */
export const omit: Value = Object.freeze({ omit: 'the omit placeholder' });

type Global = (ctx: (p?: number) => Ctx) => Item;

function fn(name: string, call: Callable['call']): Global {
  return () => new Callable(name, call);
}

const lookup: (wantList: boolean) => Global = (wantList) => (ctx) =>
  new Callable('lookup', ({ positional: [plugin, ...terms], named }) =>
    lookUpPlugin(text(plugin), terms, named, ctx(), wantList || named.get('wantlist') === true),
  );

/** Names that every template has. A variable of the same name hides them. */
export const globals: Readonly<Record<string, Global>> = {
  omit: () => omit,
  range: (ctx) =>
    new Callable('range', ({ positional }) => {
      const [first = 0, second, step = 1] = positional.map((one) => number(one, 0));
      const [start, stop] = second === undefined ? [0, first] : [first, second];
      if (step === 0) wrong('range() arg 3 must not be zero');
      const length = Math.max(0, Math.ceil((stop - start) / step));
      if (length > 1_000_000) tooMuch('the range is too long: more than 1,000,000 items');
      ctx().burn(length);
      return Array.from({ length }, (_, i) => start + i * step);
    }),
  dict: fn('dict', ({ positional: [first], named }) =>
    dictOf([...(first === undefined ? [] : pairs(first)), ...named]),
  ),
  namespace: fn('namespace', ({ positional: [first], named }) => {
    const fields = new Map<string, Item>(named);
    if (isMapping(first)) for (const [key, item] of entriesOf(first)) fields.set(String(key), item);
    return new Thing(
      'Namespace',
      (name) => fields.get(name),
      (name, item) => void fields.set(name, item),
    );
  }),
  cycler: fn('cycler', ({ positional }) => {
    let at = 0;
    const now = (): Item => positional[at % positional.length] ?? wrong('no items for cycling given');
    const parts: Readonly<Record<string, () => Item>> = {
      current: now,
      next: () =>
        new Callable('next', () => {
          const item = now();
          at++;
          return item;
        }),
      reset: () =>
        new Callable('reset', () => {
          at = 0;
          return null;
        }),
    };
    return new Thing('Cycler', (name) => (Object.hasOwn(parts, name) ? parts[name]?.() : undefined));
  }),
  joiner: fn('joiner', ({ positional: [sep = ', '] }) => {
    let used = false;
    const join = new Callable('joiner', () => {
      if (used) return sep;
      used = true;
      return '';
    });
    return new Thing('Joiner', (name) => (name === '__call__' ? join : undefined));
  }),
  lookup: lookup(false),
  query: lookup(true),
  q: lookup(true),
  now: (ctx) =>
    new Callable('now', (args) => {
      const [utc, format] = bind('now', ['utc', 'fmt'], args);
      const now = ctx().env.ports.now();
      if (format !== undefined && format !== null) return dateText(now, text(format), utc === true);
      return moment(utc === true ? now : new Date(now.getTime() - now.getTimezoneOffset() * 60_000));
    }),
  undef: (ctx) =>
    new Callable('undef', (args) => {
      const [hint] = bind('undef', ['hint'], args.positional.length + args.named.size === 0 ? noArgs : args);
      return undefinedItem(text(hint, 'the variable is undefined'), () => ctx());
    }),
};
