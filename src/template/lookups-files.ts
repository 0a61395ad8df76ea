// Lookups that read the controller's files, run its programs or ask the network.

import { resolve } from 'node:path';
import { failure } from '../core/errors/index.ts';
import { Unknown } from '../core/value.ts';
import { truth } from './compare.ts';
import type { Ctx } from './env.ts';
import { entriesOf, Hang, type Item, isList, isMapping, wrong } from './item.ts';
import { number, text } from './operation.ts';
import { pythonRegex } from './regex.ts';

type Named = ReadonlyMap<string, Item>;
type Lookup = (terms: readonly Item[], named: Named, ctx: Ctx) => readonly Item[];

export const fileLookups: Readonly<Record<string, Lookup>> = {
  first_found: firstFound,
  fileglob: (terms, _named, ctx) => flat(terms).flatMap((term) => ctx.env.ports.glob(text(term), ctx.at)),
  inventory_hostnames: (terms, _named, ctx) =>
    ctx.env.ports.hosts(
      flat(terms)
        .map((one) => text(one))
        .join(':'),
      ctx.at,
    ),
  pipe: (terms, _named, ctx) => terms.map((term) => known(ctx.env.ports.run(text(term), ctx.at), 'pipe').trimEnd()),
  lines: (terms, _named, ctx) =>
    terms.flatMap((term) => linesOf(known(ctx.env.ports.run(text(term), ctx.at), 'lines'))),
  url: (terms, named, ctx) =>
    terms.flatMap((term): readonly Item[] => {
      const headers = named.get('headers');
      const pairs = isMapping(headers ?? null) ? entriesOf(headers as never) : [];
      const optional = (name: string): string | undefined => (named.has(name) ? text(named.get(name)) : undefined);
      const body = ctx.env.ports.fetch(
        text(term),
        {
          headers: Object.fromEntries(pairs.map(([key, value]) => [text(key), text(value)])),
          user: optional('username'),
          password: optional('password'),
          timeout: number(named.get('timeout'), 10),
          isVerified: named.get('validate_certs') !== false,
        },
        ctx.at,
      );
      const whole = known(body, 'url');
      return named.get('split_lines') === false ? [whole] : linesOf(whole);
    }),
  ini: (terms, named, ctx) => terms.flatMap((term) => fromIni(text(term), named, ctx)),
  csvfile: (terms, named, ctx) => terms.map((term) => fromCsv(text(term), named, ctx)),
  unvault: (terms, _named, ctx) => terms.map((term) => unsealed(ctx.env.ports.readFile(text(term), ctx.at), ctx)),
};

/** Whether a file is encrypted with ansible-vault. */
export const isSealed = (content: string): boolean => content.startsWith('$ANSIBLE_VAULT;');

/** The content of a file. That of an encrypted one is secret. Throws Failure if there is no password. */
export function unsealed(content: string, { env, at }: Pick<Ctx, 'env' | 'at'>): Item {
  return isSealed(content) ? (env.ports.unvault(content, at) as Item) : content;
}

/** What a lookup gave. Before its task's turn, nobody knows what it will give. */
function known(output: string | undefined, name: string): string {
  if (output === undefined) throw new Hang(new Unknown(`depends on lookup('${name}')`));
  return output;
}

/** The items of lists at any depth. */
export function flat(items: readonly Item[]): readonly Item[] {
  return items.flatMap((item) => (isList(item) ? flat(item) : [item]));
}

function linesOf(output: string): readonly string[] {
  const lines = output.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

/** Terms are names of files, or maps with `files`, `paths` and `skip`. The first file that exists is the result. */
function firstFound(terms: readonly Item[], named: Named, ctx: Ctx): readonly Item[] {
  const given = [...terms, ...(named.has('files') ? [Object.fromEntries(named) as Item] : [])];
  const isSkipping = (parts: ReadonlyMap<Item, Item>): boolean => truth(parts.get('skip') ?? false);
  let skips = named.has('skip') && truth(named.get('skip') ?? false);
  const paths = flat(given).flatMap((term) => {
    if (!isMapping(term)) return [text(term)];
    const parts = new Map(entriesOf(term));
    skips ||= isSkipping(parts);
    const files = words(parts.get('files'));
    const folders = words(parts.get('paths'));
    return folders.length === 0 ? files : folders.flatMap((folder) => files.map((file) => `${folder}/${file}`));
  });
  for (const one of paths) {
    const found = ctx.env.ports.find(one, ctx.at);
    if (found !== undefined) return [resolve(found)]; // a whole path, so that a task that reads it need not search
  }
  return skips ? [] : wrong(`none of these files exists: ${paths.join(', ')}`);
}

/** A list, or a text of names separated by commas, semicolons or colons. */
function words(item: Item | undefined): readonly string[] {
  if (item === undefined || item === null) return [];
  return flat([item]).flatMap((one) =>
    text(one)
      .split(/[,;:]/)
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  );
}

/** 'key section=s file=f.ini default=x re=true type=properties', or the same as keywords. */
function fromIni(term: string, named: Named, ctx: Ctx): readonly Item[] {
  const [key = '', ...rest] = term.split(/\s+(?=\w+=)/);
  const options = new Map<string, Item>(named);
  for (const one of rest) options.set(one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1));
  const encoding = text(options.get('encoding'), 'utf-8');
  const content = ctx.env.ports.readFile(text(options.get('file'), 'ansible.ini'), ctx.at, 'files', encoding);
  const isProperties = options.get('type') === 'properties';
  const wanted = isProperties ? '' : text(options.get('section'), 'global');
  const found: (readonly [string, string])[] = [];
  let section = '';
  for (const line of content.split(/\r?\n/)) {
    const head = /^\s*\[([^\]]*)\]/.exec(line)?.[1];
    const [, name, value] = /^\s*([^#;=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (head !== undefined) section = head;
    else if (name !== undefined && section === wanted) found.push([name, value ?? '']);
  }
  const isSame = (name: string): boolean =>
    options.get('case_sensitive') === true ? name === key : name.toLowerCase() === key.toLowerCase();
  if (truth(options.get('re') ?? false)) {
    const pattern = pythonRegex(`^(?:${key})`);
    return found.filter(([name]) => pattern.test(name)).map(([, value]) => value);
  }
  return [found.findLast(([name]) => isSame(name))?.[1] ?? options.get('default') ?? ''];
}

/** 'key file=f.csv delimiter=TAB col=1 keycol=0 default=x', or the same as keywords. */
function fromCsv(term: string, named: Named, ctx: Ctx): Item {
  const [key = '', ...rest] = term.split(/\s+(?=\w+=)/);
  const options = new Map<string, Item>(named);
  for (const one of rest) options.set(one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1));
  const delimiter = text(options.get('delimiter'), 'TAB');
  const encoding = text(options.get('encoding'), 'utf-8');
  const content = ctx.env.ports.readFile(text(options.get('file'), 'ansible.csv'), ctx.at, 'files', encoding);
  const rows = csvRows(content, delimiter === 'TAB' || delimiter === 't' ? '\t' : delimiter);
  const column = Number(text(options.get('col'), '1'));
  const row = rows.find((cells) => cells[Number(text(options.get('keycol'), '0'))] === key);
  const cell = row?.[column];
  if (row !== undefined && cell === undefined)
    throw failure('E_TEMPLATE_VALUE', { problem: `csvfile: there is no column ${column}` });
  return cell ?? options.get('default') ?? '';
}

/** Rows of cells. A cell may be quoted, with "" for a quote. */
export function csvRows(content: string, delimiter: string): readonly (readonly string[])[] {
  const mark = delimiter.replace(/[\\^$.*+?()[\]{}|-]/g, '\\$&');
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${mark}\\r\\n]*))(${mark}|\\r?\\n|$)`, 'y');
  const rows: string[][] = [[]];
  while (cell.lastIndex < content.length) {
    const [, quoted, plain = '', end = ''] = cell.exec(content) ?? [];
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== delimiter) rows.push([]);
    if (end === '') break;
  }
  return rows.filter((row) => row.length > 0);
}
