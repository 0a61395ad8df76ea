import { Type } from 'typebox';
import { type Blocked, blocked } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import { text } from './args.ts';
import { decodeText } from './bytes.ts';
import type { Fields } from './fields.ts';

/** Arguments for logging in to the server from the host itself. */
export const login = {
  login_user: text('The user to log in as. Default: the user in ~/.my.cnf, or the user of the task (auth_socket).'),
  login_password: Type.Optional(Type.String({ secret: true, description: 'The password of login_user.' })),
  login_host: text('The server. Default: localhost, through its socket.'),
  login_port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'The port on login_host.' })),
  login_unix_socket: text("The server's socket."),
  config_file: text('A file with a [client] section. Default: ~/.my.cnf if it exists.'),
  ca_cert: text('The CA that verifies the server.'),
  client_cert: text("The client's certificate."),
  client_key: text("The key of the client's certificate."),
  connect_timeout: Type.Integer({ default: 30, minimum: 1, description: 'The time limit of a login in seconds.' }),
};

export const LOGIN_ALIASES = {
  ssl_ca: 'ca_cert',
  ssl_cert: 'client_cert',
  ssl_key: 'client_key',
  default_file: 'config_file',
} as const;

export type Login = Readonly<{
  login_user?: string;
  login_password?: string;
  login_host?: string;
  login_port?: number;
  login_unix_socket?: string;
  config_file?: string;
  ca_cert?: string;
  client_cert?: string;
  client_key?: string;
  connect_timeout: number;
  check_implicit_admin?: boolean;
}>;

export const MYSQL_NEEDS = ['live:*', 'mysql:*', 'package:*'] as const;

/**
 * Defines `db`, which reads SQL from stdin and prints rows. The password reaches the client through an open file, never
 * through its arguments. Only the config files named here are read, so no other config of the user can change the
 * result.
 */
export function client(how: Login): Script {
  const { config_file: config = '~/.my.cnf' } = how;
  const options: readonly (readonly [string, string | number | undefined])[] = [
    ['user', how.login_user],
    ['password', how.login_password],
    ['host', how.login_host],
    ['port', how.login_port],
    ['socket', how.login_unix_socket],
    ['ssl-ca', how.ca_cert],
    ['ssl-cert', how.client_cert],
    ['ssl-key', how.client_key],
  ];
  const given = options
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}="${String(value).replaceAll('\\', '\\\\')}"\n`)
    .join('');
  // mysqldump also reads [client], and does not know this option
  const timeout = `[mysql]\nconnect-timeout=${how.connect_timeout}\n`;
  return sh`c=$(command -v mysql || command -v mariadb) || { echo 'client missing'; exit 0; }
f=${config.startsWith('~/') ? sh`\${HOME:-/root}${config.slice(1)}` : config}
include=
if [ -r "$f" ]; then include="!include $f"; fi
options=${`[client]\ndefault-character-set=utf8mb4\n${given}${timeout}`}
db() {
  "$c" --defaults-file=/dev/fd/3 --batch "$@" 3<<END
$include
$options
END
}
${
  how.check_implicit_admin === true
    ? sh`given=$options
options=${`[client]\nuser=root\n${timeout}`}
printf 'SELECT 1' | db >/dev/null 2>&1 || options=$given`
    : sh`:`
}`;
}

/** Prints the rows of a query, each after `key`, or the error as `error`. Rows are escaped as by --batch. */
export function ask(key: string, sql: string, options: readonly string[] = ['--skip-column-names']): Script {
  return sh`if out=$(printf '%s\n' ${sql} | db ${options} 2>&1); then printf '%s\n' "$out" | sed ${`s/^/${key} /`}; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`;
}

/** Runs statements. They do not show up in any argument list. */
export function execute(how: Login, statements: readonly string[], database?: string): Script {
  return sh`set -e
${client(how)}
printf '%s\n' ${statements.map((s) => `${s.replace(/;\s*$/, '')};`).join('\n')} | db ${database === undefined ? [] : [`--database=${database}`]}`;
}

/** Why the query failed. */
export function unreachable(f: Fields): Blocked | undefined {
  if (f.get('client') === 'missing') {
    return blocked('E_TOOL_MISSING', {
      tool: 'mysql client',
      hint: 'install mysql-client or mariadb-client in an earlier task',
    });
  }
  return f.get('error') === undefined ? undefined : blocked('E_MYSQL_UNREACHABLE', { why: errorOf(f) });
}

/** The client's last error message. */
export function errorOf(f: Fields): string {
  return (
    decodeText(f.get('error') ?? '')
      .split('\n')
      .at(-1) ?? ''
  );
}

/**
 * Parses a row of --batch: columns are separated by tabs, and \t
 *  \\ are escaped.
 */
export function columns(row: string): readonly string[] {
  return row
    .split('\t')
    .map((column) => column.replace(/\\([tn0\\])/g, (_, c: string) => ({ t: '\t', n: '\n', '0': '\0' })[c] ?? '\\'));
}

/** A text as an SQL literal. */
export function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** The name of a database, table or variable as an SQL identifier. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
