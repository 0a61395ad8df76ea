import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import { matching } from '../core/bounded.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { Secret, Unknown } from '../core/value.ts';
import { path } from './access.ts';
import { truth } from './compare.ts';
import { passwordHash } from './crypt.ts';
import type { Ctx } from './env.ts';
import { randomness } from './filters/list.ts';
import { plain } from './filters.ts';
import { percentFormat } from './format.ts';
import {
  dictOf,
  entriesOf,
  entry,
  type Item,
  isList,
  isMapping,
  isString,
  iterate,
  orUnknown,
  tooMuch,
  tuple,
  Undefined,
  unsupported,
  wrong,
} from './item.ts';
import type { LexOptions } from './lexer.ts';
import { fileLookups, flat, isSealed, unsealed } from './lookups-files.ts';
import { hushed, number, text } from './operation.ts';
import { str } from './print.ts';
import { pythonRegex } from './regex.ts';
import { inspect, reveal, seal } from './taint.ts';

type Named = ReadonlyMap<string, Item>;
type Lookup = (terms: readonly Item[], named: Named, ctx: Ctx) => readonly Item[];
const refused =
  (name: string, hint: string): Lookup =>
  () =>
    unsupported(`the lookup '${name}' is not supported`, hint);

const refusedLookups: Readonly<Record<string, Lookup>> = {
  config: refused('config', 'write the value'),
  dig: refused('dig', 'use the getent module'),
  hashi_vault: refused('hashi_vault', 'use vaulted variables'),
};

/** Every lookup by its short name. Each returns a list. */
export const lookups: Readonly<Record<string, Lookup>> = {
  file: (terms, named, ctx) =>
    terms.map((term) => {
      const content = unsealed(ctx.env.ports.readFile(text(term), ctx.at), ctx);
      const whole = str(reveal(content));
      const left = named.get('lstrip') === true ? whole.trimStart() : whole;
      const right = named.get('rstrip') === false ? left : left.trimEnd();
      return content instanceof Secret ? new Secret(right) : right;
    }),
  env: (terms, named, ctx) => terms.map((term) => ctx.env.ports.env(text(term)) ?? named.get('default') ?? ''),
  template: (terms, named, ctx) => {
    if (truth(named.get('convert_data') ?? false))
      unsupported('convert_data is not supported', 'use the filter from_yaml');
    const vars = named.get('template_vars') ?? {};
    if (!isMapping(vars)) return wrong('template_vars must be a map');
    const own = entriesOf(vars).map(([name, value]) => [str(name), value] as const);
    const options = Object.fromEntries(
      SYNTAX.filter((name) => named.has(name)).map((name) => [name, named.get(name)] as const),
    ) as LexOptions;
    return terms.map((term) => {
      const file = ctx.env.ports.find(text(term), ctx.at, 'templates') ?? text(term);
      const places = { ansible_managed: 'Ansible managed', template_path: file, template_fullpath: resolve(file) };
      const rendered = ctx.render(text(term), new Map([...Object.entries(places), ...own]), options);
      return isSealed(ctx.env.ports.readFile(text(term), ctx.at, 'templates')) ? seal(rendered) : rendered;
    });
  },
  vars: (terms, named, ctx) =>
    terms.map((term) => {
      const found = ctx.name(text(term));
      return found instanceof Undefined ? (named.get('default') ?? found) : found;
    }),
  varnames: (terms, _named, ctx) => {
    const names = ctx.env.names?.() ?? [];
    return terms.flatMap((term) => {
      const regex = pythonRegex(text(term));
      return matching(text(term), () => names.filter((name) => regex.test(name)));
    });
  },
  dict: (terms) =>
    terms.flatMap((term) =>
      isMapping(term)
        ? entriesOf(term).map(([key, value]) =>
            dictOf([
              ['key', key],
              ['value', value],
            ]),
          )
        : wrong("lookup 'dict' needs a dict"),
    ),
  items: (terms) => terms.flatMap((term) => (isList(term) ? term : [term])),
  list: (terms) => terms,
  flattened: (terms) => flat(terms),
  indexed_items: (terms) => terms.flatMap((term) => (isList(term) ? term : [term])).map((item, i) => tuple([i, item])),
  sequence: (terms, named) => sequence(terms, named),
  nested: (terms) => product(terms.map(iterate)),
  cartesian: (terms) => product(terms.map(iterate)),
  together: (terms) => {
    const lists = terms.map(iterate);
    return Array.from({ length: Math.max(0, ...lists.map((one) => one.length)) }, (_, i) =>
      lists.map((one) => one[i] ?? null),
    );
  },
  subelements: ([of = null, inside = '', flags], _named, ctx) => {
    const items = isMapping(of) ? entriesOf(of).map(([, one]) => one) : iterate(of);
    const skip = isMapping(flags) && entriesOf(flags).some(([key, value]) => key === 'skip_missing' && truth(value));
    return items.flatMap((one) => {
      const name = text(inside);
      const own = isMapping(one) ? entry(one, name) : undefined;
      const list =
        own ??
        (isMapping(one) && skip && !name.includes('.')
          ? new Undefined(() => failure('E_UNDEFINED_VALUE', { problem: name }))
          : path(one, name, ctx));
      if (list instanceof Undefined && skip) return [];
      if (!isList(list)) return wrong(`the key '${text(inside)}' should point to a list, got '${str(list)}'`);
      return list.map((each) => tuple([one, each]));
    });
  },
  random_choice: (terms) => {
    const items = terms.flatMap((term) => (isList(term) ? term : [term]));
    return [items[randomness(str([...items.map(reveal)]))(items.length)] ?? null];
  },
  password: (terms, named, ctx) => terms.map((term) => password(text(term), named, ctx)),
  ...fileLookups,
  filetree,
  ...refusedLookups,
};

/** What the lookup `template` may say about the syntax of the file. */
const SYNTAX = [
  'variable_start_string',
  'variable_end_string',
  'block_start_string',
  'block_end_string',
  'comment_start_string',
  'comment_end_string',
  'trim_blocks',
  'lstrip_blocks',
] as const;

/** The keywords of each lookup, besides those that every lookup has. One that is not listed would have no effect. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  file: ['lstrip', 'rstrip'],
  env: ['default'],
  template: ['convert_data', 'template_vars', ...SYNTAX],
  vars: ['default'],
  sequence: ['start', 'end', 'count', 'stride', 'format'],
  password: ['length', 'chars', 'encrypt', 'seed'],
  first_found: ['files', 'paths', 'skip'],
  url: ['headers', 'username', 'password', 'timeout', 'validate_certs', 'split_lines'],
  ini: ['file', 'section', 'type', 're', 'case_sensitive', 'encoding', 'default'],
  csvfile: ['file', 'delimiter', 'col', 'keycol', 'encoding', 'default'],
  filetree: ['exclude'],
};

function refuseUnknown(lookup: string, named: Named): void {
  const known = [...(KEYWORDS[lookup] ?? []), 'errors', 'wantlist'];
  const unknown = [...named.keys()].find((key) => !known.includes(key));
  if (unknown !== undefined)
    wrong(`the lookup '${lookup}' has no keyword '${unknown}'`, { expected: `one of ${known.join(', ')}` });
}

/** Evaluates lookup('name', …), which joins texts with commas unless a list is wanted. query() returns the list. */
export function lookUpPlugin(name: string, terms: readonly Item[], named: Named, ctx: Ctx, wantList: boolean): Item {
  const plugin = plain(name);
  const lookup = Object.hasOwn(lookups, plugin) ? lookups[plugin] : undefined;
  if (lookup === undefined)
    throw failure('E_UNKNOWN_PLUGIN', { kind: 'lookup', name, known: Object.keys(lookups) }, ctx.at);
  if (!Object.hasOwn(refusedLookups, plugin)) refuseUnknown(plugin, named);
  for (const term of terms) {
    if (term instanceof Undefined) throw term.failure;
    if (term instanceof Unknown) return term;
  }
  const found = attempt(named.get('errors'), () =>
    inspect(terms).secret ? hushed(`lookup '${name}'`, () => lookup(terms, named, ctx)) : lookup(terms, named, ctx),
  );
  if (found instanceof Unknown) return found;
  if (found === undefined) return wantList ? [] : null;
  if (wantList) return found;
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  if (found.every((one) => isString(one) || one instanceof Secret)) {
    const { secret } = inspect(found);
    const joined = found.map((one) => str(reveal(one))).join(',');
    return secret ? new Secret(joined) : joined;
  }
  return found;
}

function attempt(errors: Item | undefined, make: () => readonly Item[]): readonly Item[] | Unknown | undefined {
  if (errors !== 'ignore' && errors !== 'warn') return orUnknown(make);
  try {
    return orUnknown(make);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function product(lists: readonly (readonly Item[])[]): readonly Item[] {
  const size = lists.reduce((all, one) => all * one.length, 1);
  if (size > 1_000_000) tooMuch('nested: more than 1,000,000 items');
  return lists.reduce<readonly (readonly Item[])[]>(
    (done, one) => done.flatMap((head) => one.map((item) => [...head, item])),
    [[]],
  );
}

/** Everything below directories. It adds the SHA-256 of each file's content, which Ansible's lookup does not have. */
function filetree(terms: readonly Item[], named: Named, ctx: Ctx): readonly Item[] {
  const { listTree } = ctx.env.ports;
  if (listTree === undefined) return unsupported("the lookup 'filetree' is not supported here");
  const pattern = named.get('exclude');
  const exclude = pattern === undefined ? undefined : pythonRegex(text(pattern));
  return terms.flatMap((term) =>
    matching(exclude?.source ?? '', () => listTree(text(term), exclude, ctx.at)).map((entry) =>
      dictOf(Object.entries({ ...entry, root: text(term) })),
    ),
  );
}

/** Accepts 'start=1 end=5 stride=2 format=web%02d', '5', '2-10/2', or the same as keywords. */
function sequence(terms: readonly Item[], named: Named): readonly Item[] {
  return (terms.length === 0 ? [''] : terms).flatMap((term) => {
    const given = new Map<string, Item>(named);
    for (const [, key = '', word = ''] of text(term).matchAll(/(\w+)=(\S+)/g)) given.set(key, word);
    const short = /^(?:(0x[\da-f]+|\d+)-)?(0x[\da-f]+|\d+)(?:\/(-?\d+))?(?::(.+))?$/i.exec(text(term).trim());
    const take = (key: string, fallback: number): number => (given.has(key) ? Number(text(given.get(key))) : fallback);
    const start = short?.[1] === undefined ? take('start', 1) : Number(short[1]);
    const count = take('count', Number.NaN);
    const stride = short?.[3] === undefined ? take('stride', 1) : Number(short[3]);
    const end =
      short?.[2] === undefined
        ? take('end', Number.isNaN(count) ? Number.NaN : start + (count - 1) * stride)
        : Number(short[2]);
    const format = short?.[4] ?? text(given.get('format'), '%d');
    if (Number.isNaN(end) || Number.isNaN(start)) wrong("lookup 'sequence' needs start and end, or count");
    if (stride === 0) return [];
    const length = Math.max(0, Math.floor((end - start) / stride) + 1);
    if (length > 1_000_000) tooMuch('sequence: more than 1,000,000 items');
    return Array.from({ length }, (_, i) => percentFormat(format, start + i * stride));
  });
}

const sets: Readonly<Record<string, string>> = {
  ascii_letters: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
  ascii_lowercase: 'abcdefghijklmnopqrstuvwxyz',
  ascii_uppercase: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  digits: '0123456789',
  hexdigits: '0123456789abcdefABCDEF',
  punctuation: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', // biome-ignore format: a table
};

/**
 * Accepts 'path length=20 chars=ascii_letters,digits encrypt=sha512'. The password is stored, and created at its first
 * use.
 */
function password(term: string, named: Named, ctx: Ctx): Item {
  const words = term.split(/\s+(?=(?:length|chars|encrypt|seed|ident)=)/);
  const options = new Map<string, Item>([
    ...named,
    ...words.slice(1).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const),
  ]);
  const length = number(Number(text(options.get('length'), '20')), 20);
  if (!(length >= 1 && length <= 4096)) wrong("lookup 'password': length must be from 1 to 4096");
  const given = options.get('chars') ?? 'ascii_letters,digits,.,:,-,_';
  const chars = [
    ...new Set(
      (isList(given) ? given.map((one) => text(one)) : text(given).split(',')).flatMap((one) => [
        ...(Object.hasOwn(sets, one) ? (sets[one] ?? '') : one === '' ? ',' : one),
      ]),
    ),
  ];
  const seed = options.get('seed');
  const chance = seed === undefined ? (below: number) => randomInt(below) : randomness(text(seed));
  const stored = ctx.env.ports.password(words[0] ?? '', () =>
    Array.from({ length }, () => chars[chance(chars.length)] ?? '').join(''),
  );
  const encrypt = options.get('encrypt');
  return new Secret(
    encrypt === undefined || encrypt === null ? stored : passwordHash(stored, text(encrypt), 16, undefined),
  );
}
