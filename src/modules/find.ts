import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { decodeText } from './shared/bytes.ts';
import { modeErrors, octal, permissionBits, resolveMode } from './shared/mode.ts';
import { basename } from './shared/paths.ts';
import { regex, regexErrors } from './shared/regex.ts';

const Args = args({
  paths: Type.Array(Type.String({ pattern: '^/' }), { minItems: 1, description: 'The directories to search.' }),
  patterns: Type.Array(Type.String(), {
    default: [],
    description:
      'Patterns of which the name must match one: shell patterns, or regular expressions with use_regex. Default: all names.',
  }),
  excludes: Type.Array(Type.String(), { default: [], description: 'Patterns that the name must not match.' }),
  contains: text('A POSIX extended regular expression that a line of the file must match.'),
  read_whole_file: flag('Match contains against the whole file, not against each line.'),
  use_regex: flag('Treat patterns and excludes as regular expressions.'),
  file_type: Type.Enum(['any', 'directory', 'file', 'link'], {
    default: 'file',
    description: 'The type of entries to find.',
  }),
  recurse: flag('Search all directories below too.'),
  depth: Type.Optional(Type.Integer({ minimum: 1, description: 'The largest depth to search.' })),
  hidden: flag('Include names that begin with a dot.'),
  follow: flag('Follow symlinks.'),
  age: Type.Optional(
    Type.String({
      pattern: '^-?\\d+[smhdw]?$',
      expected: 'a number and s, m, h, d or w',
      description: 'The minimum age, for example 2d. A negative value is the maximum age: -1h.',
    }),
  ),
  age_stamp: Type.Enum(['atime', 'ctime', 'mtime'], {
    default: 'mtime',
    description: 'Which time determines the age.',
  }),
  size: Type.Optional(
    Type.String({
      pattern: '^-?\\d+[bkmgt]?$',
      expected: 'a number and b, k, m, g or t',
      description: 'The minimum size, for example 10m. A negative value is the maximum size.',
    }),
  ),
  mode: Type.Optional(
    Type.Union([Type.String(), Type.Integer()], {
      description: "The permissions that a file must have: '0644', or symbolic, relative to those that it has.",
    }),
  ),
  exact_mode: flag('false: one bit of mode is enough.', true),
  get_checksum: flag('Return the sha1 of each file.'),
});
type Args = Static<typeof Args>;

type File = Readonly<{
  path: string;
  kind: string;
  mode: number;
  size: number;
  times: Readonly<Record<'atime' | 'mtime' | 'ctime', number>>;
  more: Vars;
  sum: string | undefined;
}>;
type Current = Readonly<{ now: number; examined: number; files: readonly File[] }>;

export const find = defineModule<typeof Args, Current>({
  name: 'find',
  summary: 'Lists files that match.',
  args: Args,
  aliases: { name: 'paths', path: 'paths', pattern: 'patterns', exclude: 'excludes', checksum: 'get_checksum' },
  examples: [
    { title: 'Find old dumps', args: { paths: '/var/backups', patterns: '*.sql.gz', age: '14d', recurse: true } },
    {
      title: 'Find by a regular expression',
      args: { paths: ['/etc/nginx'], patterns: ['^site-.*\\.conf$'], use_regex: true },
    },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...(given.use_regex
      ? [...given.patterns, ...given.excludes].flatMap((pattern) => regexErrors({ patterns: pattern }, 'patterns'))
      : []),
  ],
  needs: ({ paths }) => paths.map((path) => `path:${path}`),
  probe: (given) => sh`printf 'now %s\n' "$(date +%s)"
${search(given, sh`-printf '%y/%m/%U/%G/%s/%A@/%T@/%C@/%n/%i/%D/%u/%g%p\0'`)} | base64 -w0 | sed 's/^/files /'
${given.contains === undefined ? sh`` : sh`printf '\nwith %s' "$(${search(given, sh`-type f -exec grep -Eqs ${given.read_whole_file ? ['-z'] : []} -e ${given.contains} -- '{}' ';' -print0`)} | base64 -w0)"`}
${given.get_checksum ? sh`printf '\nsums %s' "$(${search(given, sh`-type f -exec sha1sum -z -- '{}' +`)} | base64 -w0)"` : sh``}`,
  parse(stdout, given) {
    const of = (key: string): readonly string[] => {
      const line = stdout.split('\n').find((one) => one.startsWith(`${key} `));
      return line === undefined
        ? []
        : decodeText(line.slice(key.length + 1))
            .split('\0')
            .filter((one) => one !== '');
    };
    const sums = new Map(of('sums').map((line) => [line.slice(42), line.slice(0, 40)]));
    const containing = given.contains === undefined ? undefined : new Set(of('with'));
    const all = of('files').map((line) => fileOf(line, sums));
    return {
      now: Number(/^now (\d+)$/m.exec(stdout)?.[1] ?? 0),
      examined: all.length,
      files: all.filter((one) => containing?.has(one.path) ?? true),
    };
  },
  plan: () => [],
  data({ now, examined, files }, given) {
    const found = files.filter((one) => isMeant(one, given, now));
    return {
      files: found.map(described),
      matched: found.length,
      examined,
      skipped_paths: {},
      msg: 'All paths examined',
    };
  },
});

function search({ paths, recurse, depth, follow, hidden }: Args, action: Script): Script {
  const deepest = recurse ? (depth === undefined ? [] : ['-maxdepth', String(depth)]) : ['-maxdepth', '1'];
  return sh`find ${follow ? ['-L'] : []} ${paths} -mindepth 1 ${deepest} ${hidden ? sh`` : sh`! -name '.*'`} ${action} 2>/dev/null`;
}

function fileOf(line: string, sums: ReadonlyMap<string, string>): File {
  const at = line.indexOf('/', line.split('/', 12).join('/').length + 1);
  const [kind = '', mode = '0', uid, gid, size, atime, mtime, ctime, nlink, inode, dev, user = '', group = ''] = line
    .slice(0, at)
    .split('/');
  const path = line.slice(at);
  return {
    path,
    kind,
    mode: Number.parseInt(mode, 8),
    size: Number(size),
    times: { atime: Number(atime), mtime: Number(mtime), ctime: Number(ctime) },
    more: {
      uid: Number(uid),
      gid: Number(gid),
      nlink: Number(nlink),
      inode: Number(inode),
      dev: Number(dev),
      pw_name: user,
      gr_name: group,
    },
    sum: sums.get(path),
  };
}

const KINDS = { any: /./, directory: /^d/, file: /^f/, link: /^l/ } as const;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const BYTES: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

function isMeant({ path, kind, mode, size, times }: File, given: Args, now: number): boolean {
  const name = basename(path);
  const matches = (patterns: readonly string[]): boolean =>
    patterns.some((one) => pattern(one, given.use_regex).test(name));
  if (
    !KINDS[given.file_type].test(kind) ||
    !(given.patterns.length === 0 || matches(given.patterns)) ||
    matches(given.excludes)
  )
    return false;
  if (given.mode !== undefined) {
    const wanted = resolveMode(given.mode, mode, kind === 'd');
    if (given.exact_mode ? mode !== wanted : (mode & wanted) === 0) return false;
  }
  if (given.age !== undefined) {
    const limit = amount(given.age, SECONDS);
    const old = now - times[given.age_stamp];
    if (limit < 0 ? old > -limit : old < limit) return false;
  }
  if (given.size === undefined) return true;
  const limit = amount(given.size, BYTES);
  return limit < 0 ? size <= -limit : size >= limit;
}

function amount(text: string, units: Readonly<Record<string, number>>): number {
  const [, digits = '0', unit = ''] = /^(-?\d+)([a-z]?)$/.exec(text) ?? [];
  return Number(digits) * (units[unit] ?? 1);
}

function pattern(text: string, isRegex: boolean): RegExp {
  if (isRegex) return regex(`^(?:${text})`);
  return new RegExp(
    `^${text
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
      .replaceAll('[!', '[^')}$`,
    's',
  );
}

function described({ path, kind, mode, size, times, more, sum }: File): Value {
  return {
    path,
    mode: octal(mode),
    isdir: kind === 'd',
    isreg: kind === 'f',
    islnk: kind === 'l',
    ischr: kind === 'c',
    isblk: kind === 'b',
    isfifo: kind === 'p',
    issock: kind === 's',
    ...permissionBits(mode),
    size,
    ...times,
    ...more,
    ...(sum !== undefined && { checksum: sum }),
  };
}
