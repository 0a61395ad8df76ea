import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { RenderOptions } from '../core/module.ts';
import { Float, type Raw, Ready, Secret, TemplateText, Unknown, type Value } from '../core/value.ts';
import type { Body } from './ast.ts';
import { begin } from './blocks.ts';
import { check } from './check.ts';
import { truth } from './compare.ts';
import type { Env } from './env.ts';
import { filters } from './filters.ts';
import { omit } from './globals.ts';
import {
  Callable,
  dictOf,
  entriesOf,
  Hang,
  type Item,
  isList,
  isMapping,
  isTuple,
  placed,
  Thing,
  tuple,
  Undefined,
  wrong,
} from './item.ts';
import { atPlace, type LexOptions, lex, lexExpression, type Source, sourceOf } from './lexer.ts';
import { lookups } from './lookups.ts';
import { unsealed } from './lookups-files.ts';
import { type Machine, type Program, STEPS } from './machine.ts';
import { expression, reader } from './parser.ts';
import { str } from './print.ts';
import { render, runProgram } from './run.ts';
import { parseTemplate } from './statements.ts';
import { reveal, seal } from './taint.ts';
import { tests } from './tests.ts';

/** A template that was parsed and checked. It can be evaluated for any number of hosts. */
export type Compiled = Readonly<{
  text: string;
  at: Pos;
  /**
   * The free variables that the template may read, without the names of its loops, sets and macros and without global
   * functions.
   */
  names: ReadonlySet<string>;
  /** Throws Failure. The result is an Unknown if the template depends on one. */
  evaluate: (env: Env) => Value;
}>;

/** `keepBackslashes`: for strings in YAML (resolve() sets it). `printNone`: None prints as in plain Jinja2. */
export type TemplateOptions = RenderOptions & Pick<LexOptions, 'keepBackslashes' | 'printNone'>;

export const filterNames: readonly string[] = Object.keys(filters).sort();
export const testNames: readonly string[] = Object.keys(tests).sort();
export const lookupNames: readonly string[] = Object.keys(lookups).sort();

const CACHED = 20_000;
const compiled = new Map<string, Compiled>();

/**
 * Compiles a text with {{ }} and {% %}. Its value is a text or, if the text is a single {{ }}, that value itself.
 * Throws Failure: E_TEMPLATE_SYNTAX, or E_UNKNOWN_PLUGIN for a filter, test, lookup or function that does not exist.
 */
export function compileTemplate(text: string, at: Pos, options: TemplateOptions = {}): Compiled {
  return cached(
    `t${JSON.stringify(options)}`,
    text,
    at,
    () => parseTemplate(lex(withoutNewline(text), options)),
    options,
  );
}

/** Compiles a bare expression, as in `when:`. Throws the same failures as compileTemplate. */
export function compileExpression(text: string, at: Pos): Compiled {
  return cached('e', text, at, () => {
    const r = reader(lexExpression(text));
    const value = expression(r);
    r.end();
    return [{ kind: 'output', value, p: value.p }];
  });
}

function cached(kind: string, text: string, at: Pos, parse: () => Body, options: TemplateOptions = {}): Compiled {
  const key = `${kind}\0${at.file}\0${at.line}\0${at.col}\0${text}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const program = read(sourceOf(text, at), parse, options);
  const template: Compiled = { text, at, names: program.names, evaluate: (env) => evaluateProgram(program, env) };
  if (compiled.size >= CACHED) compiled.clear();
  compiled.set(key, template);
  return template;
}

function read(source: Source, parse: () => Body, options: TemplateOptions, locals: readonly string[] = []): Program {
  const { printNone = false, keepBackslashes: _, ...rest } = options;
  return notTooDeep(source, () => {
    const body = atPlace(source, parse);
    const newlines = /\n*$/.exec(source.text)?.[0].length ?? 0;
    return { source, body, printNone, newlines, options: rest, ...check(body, source, locals) };
  });
}

/** Jinja2 leaves out the last newline of a template. Where a whole template ends, runWhole puts it back. */
function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function evaluateProgram(program: Program, env: Env): Value {
  let { mutates } = program;
  const load: Machine['load'] = (path, from, options) => {
    const stored = env.ports.readFile(path, from, 'templates');
    // An encrypted file is only read as a whole, so that its whole result is secret.
    const text = options.isWhole === true ? str(reveal(unsealed(stored, { env, at: from }))) : stored;
    const file = env.ports.find(path, from, 'templates') ?? path; // its own includes are searched beside it
    const { printNone } = options.by;
    const own = options.isWhole === true ? { ...options.options, printNone } : { ...options.by.options, printNone };
    const loaded = read(
      sourceOf(text, { file, line: 1, col: 1 }),
      () => parseTemplate(lex(withoutNewline(text), own)),
      own,
      options.locals,
    );
    mutates ||= loaded.mutates;
    return loaded;
  };
  const machine: Machine = {
    env,
    fuel: { steps: STEPS, depth: 0 },
    copies: new Map(),
    get mutates() {
      return mutates;
    },
    load,
    render: (path, from, here, more, options) =>
      render(load(path, from, { by: here.program, locals: [...more.keys()], isWhole: true, options }), here, more),
  };
  const here = begin(machine, program, undefined);
  try {
    return notTooDeep(program.source, () => finished(runProgram(here), program));
  } catch (error) {
    if (error instanceof Hang) return error.unknown;
    return placed(program.source.at, () => {
      throw error;
    });
  }
}

/** Reports a text that nests deeper than the stack as an error of the template. */
function notTooDeep<T>(source: Source, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError) || !/call stack/.test(error.message)) throw error;
    throw failure('E_TEMPLATE_DEPTH', {}, source.at);
  }
}

/**
 * The value that leaves a template. An Undefined or a function is rejected, and dicts that were changed become plain
 * again.
 */
function finished(item: Item, program: Program): Value {
  if (item instanceof Undefined) {
    if (item.lenient) return '';
    throw item.failure;
  }
  if (item instanceof Callable || item instanceof Thing) {
    if (program.body.length === 1 && item instanceof Thing && item.quantity !== undefined) return str(item);
    return placed(program.source.at, () =>
      wrong(`${str(item)} is no value`, { ...(item instanceof Callable && { hint: `call it: ${item.name}()` }) }),
    );
  }
  if (isList(item)) {
    if (!program.mutates && !item.some(unfinished)) return item as Value;
    const all = item.map((one) => finished(one, program));
    return isTuple(item) ? (tuple(all) as Value) : all;
  }
  if (!isMapping(item) || item === omit) return item as Value;
  if (!program.mutates && !entriesOf(item).some(([, one]) => unfinished(one))) return item as Value;
  return dictOf(entriesOf(item).map(([key, one]) => [key, finished(one, program)] as const)) as Value;
}

function unfinished(item: Item): boolean {
  if (item instanceof Undefined || item instanceof Callable || item instanceof Thing) return true;
  if (isList(item)) return item.some(unfinished);
  return isMapping(item) && entriesOf(item).some(([, one]) => unfinished(one));
}

const ofText = new WeakMap<TemplateText, Compiled>();

/** The template of a text in YAML. It is checked once for all hosts. */
export function compileText(text: TemplateText): Compiled {
  const known = ofText.get(text);
  if (known !== undefined) return known;
  const template = compileTemplate(text.text, text.at, { keepBackslashes: true });
  ofText.set(text, template);
  return template;
}

const plain = new WeakMap<object, boolean>();

/** Whether a value contains no template. Such a value is used as it is, and not copied for every host. */
export function isPlain(raw: Raw): boolean {
  if (typeof raw !== 'object' || raw === null) return true;
  const known = plain.get(raw);
  if (known !== undefined) return known;
  const found = templatesIn(raw)[Symbol.iterator]().next().done === true;
  plain.set(raw, found);
  return found;
}

/** Evaluates every template in a value from YAML. Keys and items that are `omit` are dropped. */
export function resolve(raw: Raw, env: Env): Value {
  if (raw instanceof TemplateText) {
    const value = compileText(raw).evaluate(env);
    return raw.isSecret ? sealed(value) : value;
  }
  if (raw instanceof Ready) return raw.value;
  if (raw instanceof Float || raw instanceof Secret || raw instanceof Unknown) return raw;
  if (isPlain(raw)) return raw as Value;
  if (isRawList(raw)) return raw.map((one) => resolve(one, env)).filter((one) => one !== omit);
  if (typeof raw !== 'object' || raw === null) return raw;
  const entries: readonly (readonly [Value, Raw])[] = raw instanceof Map ? [...raw] : Object.entries(raw);
  const resolved: (readonly [Value, Value])[] = [];
  for (const [key, one] of entries) {
    const value = resolve(one, env);
    if (value !== omit) resolved.push([key, value]);
  }
  return dictOf(resolved) as Value;
}

/** The value with every text and number in it made secret. */
export function sealed(value: Value): Value {
  return seal(value) as Value;
}

/** Every template in a value, for checks before the run. */
export function* templatesIn(raw: Raw): Iterable<TemplateText> {
  if (raw instanceof TemplateText) yield raw;
  else if (isRawList(raw)) for (const one of raw) yield* templatesIn(one);
  else if (raw instanceof Map) for (const one of (raw as ReadonlyMap<Value, Raw>).values()) yield* templatesIn(one);
  else if (
    typeof raw === 'object' &&
    raw !== null &&
    !(raw instanceof Float || raw instanceof Secret || raw instanceof Unknown || raw instanceof Ready)
  ) {
    for (const one of Object.values(raw as Readonly<Record<string, Raw>>)) yield* templatesIn(one);
  }
}

function isRawList(raw: Raw): raw is readonly Raw[] {
  return Array.isArray(raw);
}

/**
 * Python's truth of a value, as Ansible's `when` uses it: a text is true unless it is empty. `when: flag` is therefore
 * true if `flag` is the *text* 'no', as in Ansible; `flag | bool` interprets the word. An Unknown stays itself.
 */
export function truthy(value: Value): boolean | Unknown {
  try {
    return truth(value);
  } catch (error) {
    if (error instanceof Hang) return error.unknown;
    throw error;
  }
}

/** The first Unknown in a value, at any depth. */
export function findUnknown(value: Value): Unknown | undefined {
  if (value instanceof Unknown) return value;
  const inside: Iterable<Item> = isList(value) ? value : isMapping(value) ? entriesOf(value).map(([, one]) => one) : [];
  for (const one of inside) {
    const found = findUnknown(one as Value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Plain JavaScript for a module's arguments. `onSecret` is called with every text that is revealed. The value must not
 * contain an Unknown.
 */
export function toPlain(value: Value, onSecret: (text: string) => void = () => {}): unknown {
  if (value instanceof Float) return value.value;
  if (value instanceof Secret) {
    onSecret(value.reveal());
    return value.reveal();
  }
  if (value instanceof Unknown) throw new Error(`an unknown value was not caught: ${value.because}`);
  if (isList(value)) return value.map((one) => toPlain(one as Value, onSecret));
  if (!isMapping(value)) return value;
  return Object.fromEntries(entriesOf(value).map(([key, one]) => [str(key), toPlain(one as Value, onSecret)]));
}
