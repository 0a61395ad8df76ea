import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import { args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  batch,
  client,
  column,
  commentOn,
  connection,
  execute,
  identifier,
  LOGIN_ALIASES,
  literal,
  login,
  loginErrors,
  POSTGRESQL_NEEDS,
  POSTGRESQL_TOUCHES,
  rows,
  unreachable,
} from './shared/postgresql.ts';

const Args = args({
  name: Type.String({ minLength: 1, description: 'The database.' }),
  state: Type.Enum(['present', 'absent', 'dump', 'restore', 'rename'], {
    default: 'present',
    description:
      'dump writes to target and restore reads from it, each time. rename gives the database the name target.',
  }),
  owner: text('The role that owns the database.'),
  template: text('The template of a new database: template0.'),
  encoding: text('The encoding of a new database: UTF-8.'),
  lc_collate: text('The collation of a new database.'),
  lc_ctype: text('The character classes of a new database.'),
  icu_locale: text('The ICU locale of a new database. PostgreSQL 15 and newer.'),
  locale_provider: Type.Optional(
    Type.Enum(['icu', 'libc', 'builtin'], { description: "The provider of a new database's locale." }),
  ),
  conn_limit: Type.Optional(Type.Integer({ minimum: -1, description: 'The number of connections. -1: no limit.' })),
  tablespace: text('The tablespace. Default: a new database gets the one of its template.'),
  comment: text('A comment. An empty one removes the present comment.'),
  force: flag('With absent: end the connections to the database first.'),
  target: text(
    'With dump and restore, a path on the host: .sql, .sql.gz, .sql.bz2, .sql.xz, .tar, .pgc, .dir. With rename, the new name.',
  ),
  target_opts: text('More arguments of pg_dump, psql or pg_restore.'),
  dump_extra_args: text('More arguments of pg_dump.'),
  maintenance_db: Type.String({ default: 'postgres', description: 'The database to connect to.' }),
  ...login,
});
type Args = Static<typeof Args>;

export const postgresql_db = defineModule<typeof Args, Fields>({
  name: 'postgresql_db',
  summary: 'Creates, removes, renames, dumps or restores a PostgreSQL database.',
  args: Args,
  aliases: { db: 'name', login_db: 'maintenance_db', ...LOGIN_ALIASES },
  examples: [
    { title: 'Create a database', args: { name: 'app', owner: 'app', encoding: 'UTF-8', template: 'template0' } },
    { title: 'Dump a database', args: { name: 'app', state: 'dump', target: '/var/backups/app.sql.gz' } },
  ],
  verify: (given) => [
    ...loginErrors(given),
    ...(['dump', 'restore', 'rename'].includes(given.state) && given.target === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'target'" })]
      : []),
    ...(['dump', 'restore'].includes(given.state) && given.target !== undefined && !given.target.startsWith('/')
      ? [argError(['target'], 'E_ARGUMENT_VALUE', { problem: "'target' is not valid", expected: 'a path on the host' })]
      : []),
    ...(['target_opts', 'dump_extra_args'] as const)
      .filter((key) => splitWords(given[key] ?? '') === undefined)
      .map((key) => argError([key], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })),
  ],
  needs: () => POSTGRESQL_NEEDS,
  touches: ({ state, target }) => [...POSTGRESQL_TOUCHES, ...(state === 'dump' ? [`path:${target ?? ''}`] : [])],
  probe: (given) => sh`${client(given, given.maintenance_db)}
${ask(given, 'version', "SELECT current_setting('server_version_num')::int AS number")}
${ask(
  given,
  'database',
  `SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS encoding, d.encoding = pg_char_to_encoding(${literal(given.encoding ?? '')}) AS encoded, d.datcollate AS lc_collate, d.datctype AS lc_ctype, d.datconnlimit AS conn_limit, t.spcname AS tablespace, shobj_description(d.oid, 'pg_database') AS comment FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname IN (${literal(given.name)}, ${literal(given.target ?? given.name)})`,
)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const { name, state, target = '' } = given;
    const found = rows(f, 'database');
    const is = found.find((row) => column(row, 'name') === name);
    const diff = (before: string | null, after: string | null) => ({ of: `database ${name}`, before, after });
    if (state === 'absent') {
      if (is === undefined) return [];
      const statement = statements(given, f)[0] ?? '';
      return [{ what: `drop database ${name}`, diff: diff('present\n', null), run: run(given, [statement]) }];
    }
    if (state === 'rename') {
      const isThere = found.some((row) => column(row, 'name') === target);
      if (is !== undefined && isThere) {
        return blocked('E_POSTGRESQL_REFUSED', { why: `both databases exist: ${name} and ${target}` });
      }
      if (is === undefined && !isThere) return noDatabase(name);
      if (is === undefined) return [];
      return [
        {
          what: `rename database ${name} to ${target}`,
          diff: diff(`${name}\n`, `${target}\n`),
          run: run(given, statements(given, f)),
        },
      ];
    }
    if (state === 'dump' || state === 'restore') {
      if (is === undefined) return noDatabase(name);
      const [what, script] =
        state === 'dump'
          ? [`dump ${name} to ${target}`, dump(given)]
          : [`restore ${name} from ${target}`, restore(given)];
      return [{ what, run: script, action: true }];
    }
    if (is !== undefined) {
      const fixed = (['encoding', 'lc_collate', 'lc_ctype'] as const).find(
        (key) =>
          (given[key] ?? '') !== '' && (key === 'encoding' ? is['encoded'] !== true : column(is, key) !== given[key]),
      );
      if (fixed !== undefined) {
        return blocked('E_POSTGRESQL_REFUSED', {
          why: `${fixed} of database ${name} is ${column(is, fixed)}, and it cannot be changed to ${given[fixed]}`,
        });
      }
    }
    const todo = statements(given, f);
    if (todo.length === 0) return [];
    const change: Change = {
      what: is === undefined ? `create database ${name}` : `change database ${name}`,
      diff: diff(is === undefined ? null : described(f, given), `${todo.join('\n')}\n`),
      run: run(given, todo),
    };
    return [change];
  },
  data(f, given, _ctx, ran) {
    const { name, state } = given;
    if (ran === undefined || state === 'dump' || state === 'restore') return { db: name, executed_commands: [] };
    return { db: name, executed_commands: statements(given, f) };
  },
});

function noDatabase(name: string): Blocked {
  return blocked('E_NOT_ON_HOST', {
    what: 'database',
    name,
    hint: `create it in an earlier task (postgresql_db: name=${name})`,
  });
}

function run(given: Args, todo: readonly string[]): Script {
  return execute(given, given.maintenance_db, todo);
}

function described(f: Fields, given: Args): string {
  const is = rows(f, 'database').find((row) => column(row, 'name') === given.name);
  return `owner ${column(is, 'owner')}, connection limit ${column(is, 'conn_limit')}, tablespace ${column(is, 'tablespace')}\n`;
}

/** The statements that bring the database into the state. */
function statements(given: Args, f: Fields): readonly string[] {
  const { name, state, owner = '', conn_limit, tablespace = '', comment, force, target = '' } = given;
  const is = rows(f, 'database').find((row) => column(row, 'name') === name);
  const id = identifier(name);
  if (state === 'absent') {
    const version = Number(column(rows(f, 'version')[0], 'number'));
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${literal(name)} AND pid <> pg_backend_pid()`;
    if (!force) return [`DROP DATABASE ${id}`];
    return version >= 130000 ? [`DROP DATABASE ${id} WITH (FORCE)`] : [end, `DROP DATABASE ${id}`];
  }
  if (state === 'rename') return [`ALTER DATABASE ${id} RENAME TO ${identifier(target)}`];
  if (is === undefined) {
    const options = [
      ...named('OWNER', owner, identifier),
      ...named('TEMPLATE', given.template, identifier),
      ...named('ENCODING', given.encoding, literal),
      ...named('LC_COLLATE', given.lc_collate, literal),
      ...named('LC_CTYPE', given.lc_ctype, literal),
      ...named('ICU_LOCALE', given.icu_locale, literal),
      ...named('LOCALE_PROVIDER', given.locale_provider, (one) => one),
      ...named('TABLESPACE', tablespace, identifier),
      ...(conn_limit === undefined ? [] : [`CONNECTION LIMIT ${conn_limit}`]),
    ];
    return [
      [`CREATE DATABASE ${id}`, ...options].join(' '),
      ...((comment ?? '') === '' ? [] : [commentOn('DATABASE', name, comment ?? '')]),
    ];
  }
  return [
    ...(owner !== '' && column(is, 'owner') !== owner ? [`ALTER DATABASE ${id} OWNER TO ${identifier(owner)}`] : []),
    ...(conn_limit !== undefined && column(is, 'conn_limit') !== String(conn_limit)
      ? [`ALTER DATABASE ${id} CONNECTION LIMIT ${conn_limit}`]
      : []),
    ...(tablespace !== '' && column(is, 'tablespace') !== tablespace
      ? [`ALTER DATABASE ${id} SET TABLESPACE ${identifier(tablespace)}`]
      : []),
    ...(comment !== undefined && column(is, 'comment') !== comment ? [commentOn('DATABASE', name, comment)] : []),
  ];
}

function named(word: string, value: string | undefined, quoted: (value: string) => string): readonly string[] {
  return value === undefined || value === '' ? [] : [`${word} ${quoted(value)}`];
}

const FORMATS: readonly (readonly [RegExp, string])[] = [
  [/\.tar(\.|$)/, 't'],
  [/\.pgc(\.|$)/, 'c'],
  [/\.dir$/, 'd'],
];
const PACKERS: readonly (readonly [RegExp, string])[] = [
  [/\.gz$/, 'gzip'],
  [/\.bz2$/, 'bzip2'],
  [/\.xz$/, 'xz'],
];
const matched = (list: readonly (readonly [RegExp, string])[], path: string): string | undefined =>
  list.find(([pattern]) => pattern.test(path))?.[1];

/** Writes the dump beside the target first, so that an interrupted dump is never taken for a complete one. */
function dump(given: Args): Script {
  const { name, target = '', target_opts, dump_extra_args } = given;
  const format = matched(FORMATS, target);
  const options = [
    ...connection(given),
    '--no-password',
    ...(format === undefined ? [] : [`--format=${format}`]),
    ...(given.session_role === undefined ? [] : [`--role=${given.session_role}`]),
    ...(splitWords(target_opts ?? '') ?? []),
    ...(splitWords(dump_extra_args ?? '') ?? []),
  ];
  if (format === 'd') {
    return sh`set -e
${client(given, name)}
umask 077
logged pg_dump ${options} --file=${target}`;
  }
  return sh`set -e
${client(given, name)}
s=${`${target}.part`}
trap 'rm -f -- "$s" "$s.failed"' EXIT
umask 077
{ logged pg_dump ${options} || touch -- "$s.failed"; } | ${matched(PACKERS, target) ?? 'cat'} >"$s"
[ ! -e "$s.failed" ]
sync -- "$s"
mv -fT -- "$s" ${target}`;
}

function restore(given: Args): Script {
  const { name, target = '', target_opts, session_role } = given;
  const format = matched(FORMATS, target);
  const packer = matched(PACKERS, target);
  const options = splitWords(target_opts ?? '') ?? [];
  const role = session_role === undefined ? [] : [`--role=${session_role}`];
  const read = packer === undefined ? sh`cat -- ${target}` : sh`${packer} -dc -- ${target}`;
  if (format === 'd') {
    return sh`set -e
${client(given, name)}
logged pg_restore --no-password ${role} ${options} -d ${name} ${target}`;
  }
  const load =
    format === undefined
      ? sh`{ printf %s ${batch(given, [])}; cat; } | db ${options} >/dev/null`
      : sh`logged pg_restore --no-password ${role} --format=${format} ${options} -d ${name}`;
  return sh`set -e
${client(given, name)}
[ -r ${target} ] || { printf '%s cannot be read\n' ${target} >&2; exit 1; }
d=$(mktemp -d)
trap 'rm -rf -- "$d"' EXIT
{ ${read} || : >"$d/failed"; } | ${load}
if [ -e "$d/failed" ]; then printf '%s could not be read to its end\n' ${target} >&2; exit 1; fi`;
}
