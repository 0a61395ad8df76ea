import { Failure } from '../core/diagnostic.ts';
import { Secret, Unknown } from '../core/value.ts';
import type { Ctx } from './env.ts';
import { type Args, asNumber, demand, Hang, type Item, typeName, Undefined, wrong } from './item.ts';
import { str } from './print.ts';
import { inspect, quiet, reveal, seal } from './taint.ts';

type Given = readonly (Item | undefined)[];
type Run = (input: Item, given: Given, ctx: Ctx, args: Args) => Item;

/** A filter, test, lookup or method: how its arguments are named, and how it treats what is unknown or secret. */
export type Operation = Readonly<{
  /** `*` stands for any number of positional arguments (names after it are keywords only), `**` for any keyword. */
  parameters: readonly string[];
  /**
   * value: computes with all that is inside: any Unknown gives that Unknown, any Secret makes the result secret.
   * open: the same, but the result tells too little to be secret (a length).
   * shape: moves items about without looking into them: what is unknown or secret stays so, item by item.
   * lazy: takes even what is undefined.
   */
  kind: 'value' | 'open' | 'shape' | 'lazy';
  run: Run;
}>;

function define(kind: Operation['kind']): (parameters: string, run: Run) => Operation {
  return (parameters, run) => ({ kind, run, parameters: parameters.split(' ').filter((name) => name !== '') });
}
export const value = define('value');
export const open = define('open');
export const shape = define('shape');
export const lazy = define('lazy');

/** Runs an operation with what its kind promises about Unknown, Secret and undefined. */
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

/** A message may quote the value that is wrong: not where that is a secret. */
export function hushed<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw quiet(error, `${name}: failed on a secret value`);
  }
}

/** Puts arguments in the order of the parameters, as Python does. */
export function bind(name: string, parameters: readonly string[], args: Args): Given {
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

/** A text argument: anything prints. */
export function text(item: Item | undefined, fallback = ''): string {
  if (item === undefined) return fallback;
  demand(item);
  return item instanceof Secret ? item.reveal() : str(item);
}

/** A number argument. */
export function number(item: Item | undefined, fallback: number): number {
  if (item === undefined || item === null) return fallback;
  demand(item);
  const found = asNumber(item instanceof Secret ? reveal(item) : item);
  return found ?? wrong(`expected a number, got ${typeName(item)}`);
}

export const noArgs: Args = { positional: [], named: new Map() };
