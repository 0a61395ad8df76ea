import type { Pos } from './diagnostic.ts';

/**
 * The value of a variable after its templates are evaluated. Integers and fractions are JavaScript numbers. A float
 * that happens to be whole (Python's `1.0`) is a Float, so that it prints as in Python. A dict is a plain object, or a
 * Map if a key is not a string or looks like an integer, because JavaScript would reorder such keys.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | Float
  | Secret
  | Unknown
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | { readonly [key: string]: Value };

export type Vars = Readonly<Record<string, Value>>;

/** A value as a file holds it, with templates not yet evaluated. */
export type Raw =
  | Exclude<Value, readonly Value[] | ReadonlyMap<Value, Value> | { readonly [key: string]: Value }>
  | TemplateText
  | Ready
  | readonly Raw[]
  | ReadonlyMap<Value, Raw>
  | { readonly [key: string]: Raw };

export type RawVars = Readonly<Record<string, Raw>>;

/** A float that is a whole number: 1.0, 1e300. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A string that must not be shown. It stays a Secret through every filter and concatenation. Only the code that sends
 * it to a host calls `reveal`. If it is printed by mistake, [REDACTED] appears.
 */
export class Secret {
  readonly #text: string;
  readonly #number: number | Float | undefined;
  /** @param number the number that the text represents; it takes part in arithmetic and stays secret */
  constructor(text: string, number?: number | Float) {
    this.#text = text;
    this.#number = number;
  }
  number(): number | Float | undefined {
    return this.#number;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return REDACTED;
  }
  toJSON(): string {
    return REDACTED;
  }
}
export const REDACTED = '[REDACTED]';

/**
 * A value that depends on an earlier change that was not made yet. `because` is a phrase that names this change for the
 * reader of the plan.
 */
export class Unknown {
  readonly because: string;
  constructor(because: string) {
    this.because = because;
  }
}

/**
 * A string with `{{ }}` or `{% %}` that the user wrote, and its position. Only config/ creates these. Strings from
 * hosts and contents of files never become a TemplateText, so they can never be evaluated.
 */
export class TemplateText {
  readonly text: string;
  readonly at: Pos;
  /** The string is in an encrypted file, so its result is secret. */
  readonly isSecret: boolean;
  constructor(text: string, at: Pos, isSecret = false) {
    this.text = text;
    this.at = at;
    this.isSecret = isSecret;
  }
}

/**
 * A value without templates: facts, results, variables of other hosts. It is used without walking through it, so it may
 * be large or lazy.
 */
export class Ready {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

export function isDict(value: unknown): value is { readonly [key: string]: Value } {
  if (typeof value !== 'object' || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}
