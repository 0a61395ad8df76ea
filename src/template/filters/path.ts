import { posix, win32 } from 'node:path';
import { isList, tuple, wrong } from '../item.ts';
import { type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';

/** Filters on paths. All but `fileglob` use only the text. */
export const pathFilters: Readonly<Record<string, Operation>> = {
  basename: value('', (item) => /[^/]*$/.exec(str(item))?.[0] ?? ''),
  dirname: value('', (item) => {
    const head = str(item).replace(/[^/]*$/, '');
    return /^\/*$/.test(head) ? head : head.replace(/\/+$/, '');
  }),
  splitext: value('', (item) => {
    const [, head = '', tail = ''] =
      /^([\s\S]*?(?:^|\/)\.*[^/]*?[^/.][^/]*?|[\s\S]*?)(\.[^./]*)?$/.exec(str(item)) ?? [];
    return tuple(tail === '' || /(?:^|\/)\.*$/.test(head) ? [str(item), ''] : [head, tail]);
  }),
  normpath: value('', (item) => normal(str(item))),
  realpath: value('', (item) => normal(str(item))),
  relpath: value('start', (item, [start]) => posix.relative(text(start, '.'), str(item)) || '.'),
  path_join: value('', (item) => {
    const parts = isList(item) ? item.map(str) : [str(item)];
    return parts.reduce(
      (all, part) => (part.startsWith('/') || all === '' ? part : `${all}${all.endsWith('/') ? '' : '/'}${part}`),
      '',
    );
  }),
  commonpath: value('', (item) => {
    const all = (isList(item) ? item.map(str) : wrong('commonpath needs a list')).map((one) => normal(one).split('/'));
    const [first = []] = all;
    const size = first.findIndex((part, i) => all.some((one) => one[i] !== part));
    return (size < 0 ? first : first.slice(0, size)).join('/') || '/';
  }),
  win_basename: value('', (item) => win32.basename(str(item))),
  win_dirname: value('', (item) => win32.dirname(str(item))),
  win_splitdrive: value('', (item) => {
    const [, drive = '', rest = ''] = /^([A-Za-z]:)?([\s\S]*)$/.exec(str(item)) ?? [];
    return tuple([drive, rest]);
  }),
  expanduser: value('', (item, _given, ctx) => str(item).replace(/^~(?=\/|$)/, ctx.env.ports.env('HOME') ?? '~')),
  expandvars: value('', (item, _given, ctx) =>
    str(item).replace(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (all, braced?: string, bare?: string) => ctx.env.ports.env(braced ?? bare ?? '') ?? all,
    ),
  ),
  fileglob: value('', (item, _given, ctx) => ctx.env.ports.glob(str(item), ctx.at)),
};

function normal(path: string): string {
  const out = posix.normalize(path).replace(/(?<=.)\/+$/, '');
  return /^\/\/(?!\/)/.test(path) ? `/${out}` : out;
}
