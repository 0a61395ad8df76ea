import type { CallArgs, Expr } from './ast.ts';
import { float } from './item.ts';
import { SyntaxMistake, type Token } from './lexer.ts';

/** A cursor over a tag's tokens. */
export type Reader = Readonly<{
  /** Returns the next token, or the one `ahead` of it, without taking it. */
  peek: (ahead?: number) => Token;
  take: () => Token;
  isSign: (sign: string) => boolean;
  isWord: (...words: readonly string[]) => boolean;
  /** Takes the sign or word if it comes next, and returns whether it did. */
  sign: (sign: string) => boolean;
  word: (word: string) => boolean;
  expect: (sign: string) => void;
  name: () => string;
  /** Throws if tokens are left. */
  end: () => void;
  fail: (message: string, p?: number) => never;
  /** Limits how deep brackets and operators may nest, because a hostile text must not exhaust the stack. */
  deeper: <T>(make: () => T) => T;
}>;

const MAX_DEPTH = 200;

export function reader(tokens: readonly Token[]): Reader {
  let next = 0;
  let depth = 0;
  const last = tokens[tokens.length - 1] ?? { kind: 'end', text: '', number: 0, p: 0 };
  const peek = (ahead = 0): Token => tokens[next + ahead] ?? last;
  const fail = (message: string, p = peek().p): never => {
    throw new SyntaxMistake(message, p);
  };
  const isSign = (sign: string) => peek().kind === 'sign' && peek().text === sign;
  const isWord = (...words: readonly string[]) => peek().kind === 'name' && words.includes(peek().text);
  const take = (): Token => {
    const token = peek();
    next++;
    return token;
  };
  return {
    peek,
    take,
    isSign,
    isWord,
    fail,
    sign: (sign) => isSign(sign) && take() !== undefined,
    word: (word) => isWord(word) && take() !== undefined,
    expect: (sign) => (isSign(sign) ? void take() : fail(`expected '${sign}', got ${shown(peek())}`)),
    name: () => (peek().kind === 'name' ? take().text : fail(`expected a name, got ${shown(peek())}`)),
    end: () => (peek().kind === 'end' ? undefined : fail(`unexpected ${shown(peek())}`)),
    deeper: (make) => {
      if (++depth > MAX_DEPTH) fail('the expression nests too deep');
      const result = make();
      depth--;
      return result;
    },
  };
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'the end' : `'${token.text}'`;
}

/** Parses an expression. Without `ternary`, a following `if` is not taken, because it is a loop's filter. */
export function expression(r: Reader, ternary = true): Expr {
  return r.deeper(() => {
    let node = or(r);
    while (ternary && r.isWord('if')) {
      const { p } = r.take();
      const test = or(r);
      const otherwise = r.word('else') ? expression(r) : undefined;
      node = { kind: 'if', test, yes: node, otherwise, p };
    }
    return node;
  });
}

/** Parses `a, b`: a tuple without brackets, as after `set x =` or in {{ }}. A single expression stays itself. */
export function tupleOrOne(r: Reader, ternary = true): Expr {
  const first = expression(r, ternary);
  if (!r.isSign(',')) return first;
  const items = [first];
  while (r.sign(',')) {
    if (r.peek().kind === 'end' || r.isSign(')') || r.isWord('if', 'recursive')) break;
    items.push(expression(r, ternary));
  }
  return { kind: 'tuple', items, p: first.p };
}

function or(r: Reader): Expr {
  let left = and(r);
  while (r.isWord('or')) {
    const { p } = r.take();
    left = { kind: 'or', left, right: and(r), p };
  }
  return left;
}

function and(r: Reader): Expr {
  let left = not(r);
  while (r.isWord('and')) {
    const { p } = r.take();
    left = { kind: 'and', left, right: not(r), p };
  }
  return left;
}

function not(r: Reader): Expr {
  if (!r.isWord('not')) return comparison(r);
  const { p } = r.take();
  return { kind: 'not', of: r.deeper(() => not(r)), p };
}

function comparison(r: Reader): Expr {
  const first = sum(r);
  const rest: { sign: string; right: Expr; p: number }[] = [];
  for (;;) {
    const { p, text, kind } = r.peek();
    if (kind === 'sign' && ['==', '!=', '<', '>', '<=', '>='].includes(text)) {
      r.take();
      rest.push({ sign: text, right: sum(r), p });
    } else if (r.isWord('in')) {
      r.take();
      rest.push({ sign: 'in', right: sum(r), p });
    } else if (r.isWord('not') && r.peek(1).kind === 'name' && r.peek(1).text === 'in') {
      r.take();
      r.take();
      rest.push({ sign: 'not in', right: sum(r), p });
    } else break;
  }
  return rest.length === 0 ? first : { kind: 'compare', first, rest, p: first.p };
}

const sum = binary(
  ['+', '-'],
  binary(
    ['~'],
    binary(
      ['*', '/', '//', '%'],
      binary(['**'], (r) => unary(r)),
    ),
  ),
);

function binary(signs: readonly string[], operand: (r: Reader) => Expr): (r: Reader) => Expr {
  return (r) => {
    let left = operand(r);
    while (r.peek().kind === 'sign' && signs.includes(r.peek().text)) {
      const { text: sign, p } = r.take();
      left = { kind: 'binary', sign, left, right: operand(r), p };
    }
    return left;
  };
}

function unary(r: Reader, filters = true): Expr {
  const { p } = r.peek();
  let node: Expr;
  if (r.sign('-')) node = { kind: 'minus', of: r.deeper(() => unary(r, false)), p };
  else if (r.sign('+')) node = { kind: 'plus', of: r.deeper(() => unary(r, false)), p };
  else node = primary(r);
  node = postfix(r, node);
  return filters ? filtersAndTests(r, node) : node;
}

const constants: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null, // biome-ignore format: a table
};

function primary(r: Reader): Expr {
  const { kind, text, number, p } = r.take();
  if (kind === 'name') {
    if (['and', 'or', 'not', 'if', 'else', 'in', 'is'].includes(text))
      r.fail(`expected an expression, got '${text}'`, p);
    const constant = Object.hasOwn(constants, text) ? constants[text] : undefined;
    return constant === undefined ? { kind: 'name', name: text, p } : { kind: 'literal', value: constant, p };
  }
  if (kind === 'int') {
    if (!Number.isSafeInteger(number)) r.fail('the integer is too large: more than 53 bits', p);
    return { kind: 'literal', value: number, p };
  }
  if (kind === 'float') return { kind: 'literal', value: float(number), p };
  if (kind === 'string') {
    let whole = text;
    while (r.peek().kind === 'string') whole += r.take().text;
    return { kind: 'literal', value: whole, p };
  }
  if (kind === 'sign' && text === '(') return bracketed(r, p);
  if (kind === 'sign' && text === '[') {
    return { kind: 'list', items: listOf(r, ']', () => expression(r)), p };
  }
  if (kind === 'sign' && text === '{') {
    const entries = listOf(r, '}', () => {
      const key = expression(r);
      r.expect(':');
      return [key, expression(r)] as const;
    });
    return { kind: 'dict', entries, p };
  }
  return r.fail(kind === 'end' ? 'expected an expression, got the end' : `unexpected '${text}'`, p);
}

function bracketed(r: Reader, p: number): Expr {
  if (r.sign(')')) return { kind: 'tuple', items: [], p };
  const first = expression(r);
  if (!r.isSign(',')) {
    r.expect(')');
    return first;
  }
  r.take();
  return { kind: 'tuple', items: [first, ...listOf(r, ')', () => expression(r))], p };
}

function listOf<T>(r: Reader, close: string, one: () => T): readonly T[] {
  const items: T[] = [];
  while (!r.isSign(close)) {
    items.push(one());
    if (!r.sign(',')) break;
  }
  r.expect(close);
  return items;
}

function postfix(r: Reader, node: Expr): Expr {
  let out = node;
  for (;;) {
    const { p } = r.peek();
    if (r.sign('.')) {
      const part = r.take();
      if (part.kind === 'int')
        out = { kind: 'item', of: out, key: { kind: 'literal', value: part.number, p: part.p }, p: part.p };
      else if (part.kind === 'name') out = { kind: 'attr', of: out, name: part.text, p: part.p };
      else r.fail('expected a name or a number after the dot', part.p);
    } else if (r.sign('[')) out = subscript(r, out, p);
    else if (r.isSign('(')) out = { kind: 'call', of: out, args: callArgs(r), p: out.p };
    else return out;
  }
}

function subscript(r: Reader, of: Expr, p: number): Expr {
  const bound = () => (r.isSign(':') || r.isSign(']') ? undefined : expression(r));
  const start = bound();
  if (start !== undefined && !r.isSign(':')) {
    const items = [start];
    while (r.sign(',')) items.push(expression(r));
    r.expect(']');
    return { kind: 'item', of, key: items.length > 1 ? { kind: 'tuple', items, p: start.p } : start, p };
  }
  r.expect(':');
  const stop = bound();
  const step = r.sign(':') ? bound() : undefined;
  r.expect(']');
  return { kind: 'slice', of, bounds: [start, stop, step], p };
}

const noArgs: CallArgs = { positional: [], named: [] };

function callArgs(r: Reader): CallArgs {
  r.expect('(');
  const positional: { spread: boolean; value: Expr }[] = [];
  const named: { name: string | undefined; value: Expr }[] = [];
  listOf(r, ')', () => {
    if (r.sign('**')) named.push({ name: undefined, value: expression(r) });
    else if (r.sign('*')) positional.push({ spread: true, value: expression(r) });
    else if (r.peek().kind === 'name' && r.peek(1).kind === 'sign' && r.peek(1).text === '=') {
      const name = r.name();
      r.take();
      named.push({ name, value: expression(r) });
    } else {
      if (named.length > 0) r.fail('a positional argument cannot follow a keyword argument');
      positional.push({ spread: false, value: expression(r) });
    }
  });
  return { positional, named };
}

/** Parses all `| name(…)` and `is name(…)` that follow. */
export function filtersAndTests(r: Reader, node: Expr): Expr {
  let out = node;
  for (;;) {
    if (r.isSign('|')) out = filterCall(r, out);
    else if (r.isWord('is')) out = testCall(r, out);
    else if (r.isSign('(')) out = { kind: 'call', of: out, args: callArgs(r), p: out.p };
    else return out;
  }
}

function filterCall(r: Reader, input: Expr): Expr {
  r.expect('|');
  return filterNamed(r, input);
}

/** Parses a filter's name and arguments, as after `|` or in a {% filter %} block. */
export function filterNamed(r: Reader, input: Expr): Expr {
  const { p } = r.peek();
  const name = dotted(r);
  return { kind: 'filter', input, name, args: r.isSign('(') ? callArgs(r) : noArgs, p };
}

function testCall(r: Reader, input: Expr): Expr {
  r.take();
  const negated = r.word('not');
  const { p } = r.peek();
  const name = dotted(r);
  let args = noArgs;
  const { kind, text } = r.peek();
  if (r.isSign('(')) args = callArgs(r);
  else if (
    (kind === 'name' && !['else', 'or', 'and', 'if', 'is', 'in', 'not', 'recursive'].includes(text)) ||
    ['string', 'int', 'float'].includes(kind) ||
    r.isSign('[') ||
    r.isSign('{')
  ) {
    args = { positional: [{ spread: false, value: postfix(r, primary(r)) }], named: [] };
  }
  return { kind: 'test', input, name, not: negated, args, p };
}

function dotted(r: Reader): string {
  let name = r.name();
  while (r.sign('.')) name += `.${r.name()}`;
  return name;
}
