import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, type Context, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, exclude, flag, text } from './shared/args.ts';
import { hexBytes } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  client,
  columns,
  execute,
  LOGIN_ALIASES,
  literal,
  login,
  MYSQL_NEEDS,
  unreachable,
} from './shared/mysql.ts';
import { identified, isIdentified, LIMITS, limitsSql, requireSql, tlsText, wantedTls } from './shared/mysql-account.ts';
import {
  applied,
  describePrivileges,
  difference,
  grantStatements,
  parseGrants,
  parsePrivileges,
} from './shared/privileges.ts';

const Args = args({
  name: Type.String({ description: 'The name of the user.' }),
  host: Type.String({
    default: 'localhost',
    minLength: 1,
    description: 'The hosts from which the user may connect: localhost, 10.82.0.%, %.',
  }),
  host_all: flag('With absent, or for privileges: apply to all hosts of the user.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the user exists.' }),
  password: Type.Optional(Type.String({ secret: true, description: 'The password or, with encrypted, its hash.' })),
  encrypted: flag('The password is a hash.'),
  plugin: text('The authentication plugin: caching_sha2_password, auth_socket, unix_socket …'),
  plugin_auth_string: Type.Optional(
    Type.String({ secret: true, description: "The plugin's argument: a password, or a name for auth_socket." }),
  ),
  plugin_hash_string: Type.Optional(Type.String({ secret: true, description: 'The hash that the plugin stores.' })),
  priv: Type.Optional(
    Type.Union([Type.String(), Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]))], {
      expected: "'db.*:SELECT,INSERT/other.*:ALL', or a dict of the same",
      description:
        "The privileges: 'app.*:SELECT,INSERT/*.*:PROCESS', or a dict. All others are revoked, unless append_privs is set.",
    }),
  ),
  append_privs: flag("Add priv to the user's privileges."),
  subtract_privs: flag("Remove priv from the user's privileges."),
  tls_requires: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
      description: 'Required TLS: {SSL: null}, {X509: null}, or {SUBJECT: …, ISSUER: …, CIPHER: …}. Empty: none.',
    }),
  ),
  resource_limits: Type.Optional(
    Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
      description: 'Limits: {MAX_USER_CONNECTIONS: 20, MAX_QUERIES_PER_HOUR: …}',
    }),
  ),
  update_password: Type.Enum(['always', 'on_create', 'on_new_username'], {
    default: 'always',
    description: 'With on_create, the password of an existing user is not changed.',
  }),
  sql_log_bin: flag('Write the changes to the binary log, so that replicas make them too.', true),
  check_implicit_admin: flag('Try root without a password first. On a new server, this sets its password.'),
  column_case_sensitive: Type.Optional(Type.Boolean({ description: 'No effect: column names keep their case.' })),
  ...login,
});
type Args = Static<typeof Args>;

type Account = Readonly<{
  host: string;
  plugin: string;
  hash: Uint8Array;
  tls: string;
  limits: readonly number[];
  grants: readonly string[];
}>;
type Current = Readonly<{ fields: Fields; isMaria: boolean; accounts: readonly Account[]; nativeHash: string }>;

export const mysql_user = defineModule<typeof Args, Current>({
  name: 'mysql_user',
  summary: 'Manages a MySQL or MariaDB user with its password and privileges.',
  args: Args,
  aliases: { user: 'name', ...LOGIN_ALIASES },
  examples: [
    {
      title: 'Create a user for an application',
      args: {
        name: 'app',
        host: '10.82.0.%',
        password: 'secret',
        priv: 'app.*:SELECT,INSERT,UPDATE,DELETE',
        tls_requires: { SSL: null },
        login_unix_socket: '/run/mysqld/mysqld.sock',
      },
    },
    {
      title: "Authenticate by the host's user name",
      args: { name: 'prometheus', plugin: 'auth_socket', priv: '*.*:PROCESS,REPLICATION CLIENT' },
    },
    { title: 'Remove a user for all hosts', args: { name: 'old', host_all: true, state: 'absent' } },
  ],
  verify: (given) => [
    ...exclude(given, 'append_privs', 'subtract_privs'),
    ...exclude(given, 'plugin_hash_string', 'plugin_auth_string'),
    ...exclude(given, 'plugin', 'password'),
    ...(given.priv !== undefined && parsePrivileges(given.priv) === undefined
      ? [
          argError(['priv'], 'E_ARGUMENT_VALUE', {
            problem: 'the privileges cannot be read',
            expected: "'db.table:PRIVILEGE,PRIVILEGE/…'",
          }),
        ]
      : []),
    ...(given.host_all && given.state === 'present' && given.password !== undefined
      ? [argError(['host_all'], 'E_ARGUMENT_CONFLICT', { problem: "'host_all' and 'password' exclude each other" })]
      : []),
    ...Object.keys(given.resource_limits ?? {})
      .filter((key) => !(key in LIMITS))
      .map((key) =>
        argError(['resource_limits', key], 'E_ARGUMENT_VALUE', {
          problem: `there is no limit '${key}'`,
          expected: `one of ${Object.keys(LIMITS).join(', ')}`,
        }),
      ),
    ...Object.keys(given.tls_requires ?? {})
      .filter((key) => !/^(SSL|X509|SUBJECT|ISSUER|CIPHER)$/i.test(key))
      .map((key) =>
        argError(['tls_requires', key], 'E_ARGUMENT_VALUE', {
          problem: `there is no requirement '${key}'`,
          expected: 'one of SSL, X509, SUBJECT, ISSUER, CIPHER',
        }),
      ),
  ],
  needs: () => MYSQL_NEEDS,
  touches: () => ['mysql:*', 'live:*'],
  probe(given) {
    const { name, host, host_all, password, encrypted } = given;
    const where = `User = ${literal(name)}${host_all ? '' : ` AND Host = ${literal(host)}`}`;
    // MySQL 9 has neither SHA1() nor the plugin that needs it, so the query prints nothing there.
    const native =
      password === undefined || encrypted
        ? sh``
        : sh`printf '%s\n' ${`SELECT CONCAT('*', UPPER(SHA1(UNHEX(SHA1(${literal(password)})))));`} | db --skip-column-names 2>/dev/null | sed 's/^/native /'`;
    return sh`${client(given)}
if out=$(printf '%s\n' ${`SELECT CONCAT('SHOW GRANTS FOR ', QUOTE(User), '@', QUOTE(Host), ';') FROM mysql.user WHERE ${where};`} | db --skip-column-names 2>/dev/null); then printf '%s\n' "$out" | db --skip-column-names 2>/dev/null | sed 's/^/grant /'; fi
${ask('account', `SELECT 'is', Host, plugin, HEX(authentication_string), ssl_type, ssl_cipher, x509_issuer, x509_subject, max_questions, max_updates, max_connections, max_user_connections FROM mysql.user WHERE ${where};\nSELECT 'version', VERSION();`)}
${native}`;
  },
  parse(stdout) {
    const f = fields(stdout);
    const rows = f.all('account').map(columns);
    const grants = f.all('grant').map((row) => columns(row)[0] ?? '');
    const accounts = rows
      .filter(([kind]) => kind === 'is')
      .map(([, host = '', plugin = '', hash = '', type = '', cipher = '', issuer = '', subject = '', ...limits]) => ({
        host,
        plugin,
        hash: hexBytes(hash),
        tls: tlsText(type, cipher, issuer, subject),
        limits: limits.map(Number),
        grants: grants.filter((line) => isFor(line, host)),
      }));
    return {
      fields: f,
      isMaria: /mariadb/i.test(rows.find(([kind]) => kind === 'version')?.[1] ?? ''),
      accounts,
      nativeHash: f.get('native') ?? '',
    };
  },
  plan(current, given, ctx): Steps {
    const away = unreachable(current.fields);
    if (away !== undefined) return away;
    const { name, host, state, host_all } = given;
    if (state === 'absent') {
      return current.accounts.map((account) => ({
        what: `drop ${name}@${account.host}`,
        diff: {
          of: `${name}@${account.host}`,
          before: describePrivileges(parseGrants(account.grants)) || 'present\n',
          after: null,
        },
        run: run(given, [`DROP USER ${accountSql(name, account.host)}`]),
      }));
    }
    if (host_all && current.accounts.length > 0)
      return current.accounts.flatMap((account) => modify(account, current, given, ctx));
    const [account] = current.accounts;
    return account === undefined ? create(current, given, host) : modify(account, current, given, ctx);
  },
  data: ({ accounts }, { name, host }) => ({ user: name, host, plugins: accounts.map(({ plugin }) => plugin) }),
});

/** SQL text that goes into a here-document unchanged. */
function accountSql(name: string, host: string): string {
  return `${literal(name)}@${literal(host)}`;
}

/** Matches `TO 'user'@'host'` in any kind of quotes that the server uses. */
function isFor(grant: string, host: string): boolean {
  const match = /TO [`'](?:[^`']|``|'')*[`']@[`']((?:[^`']|``|'')*)[`']/.exec(grant);
  return match?.[1] === host;
}

function run(given: Args, statements: readonly string[]) {
  return execute(given, given.sql_log_bin ? statements : ['SET SESSION sql_log_bin = 0', ...statements]);
}

function create({ isMaria }: Current, given: Args, host: string): readonly Change[] {
  const { name, priv, tls_requires, resource_limits } = given;
  const account = accountSql(name, host);
  const want = priv === undefined ? undefined : parsePrivileges(priv);
  const statements = [
    `CREATE USER ${account}${identified(given, isMaria)}${tls_requires === undefined ? '' : requireSql(tls_requires)}${limitsSql(resource_limits)}`,
    ...(want === undefined ? [] : grantStatements(difference(new Map(), want, 'append'), account)),
  ];
  return [
    {
      what: `create ${name}@${host}`,
      diff: { of: `${name}@${host}`, before: null, after: describePrivileges(want ?? new Map()) || 'no privileges\n' },
      run: run(given, statements),
    },
  ];
}

function modify(account: Account, current: Current, given: Args, ctx: Context): readonly Change[] {
  const { name, priv, append_privs, subtract_privs, tls_requires, resource_limits, update_password } = given;
  const sql = accountSql(name, account.host);
  const of = `${name}@${account.host}`;
  const steps: Change[] = [];
  if (update_password === 'always' && !isIdentified(account, current.nativeHash, given, ctx.sha256)) {
    steps.push({
      what: `${of}: ${given.plugin === undefined ? 'password' : `plugin ${given.plugin}`}`,
      run: run(given, [`ALTER USER ${sql}${identified(given, current.isMaria)}`]),
    });
  }
  if (tls_requires !== undefined && account.tls !== wantedTls(tls_requires)) {
    steps.push({
      what: `${of}: TLS`,
      diff: { of: `${of} TLS`, before: `${account.tls || 'none'}\n`, after: `${wantedTls(tls_requires) || 'none'}\n` },
      run: run(given, [`ALTER USER ${sql}${requireSql(tls_requires)}`]),
    });
  }
  const limits = Object.entries(resource_limits ?? {}).filter(
    ([key, value]) => account.limits[LIMITS[key] ?? 0] !== value,
  );
  if (limits.length > 0)
    steps.push({
      what: `${of}: limits`,
      run: run(given, [`ALTER USER ${sql}${limitsSql(Object.fromEntries(limits))}`]),
    });
  const want = priv === undefined ? undefined : parsePrivileges(priv);
  if (want === undefined) return steps;
  const have = parseGrants(account.grants);
  const differ = difference(have, want, append_privs ? 'append' : subtract_privs ? 'subtract' : 'exact');
  if (differ.grant.size === 0 && differ.revoke.size === 0) return steps;
  return [
    ...steps,
    {
      what: `${of}: privileges`,
      diff: { of, before: describePrivileges(have), after: describePrivileges(applied(have, differ)) },
      run: run(given, grantStatements(differ, sql)),
    },
  ];
}
