import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Block, Body, CallArgs, Expr, Parameter, Target } from './ast.ts';
import { filters, plain } from './filters.ts';
import { globals } from './globals.ts';
import type { Source } from './lexer.ts';
import { lookups } from './lookups.ts';
import { tests } from './tests.ts';

type Scope = Readonly<{ names: Set<string>; outer: Scope | undefined }>;
export type Facts = Readonly<{ names: ReadonlySet<string>; mutates: boolean; blocks: readonly Block[] }>;

const mutators = new Set([
  'append',
  'extend',
  'insert',
  'pop',
  'remove',
  'reverse',
  'sort',
  'clear',
  'update',
  'setdefault',
]);
const always = new Set(['loop', 'caller', 'varargs', 'kwargs', 'self', 'super']);

/**
 * Walks a template once. Finds the free names that it reads, whether it changes lists, and every filter, test, lookup
 * or function that does not exist. All of the latter are reported at once.
 */
export function check(body: Body, source: Source, given: readonly string[]): Facts {
  const names = new Set<string>();
  const wrongs: Diagnostic[] = [];
  const blocks: Block[] = [];
  const top: Scope = { names: new Set(given), outer: undefined };
  let mutates = false;
  let isChild = false;

  const unknown = (what: string, name: string, known: Iterable<string>, p: number): void => {
    wrongs.push(tell('E_UNKNOWN_PLUGIN', { kind: what, name, known }, { ...source.place(p), length: name.length }));
  };
  const mistake = (problem: string, p: number): Diagnostic => tell('E_TEMPLATE_SYNTAX', { problem }, source.place(p));
  const known = (what: 'filter' | 'test', name: string, p: number): void => {
    const short = plain(name);
    // Ansible accepts its tests as filters: {{ result | success }}
    if (Object.hasOwn(tests, short) || (what === 'filter' && Object.hasOwn(filters, short))) return;
    unknown(what, name, Object.keys(what === 'filter' ? filters : tests), p);
  };

  const args = ({ positional, named }: CallArgs, scope: Scope): void => {
    for (const { value } of [...positional, ...named]) expr(value, scope);
  };

  const expr = (node: Expr, scope: Scope): void => {
    switch (node.kind) {
      case 'literal':
      case 'body':
        return;
      case 'name':
        if (!bound(scope, node.name) && !always.has(node.name) && !Object.hasOwn(globals, node.name))
          names.add(node.name);
        return;
      case 'list':
      case 'tuple':
        for (const item of node.items) expr(item, scope);
        return;
      case 'dict':
        for (const [key, item] of node.entries) {
          expr(key, scope);
          expr(item, scope);
        }
        return;
      case 'attr':
        expr(node.of, scope);
        return;
      case 'item':
        expr(node.of, scope);
        expr(node.key, scope);
        return;
      case 'slice':
        expr(node.of, scope);
        for (const bound of node.bounds) if (bound !== undefined) expr(bound, scope);
        return;
      case 'call':
        call(node, scope);
        return;
      case 'filter':
        known('filter', node.name, node.p);
        applied(node, scope);
        expr(node.input, scope);
        args(node.args, scope);
        return;
      case 'test':
        known('test', node.name, node.p);
        expr(node.input, scope);
        args(node.args, scope);
        return;
      case 'not':
      case 'minus':
      case 'plus':
        expr(node.of, scope);
        return;
      case 'binary':
      case 'and':
      case 'or':
        expr(node.left, scope);
        expr(node.right, scope);
        return;
      case 'compare':
        expr(node.first, scope);
        for (const { right } of node.rest) expr(right, scope);
        return;
      case 'if':
        expr(node.test, scope);
        expr(node.yes, scope);
        if (node.otherwise !== undefined) expr(node.otherwise, scope);
    }
  };

  /** map('upper'), select('odd'), selectattr('x', 'defined'): the filter or test whose name is given as a text. */
  const applied = (node: Extract<Expr, { kind: 'filter' }>, _scope: Scope): void => {
    const place = ({ map: 0, select: 0, reject: 0, selectattr: 1, rejectattr: 1 } as Readonly<Record<string, number>>)[
      plain(node.name)
    ];
    const name = place === undefined ? undefined : node.args.positional[place]?.value;
    if (name?.kind === 'literal' && typeof name.value === 'string')
      known(plain(node.name) === 'map' ? 'filter' : 'test', name.value, name.p);
  };

  const call = (node: Extract<Expr, { kind: 'call' }>, scope: Scope): void => {
    args(node.args, scope);
    if (node.of.kind === 'attr' && mutators.has(node.of.name)) mutates = true;
    if (node.of.kind !== 'name') {
      expr(node.of, scope);
      return;
    }
    const { name, p } = node.of;
    if (bound(scope, name) || always.has(name)) return;
    if (!Object.hasOwn(globals, name)) {
      if (isChild) {
        names.add(name); // the template that it extends may define the macro
        return;
      }
      unknown('function', name, [...Object.keys(globals), ...visible(scope)], p);
      return;
    }
    const plugin = node.args.positional[0]?.value;
    if (!['lookup', 'query', 'q'].includes(name) || plugin?.kind !== 'literal' || typeof plugin.value !== 'string')
      return;
    if (!Object.hasOwn(lookups, plain(plugin.value))) unknown('lookup', plugin.value, Object.keys(lookups), plugin.p);
  };

  const bind = (target: Target, scope: Scope): void => {
    if (target.kind === 'to') scope.names.add(target.name);
    else if (target.kind === 'several') for (const one of target.targets) bind(one, scope);
  };
  const nest = (scope: Scope): Scope => ({ names: new Set(), outer: scope });
  const macro = (parameters: readonly Parameter[], inside: Body, scope: Scope): void => {
    const within = nest(scope);
    for (const { name, fallback } of parameters) {
      if (fallback !== undefined) expr(fallback, within);
      within.names.add(name);
    }
    walk(inside, within);
  };

  const walk = (statements: Body, scope: Scope): void => {
    // Another macro may call a macro before the text reaches its definition.
    for (const statement of statements) if (statement.kind === 'macro') scope.names.add(statement.name);
    for (const statement of statements) {
      switch (statement.kind) {
        case 'text':
        case 'break':
        case 'continue':
          break;
        case 'output':
        case 'do':
          expr(statement.value, scope);
          break;
        case 'if':
          for (const { test, body: inside } of statement.branches) {
            expr(test, scope);
            walk(inside, scope);
          }
          walk(statement.otherwise, scope);
          break;
        case 'for': {
          expr(statement.over, scope);
          const within = nest(scope);
          bind(statement.target, within);
          if (statement.filter !== undefined) expr(statement.filter, within);
          walk(statement.body, within);
          walk(statement.otherwise, nest(scope));
          break;
        }
        case 'set':
          expr(statement.value, scope);
          bind(statement.target, scope);
          break;
        case 'setBlock':
          walk(statement.body, nest(scope));
          expr(statement.through, scope);
          bind(statement.target, scope);
          break;
        case 'with': {
          const within = nest(scope);
          for (const [target, value] of statement.given) {
            expr(value, scope);
            bind(target, within);
          }
          walk(statement.body, within);
          break;
        }
        case 'block':
          if (blocks.some(({ name }) => name === statement.name))
            wrongs.push(mistake(`block '${statement.name}' defined twice`, statement.p));
          blocks.push(statement);
          walk(statement.body, nest(statement.scoped ? scope : top));
          break;
        case 'extends':
          expr(statement.file, scope);
          if (scope !== top) wrongs.push(mistake('extends must not stand within a block, loop or macro', statement.p));
          isChild = true;
          break;
        case 'macro':
          macro(statement.parameters, statement.body, scope);
          break;
        case 'call':
          expr(statement.call, scope);
          macro(statement.parameters, statement.body, scope);
          break;
        case 'filter':
          expr(statement.through, scope);
          walk(statement.body, nest(scope));
          break;
        case 'include':
          expr(statement.file, scope);
          break;
        case 'import':
          expr(statement.file, scope);
          scope.names.add(statement.as);
          break;
        case 'from':
          expr(statement.file, scope);
          for (const [, as] of statement.names) scope.names.add(as);
      }
    }
  };

  walk(body, top);
  if (wrongs.length > 0) throw new Failure(wrongs);
  return { names, mutates, blocks };
}

function bound(scope: Scope | undefined, name: string): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true;
  return false;
}

function visible(scope: Scope | undefined): readonly string[] {
  return scope === undefined ? [] : [...scope.names, ...visible(scope.outer)];
}
