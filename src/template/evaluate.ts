import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { Unknown } from '../core/value.ts';
import { attribute, slice, subscript } from './access.ts';
import type { CallArgs, Expr } from './ast.ts';
import { truth } from './compare.ts';
import type { Ctx } from './env.ts';
import { filters, plain } from './filters.ts';
import { globals, omit } from './globals.ts';
import {
  type Args,
  Callable,
  dictOf,
  entriesOf,
  type Item,
  isList,
  isMapping,
  isString,
  iterate,
  orUnknown,
  placed,
  setEntry,
  Thing,
  tuple,
  typeName,
  Undefined,
  wrong,
} from './item.ts';
import { burn, type Here, lookUp, type Machine } from './machine.ts';
import { operate } from './operation.ts';
import { compares, operator, short } from './operators.ts';
import { tests } from './tests.ts';

/** The value of an expression: an Undefined if a name is not defined, an Unknown if the value depends on one. */
export function evaluate(node: Expr, here: Here): Item {
  burn(here.machine, 1);
  switch (node.kind) {
    case 'literal':
      return node.value;
    case 'name':
      return named(node.name, node.p, here);
    case 'body':
      return here.held ?? '';
    case 'list':
      return node.items.map((item) => evaluate(item, here));
    case 'tuple':
      return tuple(node.items.map((item) => evaluate(item, here)));
    case 'dict':
      return dictLiteral(node, here);
    case 'if': {
      const test = evaluate(node.test, here);
      const yes = orUnknown(() => truth(test));
      if (yes instanceof Unknown) return yes;
      if (yes) return evaluate(node.yes, here);
      return node.otherwise === undefined ? withoutElse(node.p, here) : evaluate(node.otherwise, here);
    }
    case 'and':
    case 'or': {
      const left = evaluate(node.left, here);
      const yes = orUnknown(() => truth(left));
      if (yes instanceof Unknown) return yes;
      return yes === (node.kind === 'and') ? evaluate(node.right, here) : left;
    }
    case 'not': {
      const of = evaluate(node.of, here);
      return orUnknown(() => !truth(of));
    }
    case 'minus':
    case 'plus': {
      const of = evaluate(node.of, here);
      return at(node.p, here, () => signed(node.kind === 'minus' ? '-' : '+', of));
    }
    case 'binary': {
      const left = evaluate(node.left, here);
      const right = evaluate(node.right, here);
      return at(node.p, here, () => operator(node.sign, left, right));
    }
    case 'compare':
      return comparison(node, here);
    case 'attr': {
      const of = evaluate(node.of, here);
      return attribute(of, node.name, () => context(node.p, here));
    }
    case 'item': {
      const of = evaluate(node.of, here);
      const key = evaluate(node.key, here);
      return at(node.p, here, () => subscript(of, key, () => context(node.p, here)));
    }
    case 'slice': {
      const of = evaluate(node.of, here);
      const bounds = node.bounds.map((bound) => (bound === undefined ? undefined : evaluate(bound, here)));
      return at(node.p, here, () => slice(of, bounds));
    }
    case 'call':
      return call(node, here);
    case 'filter': {
      const input = evaluate(node.input, here);
      const args = argsOf(node.args, here);
      return at(node.p, here, () => applyFilter(node.name, input, args, context(node.p, here)));
    }
    case 'test': {
      const input = evaluate(node.input, here);
      const args = argsOf(node.args, here);
      const yes = at(node.p, here, () => applyTest(node.name, input, args, context(node.p, here)));
      return yes instanceof Unknown ? yes : yes !== node.not;
    }
  }
}

type Node<K extends Expr['kind']> = Extract<Expr, { kind: K }>;

function at<T>(p: number, here: Here, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // The position is computed only when an error needs it.
    if (error instanceof Failure)
      return placed(here.program.source.place(p), () => {
        throw error;
      });
    throw error;
  }
}

/** What filters and methods may use of this evaluation. */
function context(p: number, here: Here): Ctx {
  const { machine, program } = here;
  const ctx: Ctx = {
    env: machine.env,
    get at(): Pos {
      return program.source.place(p);
    },
    burn: (steps) => burn(machine, steps),
    filter: (name, input, args) => applyFilter(name, input, args, ctx),
    test: (name, input, args) => applyTest(name, input, args, ctx),
    name: (name) => named(name, p, here),
    render: (path, more, options) => machine.render(path, ctx.at, here, more, options),
  };
  return ctx;
}

function named(name: string, p: number, here: Here): Item {
  const local = lookUp(here.frame, name);
  if (local !== undefined) return local;
  const variable = spreading(() => variableOf(name, here.machine));
  if (variable !== undefined) return variable;
  const global = Object.hasOwn(globals, name) ? globals[name] : undefined;
  if (global !== undefined) return global((at) => context(at ?? p, here));
  const { machine, program } = here;
  return new Undefined(() => {
    const place = { ...program.source.place(p), length: name.length };
    return failure('E_UNDEFINED_VARIABLE', { name, known: machine.env.names?.() ?? [] }, place);
  });
}

/** A variable that reads an undefined one is undefined itself: `v | default('x')` gives x. */
function spreading(make: () => Item | undefined): Item | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof Failure && error.diagnostics.every(({ code }) => code.startsWith('E_UNDEFINED_')))
      return new Undefined(() => error);
    throw error;
  }
}

function variableOf(name: string, machine: Machine): Item | undefined {
  if (!machine.mutates) return machine.env.get(name);
  const known = machine.copies.get(name);
  if (known !== undefined) return known;
  const found = machine.env.get(name);
  if (found !== undefined) machine.copies.set(name, mutable(found));
  return machine.copies.get(name);
}

/** A copy that the template may change. Its dicts are Maps, because only Maps can be changed. */
function mutable(item: Item): Item {
  if (item === omit) return item;
  if (isList(item)) return item.map(mutable);
  if (isMapping(item)) return new Map(entriesOf(item).map(([key, one]) => [key, mutable(one)] as const));
  return item;
}

function signed(sign: '-' | '+', of: Item): Item {
  if (isList(of) || isString(of)) return wrong(`bad operand type for unary ${sign}: '${typeName(of)}'`);
  return sign === '-' ? operator('*', of, -1) : operator('+', of, 0);
}

function dictLiteral(node: Node<'dict'>, here: Here): Item {
  const entries = node.entries.map(([key, item]) => [evaluate(key, here), evaluate(item, here)] as const);
  const unknown = entries.find(([key]) => key instanceof Unknown)?.[0];
  if (unknown instanceof Unknown) return unknown;
  if (!here.machine.mutates) return at(node.p, here, () => dictOf(entries));
  const map = new Map<Item, Item>();
  at(node.p, here, () => {
    for (const [key, item] of entries) setEntry(map, key, item);
  });
  return map;
}

function withoutElse(p: number, here: Here): Undefined {
  const problem = 'the inline if-expression evaluated to false and has no else';
  return new Undefined(() => failure('E_UNDEFINED_VALUE', { problem }, here.program.source.place(p)), true);
}

function comparison(node: Node<'compare'>, here: Here): Item {
  let left = evaluate(node.first, here);
  for (const { sign, right, p } of node.rest) {
    const next = evaluate(right, here);
    const holds = at(p, here, () => orUnknown(() => compares(sign, left, next)));
    if (holds !== true) return holds;
    left = next;
  }
  return true;
}

function call(node: Node<'call'>, here: Here): Item {
  const of = evaluate(node.of, here);
  if (of instanceof Undefined) throw of.failure;
  if (of instanceof Unknown) return of;
  const args = argsOf(node.args, here);
  const callable = of instanceof Thing ? of.get('__call__') : of;
  return at(node.p, here, () => {
    if (!(callable instanceof Callable)) return wrong(`'${typeName(of)}' object is not callable`);
    return bounded(orUnknown(() => callable.call(args, here.program.source.place(node.p))));
  });
}

export function argsOf(args: CallArgs, here: Here): Args {
  const positional: Item[] = [];
  const named = new Map<string, Item>();
  for (const { spread, value } of args.positional) {
    const item = evaluate(value, here);
    if (spread) positional.push(...iterate(item));
    else positional.push(item);
  }
  for (const { name, value } of args.named) {
    const item = evaluate(value, here);
    if (name !== undefined) named.set(name, item);
    else if (isMapping(item)) for (const [key, one] of entriesOf(item)) named.set(String(key), one);
    else wrong('the argument after ** must be a dict');
  }
  return { positional, named };
}

/**
 * Applies a filter by any of its names in Ansible. Names are checked when the template is compiled, except for computed
 * ones.
 */
function applyFilter(name: string, input: Item, args: Args, ctx: Ctx): Item {
  const short_ = plain(name);
  const operation = Object.hasOwn(filters, short_) ? filters[short_] : undefined;
  if (operation === undefined) {
    // Ansible accepts its tests as filters: {{ result | success }}
    if (Object.hasOwn(tests, short_)) return applyTest(name, input, args, ctx);
    throw failure('E_UNKNOWN_PLUGIN', { kind: 'filter', name, known: Object.keys(filters) });
  }
  return bounded(operate(name, operation, input, args, ctx));
}

function applyTest(name: string, input: Item, args: Args, ctx: Ctx): boolean | Unknown {
  const short_ = plain(name);
  const operation = Object.hasOwn(tests, short_) ? tests[short_] : undefined;
  if (operation === undefined) throw failure('E_UNKNOWN_PLUGIN', { kind: 'test', name, known: Object.keys(tests) });
  const result = operate(name, operation, input, args, ctx);
  return result instanceof Unknown ? result : result === true;
}

function bounded(item: Item): Item {
  return isString(item) ? short(item) : item;
}
