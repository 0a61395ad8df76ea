import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { RenderOptions } from '../core/module.ts';

export type Token = Readonly<{
  kind: 'name' | 'string' | 'int' | 'float' | 'sign' | 'end';
  /** The content of a string, an operator, or a name. */
  text: string;
  number: number;
  p: number;
}>;
export type Chunk =
  | Readonly<{ kind: 'text'; text: string; p: number }>
  | Readonly<{ kind: 'output' | 'statement'; tokens: readonly Token[]; p: number }>;

export type LexOptions = RenderOptions &
  Readonly<{
    /** Strings inside {{ }} keep their backslashes. Ansible does so for strings in YAML, but not in template files. */
    keepBackslashes?: boolean;
    /** None in a text prints as `None`, as in plain Jinja2. Without this option it prints as nothing, as in Ansible. */
    printNone?: boolean;
  }>;

/** A mistake at an offset of the text. Code that knows the text's position turns it into a Failure. */
export class SyntaxMistake extends Error {
  readonly p: number;
  readonly hint: string | undefined;
  constructor(message: string, p: number, hint?: string) {
    super(message);
    this.p = p;
    this.hint = hint;
  }
}

/** A text and its position. */
export type Source = Readonly<{
  text: string;
  at: Pos;
  /** The position of an offset. The first line continues at `at`; the others start at column 1. */
  place: (offset: number) => Pos;
}>;

export function sourceOf(text: string, at: Pos): Source {
  let starts: number[] | undefined;
  const place = (offset: number): Pos => {
    starts ??= [0, ...[...text.matchAll(/\n/g)].map((found) => found.index + 1)];
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const col = offset - (starts[low] ?? 0);
    return { file: at.file, line: at.line + low, col: low === 0 ? at.col + col : col + 1 };
  };
  return { text, at, place };
}

/** Runs a parser and turns its SyntaxMistake into a Failure with a position in the file. */
export function atPlace<T>(source: Source, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof SyntaxMistake)) throw error;
    const { message, p, hint } = error;
    throw failure('E_TEMPLATE_SYNTAX', { problem: message, hint }, source.place(p));
  }
}

/** The tokens of a bare expression. */
export function lexExpression(text: string): readonly Token[] {
  return lexTag(text, 0, undefined, false).tokens;
}

/**
 * Splits a source into text, {{ }} and {% %}. Comments are removed, raw blocks become text, and white space is trimmed
 * as the marks say.
 */
export function lex(source: string, options: LexOptions): readonly Chunk[] {
  const marks = {
    output: [options.variable_start_string ?? '{{', options.variable_end_string ?? '}}'],
    statement: [options.block_start_string ?? '{%', options.block_end_string ?? '%}'],
    comment: [options.comment_start_string ?? '{#', options.comment_end_string ?? '#}'],
  } as const;
  const trim = options.trim_blocks ?? true;
  const chunks: Chunk[] = [];
  let at = 0;
  let strip = false;
  const text = (from: number, to: number, mark: string | undefined, block: boolean): void => {
    let piece = source.slice(from, to);
    const start = strip ? from + (piece.length - piece.trimStart().length) : from;
    if (strip) piece = piece.trimStart();
    if (mark === '-') piece = piece.trimEnd();
    else if (block && mark !== '+' && options.lstrip_blocks === true) {
      const line = piece.lastIndexOf('\n') + 1;
      if ((line > 0 || from === 0 || source[from - 1] === '\n') && piece.slice(line).trim() === '') {
        piece = piece.slice(0, line);
      }
    }
    strip = false;
    if (piece !== '') chunks.push({ kind: 'text', text: piece.replace(/\r\n?/g, '\n'), p: start });
  };
  const after = (end: number, mark: string | undefined, block: boolean): void => {
    at = end;
    strip = mark === '-';
    if (block && trim && mark === undefined) {
      if (source.startsWith('\r\n', at)) at += 2;
      else if (source[at] === '\n') at += 1;
    }
  };
  for (;;) {
    const found = nextMark(source, at, marks);
    if (found === undefined) break;
    const [open, close] = marks[found.kind];
    const inner = found.p + open.length;
    const mark = source[inner] === '-' || source[inner] === '+' ? source[inner] : undefined;
    const start = inner + (mark === undefined ? 0 : 1);
    text(at, found.p, mark, found.kind !== 'output');
    if (found.kind === 'comment') {
      const end = source.indexOf(close, start);
      if (end < 0) throw new SyntaxMistake('missing end of comment tag', found.p, `close it with ${close}`);
      const before = source[end - 1];
      after(end + close.length, end > start && (before === '-' || before === '+') ? before : undefined, true);
      continue;
    }
    const raw = found.kind === 'statement' ? rawBlock(source, start, open, close) : undefined;
    if (raw !== undefined) {
      strip = raw.mark === '-';
      text(raw.from, raw.to, raw.endMark, true);
      after(raw.end, raw.tailMark, true);
      continue;
    }
    const tag = lexTag(source, start, close, options.keepBackslashes === true && found.kind === 'output');
    if (tag.end === undefined) {
      throw new SyntaxMistake(`'${open}' is never closed`, found.p, `close it with ${close}`);
    }
    chunks.push({ kind: found.kind, tokens: tag.tokens, p: found.p });
    after(tag.end, tag.mark, found.kind === 'statement');
  }
  text(at, source.length, undefined, false);
  return chunks;
}

type Marks = Readonly<Record<'output' | 'statement' | 'comment', readonly [string, string]>>;

function nextMark(
  source: string,
  from: number,
  marks: Marks,
): Readonly<{ kind: 'output' | 'statement' | 'comment'; p: number }> | undefined {
  let best: { kind: 'output' | 'statement' | 'comment'; p: number; length: number } | undefined;
  for (const kind of ['comment', 'statement', 'output'] as const) {
    const length = marks[kind][0].length;
    const p = source.indexOf(marks[kind][0], from);
    if (p >= 0 && (best === undefined || p < best.p || (p === best.p && length > best.length))) {
      best = { kind, p, length };
    }
  }
  return best;
}

function rawBlock(source: string, start: number, open: string, close: string) {
  const head = matchAt(new RegExp(`\\s*raw\\s*(-?)${literally(close)}`, 'y'), source, start);
  if (head === null) return undefined;
  const from = start + head[0].length;
  const tail = new RegExp(`${literally(open)}([-+]?)\\s*endraw\\s*([-+]?)${literally(close)}`, 'g');
  const found = matchAt(tail, source, from);
  if (found === null) throw new SyntaxMistake("missing end of raw directive: no 'endraw'", start);
  return {
    from,
    to: found.index,
    end: found.index + found[0].length,
    mark: head[1],
    endMark: found[1] === '' ? undefined : found[1],
    tailMark: found[2] === '' ? undefined : found[2],
  };
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

const integer = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const fraction = /\d+(?:_\d+)*(?:(?:\.\d+(?:_\d+)*)?[eE][-+]?\d+(?:_\d+)*|\.\d+(?:_\d+)*)/y;
const name = /[\p{L}_][\p{L}\p{N}_]*/uy;
const sign = /\*\*|\/\/|==|!=|<=|>=|[-+*/%~|.,:()[\]{}=<>;]/y;

/** The tokens up to `close` outside of brackets, or up to the end of the text if `close` is undefined. */
function lexTag(source: string, start: number, close: string | undefined, keepBackslashes: boolean) {
  const tokens: Token[] = [];
  const brackets: string[] = [];
  let at = start;
  const push = (kind: Token['kind'], text: string, length: number, number = 0): void => {
    tokens.push({ kind, text, number, p: at });
    at += length;
  };
  for (;;) {
    while (/\s/.test(source[at] ?? '')) at++;
    if (at >= source.length) {
      push('end', '', 0);
      return { tokens, end: undefined, mark: undefined };
    }
    if (close !== undefined && brackets.length === 0) {
      const mark =
        (source[at] === '-' || source[at] === '+') && source.startsWith(close, at + 1) ? source[at] : undefined;
      if (mark !== undefined || source.startsWith(close, at)) {
        push('end', '', 0);
        return { tokens, end: at + (mark === undefined ? 0 : 1) + close.length, mark };
      }
    }
    const char = source[at] ?? '';
    const afterDot = source[at - 1] === '.';
    const number = afterDot ? null : matchAt(fraction, source, at);
    const whole = number === null ? matchAt(integer, source, at) : null;
    const word = matchAt(name, source, at);
    if (number !== null) push('float', number[0], number[0].length, Number(number[0].replaceAll('_', '')));
    else if (whole !== null) push('int', whole[0], whole[0].length, Number(whole[0].replaceAll('_', '')));
    else if (word !== null) push('name', word[0], word[0].length);
    else if (char === "'" || char === '"') {
      const end = stringEnd(source, at, char);
      const inner = source.slice(at + 1, end);
      push('string', keepBackslashes ? inner : unescaped(inner), end + 1 - at);
    } else {
      const found = matchAt(sign, source, at);
      if (found === null) throw new SyntaxMistake(`unexpected character ${JSON.stringify(char)}`, at);
      balance(brackets, found[0], at);
      push('sign', found[0], found[0].length);
    }
  }
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

function balance(brackets: string[], text: string, p: number): void {
  const close = closing[text];
  if (close !== undefined) brackets.push(close);
  else if (text === ')' || text === ']' || text === '}') {
    const wanted = brackets.pop();
    if (wanted === text) return;
    throw new SyntaxMistake(
      wanted === undefined ? `unexpected '${text}'` : `unexpected '${text}', expected '${wanted}'`,
      p,
    );
  }
}

function stringEnd(source: string, at: number, quote: string): number {
  for (let end = at + 1; end < source.length; end++) {
    if (source[end] === '\\') end++;
    else if (source[end] === quote) return end;
  }
  throw new SyntaxMistake('the string is never closed', at, `close it with ${quote}`);
}

const short: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '', // biome-ignore format: one line
};

/** Resolves Python's escapes in a string. An unknown escape keeps its backslash. */
function unescaped(text: string): string {
  return text.replace(
    /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}|[\s\S])/g,
    (whole: string, code: string) => {
      const plain = Object.hasOwn(short, code) ? short[code] : undefined;
      if (plain !== undefined) return plain;
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8));
      const point = code.length > 1 ? Number.parseInt(code.slice(1), 16) : Number.NaN;
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
}
