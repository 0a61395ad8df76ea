import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { args, exclude, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  batch,
  client,
  firstLine,
  identifier,
  LOGIN_ALIASES,
  literal,
  login,
  loginErrors,
  POSTGRESQL_NEEDS,
  POSTGRESQL_TOUCHES,
  unreachable,
} from './shared/postgresql.ts';

const Args = args({
  query: Type.Union([Type.String(), Type.Array(Type.String())], {
    description: 'One statement, or a list of them. %s and %(name)s stand for arguments.',
  }),
  login_db: text('The database.'),
  positional_args: Type.Optional(
    Type.Array(Type.Any(), { description: 'The values of %s, in order. A list becomes an array.' }),
  ),
  named_args: Type.Optional(Type.Record(Type.String(), Type.Any(), { description: 'The values of %(name)s.' })),
  autocommit: flag('Run each statement on its own, not in one transaction. VACUUM needs it.'),
  encoding: text('The encoding of the client: UTF-8.'),
  search_path: Type.Optional(Type.Array(Type.String(), { description: 'The schemas in which names are searched.' })),
  ...login,
});
type Args = Static<typeof Args>;

const SAME = 'bringup: no row was changed';

export const postgresql_query = defineModule<typeof Args, Fields>({
  name: 'postgresql_query',
  summary: 'Runs SQL. Statements that only read report no change; neither do those that change no row.',
  args: Args,
  aliases: { db: 'login_db', ...LOGIN_ALIASES },
  examples: [
    {
      title: 'Read rows',
      args: { login_db: 'shop', query: 'SELECT name FROM items WHERE id = %s', positional_args: [7] },
    },
    {
      title: 'Run a statement',
      args: { login_db: 'shop', query: 'UPDATE items SET price = %(price)s', named_args: { price: 3 } },
    },
  ],
  verify: (given) => [
    ...loginErrors(given),
    ...exclude(given, 'positional_args', 'named_args'),
    ...statements(given)
      .filter((one) => bound(one, given) === undefined)
      .map(() =>
        argError(['query'], 'E_ARGUMENT_VALUE', {
          problem: 'an argument of the query has no value',
          hint: 'give a value for each %s in positional_args, or for each %(name)s in named_args; write %% for a percent sign',
        }),
      ),
  ],
  needs: () => POSTGRESQL_NEEDS,
  touches: (given) => (isReadOnly(given) ? [] : POSTGRESQL_TOUCHES),
  probe: (given) => sh`${client(given, given.login_db)}
${isReadOnly(given) ? sh`if out=$(printf %s ${program(given, true)} | db -v VERBOSITY=verbose 2>&1); then ${SEND}; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi` : sh`if out=$(printf 'SELECT 1;' | db 2>&1); then :; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const error = f.text('error');
    // A function that writes cannot run in a plan, in which transactions are read-only.
    const writes = error?.includes('25006') === true;
    if (
      error !== undefined &&
      !writes &&
      isReadOnly(given) &&
      !/FATAL:|could not connect|connection to server/.test(error)
    ) {
      return blocked('E_POSTGRESQL_REFUSED', { why: firstLine(error).replace(/ERROR: {2}\w{5}:/, 'ERROR:') });
    }
    const away = writes ? undefined : unreachable(f);
    if (away !== undefined) return away;
    if (isReadOnly(given) && !writes) return [];
    return [
      {
        what: `run SQL: ${statements(given)[0]?.trim().slice(0, 80) ?? ''}`,
        run: run(given),
        action: true,
        unaltered: SAME,
        ...((writes || !isWriting(given)) && { harmless: true as const }),
      },
    ];
  },
  data(f, given, _ctx, ran) {
    const all = results(ran === undefined ? f : fields(ran.stdout), given);
    const last = all.at(-1) ?? { rows: [], tag: '' };
    return {
      query: statements(given)
        .map((one) => bound(one, given) ?? one)
        .join('; '),
      query_list: statements(given),
      query_result: last.rows,
      query_all_results: all.map(({ rows }) => rows),
      statusmessage: last.tag === '' ? `SELECT ${last.rows.length}` : last.tag,
      rowcount: all.reduce((sum, { rows, tag }) => sum + (tag === '' ? rows.length : affected(tag)), 0),
    };
  },
});

const affected = (tag: string): number => Number(/(\d+)$/.exec(tag)?.[1] ?? 0);

function statements({ query }: Args): readonly string[] {
  return (typeof query === 'string' ? [query] : query).map((one) => one.replace(/;\s*$/, ''));
}

/** Functions of the server that have effects which a read-only transaction allows. */
const EFFECTS =
  /\b(pg_(reload_conf|rotate_logfile|terminate_backend|cancel_backend|promote|switch_wal|create_\w+|drop_\w+|log_\w+|notify|advisory\w*|try_advisory\w*|stat_reset\w*|wal_replay_\w+|backup_\w+|start_backup|stop_backup|sleep\w*|replication_\w+|logical_\w+|import_\w+|export_\w+)|set_config|dblink\w*|lo_\w+|query_to_xml)\s*\(/i;

const READS = /^[\s(]*(SELECT|SHOW|EXPLAIN|VALUES|TABLE|WITH)\b/i;
const WRITES = /\b(INTO|INSERT|UPDATE|DELETE|MERGE|ANALY[SZ]E)\b|;/i;

const bare = (statement: string): string => statement.replace(/'[^']*'/g, "''");

function isWriting(given: Args): boolean {
  return statements(given).some((one) => !READS.test(bare(one)) || WRITES.test(bare(one)));
}

/** Whether no statement can have an effect, except through a function that writes. */
function isReadOnly(given: Args): boolean {
  return !isWriting(given) && statements(given).every((one) => !EFFECTS.test(bare(one)));
}

/** The statement with the values of its arguments. undefined: a value is missing. */
function bound(statement: string, { positional_args, named_args }: Args): string | undefined {
  if (positional_args === undefined && named_args === undefined) return statement;
  let at = 0;
  let isComplete = true;
  const text = statement.replace(/%(%|s|\(([^)]+)\)s)/g, (_, kind: string, name?: string) => {
    if (kind === '%') return '%';
    const value: unknown = name === undefined ? positional_args?.[at++] : named_args?.[name];
    if (value === undefined) isComplete = false;
    return sqlValue(value);
  });
  return isComplete ? text : undefined;
}

function sqlValue(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (Array.isArray(value)) return value.length === 0 ? "'{}'" : `ARRAY[${value.map(sqlValue).join(', ')}]`;
  return literal(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** What psql runs. Rows come as JSON where the statement allows it, so that numbers stay numbers. */
function program(given: Args, isReading: boolean): string {
  const { encoding, search_path, autocommit } = given;
  const head = [
    ...(encoding === undefined ? [] : [`SET client_encoding TO ${literal(encoding)}`]),
    ...(search_path === undefined ? [] : [`SET search_path TO ${search_path.map(identifier).join(', ')}`]),
  ];
  const body = statements(given).map((one) => `\\echo bringup_next\n${wrapped(bound(one, given) ?? one)};\n`);
  const open = isReading ? ['BEGIN READ ONLY'] : autocommit ? [] : ['BEGIN'];
  const close = open.length === 0 ? '' : 'COMMIT;\n';
  return `${batch(given, [...head, ...open])}\\pset format csv\n\\pset tuples_only off\n\\unset QUIET\n${body.join('')}\\set QUIET on\n${close}`;
}

function wrapped(sql: string): string {
  const isPlain = !/;/.test(sql) && !/--|\/\*/.test(sql);
  if (isPlain && /^\s*(SELECT|VALUES|TABLE)\b/i.test(sql) && !/\bINTO\b/i.test(sql)) {
    return `SELECT row_to_json(bringup_row) AS bringup_row FROM (${sql}) bringup_row`;
  }
  return sql;
}

function run(given: Args): Script {
  const isCounted = statements(given).every((one) => /^\s*(INSERT|UPDATE|DELETE|MERGE)\b/i.test(one) && !/;/.test(one));
  return sh`set -e
${client(given, given.login_db)}
out=$(printf %s ${program(given, false)} | db)
${SEND}
${isCounted ? sh`printf '%s\n' "$out" | grep -Eq '^(INSERT 0|UPDATE|DELETE|MERGE) [1-9]' || echo ${SAME}` : sh`:`}`;
}
const SEND = sh`printf 'result %s\n' "$(printf %s "$out" | base64 -w0)"`;

type Row = Readonly<Record<string, Value>>;
type Result = Readonly<{ rows: readonly Row[]; tag: string }>;

/** What each statement printed: rows as CSV with a header, and the command tag, if any. */
function results(f: Fields, given: Args): readonly Result[] {
  const parts = (f.text('result') ?? '').split(/^bringup_next\n?/m).slice(1);
  return parts.map((part, at): Result => {
    const text = part.replace(/\n$/, '');
    const statement = statements(given)[at] ?? '';
    const [, body = '', tag = ''] = /^(.*?)\n?((?:INSERT \d+|UPDATE|DELETE|MERGE) \d+)$/s.exec(text) ?? [];
    if (tag !== '' && !/^[\s(]*(SELECT|SHOW|VALUES|TABLE)\b/i.test(statement)) return { rows: table(body), tag };
    return READS.test(statement) ? { rows: table(text), tag: '' } : { rows: [], tag: text.split('\n').at(-1) ?? '' };
  });
}

/** The rows of a table in CSV. A row that the server sent as JSON keeps the types of its values. */
function table(csv: string): readonly Row[] {
  const [head = [], ...list] = records(csv);
  return list.map((cells): Row => {
    if (head.length === 1 && head[0] === 'bringup_row') return JSON.parse(cells[0] ?? '{}') as Row;
    return Object.fromEntries(head.map((name, at) => [name, cells[at] ?? null]));
  });
}

function records(csv: string): readonly (readonly string[])[] {
  const all: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, bare = '', end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    record.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (record.length > 1 || record[0] !== '' || end === '\n') all.push(record);
    record = [];
  }
  return all;
}
