import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag, optionalFlag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  client,
  column,
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
import {
  DEFAULTS,
  defaultsQuery,
  type Grant,
  grantsOf,
  KINDS,
  type KindName,
  objectSql,
  objectsQuery,
} from './shared/postgresql-acl.ts';

const Args = args({
  login_db: Type.String({ minLength: 1, description: 'The database to connect to.' }),
  roles: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: 'The roles. PUBLIC: every role.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'present: granted. absent: revoked.' }),
  type: Type.Enum([...(Object.keys(KINDS) as KindName[]), 'group', 'default_privs'], {
    default: 'table',
    description: 'The type of the objects. group: membership in the roles that objs names.',
  }),
  objs: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description:
        'The objects. ALL_IN_SCHEMA: all of the type in the schema. A function is written add(int:int). With default_privs: TABLES, SEQUENCES, FUNCTIONS, TYPES, SCHEMAS or ALL_DEFAULT. Default for type database: login_db.',
    }),
  ),
  privs: Type.Optional(
    Type.Array(Type.String({ pattern: '^[A-Za-z ]+$', expected: 'a privilege: SELECT' }), {
      description: 'The privileges: SELECT,INSERT. ALL: all that the type has.',
    }),
  ),
  schema: text('The schema of the objects. Default: public. With default_privs, not-specified means every schema.'),
  target_roles: Type.Optional(
    Type.Array(Type.String(), {
      description: 'With default_privs: the roles whose new objects get the privileges. Default: the login role.',
    }),
  ),
  grant_option: optionalFlag('Whether the roles may grant the privileges to others. Default: as it is.'),
  fail_on_role: flag('Fail if a role does not exist. Otherwise the role is left out.', true),
  ...login,
});
type Args = Static<typeof Args>;

export const postgresql_privs = defineModule<typeof Args, Fields>({
  name: 'postgresql_privs',
  summary: 'Grants or revokes privileges on objects of a PostgreSQL database.',
  args: Args,
  aliases: {
    database: 'login_db',
    db: 'login_db',
    role: 'roles',
    obj: 'objs',
    priv: 'privs',
    admin_option: 'grant_option',
    password: 'login_password',
    ...LOGIN_ALIASES,
  },
  examples: [
    {
      title: 'Read and write all tables',
      args: { login_db: 'shop', roles: ['app'], objs: ['ALL_IN_SCHEMA'], privs: ['SELECT', 'INSERT', 'UPDATE'] },
    },
    { title: 'A group', args: { login_db: 'postgres', type: 'group', objs: ['readers'], roles: ['ada'] } },
    {
      title: 'Tables to come',
      args: {
        login_db: 'shop',
        type: 'default_privs',
        objs: ['TABLES'],
        privs: ['SELECT'],
        roles: ['readers'],
        target_roles: ['app'],
      },
    },
  ],
  verify: (given) => [...loginErrors(given), ...argErrors(given)],
  needs: () => POSTGRESQL_NEEDS,
  touches: () => POSTGRESQL_TOUCHES,
  probe: (given) => sh`${client(given, given.login_db)}
${ask(given, 'role', `SELECT rolname AS name FROM pg_roles WHERE rolname IN (${[...roles(given), ...(given.type === 'group' ? (given.objs ?? []) : []), ...(given.target_roles ?? [])].map(literal).join(', ')})`)}
${ask(given, 'object', query(given))}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const wrong = obstacle(f, given);
    if (wrong !== undefined) return wrong;
    const todo = statements(f, given);
    if (todo.length === 0) return [];
    return [
      {
        what: `${todo.length === 1 ? todo[0] : `${todo[0]} and ${todo.length - 1} more`}`,
        diff: { of: `privileges in ${given.login_db}`, before: null, after: `${todo.join('\n')}\n` },
        run: execute(given, given.login_db, ['BEGIN', ...todo, 'COMMIT']),
      },
    ];
  },
  data: (f, given, _ctx, ran) => ({ queries: ran === undefined ? [] : statements(f, given) }),
});

function argErrors({ type, objs, privs, target_roles, schema }: Args): readonly ArgError[] {
  const missing = (name: string): ArgError => argError([], 'E_MISSING_ARGUMENT', { name: `'${name}'` });
  const clash = (path: string, problem: string, hint: string): ArgError =>
    argError([path], 'E_ARGUMENT_CONFLICT', { problem, hint });
  const kind = type === 'group' || type === 'default_privs' ? undefined : KINDS[type];
  return [
    ...(objs === undefined && type !== 'database' ? [missing('objs')] : []),
    ...(privs === undefined && type !== 'group' ? [missing('privs')] : []),
    ...(privs !== undefined && type === 'group' ? [clash('privs', 'a group has no privileges', 'remove `privs`')] : []),
    ...(target_roles !== undefined && type !== 'default_privs'
      ? [clash('target_roles', "'target_roles' needs type: default_privs", 'remove it')]
      : []),
    ...(schema !== undefined && type !== 'default_privs' && !(kind !== undefined && 'inSchema' in kind)
      ? [clash('schema', `a ${type} is in no schema`, 'remove `schema`')]
      : []),
    ...(type === 'default_privs'
      ? (objs ?? [])
          .filter((one) => one !== 'ALL_DEFAULT' && DEFAULTS[one] === undefined)
          .map((one) =>
            argError(['objs'], 'E_ARGUMENT_VALUE', {
              problem: `'${one}' is not valid with type: default_privs`,
              expected: `one of ${Object.keys(DEFAULTS).join(', ')}, ALL_DEFAULT`,
            }),
          )
      : []),
  ];
}

const roles = ({ roles }: Args): readonly string[] =>
  roles.map((one) => (one.toUpperCase() === 'PUBLIC' ? 'PUBLIC' : one));
const isAll = ({ objs }: Args): boolean => objs?.length === 1 && objs[0] === 'ALL_IN_SCHEMA';
const schemaOf = ({ schema = 'public' }: Args): string => schema;
const defaultSchema = ({ schema = 'public' }: Args): string | undefined =>
  schema === 'not-specified' ? undefined : schema;
const objectsOf = (given: Args): readonly string[] =>
  given.type === 'default_privs' && (given.objs ?? []).includes('ALL_DEFAULT')
    ? Object.keys(DEFAULTS).filter((one) => one !== 'SCHEMAS')
    : (given.objs ?? [given.login_db]);

function query(given: Args): string {
  const { type, target_roles } = given;
  if (type === 'group') {
    return `SELECT g.rolname AS name, coalesce((SELECT json_agg(json_build_array(m.rolname, 'MEMBER', a.admin_option)) FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member WHERE a.roleid = g.oid), '[]') AS grants, '["MEMBER"]'::json AS all_privileges FROM pg_roles g WHERE g.rolname IN (${objectsOf(given).map(literal).join(', ')})`;
  }
  if (type === 'default_privs') return defaultsQuery(objectsOf(given), target_roles, defaultSchema(given));
  return objectsQuery(KINDS[type], isAll(given) ? 'all' : objectsOf(given), schemaOf(given));
}

function obstacle(f: Fields, given: Args): Blocked | undefined {
  const existing = new Set([...rows(f, 'role').map((row) => column(row, 'name')), 'PUBLIC']);
  const noRole = [...(given.fail_on_role ? roles(given) : []), ...(given.target_roles ?? [])].find(
    (one) => !existing.has(one),
  );
  if (noRole !== undefined) {
    return blocked('E_NOT_ON_HOST', {
      what: 'role',
      name: noRole,
      hint: `create it in an earlier task (postgresql_user: name=${noRole})`,
    });
  }
  if (isAll(given) || given.type === 'default_privs') return undefined;
  const found = new Set(rows(f, 'object').map((row) => column(row, 'name')));
  const name = objectsOf(given).find((one) => !found.has(one));
  const hint = 'create it in an earlier task, or correct `objs` and `schema`';
  return name === undefined
    ? undefined
    : blocked('E_NOT_ON_HOST', { what: given.type.replaceAll('_', ' '), name, hint });
}

function statements(f: Fields, given: Args): readonly string[] {
  const existing = new Set([...rows(f, 'role').map((row) => column(row, 'name')), 'PUBLIC']);
  const all = rows(f, 'object').flatMap((row) => {
    const list = row['all_privileges'];
    const possible = Array.isArray(list) ? list.map(String) : [];
    const given_ = grantsOf(row);
    return roles(given)
      .filter((role) => existing.has(role))
      .flatMap((role) => differing(given, column(row, 'name'), role, possible, given_));
  });
  return [...new Set(all)];
}

/** What one role lacks or has too much on one object. */
function differing(
  given: Args,
  object: string,
  role: string,
  possible: readonly string[],
  grants: readonly Grant[],
): readonly string[] {
  const { state, grant_option } = given;
  const wanted = wantedOf(given, possible);
  const has = new Map(
    grants.filter(({ to }) => to === role).map(({ privilege, isGrantable }) => [privilege, isGrantable]),
  );
  if (state === 'absent') {
    const gone = wanted.filter((one) => has.has(one));
    return gone.length === 0
      ? []
      : [sql(given, object, role, 'REVOKE', gone.length === wanted.length ? shown(given) : gone)];
  }
  const missing = wanted.filter((one) => !has.has(one) || (grant_option === true && has.get(one) === false));
  const excess = grant_option === false ? wanted.filter((one) => has.get(one) === true) : [];
  return [
    ...(missing.length === 0
      ? []
      : [sql(given, object, role, 'GRANT', missing.length === wanted.length ? shown(given) : missing)]),
    ...(excess.length === 0 ? [] : [sql(given, object, role, 'REVOKE OPTION', excess)]),
  ];
}

const upper = ({ privs = [] }: Args): readonly string[] => privs.map((one) => one.trim().toUpperCase());

function wantedOf(given: Args, possible: readonly string[]): readonly string[] {
  if (given.type === 'group') return ['MEMBER'];
  const names = upper(given);
  if (names.some((one) => one === 'ALL' || one === 'ALL PRIVILEGES')) return possible;
  return names.map((one) => (one === 'TEMP' ? 'TEMPORARY' : one));
}

const shown = (given: Args): readonly string[] => upper(given);

function sql(
  given: Args,
  object: string,
  role: string,
  verb: 'GRANT' | 'REVOKE' | 'REVOKE OPTION',
  privileges: readonly string[],
): string {
  const { type, grant_option } = given;
  const who = role === 'PUBLIC' ? 'PUBLIC' : identifier(role);
  const isGrant = verb === 'GRANT';
  if (type === 'group') {
    const option = verb === 'REVOKE OPTION' ? 'ADMIN OPTION FOR ' : '';
    return isGrant
      ? `GRANT ${identifier(object)} TO ${who}${grant_option === true ? ' WITH ADMIN OPTION' : ''}`
      : `REVOKE ${option}${identifier(object)} FROM ${who}`;
  }
  const on = type === 'default_privs' ? object.replace(/^.*\//s, '') : target(given, object);
  const body = `${verb === 'REVOKE OPTION' ? 'REVOKE GRANT OPTION FOR' : verb} ${privileges.join(', ')} ON ${on} ${isGrant ? 'TO' : 'FROM'} ${who}${isGrant && grant_option === true ? ' WITH GRANT OPTION' : ''}`;
  if (type !== 'default_privs') return body;
  const creator = object.replace(/\/[^/]*$/s, '');
  const schema = defaultSchema(given);
  const within = schema === undefined || on === 'SCHEMAS' ? '' : ` IN SCHEMA ${identifier(schema)}`;
  return `ALTER DEFAULT PRIVILEGES${creator === '' ? '' : ` FOR ROLE ${identifier(creator)}`}${within} ${body}`;
}

function target(given: Args, object: string): string {
  if (given.type === 'group' || given.type === 'default_privs') return object;
  const kind = KINDS[given.type];
  return `${kind.sql} ${objectSql(kind, object, schemaOf(given))}`;
}
