import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Context, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { args, flag, optionalFlag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  client,
  column,
  commentOn,
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
import { isScramOf } from './shared/scram.ts';

const Args = args({
  name: Type.String({ minLength: 1, description: 'The role.' }),
  password: Type.Optional(
    Type.String({ secret: true, description: 'The password, or its md5 or SCRAM hash. An empty one removes it.' }),
  ),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the role exists.' }),
  login_db: text('The database to connect to.'),
  role_attr_flags: Type.String({
    default: '',
    description: 'Attributes, separated by commas: CREATEDB,NOSUPERUSER. NOLOGIN makes a role that serves as a group.',
  }),
  encrypted: optionalFlag('Only true: PostgreSQL 10 and newer store no password unencrypted.'),
  expires: text("The date at which the password expires. 'infinity': never."),
  no_password_changes: flag('Do not compare or change the password of a role that exists.'),
  conn_limit: Type.Optional(Type.Integer({ minimum: -1, description: 'The number of connections. -1: no limit.' })),
  comment: text('A comment. An empty one removes the present comment.'),
  configuration: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
    default: {},
    description: 'Settings of the sessions of the role: {work_mem: 16MB}.',
  }),
  reset_unspecified_configuration: flag('Reset the settings of the role that configuration does not list.'),
  fail_on_user: flag('Fail if the role cannot be removed because objects depend on it.', true),
  ...login,
});
type Args = Static<typeof Args>;

const COLUMNS: Readonly<Record<string, string>> = {
  SUPERUSER: 'rolsuper',
  CREATEROLE: 'rolcreaterole',
  CREATEDB: 'rolcreatedb',
  INHERIT: 'rolinherit',
  LOGIN: 'rolcanlogin',
  REPLICATION: 'rolreplication',
  BYPASSRLS: 'rolbypassrls',
};
const KEPT = 'bringup: the role is kept';

export const postgresql_user = defineModule<typeof Args, Fields>({
  name: 'postgresql_user',
  summary: 'Manages a PostgreSQL role with its password and attributes. Privileges: postgresql_privs.',
  args: Args,
  aliases: { user: 'name', db: 'login_db', fail_on_role: 'fail_on_user', ...LOGIN_ALIASES },
  examples: [
    {
      title: 'Create a role for an application',
      args: { name: 'app', password: 'secret', role_attr_flags: 'NOSUPERUSER' },
    },
    { title: 'Remove a role', args: { name: 'old', state: 'absent' } },
  ],
  verify: (given) => [
    ...loginErrors(given),
    ...flagsOf(given)
      .filter((one) => COLUMNS[one.replace(/^NO/, '')] === undefined)
      .map((one) =>
        argError(['role_attr_flags'], 'E_ARGUMENT_VALUE', {
          problem: `there is no attribute '${one}'`,
          expected: `${Object.keys(COLUMNS).join(', ')}, or the same with NO before it`,
        }),
      ),
    ...(given.encrypted === false
      ? [
          argError(['encrypted'], 'E_ARGUMENT_VALUE', {
            problem: 'PostgreSQL 10 and newer store no password unencrypted',
            hint: 'remove `encrypted: false`',
          }),
        ]
      : []),
  ],
  needs: () => POSTGRESQL_NEEDS,
  touches: () => POSTGRESQL_TOUCHES,
  probe: (given) => sh`${client(given, given.login_db)}
${ask(
  given,
  'role',
  `SELECT r.*, shobj_description(r.oid, 'pg_authid') AS comment, (SELECT coalesce(json_agg(c), '[]') FROM pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setrole = r.oid AND s.setdatabase = 0) AS config${
    given.expires === undefined
      ? ''
      : `, r.rolvaliduntil IS NOT DISTINCT FROM ${literal(given.expires)}::timestamptz AS expires`
  } FROM pg_roles r WHERE r.rolname = ${literal(given.name)}`,
)}
${
  given.password === undefined || given.no_password_changes
    ? sh`:`
    : sh`p=$(printf %s ${`SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = ${literal(given.name)};\n`} | db 2>/dev/null) && printf 'password %s\n' "$p"`
}
:`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const { name, state, fail_on_user } = given;
    const is = rows(f, 'role')[0];
    if (state === 'absent') {
      if (is === undefined) return [];
      const drop = execute(given, given.login_db, [`DROP ROLE ${identifier(name)}`]);
      return [
        {
          what: `drop role ${name}`,
          diff: { of: `role ${name}`, before: 'present\n', after: null },
          run: fail_on_user ? drop : sh`( ${drop} ) || echo ${KEPT}`,
          ...(!fail_on_user && { unaltered: KEPT, excused: true as const }),
        },
      ];
    }
    const todo = statements(f, given, ctx);
    if (todo.length === 0) return [];
    return [
      {
        what: `${is === undefined ? 'create' : 'change'} role ${name}: ${todo.map((one) => one.what).join(', ')}`,
        diff: {
          of: `role ${name}`,
          before: is === undefined ? null : todo.map(({ before }) => `${before}\n`).join(''),
          after: todo.map(({ what }) => `${what}\n`).join(''),
        },
        run: run(
          given,
          todo.map(({ sql }) => sql),
        ),
        // A role without access to pg_authid cannot see whether the password is set.
        ...(f.get('password') === undefined && given.password !== undefined && { excused: true as const }),
      },
    ];
  },
  data: (f, given, ctx, ran) => ({
    user: given.name,
    queries:
      ran === undefined || given.state === 'absent'
        ? []
        : statements(f, given, ctx).map(({ sql, shown }) => shown ?? sql),
    ...(given.state === 'absent' && { user_removed: ran !== undefined && !ran.stdout.includes(KEPT) }),
  }),
});

function run(given: Args, todo: readonly string[]): Script {
  return execute(given, given.login_db, ['BEGIN', ...todo, 'COMMIT']);
}

function flagsOf({ role_attr_flags }: Args): readonly string[] {
  return role_attr_flags
    .split(',')
    .map((one) => one.trim().toUpperCase())
    .filter((one) => one !== '');
}

type Todo = Readonly<{ what: string; before: string; sql: string; shown?: string }>;

function statements(f: Fields, given: Args, ctx: Context): readonly Todo[] {
  const { name, password, expires, conn_limit, comment } = given;
  const is = rows(f, 'role')[0];
  const id = identifier(name);
  const alter = `ALTER ROLE ${id}`;
  const flags = flagsOf(given).filter((one) => {
    const now = is?.[COLUMNS[one.replace(/^NO/, '')] ?? ''];
    return is === undefined || now !== !one.startsWith('NO');
  });
  const hasLogin = flagsOf(given).some((one) => one === 'LOGIN' || one === 'NOLOGIN');
  const isSet = is !== undefined && password !== undefined && (given.no_password_changes || isStored(f, given, ctx));
  const settings = settingsOf(f, given);
  return [
    ...(is === undefined
      ? [
          {
            what: `attributes ${[...(hasLogin ? [] : ['LOGIN']), ...flags].join(' ')}`,
            before: '',
            sql: `CREATE ROLE ${id} ${[...(hasLogin ? [] : ['LOGIN']), ...flags].join(' ')}`,
          },
        ]
      : flags.map((one) => ({
          what: one,
          before: one.startsWith('NO') ? one.slice(2) : `NO${one}`,
          sql: `${alter} ${one}`,
        }))),
    ...(password === undefined || isSet
      ? []
      : [
          password === ''
            ? { what: 'no password', before: 'password', sql: `${alter} PASSWORD NULL` }
            : {
                what: 'password',
                before: 'another password',
                sql: `${alter} PASSWORD ${literal(password)}`,
                shown: `${alter} PASSWORD '********'`,
              },
        ]),
    ...(expires === undefined || is?.['expires'] === true
      ? []
      : [
          {
            what: `expires ${expires}`,
            before: `expires ${column(is, 'rolvaliduntil')}`,
            sql: `${alter} VALID UNTIL ${literal(expires)}`,
          },
        ]),
    ...(conn_limit === undefined || (is !== undefined && column(is, 'rolconnlimit') === String(conn_limit))
      ? []
      : [
          {
            what: `connection limit ${conn_limit}`,
            before: `connection limit ${column(is, 'rolconnlimit')}`,
            sql: `${alter} CONNECTION LIMIT ${conn_limit}`,
          },
        ]),
    ...(comment === undefined || column(is, 'comment') === comment
      ? []
      : [
          {
            what: `comment ${comment}`,
            before: `comment ${column(is, 'comment')}`,
            sql: commentOn('ROLE', name, comment),
          },
        ]),
    ...settings.map(({ key, before, after }) => ({
      what: `${key} = ${after ?? 'default'}`,
      before: `${key} = ${before ?? 'default'}`,
      sql:
        after === undefined
          ? `${alter} RESET ${identifier(key)}`
          : `${alter} SET ${identifier(key)} TO ${literal(after)}`,
    })),
  ];
}

function settingsOf(f: Fields, { configuration, reset_unspecified_configuration }: Args) {
  const list = rows(f, 'role')[0]?.['config'];
  const now = new Map(
    (Array.isArray(list) ? list : []).map((one: unknown): [string, string] => {
      const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(String(one)) ?? [];
      return [key, value];
    }),
  );
  const wanted = Object.entries(configuration).map(([key, value]) => ({
    key,
    before: now.get(key),
    after: typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value),
  }));
  const rest = [...now].filter(([key]) => reset_unspecified_configuration && configuration[key] === undefined);
  return [
    ...wanted.filter(({ before, after }) => before !== after),
    ...rest.map(([key, before]) => ({ key, before, after: undefined })),
  ];
}

/** Whether the password is the stored one. */
function isStored(f: Fields, { name, password = '' }: Args, ctx: Context): boolean {
  const stored = f.get('password');
  if (stored === undefined) return false;
  if (password === '' || password === stored) return password === stored;
  if (stored.startsWith('md5')) return stored === `md5${ctx.md5(`${password}${name}`)}`;
  return isScramOf(stored, password, ctx.sha256);
}
