import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { args, flag, names, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  client,
  columns,
  execute,
  identifier,
  LOGIN_ALIASES,
  literal,
  login,
  MYSQL_NEEDS,
  unreachable,
} from './shared/mysql.ts';

const Args = args({
  name: names('The databases. For dump, `all` means every database.'),
  state: Type.Enum(['present', 'absent', 'dump', 'import'], {
    default: 'present',
    description: 'dump writes to target and import reads from it, each time.',
  }),
  encoding: text('The character set of a new database.'),
  collation: text('The collation of a new database.'),
  target: Type.Optional(
    Type.String({
      pattern: '^/',
      expected: 'a path on the host',
      description: 'The SQL file on the host. The endings .gz, .bz2, .xz and .zst select a compression.',
    }),
  ),
  single_transaction: flag('Dump in one transaction.'),
  quick: flag('Dump row by row.', true),
  hex_blob: flag('Dump binary columns in hex.'),
  ignore_tables: Type.Optional(names('Tables to leave out of a dump: db.table.')),
  force: flag('Continue after errors.'),
  sql_log_bin: flag('Write the changes to the binary log, so that replicas make them too.', true),
  ...login,
});
type Args = Static<typeof Args>;

export const mysql_db = defineModule<typeof Args, Fields>({
  name: 'mysql_db',
  summary: 'Creates, removes, dumps or imports a MySQL or MariaDB database.',
  args: Args,
  aliases: { db: 'name', ...LOGIN_ALIASES },
  examples: [
    {
      title: 'Create a database',
      args: {
        name: 'app',
        encoding: 'utf8mb4',
        collation: 'utf8mb4_0900_ai_ci',
        login_unix_socket: '/run/mysqld/mysqld.sock',
      },
    },
    {
      title: 'Dump a database',
      args: { name: 'all', state: 'dump', target: '/var/backups/all.sql.gz', single_transaction: true },
    },
  ],
  verify: ({ state, target }) =>
    (state === 'dump' || state === 'import') && target === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'target'" })]
      : [],
  needs: () => MYSQL_NEEDS,
  touches: ({ target }) => ['mysql:*', 'live:*', ...(target === undefined ? [] : [`path:${target}`])],
  probe: (given) => sh`${client(given)}
${ask('schema', 'SELECT SCHEMA_NAME FROM information_schema.SCHEMATA')}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const { name, state, sql_log_bin } = given;
    const existing = new Set(f.all('schema').map((row) => columns(row)[0]));
    const log = sql_log_bin ? [] : ['SET SESSION sql_log_bin = 0'];
    if (state === 'present' || state === 'absent') {
      return name
        .filter((one) => existing.has(one) !== (state === 'present'))
        .map((one): Change => {
          const statement = state === 'absent' ? `DROP DATABASE ${identifier(one)}` : createStatement(one, given);
          return {
            what: `${state === 'absent' ? 'drop' : 'create'} database ${one}`,
            diff: {
              of: `database ${one}`,
              before: state === 'absent' ? 'present\n' : null,
              after: state === 'absent' ? null : `${statement}\n`,
            },
            run: execute(given, [...log, statement]),
          };
        });
    }
    if (state === 'dump')
      return [{ what: `dump ${name.join(', ')} to ${given.target ?? ''}`, run: dump(given), action: true }];
    const [database] = name;
    return [
      {
        what: `import ${given.target ?? ''}`,
        run: load(given, database === 'all' ? undefined : database, log),
        action: true,
      },
    ];
  },
  data: (_, { name }) => ({ db: name.join(' '), db_list: name }),
});

function createStatement(name: string, { encoding, collation }: Args): string {
  const set = encoding === undefined ? '' : ` CHARACTER SET ${literal(encoding)}`;
  return `CREATE DATABASE ${identifier(name)}${set}${collation === undefined ? '' : ` COLLATE ${literal(collation)}`}`;
}

const PACKERS: readonly (readonly [RegExp, string])[] = [
  [/\.gz$/, 'gzip'],
  [/\.bz2$/, 'bzip2'],
  [/\.xz$/, 'xz'],
  [/\.zst$/, 'zstd'],
];

function packer(target: string): string {
  return PACKERS.find(([pattern]) => pattern.test(target))?.[1] ?? 'cat';
}

/** Writes the dump beside the target first, so that an interrupted dump is never taken for a complete one. */
function dump(given: Args): Script {
  const { name, target = '', single_transaction, quick, hex_blob, ignore_tables = [], force } = given;
  const options = [
    ...(single_transaction ? ['--single-transaction'] : []),
    ...(quick ? ['--quick'] : []),
    ...(hex_blob ? ['--hex-blob'] : []),
    ...(force ? ['--force'] : []),
    ...ignore_tables.map((table) => `--ignore-table=${table}`),
    ...(name.includes('all') ? ['--all-databases'] : ['--databases', '--', ...name]),
  ];
  return sh`set -e
${client(given)}
c=$(command -v mysqldump || command -v mariadb-dump)
s=${`${target}.part`}
trap 'rm -f -- "$s"' EXIT
umask 077
{ "$c" --defaults-file=/dev/fd/3 ${options} 3<<END || touch -- "$s.failed"
$include
$options
END
} | ${packer(target)} >"$s"
if [ -e "$s.failed" ]; then rm -f -- "$s.failed"; exit 1; fi
sync -- "$s"
mv -fT -- "$s" ${target}`;
}

function load(given: Args, database: string | undefined, log: readonly string[]): Script {
  const { target = '', force } = given;
  const unpack = packer(target);
  return sh`set -e
${client(given)}
d=$(mktemp -d)
trap 'rm -rf -- "$d"' EXIT
{ printf '%s;\n' ${log.length === 0 ? 'SELECT 1' : log}; ${unpack} ${unpack === 'cat' ? [] : ['-dc']} <${target} || : >"$d/failed"; } | db ${force ? ['--force'] : []} ${database === undefined ? [] : [`--database=${database}`]} >/dev/null
if [ -e "$d/failed" ]; then printf '%s could not be read to its end\n' ${target} >&2; exit 1; fi`;
}
