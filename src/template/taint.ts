import { Failure } from '../core/diagnostic.ts';
import { Float, Secret, Unknown } from '../core/value.ts';
import {
  asNumber,
  Callable,
  dictOf,
  entriesOf,
  type Item,
  isList,
  isMapping,
  isTuple,
  Thing,
  tuple,
  Undefined,
} from './item.ts';
import { str } from './print.ts';

/** What a value contains, at any depth. */
export type Found = Readonly<{ unknown: Unknown | undefined; secret: boolean; undefined: Undefined | undefined }>;

/** Finds what must propagate: the first Unknown, whether there is a Secret, and the first Undefined. */
export function inspect(items: Iterable<Item>): Found {
  let unknown: Unknown | undefined;
  let secret = false;
  let missing: Undefined | undefined;
  let seen: Set<Item> | undefined; // a value may contain the same list many times (YAML aliases)
  const look = (item: Item): void => {
    if (item instanceof Unknown) unknown ??= item;
    else if (item instanceof Secret) secret = true;
    else if (item instanceof Undefined) missing ??= item;
    else if (isList(item) || isMapping(item)) {
      if (seen?.has(item) === true) return;
      seen ??= new Set();
      seen.add(item);
      if (isList(item)) for (const one of item) look(one);
      else for (const [, one] of entriesOf(item)) look(one);
    }
  };
  for (const item of items) look(item);
  return { unknown, secret, undefined: missing };
}

/** The value with all secrets revealed. Use it only to compute a result that is sealed afterwards. */
export function reveal(item: Item): Item {
  if (item instanceof Secret) return item.number() ?? item.reveal();
  return rebuild(item, reveal);
}

/** The value with every text and number in it made secret. Booleans and None reveal too little to hide. */
export function seal(item: Item): Item {
  if (typeof item === 'string') return new Secret(item);
  if (item instanceof Undefined)
    return new Undefined(() => quiet(item.failure, 'a part of a secret is undefined'), item.lenient);
  if (typeof item === 'number' || item instanceof Float) return new Secret(String(asNumber(item)), item);
  return rebuild(item, seal);
}

function rebuild(item: Item, change: (item: Item) => Item): Item {
  if (item instanceof Callable || item instanceof Thing) return item;
  if (isList(item)) return isTuple(item) ? tuple(item.map(change)) : item.map(change);
  return isMapping(item) ? dictOf(entriesOf(item).map(([key, one]) => [key, change(one)] as const)) : item;
}

/** The failure with its position but without any values. */
export function quiet(failure: Failure, message: string): Failure {
  return new Failure(failure.diagnostics.map(({ code, at }) => ({ code, at, message })));
}

/** The shortest text that is hidden wherever it appears. A shorter one would also hide unrelated text. */
const TELLING = 6;

/**
 * Reports which parts of a longer text are secret. A diff shows the text line by line and must hide a secret, and what
 * a filter made of one. If a secret part is too short to be told from other text, its whole line is hidden.
 */
export function tellParts(pieces: readonly Item[], text: string, tell: ((text: string) => void) | undefined): void {
  if (tell === undefined || !text.includes('\n')) return;
  let at = 0;
  for (const piece of pieces) {
    const own = piece === null ? '' : str(reveal(piece));
    if (inspect([piece]).secret) {
      if (own.trim().length >= TELLING) tell(own);
      else if (own !== '') {
        const end = text.indexOf('\n', at + own.length);
        tell(text.slice(text.lastIndexOf('\n', at - 1) + 1, end < 0 ? text.length : end));
      }
    }
    at += own.length;
  }
}
