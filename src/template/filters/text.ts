import { percentFormat } from '../format.ts';
import {
  asNumber,
  entriesOf,
  type Item,
  isList,
  isMapping,
  isString,
  tuple,
  typeName,
  Undefined,
  wrong,
} from '../item.ts';
import { capitalize, centered, replace, split, splitLines, strip } from '../methods/text.ts';
import { number, type Operation, open, text, value } from '../operation.ts';
import { str } from '../print.ts';
import { asDictItem } from './support.ts';

const escapeHtml = value('', (item) => htmlEscape(str(item)));

export const textFilters: Readonly<Record<string, Operation>> = {
  upper: value('', (item) => str(item).toUpperCase()),
  lower: value('', (item) => str(item).toLowerCase()),
  capitalize: value('', (item) => capitalize(str(item))),
  title: value('', (item) => str(item).replace(/[^-\s({[<]+/g, (word) => capitalize(word))),
  trim: value('chars', (item, [chars]) => strip(str(item), chars, 'both')),
  replace: value('old new count', (item, [from, to, count]) =>
    replace(str(item), text(from), text(to), number(count, -1)),
  ),
  split: value('sep maxsplit', (item, [sep, max]) =>
    isString(item) ? split(item, sep, number(max, -1)) : wrong('split needs a string'),
  ),
  splitlines: value('', (item) => splitLines(str(item))),
  center: value('width', (item, [width]) => centered(str(item), width ?? 80)),
  format: value('* **', (item, _given, _ctx, { positional, named }) => {
    if (positional.length > 0 && named.size > 0) wrong('format takes positional or keyword arguments, not both');
    return percentFormat(str(item), named.size > 0 ? Object.fromEntries(named) : tuple(positional));
  }),
  indent: value('width first blank', (item, [width = 4, first, blank]) => {
    const margin = isString(width) ? width : ' '.repeat(Math.min(1000, number(width, 4)));
    const lines = splitLines(`${needText(item, 'indent')}\n`);
    return lines
      .map((line, i) =>
        (i === 0 ? asNumber(first) === 1 : asNumber(blank) === 1 || line !== '') ? margin + line : line,
      )
      .join('\n');
  }),
  truncate: value('length killwords end leeway', (item, [length, kill, end, leeway]) => {
    const whole = [...needText(item, 'truncate')];
    const [size, tail] = [number(length, 255), text(end, '...')];
    if (whole.length <= size + number(leeway, 5)) return whole.join('');
    const cut = whole.slice(0, Math.max(0, size - [...tail].length)).join('');
    return (asNumber(kill) === 1 ? cut : cut.includes(' ') ? cut.slice(0, cut.lastIndexOf(' ')) : cut) + tail;
  }),
  wordwrap: value('width break_long_words wrapstring break_on_hyphens', (item, [width, long, glue, hyphens]) =>
    splitLines(needText(item, 'wordwrap'))
      .map((line) =>
        wrap(line, number(width, 79), asNumber(long) !== 0, asNumber(hyphens) !== 0).join(text(glue, '\n')),
      )
      .join(text(glue, '\n')),
  ),
  wordcount: open('', (item) => str(item).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  quote: value('', (item) => shellWord(item === null ? '' : str(item))),
  comment: value('style decoration beginning end prefix prefix_count postfix postfix_count newline', (item, given) =>
    comment(str(item), given),
  ),
  escape: escapeHtml,
  e: escapeHtml,
  forceescape: escapeHtml,
  striptags: value('', (item) =>
    str(item)
      .replace(/<!--[\s\S]*?-->|<[^>]*>/g, '')
      .split(/\s+/)
      .filter((word) => word !== '')
      .join(' '),
  ),
  xmlattr: value('autospace', (item, [space]) => {
    const parts = entriesOf(asDictItem(item))
      .filter(([, one]) => one !== null && !(one instanceof Undefined))
      .map(([key, one]) => `${htmlEscape(str(key))}="${htmlEscape(str(one))}"`);
    return (asNumber(space) !== 0 && parts.length > 0 ? ' ' : '') + parts.join(' ');
  }),
  urlencode: value('', (item) => {
    const pairs = isMapping(item)
      ? entriesOf(item)
      : isList(item)
        ? item.map((one) => (isList(one) ? ([one[0] ?? '', one[1] ?? ''] as const) : wrong('expected pairs')))
        : undefined;
    return pairs === undefined
      ? percentEncode(str(item), '/')
      : pairs.map(([key, one]) => `${plus(str(key))}=${plus(str(one))}`).join('&');
  }),
};

function needText(item: Item, name: string): string {
  return isString(item)
    ? item
    : wrong(`${name} needs a string, got ${typeName(item)}`, { hint: 'put | string before it' });
}

function htmlEscape(s: string): string {
  const marks: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    "'": '&#39;',
    '"': '&#34;',
  };
  return s.replace(/[&<>'"]/g, (char) => marks[char] ?? char);
}

function percentEncode(s: string, safe: string): string {
  return [...Buffer.from(s)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[\w.~-]/.test(char) || safe.includes(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

/** For a query string, in which a space is a plus. */
function plus(s: string): string {
  return percentEncode(s, '').replaceAll('%20', '+');
}

/** Python's shlex.quote. */
function shellWord(s: string): string {
  if (s === '') return "''";
  return /^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", `'"'"'`)}'`;
}

/**
 * Python's textwrap of one line. It breaks at words and hyphens. A part that is longer than a line is cut, at a hyphen
 * if possible.
 */
function wrap(line: string, width: number, breakLong: boolean, hyphens: boolean): readonly string[] {
  const size = Math.max(1, width);
  const between = hyphens ? /(\s+)|(?<=[\p{L}_]{2}-|[\p{L}_]-[\p{L}_]-)(?=[\p{L}_]-?[\p{L}_])/u : /(\s+)/;
  const chunks = line.split(between).filter((chunk) => chunk !== undefined && chunk !== '');
  const lines: string[] = [];
  let at = 0;
  while (at < chunks.length) {
    if (lines.length > 0 && chunks[at]?.trim() === '') at++;
    let current = '';
    for (let next = chunks[at]; next !== undefined && current.length + next.length <= size; next = chunks[++at])
      current += next;
    const long = chunks[at];
    if (long !== undefined && long.length > size) {
      const room = Math.max(1, size - current.length);
      const hyphen = hyphens ? long.slice(0, room).lastIndexOf('-') : -1;
      const end = hyphen > 0 && /[^-]/.test(long.slice(0, hyphen)) ? hyphen + 1 : room;
      if (breakLong) {
        current += long.slice(0, end);
        chunks[at] = long.slice(end);
      } else if (current === '') {
        current = long;
        at++;
      }
    }
    if (current.trimEnd() !== '') lines.push(current.trimEnd());
  }
  return lines.length === 0 ? [''] : lines;
}

const styles: Readonly<Record<string, Readonly<{ decoration: string; beginning?: string; end?: string }>>> = {
  plain: { decoration: '# ' },
  erlang: { decoration: '% ' },
  c: { decoration: '// ' },
  cblock: { beginning: '/*', decoration: ' * ', end: ' */' },
  xml: { beginning: '<!--', decoration: ' - ', end: '-->' },
};

function comment(s: string, given: readonly (Item | undefined)[]): string {
  const [style, decoration, beginning, end, prefix, prefixCount, postfix, postfixCount, newline] = given;
  const name = text(style, 'plain');
  const base = Object.hasOwn(styles, name) ? styles[name] : undefined;
  if (base === undefined)
    return wrong(`no comment style '${name}'`, { expected: `one of ${Object.keys(styles).join(', ')}` });
  const glue = text(newline, '\n');
  const mark = text(decoration, base.decoration);
  const edge = mark.trimEnd();
  const open = text(beginning, base.beginning ?? '');
  const close = text(end, base.end ?? '');
  const before = text(prefix, edge);
  const count = (n: Item | undefined): number => Math.max(0, Math.min(1000, number(n, 1)));
  const body = (mark + s.replaceAll(glue, () => glue + mark)).replaceAll(mark + glue, () => edge + glue);
  return [
    open === '' ? '' : open + glue,
    before === '' ? '' : (before === glue ? glue : before + glue).repeat(count(prefixCount)),
    body,
    (glue + text(postfix, edge)).repeat(count(postfixCount)),
    close === '' ? '' : glue + close,
  ].join('');
}
