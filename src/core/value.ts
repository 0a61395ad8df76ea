import type { Pos } from './diagnostic.ts';

/**
 * What a variable may hold once templates are evaluated. Integers and fractions are JavaScript numbers; a float that
 * happens to be whole (Python's `1.0`) is a Float, so that it prints as Python prints it. A dict is a plain object,
 * or a Map where its keys are not all strings or look like integers (JavaScript would reorder those).
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

/** What a file holds: values, with the templates in them not yet evaluated. */
export type Raw =
  | Exclude<Value, readonly Value[] | ReadonlyMap<Value, Value> | { readonly [key: string]: Value }>
  | TemplateText
  | Ready
  | readonly Raw[]
  | ReadonlyMap<Value, Raw>
  | { readonly [key: string]: Raw };

export type RawVars = Readonly<Record<string, Raw>>;

/** A whole number that is a float: 1.0, 1e300. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A string that must not be shown. It stays a Secret through every filter and concatenation; `reveal` is for the one
 * place that hands it to a host. Whatever prints it by mistake prints [REDACTED].
 */
export class Secret {
  readonly #text: string;
  readonly #number: number | Float | undefined;
  /** @param number the text is that of this number: it counts as one, and is shown no more than a text is */
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

/** A value that only an earlier, not yet made change will give. `because` names that change in a phrase, for the plan's reader. */
export class Unknown {
  readonly because: string;
  constructor(because: string) {
    this.because = because;
  }
}

/**
 * A string that a user wrote with `{{ }}` or `{% %}` in it, and where it stands. Only config/ makes these: a string
 * that came from a host or a file's content is never one, so that it can never be evaluated.
 */
export class TemplateText {
  readonly text: string;
  readonly at: Pos;
  /** It stands in an encrypted file: what it gives is secret. */
  readonly isSecret: boolean;
  constructor(text: string, at: Pos, isSecret = false) {
    this.text = text;
    this.at = at;
    this.isSecret = isSecret;
  }
}

/**
 * A value in which no template is left: facts, results, other hosts' variables. Taken as it is, without a walk through it,
 * so that it may be large, or lazy.
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
