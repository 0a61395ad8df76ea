import { Failure } from '../core/diagnostic.ts';
import { Secret, Unknown } from '../core/value.ts';
import type { Ctx } from './env.ts';
import { type Args, asNumber, demand, Hang, type Item, typeName, Undefined, wrong } from './item.ts';
import { str } from './print.ts';
import { inspect, quiet, reveal, seal } from './taint.ts';

type OperationArgs = readonly (Item | undefined)[];
type Compute = (input: Item, given: OperationArgs, ctx: Ctx, args: Args) => Item;

/** A filter, test, lookup or method: the names of its arguments, and how it treats unknown and secret values. */
export type Operation = Readonly<{
  /** `*` stands for any number of positional arguments (names after it are keywords only), `**` for any keyword. */
  parameters: readonly string[];
  /**
   * value: computes with everything inside the input; an Unknown gives that Unknown, a Secret makes the result secret.
   * open: the same, but the result reveals too little to be secret (a length). shape: moves items without looking into
   * them, so each unknown or secret item stays what it is. lazy: accepts even an Undefined.
   */
  kind: 'value' | 'open' | 'shape' | 'lazy';
  run: Compute;
}>;

function define(kind: Operation['kind']): (parameters: string, run: Compute) => Operation {
  return (parameters, run) => ({ kind, run, parameters: parameters.split(' ').filter((name) => name !== '') });
}
export const value = define('value');
export const open = define('open');
export const shape = define('shape');
export const lazy = define('lazy');

/** Runs an operation and treats Unknown, Secret and Undefined as its kind says. */
export function operate(name: string, operation: Operation, input: Item, args: Args, ctx: Ctx): Item {
  const all = [input, ...args.positional, ...args.named.values()];
  const { kind } = operation;
  if (kind !== 'lazy') for (const item of all) if (item instanceof Undefined) throw item.failure;
  if (kind === 'lazy') return run(name, operation, input, args, ctx);
  if (kind === 'shape') {
    const unknown = all.find((item) => item instanceof Unknown);
    if (unknown instanceof Unknown) return unknown;
    if (!(input instanceof Secret)) return run(name, operation, input, args, ctx);
    return seal(hushed(name, () => run(name, operation, reveal(input), args, ctx)));
  }
  const found = inspect(all);
  if (found.undefined !== undefined) throw found.undefined.failure;
  if (found.unknown !== undefined) return found.unknown;
  if (!found.secret) return run(name, operation, input, args, ctx);
  const bare = {
    positional: args.positional.map(reveal),
    named: new Map([...args.named].map(([key, item]) => [key, reveal(item)] as const)),
  };
  const result = hushed(name, () => run(name, operation, reveal(input), bare, ctx));
  return kind === 'open' ? result : seal(result);
}

function run(name: string, operation: Operation, input: Item, args: Args, ctx: Ctx): Item {
  try {
    return operation.run(input, bind(name, operation.parameters, args), ctx, args);
  } catch (error) {
    if (error instanceof Hang) return error.unknown;
    throw error;
  }
}

/** Hides the message of an error if a secret is involved, because the message may quote the value. */
export function hushed<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw quiet(error, `${name}: failed on a secret value`);
  }
}

/** Assigns arguments to the parameters, as Python does. */
export function bind(name: string, parameters: readonly string[], args: Args): OperationArgs {
  const names = parameters.filter((parameter) => !parameter.startsWith('*'));
  if (args.positional.length > names.length && !parameters.includes('*')) {
    wrong(`${name}() takes at most ${names.length} arguments, ${args.positional.length} given`);
  }
  const star = parameters.indexOf('*');
  const given: (Item | undefined)[] = names.map((_, i) => (star >= 0 && i >= star ? undefined : args.positional[i]));
  for (const [key, item] of args.named) {
    const i = names.indexOf(key);
    if (i < 0 && parameters.includes('**')) continue;
    if (i < 0) {
      wrong(`${name}() got an unexpected keyword argument '${key}'`, {
        ...(names.length > 0 && { expected: `one of ${names.join(', ')}` }),
      });
    }
    if (given[i] !== undefined) wrong(`${name}() got multiple values for argument '${key}'`);
    given[i] = item;
  }
  return given;
}

/** A text argument. Any value is accepted and printed. */
export function text(item: Item | undefined, fallback = ''): string {
  if (item === undefined) return fallback;
  demand(item);
  return item instanceof Secret ? item.reveal() : str(item);
}

export function number(item: Item | undefined, fallback: number): number {
  if (item === undefined || item === null) return fallback;
  demand(item);
  const found = asNumber(item instanceof Secret ? reveal(item) : item);
  return found ?? wrong(`expected a number, got ${typeName(item)}`);
}

export const noArgs: Args = { positional: [], named: new Map() };
