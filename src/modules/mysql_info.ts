import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { lines, type Script, sh } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { client, columns, errorOf, LOGIN_ALIASES, login, MYSQL_NEEDS, unreachable } from './shared/mysql.ts';
import { parseGrants } from './shared/privileges.ts';

/** By subset: the statements that give it. The first one that the server knows counts, as servers differ in words. */
const QUERIES = {
  version: ['SELECT VERSION() AS version'],
  databases: [],
  settings: ['SHOW GLOBAL VARIABLES'],
  global_status: ['SHOW GLOBAL STATUS'],
  engines: ['SHOW ENGINES'],
  users: ['SELECT * FROM mysql.user'],
  users_privs: [],
  master_status: ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS'],
  slave_hosts: ['SHOW SLAVE HOSTS', 'SHOW REPLICAS'],
  slave_status: ['SHOW SLAVE STATUS', 'SHOW REPLICA STATUS'],
} as const;
type Subset = keyof typeof QUERIES;
const SUBSETS = Object.keys(QUERIES) as readonly Subset[];

const Args = args({
  filter: Type.Optional(
    Type.Array(Type.String(), {
      description: `What is returned: ${SUBSETS.join(', ')}. With ! before it, all but that. Default: all.`,
    }),
  ),
  login_db: text('The database to connect to.'),
  exclude_fields: Type.Optional(
    Type.Array(Type.Enum(['db_size']), {
      description: 'db_size: without the sizes of databases, which may take long.',
    }),
  ),
  return_empty_dbs: flag('Return databases without tables too.'),
  ...login,
});
type Args = Static<typeof Args>;

export const mysql_info = defineModule<typeof Args, Fields>({
  name: 'mysql_info',
  summary: 'Returns what a server of MySQL or MariaDB says of itself. Changes nothing.',
  args: Args,
  aliases: LOGIN_ALIASES,
  examples: [
    { title: 'The version and the databases', args: { filter: ['version', 'databases'] } },
    { title: 'All but the settings', args: { filter: ['!settings'], login_unix_socket: '/run/mysqld/mysqld.sock' } },
  ],
  verify: ({ filter = [] }) =>
    filter
      .map((one) => one.trim().replace(/^!/, ''))
      .filter((one) => !(SUBSETS as readonly string[]).includes(one))
      .map((one) =>
        argError(['filter'], 'E_ARGUMENT_VALUE', { problem: `'${one}' is no subset`, expected: SUBSETS.join(', ') }),
      ),
  needs: () => MYSQL_NEEDS,
  probe: (given) => sh`${client(given)}
ask() {
  for q in "$@"; do
    out=$(printf '%s\n' "$q" | db ${given.login_db === undefined ? [] : [`--database=${given.login_db}`]} 2>&1) && { printf '%s' "$out" | base64 -w0; return 0; }
  done
  out=$(printf %s "$out" | base64 -w0); return 1
}
if r=$(ask 'SELECT 1'; x=$?; [ "$x" = 0 ] || printf '%s' "$out"; exit "$x"); then echo 'connected yes'; else printf 'error %s\n' "$r"; exit 0; fi
${lines(wanted(given).map((one) => asked(one, queries(one, given))))}`,
  parse: fields,
  plan(f): Steps {
    if (f.get('connected') === undefined) return unreachable(f) ?? [];
    return f.get('error') === undefined ? [] : blocked('E_MYSQL_QUERY', { why: errorOf(f) });
  },
  data(f, given) {
    const found = wanted(given).map((one) => [one, shaped(one, rows(f.text(one) ?? ''), f)] as const);
    return { connector_name: 'mysql', connector_version: 'Unknown', ...Object.fromEntries(found) };
  },
});

/** Values that include count alone; else everything counts but what is excluded. */
function wanted({ filter = [] }: Args): readonly Subset[] {
  const all = filter.map((one) => one.trim());
  const included = SUBSETS.filter((one) => all.includes(one));
  return included.length > 0 ? included : SUBSETS.filter((one) => !all.includes(`!${one}`));
}

function queries(subset: Subset, { exclude_fields = [], return_empty_dbs }: Args): readonly string[] {
  if (subset === 'users_privs') {
    return ["SELECT CONCAT('SHOW GRANTS FOR ', QUOTE(User), '@', QUOTE(Host), ';') AS q FROM mysql.user"];
  }
  if (subset !== 'databases') return QUERIES[subset];
  const size = exclude_fields.includes('db_size') ? '' : ', SUM(t.data_length + t.index_length) AS size';
  return [
    return_empty_dbs
      ? `SELECT s.schema_name AS name${size} FROM information_schema.SCHEMATA s LEFT JOIN information_schema.TABLES t ON t.table_schema = s.schema_name GROUP BY s.schema_name`
      : `SELECT t.table_schema AS name${size} FROM information_schema.TABLES t GROUP BY t.table_schema`,
  ];
}

function asked(subset: Subset, all: readonly string[]): Script {
  // A server may have roles, which have no grants to show in this form.
  const more =
    subset === 'users_privs'
      ? sh`printf 'grants %s\n' "$(printf '%s\n' "$out" | sed 1d | while IFS= read -r q; do printf '%s\n' "$q" | db --skip-column-names 2>/dev/null; done | base64 -w0)"`
      : sh`:`;
  return sh`if r=$(ask ${all}; x=$?; [ "$x" = 0 ] || printf '%s' "$out"; exit "$x"); then printf ${`${subset} %s\n`} "$r"; out=$(printf %s "$r" | base64 -d); ${more}
else printf 'error %s\n' "$r"; exit 0; fi`;
}

type Row = Readonly<Record<string, string | null>>;

function rows(table: string): readonly Row[] {
  const [head, ...body] = table.split('\n').filter((line) => line !== '');
  const keys = head === undefined ? [] : columns(head);
  return body.map((line) =>
    Object.fromEntries(columns(line).map((value, at) => [keys[at] ?? String(at), value === 'NULL' ? null : value])),
  );
}

function converted(value: string | null | undefined): Value {
  if (value === null || value === undefined) return null;
  return /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

const without = (row: Row, ...keys: readonly string[]): Vars =>
  Object.fromEntries(
    Object.entries(row).flatMap(([key, value]) => (keys.includes(key) ? [] : [[key, converted(value)]])),
  );

function shaped(subset: Subset, list: readonly Row[], f: Fields): Value {
  const first = list[0];
  switch (subset) {
    case 'version':
      return version(first?.['version'] ?? '');
    case 'databases':
      return Object.fromEntries(
        list.map(({ name, size }) => [name ?? '', size === undefined ? {} : { size: Number(size ?? 0) }]),
      );
    case 'settings':
    case 'global_status':
      return Object.fromEntries(list.map((row) => [row['Variable_name'] ?? '', converted(row['Value'])]));
    case 'engines':
      return Object.fromEntries(
        list.map((row) => [
          row['Engine'] ?? '',
          Object.fromEntries(Object.entries(row).filter(([key]) => key !== 'Engine')),
        ]),
      );
    case 'users':
      return nested(list.map((row) => [[row['Host'], row['User']], without(row, 'Host', 'User')]));
    case 'users_privs':
      return privileges(f.text('grants') ?? '');
    case 'master_status':
      return first === undefined ? {} : without(first);
    case 'slave_hosts':
      return Object.fromEntries(
        list.map((row) => [row['Server_id'] ?? row['Server_Id'] ?? '', without(row, 'Server_id', 'Server_Id')]),
      );
    case 'slave_status':
      return nested(
        list.map((row) => {
          const name = 'Source_Host' in row ? 'Source' : 'Master';
          const keys = [`${name}_Host`, `${name}_Port`, `${name}_User`];
          return [keys.map((key) => row[key]), without(row, ...keys)];
        }),
      );
  }
}

function version(full: string): Vars {
  const [, major = '', minor = '', release = '', , suffix = ''] = /^(\d+)\.(\d+)\.(\d+)(-(.*))?/.exec(full) ?? [];
  return { major: Number(major), minor: Number(minor), release: Number(release), suffix, full };
}

/** Dicts in dicts, by the keys of each path. */
function nested(entries: readonly (readonly [readonly (string | null | undefined)[], Vars])[]): Vars {
  const out: Record<string, Value> = {};
  for (const key of new Set(entries.map(([path]) => path[0] ?? ''))) {
    const below = entries.filter(([path]) => (path[0] ?? '') === key);
    const [one] = below;
    out[key] =
      one !== undefined && one[0].length === 1 ? one[1] : nested(below.map(([path, vars]) => [path.slice(1), vars]));
  }
  return out;
}

/** By account: its privileges in the form of mysql_user. */
function privileges(grants: string): Vars {
  const byAccount = new Map<string, string[]>();
  for (const row of grants.split('\n')) {
    const line = columns(row)[0] ?? '';
    const [, user, host] = / TO [`'](.*?)[`']@[`'](.*?)[`']/.exec(line) ?? [];
    if (user === undefined || host === undefined) continue;
    byAccount.set(`${user}\n${host}`, [...(byAccount.get(`${user}\n${host}`) ?? []), line]);
  }
  return Object.fromEntries(
    [...byAccount].map(([account, lines]) => {
      const [user = '', host = ''] = account.split('\n');
      const privs = [...parseGrants(lines)].map(([where, list]): readonly [string, Value] => [where, [...list]]);
      return [`${user}_${host}`, { user, host, privs: Object.fromEntries(privs) }];
    }),
  );
}
