import { Failure } from '../core/diagnostic.ts';
import { failure, isOfFiles } from '../core/errors/index.ts';
import { Unknown } from '../core/value.ts';
import type { Body, Parameter, Statement, Target } from './ast.ts';
import { begin, enter, parentOf, self } from './blocks.ts';
import { equal, truth } from './compare.ts';
import { argsOf, evaluate } from './evaluate.ts';
import {
  type Args,
  Callable,
  demand,
  type Item,
  isList,
  iterate,
  orUnknown,
  placed,
  Thing,
  tuple,
  typeName,
  Undefined,
  wrong,
} from './item.ts';
import { loopThing } from './loop.ts';
import { burn, deeper, type Frame, type Here, inner, lookUp, type Program } from './machine.ts';
import { type Output, padded, shown, textOf, write } from './output.ts';
import { str } from './print.ts';

type Signal = 'break' | 'continue' | undefined;
type Kind<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

/**
 * Runs a whole template. The result is its only value if it consists of one, else its text. As in Ansible, a text ends
 * with at least as many newlines as the template, whatever stands before them.
 */
export function runProgram(here: Here): Item {
  const { newlines, options } = here.program;
  const out = run(here);
  const [only] = out.pieces;
  const isValue = out.pieces.length === 1 && options.asText !== true;
  return padded(isValue && only !== undefined ? only : textOf(out, here), newlines);
}

function run(here: Here): Output {
  const out: Output = { pieces: [], size: 0 };
  whole(here, out);
  return out;
}

/** A template, and then the one that it extends. */
function whole(here: Here, out: Output): void {
  const { parent: before } = out;
  if (here.blocks.of.size > 0) here.frame.names.set('self', self(here, blockText));
  out.parent = undefined;
  execute(here.program.body, here, out);
  const { parent } = out;
  out.parent = undefined;
  if (parent !== undefined) deeper(here.machine, () => whole(parentOf(here, parent), out));
  out.parent = before;
}

/** The text of a block. */
function blockText(name: string, level: number, base: Frame, here: Here): Item {
  const [within, { body }] = enter(name, level, base, here, blockText);
  return deeper(here.machine, () => capture(body, within));
}

/** The text of a body. It is a Secret if it contains one. */
function capture(body: Body, here: Here): Item {
  const out: Output = { pieces: [], size: 0 };
  return orUnknown(() => {
    execute(body, here, out);
    return textOf(out, here);
  });
}

function execute(body: Body, here: Here, out: Output): Signal {
  for (const statement of body) {
    burn(here.machine, 1);
    const signal = step(statement, here, out);
    if (signal !== undefined) return signal;
  }
  return undefined;
}

function step(statement: Statement, here: Here, out: Output): Signal {
  switch (statement.kind) {
    case 'text':
      return write(statement.text, out, statement, here);
    case 'output':
      return write(shown(evaluate(statement.value, here)), out, statement, here);
    case 'if':
      for (const { test, body } of statement.branches) {
        if (truth(evaluate(test, here))) return execute(body, here, out);
      }
      return execute(statement.otherwise, here, out);
    case 'for':
      return loop(statement, here, out);
    case 'set':
      assign(statement.target, evaluate(statement.value, here), here);
      return undefined;
    case 'setBlock':
      assign(
        statement.target,
        evaluate(statement.through, { ...here, held: capture(statement.body, inner(here)) }),
        here,
      );
      return undefined;
    case 'with': {
      const within = inner(here);
      for (const [target, value] of statement.given) assign(target, evaluate(value, here), within);
      return execute(statement.body, within, out);
    }
    case 'block': {
      if (out.parent !== undefined) return undefined;
      const base = statement.scoped ? here.frame : here.blocks.root;
      const place = here.program.source.place(statement.p);
      const [within, block] = placed(place, () => enter(statement.name, 0, base, here, blockText));
      deeper(here.machine, () => execute(block.body, within, out));
      return undefined;
    }
    case 'extends':
      if (out.parent !== undefined)
        placed(here.program.source.place(statement.p), () => wrong('a template can extend only one template'));
      out.parent = loaded(statement, here, false);
      return undefined;
    case 'macro':
      here.frame.names.set(statement.name, macro(statement.name, statement.parameters, statement.body, here));
      return undefined;
    case 'call': {
      const caller = macro('caller', statement.parameters, statement.body, here);
      const { of, args } = statement.call;
      const callee = evaluate(of, here);
      const given = argsOf(args, here);
      const all = { ...given, named: new Map([...given.named, ['caller', caller] as const]) };
      const at = here.program.source.place(statement.p);
      return write(shown(placed(at, () => called(callee, all, here, statement.p))), out, statement, here);
    }
    case 'filter': {
      const held = capture(statement.body, inner(here));
      return write(shown(evaluate(statement.through, { ...here, held })), out, statement, here);
    }
    case 'do':
      evaluate(statement.value, here);
      return undefined;
    case 'break':
    case 'continue':
      return statement.kind;
    case 'include':
      return include(statement, here, out);
    case 'import':
      assign({ kind: 'to', name: statement.as, p: statement.p }, module(statement, here), here);
      return undefined;
    case 'from': {
      const from = module(statement, here);
      for (const [name, as] of statement.names) {
        const found = from.get(name);
        if (found === undefined)
          placed(here.program.source.place(statement.p), () =>
            wrong(`the imported template does not define '${name}'`),
          );
        else here.frame.names.set(as, found);
      }
      return undefined;
    }
  }
}

function assign(target: Target, item: Item, here: Here): void {
  if (target.kind === 'to') {
    here.frame.names.set(target.name, item);
    return;
  }
  placed(here.program.source.place(target.p), () => {
    if (target.kind === 'field') {
      const of = lookUp(here.frame, target.of);
      if (!(of instanceof Thing) || of.set === undefined)
        wrong(`'${target.of}' is no namespace: only a namespace's fields can be set`);
      else of.set(target.name, item);
      return;
    }
    const items = item instanceof Unknown ? target.targets.map(() => item) : iterate(item);
    if (items.length !== target.targets.length) {
      wrong(
        `${items.length > target.targets.length ? 'too many' : 'not enough'} values to unpack (expected ${target.targets.length}, got ${items.length})`,
      );
    }
    target.targets.forEach((one, i) => {
      assign(one, items[i] ?? null, here);
    });
  });
}

function loop(statement: Kind<'for'>, here: Here, out: Output, over?: Item, depth = 0): Signal {
  const found = over ?? evaluate(statement.over, here);
  const place = () => here.program.source.place(statement.over.p);
  const all = found instanceof Undefined ? iterate(found) : placed(place(), () => iterate(found));
  const items = all.filter((item) => {
    if (statement.filter === undefined) return true;
    const within = inner(here);
    assign(statement.target, item, within);
    return truth(evaluate(statement.filter, within));
  });
  if (items.length === 0) return execute(statement.otherwise, here, out);
  const again = (next: Item): Item => {
    const part: Output = { pieces: [], size: 0 };
    deeper(here.machine, () => loop(statement, here, part, next, depth + 1));
    return textOf(part, here);
  };
  const memory: { last: Item | undefined } = { last: undefined };
  for (const [i, item] of items.entries()) {
    burn(here.machine, 1);
    const changed = (now: Item): boolean => {
      const differs = memory.last === undefined || !equal(memory.last, now);
      memory.last = now;
      return differs;
    };
    const within = inner(here, [
      ['loop', loopThing({ items, at: i, depth, changed, again: statement.recursive ? again : undefined })],
    ]);
    assign(statement.target, item, within);
    if (execute(statement.body, within, out) === 'break') break;
  }
  return undefined;
}

function macro(name: string, parameters: readonly Parameter[], body: Body, here: Here): Callable {
  return new Callable(name, (args) =>
    deeper(here.machine, () => {
      const within = inner(here, [
        ['varargs', tuple(args.positional.slice(parameters.length))],
        ['kwargs', extra(parameters, args)],
      ]);
      const caller = args.named.get('caller');
      if (caller !== undefined) within.frame.names.set('caller', caller);
      for (const [i, { name: parameter, fallback }] of parameters.entries()) {
        const given = args.positional[i] ?? args.named.get(parameter);
        const item = given ?? (fallback === undefined ? undefined : evaluate(fallback, within));
        within.frame.names.set(parameter, item ?? notGiven(parameter, name));
      }
      return capture(body, within);
    }),
  );
}

function extra(parameters: readonly Parameter[], args: Args): Item {
  const known = new Set(['caller', ...parameters.map((one) => one.name)]);
  return new Map([...args.named].filter(([name]) => !known.has(name)));
}

function notGiven(parameter: string, name: string): Undefined {
  return new Undefined(() =>
    failure('E_UNDEFINED_VALUE', { problem: `parameter '${parameter}' of '${name}' was not given` }),
  );
}

function called(callee: Item, args: Args, here: Here, p: number): Item {
  if (callee instanceof Callable) return callee.call(args, here.program.source.place(p));
  return wrong(`'${typeName(demand(callee))}' object is not callable`);
}

function include(statement: Kind<'include'>, here: Here, out: Output): Signal {
  const program = loaded(statement, here, statement.optional);
  if (program === undefined) return undefined;
  deeper(here.machine, () => whole(begin(here.machine, program, statement.context ? here.frame : undefined), out));
  return undefined;
}

function module(statement: Kind<'import' | 'from'>, here: Here): Thing {
  const program = loaded(statement, here, false);
  if (program === undefined) return new Thing('TemplateModule', () => undefined);
  const within = begin(here.machine, program, statement.context ? here.frame : undefined);
  deeper(here.machine, () => run(within));
  return new Thing('TemplateModule', (name) => (name.startsWith('_') ? undefined : within.frame.names.get(name)));
}

/** The first file that can be read. */
function loaded(
  statement: Kind<'include' | 'import' | 'from' | 'extends'>,
  here: Here,
  optional: boolean,
): Program | undefined {
  const named = demand(evaluate(statement.file, here));
  const paths = isList(named) ? named : [named];
  const from = here.program.source.place(statement.file.p);
  let failed: unknown;
  for (const path of paths) {
    try {
      return here.machine.load(str(demand(path)), from, {
        by: here.program,
        locals: locals(here.frame),
      });
    } catch (error) {
      if (!(error instanceof Failure) || error.diagnostics.some((d) => !isOfFiles(d.code))) throw error;
      failed ??= error;
    }
  }
  if (optional) return undefined;
  throw failed ?? failure('E_NO_FILE_NAMED', {}, from);
}

function locals(frame: Frame | undefined): readonly string[] {
  return frame === undefined ? [] : [...frame.names.keys(), ...locals(frame.outer)];
}

/** Renders another file as lookup('template') does. */
export function render(program: Program, here: Here, more: ReadonlyMap<string, Item>): Item {
  const within = begin(here.machine, program, { names: new Map(more), outer: undefined });
  return deeper(here.machine, () => orUnknown(() => runProgram(within)));
}
