import { type Static, type TObject, Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import { type Blocked, blocked } from '../../core/module.ts';
import { type Script, sh, verbatim } from '../../core/sh.ts';
import { isDict, Secret, type Value, type Vars } from '../../core/value.ts';
import { flag, text } from './args.ts';
import type { Fields } from './fields.ts';

/** Arguments for logging in to the server from the host itself. */
export const login = {
  login_user: Type.String({
    default: 'postgres',
    description:
      'The role to log in as. Without a password, the task must run as the user of that name (become_user: postgres).',
  }),
  login_password: Type.Optional(Type.String({ secret: true, description: 'The password of login_user.' })),
  login_host: text('The server. Default: localhost, through its socket.'),
  login_port: Type.Integer({ default: 5432, minimum: 1, maximum: 65535, description: 'The port of the server.' }),
  login_unix_socket: text("The directory of the server's socket: /run/postgresql."),
  ssl_mode: Type.Enum(['allow', 'disable', 'prefer', 'require', 'verify-ca', 'verify-full'], {
    default: 'prefer',
    description: 'Whether the connection is encrypted, and what of the certificate is verified.',
  }),
  ca_cert: text('The CA that verifies the server.'),
  ssl_cert: text("The client's certificate."),
  ssl_key: text("The key of the client's certificate."),
  connect_params: Type.Record(Type.String({ pattern: '^[a-z_]+$' }), Type.Union([Type.String(), Type.Integer()]), {
    default: {},
    description: 'More parameters of libpq: {connect_timeout: 10}.',
  }),
  session_role: text('The role to switch to after login (SET ROLE).'),
  trust_input: flag('No effect: every value is quoted, so none can inject SQL.', true),
};

export const LOGIN_ALIASES = {
  login: 'login_user',
  host: 'login_host',
  port: 'login_port',
  unix_socket: 'login_unix_socket',
  ssl_rootcert: 'ca_cert',
} as const;

export type Login = Static<TObject<typeof login>>;

export const POSTGRESQL_NEEDS = ['live:*', 'postgresql:*', 'package:*'] as const;
export const POSTGRESQL_TOUCHES = ['live:*', 'postgresql:*'] as const;

/** Passwords in connect_params would appear in psql's arguments. A file of services cannot hold all passwords. */
export function loginErrors({ connect_params, login_password = '' }: Login): readonly ArgError[] {
  return [
    ...Object.keys(connect_params)
      .filter((key) => /password|^service$/.test(key))
      .map((key) =>
        argError(['connect_params', key], 'E_ARGUMENT_VALUE', {
          problem: `'${key}' is not allowed in connect_params`,
          hint: 'use login_password, which no process list shows',
        }),
      ),
    ...(/\s$|\n/.test(login_password)
      ? [
          argError(['login_password'], 'E_ARGUMENT_VALUE', {
            problem: 'the password ends with a blank or has two lines',
          }),
        ]
      : []),
  ];
}

/**
 * Defines `db`, which reads SQL from stdin and prints rows without headers, and `logged`, which runs another of
 * PostgreSQL's clients. The password reaches the client through an open file, never through its arguments or its
 * environment.
 */
export function client(how: Login, database: string | undefined): Script {
  const { login_host = '', login_unix_socket = '' } = how;
  const isLocal = login_host === '' || login_host === 'localhost';
  const variables: readonly (readonly [string, string | number | undefined])[] = [
    ['PGUSER', how.login_user],
    ['PGHOST', isLocal && login_unix_socket !== '' ? login_unix_socket : login_host === '' ? undefined : login_host],
    ['PGPORT', how.login_port],
    ['PGDATABASE', database ?? 'postgres'],
    ['PGSSLMODE', how.ssl_mode],
    ['PGSSLROOTCERT', how.ca_cert],
    ['PGSSLCERT', how.ssl_cert],
    ['PGSSLKEY', how.ssl_key],
  ];
  const set = variables.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [sh`${verbatim(name)}=${value}`],
  );
  return sh`command -v psql >/dev/null || { echo 'client missing'; exit 0; }
export ${set} PGCLIENTENCODING=UTF8
${logged(how)}
db() { logged psql -XAtqw -v ON_ERROR_STOP=1 ${connection(how)} "$@"; }`;
}

function logged({ login_password: password }: Login): Script {
  if (password === undefined) return sh`logged() { "$@"; }`;
  return sh`service=${'[bringup]\npassword='}${new Secret(password)}
logged() {
  PGSERVICE=bringup PGSERVICEFILE=/dev/fd/3 "$@" 3<<END
$service
END
}`;
}

/** The argument of psql and pg_dump that holds connect_params. */
export function connection({ connect_params }: Login): readonly string[] {
  const more = Object.entries(connect_params)
    .map(([key, value]) => `${key}='${String(value).replace(/[\\']/g, '\\$&')}'`)
    .join(' ');
  return more === '' ? [] : ['-d', more];
}

/** The statements as text for psql. */
export function batch({ session_role = '' }: Login, statements: readonly string[]): string {
  const role = session_role === '' ? [] : [`SET ROLE ${identifier(session_role)}`];
  return [...role, ...statements].map((one) => `${one.replace(/;\s*$/, '')};\n`).join('');
}

/** Prints each row of a query as a line of JSON after `key`, or the error as `error`. */
export function ask(how: Login, key: string, query: string): Script {
  const sql = batch(how, [`SELECT row_to_json(bringup_row) FROM (${query}) bringup_row`]);
  return sh`if out=$(printf %s ${sql} | db 2>&1); then [ -z "$out" ] || printf '%s\n' "$out" | sed ${`s/^/${key} /`}; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`;
}

/** Runs statements. They do not show up in any argument list. */
export function execute(how: Login, database: string | undefined, statements: readonly string[]): Script {
  return sh`set -e
${client(how, database)}
printf %s ${batch(how, statements)} | db`;
}

export function rows(f: Fields, key: string): readonly Vars[] {
  return f.all(key).flatMap((line) => {
    const row: unknown = parsed(line);
    return isDict(row) ? [row as Vars] : [];
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A column's value as text. '' for null and for what is not there. */
export function column(row: Vars | undefined, name: string): string {
  const value: Value | undefined = row?.[name];
  return value === undefined || value === null ? '' : String(value);
}

/** Why the query failed. */
export function unreachable(f: Fields): Blocked | undefined {
  if (f.get('client') === 'missing') {
    return blocked('E_TOOL_MISSING', { tool: 'psql', hint: 'install postgresql-client in an earlier task' });
  }
  const why = f.text('error');
  if (why === undefined) return undefined;
  return blocked(/^ERROR:/m.test(why) ? 'E_POSTGRESQL_REFUSED' : 'E_POSTGRESQL_UNREACHABLE', { why: firstLine(why) });
}

/** The message of psql without the words before it. */
export function firstLine(error: string): string {
  const line = error.split('\n').find((one) => /(ERROR|FATAL):/.test(one)) ?? error.split('\n')[0] ?? '';
  return line.replace(/^psql:.*?(?=error:|ERROR:|FATAL:)/, '');
}

/** A text as an SQL literal, whatever standard_conforming_strings is. */
export function literal(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return value.includes('\\') ? `E${quoted}` : quoted;
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The statement that sets a comment. An empty comment removes it. */
export function commentOn(kind: string, name: string, comment: string): string {
  return `COMMENT ON ${kind} ${identifier(name)} IS ${comment === '' ? 'NULL' : literal(comment)}`;
}
