import { braceFormat } from '../format.ts';
import { asNumber, type Item, isList, isString, iterate, tooMuch, tuple, typeName, wrong } from '../item.ts';
import { number, type Operation, open, text, value } from '../operation.ts';
import { LONGEST } from '../operators.ts';

const whole = (item: Item): string => text(item);
const wanted = (item: Item | undefined): string =>
  isString(item) ? item : wrong(`expected a string, got ${typeName(item ?? null)}`);

/** Python's str methods. Methods that only test have kind `open`: their answer is not secret. */
export const textMethods: Readonly<Record<string, Operation>> = {
  upper: value('', (s) => whole(s).toUpperCase()),
  lower: value('', (s) => whole(s).toLowerCase()),
  casefold: value('', (s) => whole(s).toLowerCase()),
  capitalize: value('', (s) => capitalize(whole(s))),
  title: value('', (s) => titled(whole(s))),
  swapcase: value('', (s) =>
    [...whole(s)].map((char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase())).join(''),
  ),
  strip: value('chars', (s, [chars]) => strip(whole(s), chars, 'both')),
  lstrip: value('chars', (s, [chars]) => strip(whole(s), chars, 'left')),
  rstrip: value('chars', (s, [chars]) => strip(whole(s), chars, 'right')),
  split: value('sep maxsplit', (s, [sep, max]) => split(whole(s), sep, number(max, -1))),
  rsplit: value('sep maxsplit', (s, [sep, max]) => rsplit(whole(s), sep, number(max, -1))),
  splitlines: value('keepends', (s, [keep]) => splitLines(whole(s), keep === true)),
  join: value('items', (s, [items = null]) =>
    iterate(items)
      .map((item, i) =>
        isString(item) ? item : wrong(`sequence item ${i}: expected str instance, ${typeName(item)} found`),
      )
      .join(whole(s)),
  ),
  replace: value('old new count', (s, [from, to, count]) =>
    replace(whole(s), wanted(from), wanted(to), number(count, -1)),
  ),
  startswith: open('prefix start end', (s, [prefix, start, end]) => {
    const part = cut(whole(s), start, end);
    return words(prefix).some((one) => part.startsWith(one));
  }),
  endswith: open('suffix start end', (s, [suffix, start, end]) => {
    const part = cut(whole(s), start, end);
    return words(suffix).some((one) => part.endsWith(one));
  }),
  removeprefix: value('prefix', (s, [prefix]) => {
    const head = wanted(prefix);
    return whole(s).startsWith(head) ? whole(s).slice(head.length) : whole(s);
  }),
  removesuffix: value('suffix', (s, [suffix]) => {
    const tail = wanted(suffix);
    return tail !== '' && whole(s).endsWith(tail) ? whole(s).slice(0, -tail.length) : whole(s);
  }),
  find: open('sub', (s, [sub]) => place(whole(s), whole(s).indexOf(wanted(sub)))),
  rfind: open('sub', (s, [sub]) => place(whole(s), whole(s).lastIndexOf(wanted(sub)))),
  index: open('sub', (s, [sub]) => {
    const at = whole(s).indexOf(wanted(sub));
    return at < 0 ? wrong('substring not found') : place(whole(s), at);
  }),
  count: open('sub', (s, [sub]) => {
    const part = wanted(sub);
    return part === '' ? [...whole(s)].length + 1 : whole(s).split(part).length - 1;
  }),
  partition: value('sep', (s, [sep]) => {
    const at = whole(s).indexOf(separator(sep));
    return at < 0
      ? tuple([whole(s), '', ''])
      : tuple([whole(s).slice(0, at), wanted(sep), whole(s).slice(at + wanted(sep).length)]);
  }),
  rpartition: value('sep', (s, [sep]) => {
    const at = whole(s).lastIndexOf(separator(sep));
    return at < 0
      ? tuple(['', '', whole(s)])
      : tuple([whole(s).slice(0, at), wanted(sep), whole(s).slice(at + wanted(sep).length)]);
  }),
  ljust: value('width fillchar', (s, [width, fill]) => whole(s) + padding(whole(s), width, fill)),
  rjust: value('width fillchar', (s, [width, fill]) => padding(whole(s), width, fill) + whole(s)),
  center: value('width fillchar', (s, [width, fill]) => centered(whole(s), width, fill)),
  zfill: value('width', (s, [width]) => {
    const [, sign = '', digits = ''] = /^([-+]?)([\s\S]*)$/.exec(whole(s)) ?? [];
    return sign + padding(whole(s), width, '0') + digits;
  }),
  expandtabs: value('tabsize', (s, [size]) => expandTabs(whole(s), number(size, 8))),
  format: value('* **', (s, _given, _ctx, args) => braceFormat(whole(s), args.positional, args.named)),
  isdigit: open('', (s) => /^\p{Nd}+$/u.test(whole(s))),
  isdecimal: open('', (s) => /^\p{Nd}+$/u.test(whole(s))),
  isnumeric: open('', (s) => /^\p{N}+$/u.test(whole(s))),
  isalpha: open('', (s) => /^\p{L}+$/u.test(whole(s))),
  isalnum: open('', (s) => /^[\p{L}\p{N}]+$/u.test(whole(s))),
  isspace: open('', (s) => /^\s+$/.test(whole(s))),
  isupper: open('', (s) => whole(s) === whole(s).toUpperCase() && whole(s) !== whole(s).toLowerCase()),
  islower: open('', (s) => whole(s) === whole(s).toLowerCase() && whole(s) !== whole(s).toUpperCase()),
  istitle: open('', (s) => whole(s) === titled(whole(s)) && /\p{L}/u.test(whole(s))),
  isidentifier: open('', (s) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(whole(s))),
  encode: value('encoding', (s) => whole(s)), // a text stands for its bytes, because there is no value type for bytes
  decode: value('encoding', (s) => whole(s)),
};

export function capitalize(s: string): string {
  const [first = '', ...rest] = s;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** Python's str.title: a letter after a character that is no letter becomes upper case. */
function titled(s: string): string {
  return s.toLowerCase().replace(/\p{L}+/gu, (word) => capitalize(word));
}

export function strip(s: string, chars: Item | undefined, side: 'left' | 'right' | 'both'): string {
  if (chars === undefined || chars === null) {
    return side === 'left' ? s.trimStart() : side === 'right' ? s.trimEnd() : s.trim();
  }
  const set = new Set(wanted(chars));
  const all = [...s];
  let from = 0;
  let to = all.length;
  if (side !== 'right') while (from < to && set.has(all[from] ?? '')) from++;
  if (side !== 'left') while (to > from && set.has(all[to - 1] ?? '')) to--;
  return all.slice(from, to).join('');
}

function separator(sep: Item | undefined): string {
  return wanted(sep) === '' ? wrong('empty separator') : wanted(sep);
}

export function split(s: string, sep: Item | undefined, max: number): readonly string[] {
  if (sep === undefined || sep === null) {
    const parts: string[] = [];
    let rest = s.trimStart();
    while (rest !== '') {
      const end = max >= 0 && parts.length >= max ? -1 : rest.search(/\s/);
      if (end < 0) {
        parts.push(max >= 0 && parts.length >= max ? rest.trimEnd() : rest);
        break;
      }
      parts.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return parts;
  }
  const parts = s.split(separator(sep));
  return max < 0 || parts.length <= max + 1 ? parts : [...parts.slice(0, max), parts.slice(max).join(wanted(sep))];
}

function rsplit(s: string, sep: Item | undefined, max: number): readonly string[] {
  if (sep === undefined || sep === null) {
    const turned = split([...s].reverse().join(''), sep, max);
    return turned.map((part) => [...part].reverse().join('')).reverse();
  }
  const parts = s.split(separator(sep));
  const head = parts.length - max;
  return max < 0 || head <= 1 ? parts : [parts.slice(0, head).join(wanted(sep)), ...parts.slice(head)];
}

/** Python's line ends: also vertical tab, form feed, the file, group and record separators, NEL, LS and PS. */
const lineEnds = new Set(['\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\x85', '\u2028', '\u2029']);

export function splitLines(s: string, keep = false): readonly string[] {
  const lines: string[] = [];
  let start = 0;
  for (let i = 0; i < s.length; i++) {
    if (!lineEnds.has(s[i] ?? '')) continue;
    const end = s[i] === '\r' && s[i + 1] === '\n' ? i + 2 : i + 1;
    lines.push(s.slice(start, keep ? end : i));
    start = end;
    i = end - 1;
  }
  if (start < s.length) lines.push(s.slice(start));
  return lines;
}

/** Python's str.replace. A result beyond the size limit is rejected. */
export function replace(s: string, from: string, to: string, count = -1): string {
  const parts = from === '' ? ['', ...s, ''] : s.split(from);
  const times = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1);
  if (s.length + times * to.length > LONGEST) tooMuch('the text grows too long: more than 32 MiB');
  return (
    parts.slice(0, times + 1).join(to) +
    parts
      .slice(times + 1)
      .map((part) => from + part)
      .join('')
  );
}

function words(item: Item | undefined): readonly string[] {
  return isList(item) ? item.map(wanted) : [wanted(item)];
}

function cut(s: string, start: Item | undefined, end: Item | undefined): string {
  if (start === undefined && end === undefined) return s;
  const stop = asNumber(end);
  return [...s].slice(asNumber(start) ?? 0, stop).join('');
}

/** An offset in code points, as Python counts. */
function place(s: string, at: number): number {
  return at < 0 ? -1 : [...s.slice(0, at)].length;
}

function padding(s: string, width: Item | undefined, fill: Item | undefined): string {
  const space = Math.max(0, number(width, 0) - [...s].length);
  if (space > LONGEST) tooMuch('the text grows too long: more than 32 MiB');
  return text(fill, ' ').repeat(space);
}

export function centered(s: string, width: Item | undefined, fill?: Item | undefined): string {
  const space = padding(s, width, fill);
  // If the padding is odd, Python puts the extra character on the left if the width is odd.
  const left = Math.floor(space.length / 2) + (space.length % 2 === 1 && number(width, 0) % 2 === 1 ? 1 : 0);
  return space.slice(0, left) + s + space.slice(left);
}

function expandTabs(s: string, size: number): string {
  let column = 0;
  return [...s]
    .map((char) => {
      const shown = char === '\t' ? ' '.repeat(size > 0 ? size - (column % size) : 0) : char;
      column = char === '\n' || char === '\r' ? 0 : column + shown.length;
      return shown;
    })
    .join('');
}
