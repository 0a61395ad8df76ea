import { didYouMean } from '../core/diagnostic.ts';
import type { Body, Branch, Expr, Parameter, Statement, Target } from './ast.ts';
import { type Chunk, SyntaxMistake } from './lexer.ts';
import { expression, filterNamed, filtersAndTests, type Reader, reader, tupleOrOne } from './parser.ts';

/** The chunks that are being parsed. Parsers of blocks call each other through it. */
type Feed = Readonly<{
  /**
   * Parses statements up to one of `ends` and takes that tag too. Returns the tag's name and the reader of its rest.
   */
  body: (ends: readonly string[], opened: Opened) => Readonly<{ body: Body; end: string; r: Reader }>;
}>;
type Opened = Readonly<{ name: string; p: number }>;
type Parse = (r: Reader, opened: Opened, feed: Feed) => Statement;

const MAX_DEPTH = 100;

export function parseTemplate(chunks: readonly Chunk[]): Body {
  let next = 0;
  let depth = 0;
  const read = (ends: readonly string[], opened: Opened | undefined) => {
    const body: Statement[] = [];
    if (++depth > MAX_DEPTH) throw new SyntaxMistake('the blocks nest too deep', opened?.p ?? 0);
    for (let chunk = chunks[next]; chunk !== undefined; chunk = chunks[next]) {
      next++;
      if (chunk.kind === 'text') {
        body.push({ kind: 'text', text: chunk.text, p: chunk.p });
        continue;
      }
      const r = reader(chunk.tokens);
      if (chunk.kind === 'output') {
        const value = tupleOrOne(r);
        r.end();
        body.push({ kind: 'output', value, p: value.p });
        continue;
      }
      const { p } = r.peek();
      const name = r.name();
      if (ends.includes(name)) {
        depth--;
        return { body, end: name, r };
      }
      body.push(statement(name, p, r, { body: read }, opened));
    }
    if (opened !== undefined) {
      throw new SyntaxMistake(
        `'${opened.name}' is never closed`,
        opened.p,
        `end it with {% ${ends[ends.length - 1] ?? ''} %}`,
      );
    }
    depth--;
    return { body, end: '', r: reader([]) };
  };
  return read([], undefined).body;
}

function statement(name: string, p: number, r: Reader, feed: Feed, inside: Opened | undefined): Statement {
  const parse = Object.hasOwn(statements, name) ? statements[name] : undefined;
  if (parse === undefined) {
    const innermost = inside === undefined ? '' : `; the innermost open block is '${inside.name}'`;
    throw new SyntaxMistake(`unknown tag '${name}'${innermost}`, p, didYouMean(name, Object.keys(statements)).hint);
  }
  return parse(r, { name, p }, feed);
}

const statements: Readonly<Record<string, Parse>> = {
  if: (r, opened, feed) => {
    const branches: Branch[] = [];
    let test = tupleOrOne(r);
    r.end();
    for (;;) {
      const part = feed.body(['elif', 'else', 'endif'], opened);
      branches.push({ test, body: part.body });
      if (part.end === 'elif') {
        test = tupleOrOne(part.r);
        part.r.end();
        continue;
      }
      part.r.end();
      const otherwise = part.end === 'else' ? block(feed, opened, 'endif') : [];
      return { kind: 'if', branches, otherwise, p: opened.p };
    }
  },
  for: (r, opened, feed) => {
    const target = targets(r);
    if (!r.word('in')) r.fail("expected 'in'");
    const over = tupleOrOne(r, false);
    const filter = r.word('if') ? expression(r) : undefined;
    const recursive = r.word('recursive');
    r.end();
    const part = feed.body(['else', 'endfor'], opened);
    part.r.end();
    const otherwise = part.end === 'else' ? block(feed, opened, 'endfor') : [];
    return { kind: 'for', target, over, filter, recursive, body: part.body, otherwise, p: opened.p };
  },
  set: (r, opened, feed) => {
    const target = targets(r);
    if (r.sign('=')) {
      const value = tupleOrOne(r);
      r.end();
      return { kind: 'set', target, value, p: opened.p };
    }
    const through = filtersAndTests(r, { kind: 'body', p: opened.p });
    r.end();
    return { kind: 'setBlock', target, through, body: block(feed, opened, 'endset'), p: opened.p };
  },
  with: (r, opened, feed) => {
    const given: (readonly [Target, Expr])[] = [];
    while (r.peek().kind !== 'end') {
      const { p } = r.peek();
      const target: Target = { kind: 'to', name: r.name(), p };
      r.expect('=');
      given.push([target, expression(r)]);
      if (!r.sign(',')) break;
    }
    r.end();
    return { kind: 'with', given, body: block(feed, opened, 'endwith'), p: opened.p };
  },
  block: (r, opened, feed) => {
    const name = r.name();
    const words: string[] = [];
    while (r.isWord('scoped', 'required')) words.push(r.take().text);
    r.end();
    const body = block(feed, opened, 'endblock');
    const [scoped, required] = [words.includes('scoped'), words.includes('required')];
    return { kind: 'block', name, scoped, required, body, p: opened.p };
  },
  extends: (r, opened) => {
    const file = expression(r);
    r.end();
    return { kind: 'extends', file, p: opened.p };
  },
  macro: (r, opened, feed) => {
    const name = r.name();
    const list = parameters(r);
    r.end();
    return { kind: 'macro', name, parameters: list, body: block(feed, opened, 'endmacro'), p: opened.p };
  },
  call: (r, opened, feed) => {
    const list = r.isSign('(') ? parameters(r) : [];
    const call = expression(r);
    r.end();
    if (call.kind !== 'call') throw new SyntaxMistake('expected a call of a macro', call.p);
    return { kind: 'call', parameters: list, call, body: block(feed, opened, 'endcall'), p: opened.p };
  },
  filter: (r, opened, feed) => {
    const through = filtersAndTests(r, filterNamed(r, { kind: 'body', p: opened.p }));
    r.end();
    return { kind: 'filter', through, body: block(feed, opened, 'endfilter'), p: opened.p };
  },
  do: (r, opened) => {
    const value = tupleOrOne(r);
    r.end();
    return { kind: 'do', value, p: opened.p };
  },
  break: (r, opened) => {
    r.end();
    return { kind: 'break', p: opened.p };
  },
  continue: (r, opened) => {
    r.end();
    return { kind: 'continue', p: opened.p };
  },
  include: (r, opened) => {
    const file = expression(r);
    let optional = false;
    if (r.isWord('ignore') && r.peek(1).text === 'missing') {
      r.take();
      r.take();
      optional = true;
    }
    const context = withContext(r, true);
    r.end();
    return { kind: 'include', file, optional, context, p: opened.p };
  },
  import: (r, opened) => {
    const file = expression(r);
    if (!r.word('as')) r.fail("expected 'as'");
    const as = r.name();
    const context = withContext(r, false);
    r.end();
    return { kind: 'import', file, as, context, p: opened.p };
  },
  from: (r, opened) => {
    const file = expression(r);
    if (!r.word('import')) r.fail("expected 'import'");
    const names: (readonly [string, string])[] = [];
    while (r.peek().kind === 'name' && !(r.isWord('with', 'without') && r.peek(1).text === 'context')) {
      const name = r.name();
      names.push([name, r.word('as') ? r.name() : name]);
      if (!r.sign(',')) break;
    }
    const context = withContext(r, false);
    r.end();
    return { kind: 'from', file, names, context, p: opened.p };
  },
  // Autoescape never applies, because templates render configuration, not HTML.
  autoescape: (r, opened, feed) => {
    expression(r);
    r.end();
    return { kind: 'with', given: [], body: block(feed, opened, 'endautoescape'), p: opened.p };
  },
};

function block(feed: Feed, opened: Opened, end: string): Body {
  const part = feed.body([end], opened);
  if (end === 'endblock' || end === 'endmacro') if (part.r.peek().kind === 'name') part.r.take(); // {% endblock name %}
  part.r.end();
  return part.body;
}

function targets(r: Reader): Target {
  const first = target(r);
  if (!r.isSign(',')) return first;
  const several = [first];
  while (r.sign(',')) {
    if (r.isWord('in') || r.isSign('=') || r.isSign(')')) break;
    several.push(target(r));
  }
  return { kind: 'several', targets: several, p: first.p };
}

function target(r: Reader): Target {
  const { p } = r.peek();
  if (r.sign('(')) {
    const inner = targets(r);
    r.expect(')');
    return inner.kind === 'several' ? inner : { kind: 'several', targets: [inner], p };
  }
  const name = r.name();
  if (['true', 'false', 'none', 'True', 'False', 'None', 'not', 'and', 'or', 'if', 'in'].includes(name)) {
    r.fail(`'${name}' cannot be given a value`, p);
  }
  return r.sign('.') ? { kind: 'field', of: name, name: r.name(), p } : { kind: 'to', name, p };
}

function parameters(r: Reader): readonly Parameter[] {
  const list: Parameter[] = [];
  r.expect('(');
  while (!r.isSign(')')) {
    const name = r.name();
    list.push({ name, fallback: r.sign('=') ? expression(r) : undefined });
    if (!r.sign(',')) break;
  }
  r.expect(')');
  return list;
}

function withContext(r: Reader, byDefault: boolean): boolean {
  if (!r.isWord('with', 'without') || r.peek(1).text !== 'context') return byDefault;
  const given = r.take().text === 'with';
  r.take();
  return given;
}
