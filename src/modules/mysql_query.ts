import { type Static, Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { fields } from './shared/fields.ts';
import { client, columns, errorOf, LOGIN_ALIASES, login, MYSQL_NEEDS, unreachable } from './shared/mysql.ts';

const Args = args({
  query: Type.Union([Type.String(), Type.Array(Type.String())], { description: 'One statement, or a list of them.' }),
  login_db: text('The database.'),
  single_transaction: flag('Run all statements in one transaction.'),
  sql_log_bin: flag('Write the changes to the binary log, so that replicas make them too.', true),
  ...login,
});
type Args = Static<typeof Args>;

export const mysql_query = defineModule<typeof Args, string>({
  name: 'mysql_query',
  summary: 'Runs SQL. Statements that only read (SELECT, SHOW) report no change, all others always do.',
  args: Args,
  aliases: { db: 'login_db', ...LOGIN_ALIASES },
  examples: [
    { title: 'Read rows', args: { query: 'SELECT @@global.read_only', login_unix_socket: '/run/mysqld/mysqld.sock' } },
    { title: 'Run a statement', args: { query: ['OPTIMIZE TABLE items'], login_db: 'app' } },
  ],
  needs: () => MYSQL_NEEDS,
  touches: (given) => (isReadOnly(given) ? [] : ['mysql:*', 'live:*']),
  probe: (given) =>
    isReadOnly(given)
      ? all(given)
      : sh`${client(given)}
if out=$(db 2>&1 <<'SQL'
SELECT 1
SQL
); then :; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`,
  parse: (stdout) => stdout,
  plan(stdout, given): Steps {
    const away = unreachable(fields(stdout));
    if (away !== undefined && isReadOnly(given) && fields(stdout).get('error') !== undefined) {
      return blocked('E_MYSQL_QUERY', { why: errorOf(fields(stdout)) });
    }
    if (away !== undefined) return away;
    if (isReadOnly(given)) return [];
    return [
      {
        what: `run SQL: ${statements(given)[0]?.slice(0, 80) ?? ''}`,
        run: sh`set -e
${all(given, true)}`,
        action: true,
      },
    ];
  },
  data(stdout, given, _ctx, ran) {
    const results = parseResults(ran?.stdout ?? stdout);
    return { query_result: results, rowcount: results.map((rows) => rows.length), executed_queries: statements(given) };
  },
});

function statements({ query }: Args): readonly string[] {
  return (typeof query === 'string' ? [query] : query).map((one) => one.replace(/;\s*$/, ''));
}

function isReadOnly(given: Args): boolean {
  return statements(given).every(
    (one) =>
      /^\s*(\(?\s*SELECT|SHOW|DESC(RIBE)?|EXPLAIN)\b/i.test(one) &&
      !/\bINTO\s+(OUT|DUMP)FILE\b|\bFOR\s+UPDATE\b/i.test(one),
  );
}

function all(given: Args, fails = false): Script {
  const { login_db, single_transaction, sql_log_bin } = given;
  const database = login_db === undefined ? [] : [`--database=${login_db}`];
  const head = [
    ...(sql_log_bin ? [] : ['SET SESSION sql_log_bin = 0']),
    ...(single_transaction ? ['START TRANSACTION'] : []),
  ];
  // all statements share one session; a marker row stands before the rows of each
  const sql = [
    ...head,
    ...statements(given).flatMap((one) => [`SELECT 'next' AS bringup_query`, one]),
    ...(single_transaction ? ['COMMIT'] : []),
  ]
    .map((one) => `${one};\n`)
    .join('');
  const piped = sh`printf %s ${sql} | db ${database} ${fails ? sh`` : sh`2>&1`}`;
  if (fails)
    return sh`${client(given)}
${piped}`;
  return sh`${client(given)}
if out=$(${piped}); then printf '%s\n' "$out"; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`;
}

function parseResults(stdout: string): readonly (readonly { readonly [key: string]: Value }[])[] {
  return stdout
    .split(/^bringup_query\nnext\n?/m)
    .slice(1)
    .map((part) => {
      const [head, ...rows] = part.split('\n').filter((line) => line !== '');
      const keys = head === undefined ? [] : columns(head);
      return rows.map((row) => {
        const out: Record<string, Value> = {};
        for (const [at, value] of columns(row).entries()) out[keys[at] ?? String(at)] = value === 'NULL' ? null : value;
        return out;
      });
    });
}
