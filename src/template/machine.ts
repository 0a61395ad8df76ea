import type { Pos } from '../core/diagnostic.ts';
import type { Body } from './ast.ts';
import type { Env } from './env.ts';
import { type Item, tooMuch, wrong } from './item.ts';
import type { Source } from './lexer.ts';

/** A template that was parsed and checked. */
export type Program = Readonly<{
  source: Source;
  body: Body;
  /** Free names: the variables that the template may read. */
  names: ReadonlySet<string>;
  /** The template calls a method that changes a list or dict, so values of variables are copied before use. */
  mutates: boolean;
  printNone: boolean;
}>;

/** The names of one block of a template. `outer` holds those of the surrounding block. */
export type Frame = Readonly<{ names: Map<string, Item>; outer: Frame | undefined }>;

/** One evaluation, with all templates that it includes. */
export type Machine = Readonly<{
  env: Env;
  /** Remaining steps; counts down. */
  fuel: { steps: number; depth: number };
  /** Copies of variables' values, for a template that changes them. */
  copies: Map<string, Item>;
  /** Parses and checks another template. */
  load: (path: string, from: Pos, options: LoadOptions) => Program;
  /** Renders a file that is itself a template. */
  render: (path: string, from: Pos, here: Here) => Item;
  /** One of the templates changes a list or dict. */
  mutates: boolean;
}>;
type LoadOptions = Readonly<{
  printNone: boolean;
  locals: readonly string[];
  /** The file is rendered by itself, not included. */
  isWhole?: boolean;
}>;

/** The current position of the evaluation. */
export type Here = Readonly<{
  machine: Machine;
  program: Program;
  frame: Frame;
  /** The input of a block's filters. */
  held?: Item;
}>;

export const STEPS = 5_000_000;
const DEEPEST = 150;

export function burn(machine: Machine, steps: number): void {
  machine.fuel.steps -= steps;
  if (machine.fuel.steps < 0) {
    tooMuch(`the template takes too long: more than ${STEPS} steps`, 'look for a loop that is too large');
  }
}

/** Limits the depth of macros, recursive loops and includes, which may call themselves. */
export function deeper<T>(machine: Machine, make: () => T): T {
  if (++machine.fuel.depth > DEEPEST)
    wrong('the template calls itself too deep', { hint: 'look for a macro or include that never ends' });
  try {
    return make();
  } finally {
    machine.fuel.depth--;
  }
}

export function inner(here: Here, names: Iterable<readonly [string, Item]> = []): Here {
  return { ...here, frame: { names: new Map(names), outer: here.frame } };
}

export function lookUp(frame: Frame | undefined, name: string): Item | undefined {
  for (let at = frame; at !== undefined; at = at.outer) {
    const found = at.names.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}
