import type { Pos } from '../core/diagnostic.ts';
import type { RenderOptions } from '../core/module.ts';
import type { Block, Body } from './ast.ts';
import type { Env } from './env.ts';
import { type Item, tooMuch, wrong } from './item.ts';
import type { LexOptions, Source } from './lexer.ts';

/** A template that was parsed and checked. */
export type Program = Readonly<{
  source: Source;
  body: Body;
  /** Free names: the variables that the template may read. */
  names: ReadonlySet<string>;
  /** The template calls a method that changes a list or dict, so values of variables are copied before use. */
  mutates: boolean;
  /** Its {% block %}s, at any depth. */
  blocks: readonly Block[];
  printNone: boolean;
  /** How many newlines the text ends with. */
  newlines: number;
  /** How the text was split into tags. It holds for included templates too. */
  options: RenderOptions;
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
  /** Renders a file that is itself a template, with more variables. */
  render: (path: string, from: Pos, here: Here, more: ReadonlyMap<string, Item>, options?: LexOptions) => Item;
  /** One of the templates changes a list or dict. */
  mutates: boolean;
}>;
type LoadOptions = Readonly<{
  /** The template that names the file. */
  by: Program;
  locals: readonly string[];
  /** The file is rendered by itself, not included. */
  isWhole?: boolean;
  /** The syntax of that file. */
  options?: LexOptions | undefined;
}>;

/** The current position of the evaluation. */
export type Here = Readonly<{
  machine: Machine;
  program: Program;
  frame: Frame;
  /** The blocks of the template and of those that it extends. */
  blocks: Blocks;
  /** The input of a block's filters. */
  held?: Item;
}>;

/** The blocks of one rendered template. Those of a template that extends another come before the other's. */
export type Blocks = Readonly<{
  of: ReadonlyMap<string, readonly Readonly<{ program: Program; block: Block }>[]>;
  /** The names of the template itself, which its blocks read too. */
  root: Frame;
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
