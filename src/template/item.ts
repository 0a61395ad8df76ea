import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { Float, isDict, Secret, Unknown, type Value } from '../core/value.ts';

/** What an expression may yield while it is evaluated: every Value, and objects that exist only inside a template. */
export type Item =
  | Value
  | Undefined
  | Callable
  | Thing
  | readonly Item[]
  | ReadonlyMap<Item, Item>
  | { readonly [key: string]: Item };
export type Dict = ReadonlyMap<Item, Item> | { readonly [key: string]: Item };
export type Args = Readonly<{ positional: readonly Item[]; named: ReadonlyMap<string, Item> }>;

/**
 * The value of a name that is not defined. A template may test it (`is defined`, `default`). Any other use throws its
 * `failure`.
 */
export class Undefined {
  readonly #explain: () => Failure;
  /** The result of an inline `if` without `else`. It prints as nothing, as in Jinja2. */
  readonly lenient: boolean;
  constructor(explain: () => Failure, lenient = false) {
    this.#explain = explain;
    this.lenient = lenient;
  }
  /** Created on demand: searching for the nearest name is slow, and most undefined values are only tested. */
  get failure(): Failure {
    return this.#explain();
  }
}

/** A global function, a method bound to its object, or a macro. */
export class Callable {
  readonly name: string;
  readonly call: (args: Args, at: Pos) => Item;
  constructor(name: string, call: (args: Args, at: Pos) => Item) {
    this.name = name;
    this.call = call;
  }
}

export type Quantity = Readonly<{ ms: number; text: string; repr: string }>;

/** An object with named parts that is no dict: `loop`, a namespace, an imported template, a cycler. */
export class Thing {
  readonly type: string;
  readonly get: (name: string) => Item | undefined;
  readonly set: ((name: string, item: Item) => void) | undefined;
  /** What it stands for, if it is a point in time or a span of time: in milliseconds, and as Python prints it. */
  readonly quantity: Quantity | undefined;
  constructor(
    type: string,
    get: (name: string) => Item | undefined,
    set?: ((name: string, item: Item) => void) | undefined,
    quantity?: Quantity,
  ) {
    this.type = type;
    this.get = get;
    this.set = set;
    this.quantity = quantity;
  }
}

/**
 * Thrown when the evaluation depends on an Unknown. The code that wants the result catches it and returns the Unknown.
 */
export class Hang extends Error {
  readonly unknown: Unknown;
  constructor(unknown: Unknown) {
    super(unknown.because);
    this.unknown = unknown;
  }
}

/** Throws an error whose position is not known here. The evaluator adds the `at` of the current node. */
export function wrong(
  message: string,
  more: Readonly<{ hint?: string | undefined; expected?: string | undefined }> = {},
): never {
  throw failure('E_TEMPLATE_VALUE', { problem: message, ...more });
}

/** Throws an error about a limit for templates. As with `wrong`, the evaluator adds the position. */
export function tooMuch(problem: string, hint?: string): never {
  throw failure('E_TEMPLATE_LIMIT', { problem, hint });
}

export function unsupported(problem: string, hint?: string): never {
  throw failure('E_UNSUPPORTED_PLUGIN', { problem, hint });
}

/** Runs `make`. A Failure without a position gets `at`. */
export function placed<T>(at: Pos, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof Failure && error.diagnostics.some((d) => d.at === undefined)) {
      throw new Failure(
        error.diagnostics.map((d) => (d.at === undefined ? { ...d, at } : d)),
        { cause: error.cause },
      );
    }
    throw error;
  }
}

/** Runs `make`. If it throws Hang, the result is the Unknown that caused it. */
export function orUnknown<T>(make: () => T): T | Unknown {
  try {
    return make();
  } catch (error) {
    if (error instanceof Hang) return error.unknown;
    throw error;
  }
}

/** Throws the failure of an Undefined, and Hang for an Unknown. */
export function demand(item: Item): Item {
  if (item instanceof Undefined) throw item.failure;
  if (item instanceof Unknown) throw new Hang(item);
  return item;
}

const tuples = new WeakSet<object>();

/** A list that prints as Python's tuple. */
export function tuple(items: readonly Item[]): readonly Item[] {
  const copy = [...items];
  tuples.add(copy);
  return copy;
}

const named = new WeakSet<object>();

/** A tuple of groupby. Ansible prints it as a tuple, and others as lists. */
export function namedTuple(items: readonly Item[]): readonly Item[] {
  const made = tuple(items);
  named.add(made);
  return made;
}

export function isNamedTuple(item: object): boolean {
  return named.has(item);
}

export function isTuple(item: object): boolean {
  return tuples.has(item);
}

export function isList(item: unknown): item is readonly Item[] {
  return Array.isArray(item);
}

export function isMapping(item: Item | undefined): item is Dict {
  return item instanceof Map || isDict(item);
}

export function isString(item: unknown): item is string {
  return typeof item === 'string';
}

/** Whether an item is a Python int or float. A bool does not count. */
export function isNumber(item: Item | undefined): boolean {
  return typeof item === 'number' || item instanceof Float;
}

export function isFloat(item: Item): boolean {
  return item instanceof Float || (typeof item === 'number' && !Number.isInteger(item));
}

/** A Python float. It is distinct from an int even if it is whole. */
export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** An int. A number that JavaScript cannot represent exactly is rejected, because a wrong digit would be worse. */
export function int(value: number): number {
  if (!Number.isSafeInteger(value)) return wrong('the integer is too large: more than 53 bits');
  return value === 0 ? 0 : value;
}

/** The JavaScript number of a number or boolean. undefined for anything else. */
export function asNumber(item: Item | undefined): number | undefined {
  if (typeof item === 'number') return item;
  if (item instanceof Float) return item.value;
  return typeof item === 'boolean' ? Number(item) : undefined;
}

/** Python's name for the type of an item, as in its messages. */
export function typeName(item: Item): string {
  if (item === null) return 'NoneType';
  if (typeof item === 'boolean') return 'bool';
  if (typeof item === 'string' || item instanceof Secret) return 'str';
  if (isNumber(item)) return isFloat(item) ? 'float' : 'int';
  if (isList(item)) return isTuple(item) ? 'tuple' : 'list';
  if (item instanceof Callable) return 'function';
  if (item instanceof Thing) return item.type;
  return item instanceof Undefined ? 'Undefined' : 'dict';
}

export function keysOf(dict: Dict): readonly Item[] {
  return dict instanceof Map ? [...dict.keys()] : Object.keys(dict);
}

export function entriesOf(dict: Dict): readonly (readonly [Item, Item])[] {
  return dict instanceof Map ? [...dict.entries()] : Object.entries(dict);
}

/** A dict's entry, or undefined if there is none. 1, 1.0 and True are one key, as in Python. */
export function entry(dict: Dict, key: Item): Item | undefined {
  if (dict instanceof Map) {
    if (dict.has(key)) return dict.get(key);
    const number = asNumber(key);
    if (number === undefined) return isList(key) ? [...dict].find(([k]) => same(k, key))?.[1] : undefined;
    return [...dict].find(([k]) => asNumber(k) === number)?.[1];
  }
  return typeof key === 'string' && Object.hasOwn(dict, key) ? (dict as Record<string, Item>)[key] : undefined;
}

function same(a: Item, b: Item): boolean {
  return a === b || (isList(a) && isList(b) && a.length === b.length && a.every((one, i) => same(one, b[i] ?? null)));
}

/**
 * A dict of these entries. The last of equal keys wins. The dict is a plain object if that keeps the order and is safe,
 * else a Map: JavaScript moves keys that look like integers to the front, and `__proto__` must never be a property
 * name.
 */
export function dictOf(entries: Iterable<readonly [Item, Item]>): Dict {
  const map = new Map<Item, Item>();
  for (const [key, item] of entries) setEntry(map, key, item);
  return tidy(map);
}

/** Adds an entry to a dict that is being built. */
export function setEntry(map: Map<Item, Item>, key: Item, item: Item): void {
  demand(key);
  if (key instanceof Secret) wrong('a secret cannot be the key of a dict: keys are shown');
  if ((isList(key) && !isTuple(key)) || isMapping(key)) wrong(`unhashable type: '${typeName(key)}'`);
  if (map.has(key) || (asNumber(key) === undefined && !isList(key))) {
    map.set(key, item);
    return;
  }
  const known = [...map.keys()].find((k) =>
    isList(key) ? same(k, key) : asNumber(k) !== undefined && asNumber(k) === asNumber(key),
  );
  map.set(known ?? key, item);
}

function tidy(map: ReadonlyMap<Item, Item>): Dict {
  for (const key of map.keys()) {
    if (typeof key !== 'string' || key === '__proto__' || /^\d+$/.test(key)) return map;
  }
  return Object.fromEntries(map as ReadonlyMap<string, Item>);
}

/** What a `for` iterates over: a list's items, a dict's keys, a text's characters. */
export function iterate(item: Item): readonly Item[] {
  demand(item);
  if (isList(item)) return item;
  if (typeof item === 'string') return [...item];
  if (item instanceof Secret) return [...item.reveal()].map((char) => new Secret(char));
  if (isMapping(item)) return keysOf(item);
  return wrong(`'${typeName(item)}' object is not iterable`);
}
