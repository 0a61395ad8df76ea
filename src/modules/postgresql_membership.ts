import { type Static, Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag, names } from './shared/args.ts';
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

const Args = args({
  groups: names('The roles of which others are members.'),
  target_roles: names('The roles that are members.'),
  state: Type.Enum(['present', 'absent', 'exact'], {
    default: 'present',
    description: 'Whether the roles are members. exact: of these groups, and of no others.',
  }),
  fail_on_role: flag('Fail if a role does not exist. Otherwise it is left out.', true),
  login_db: Type.String({ default: 'postgres', description: 'The database to log in to.' }),
  ...login,
});
type Args = Static<typeof Args>;
type Membership = Readonly<{ group: string; member: string }>;

export const postgresql_membership = defineModule<typeof Args, Fields>({
  name: 'postgresql_membership',
  summary: 'Roles of PostgreSQL are members of other roles, or are not.',
  args: Args,
  aliases: {
    group: 'groups',
    source_role: 'groups',
    source_roles: 'groups',
    target_role: 'target_roles',
    user: 'target_roles',
    users: 'target_roles',
    db: 'login_db',
    database: 'login_db',
    ...LOGIN_ALIASES,
  },
  examples: [{ title: 'Who may read', args: { groups: ['readers'], target_roles: ['ada', 'bob'] } }],
  verify: loginErrors,
  needs: () => POSTGRESQL_NEEDS,
  touches: () => POSTGRESQL_TOUCHES,
  probe: (given) => {
    const { groups, target_roles } = given;
    const list = [...groups, ...target_roles].map(literal).join(', ');
    const members = target_roles.map(literal).join(', ');
    return sh`${client(given, given.login_db)}
${ask(given, 'role', `SELECT rolname AS name FROM pg_roles WHERE rolname IN (${list || "''"})`)}
${ask(
  given,
  'member',
  `SELECT DISTINCT g.rolname AS "group", m.rolname AS member FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member WHERE m.rolname IN (${members || "''"}) ORDER BY 1, 2`,
)}`;
  },
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const there = rolesOf(f);
    const missing = [...given.groups, ...given.target_roles].find((role) => !there.includes(role));
    if (missing !== undefined && given.fail_on_role) {
      const hint = 'create it in an earlier task (postgresql_user), or set `fail_on_role: false`';
      return blocked('E_NOT_ON_HOST', { what: 'role', name: missing, hint });
    }
    const { granted, revoked } = differences(f, given);
    const todo = [...granted.map(grant), ...revoked.map(revoke)];
    if (todo.length === 0) return [];
    const is = membersOf(f);
    const after = [...is.filter((one) => !revoked.some((other) => isSame(one, other))), ...granted];
    return [
      {
        what: todo.join('; '),
        diff: { of: 'members', before: linesOf(is), after: linesOf(after) },
        run: execute(given, given.login_db, todo),
      },
    ];
  },
  data(f, given, _ctx, ran) {
    const { state } = given;
    const { granted, revoked } = ran === undefined ? NOTHING : differences(f, given);
    const { groups, target_roles } = present(f, given);
    return {
      state,
      groups,
      target_roles,
      queries: [...granted.map(grant), ...revoked.map(revoke)],
      ...(state !== 'absent' && { granted: byGroup(granted, state === 'exact' ? [] : groups) }),
      ...(state !== 'present' && { revoked: byGroup(revoked, state === 'exact' ? [] : groups) }),
    };
  },
});

type Differences = Readonly<{ granted: readonly Membership[]; revoked: readonly Membership[] }>;
const NOTHING: Differences = { granted: [], revoked: [] };

const isSame = (a: Membership, b: Membership): boolean => a.group === b.group && a.member === b.member;
const grant = ({ group, member }: Membership): string => `GRANT ${identifier(group)} TO ${identifier(member)}`;
const revoke = ({ group, member }: Membership): string => `REVOKE ${identifier(group)} FROM ${identifier(member)}`;
const rolesOf = (f: Fields): readonly string[] => rows(f, 'role').map((row) => column(row, 'name'));
const membersOf = (f: Fields): readonly Membership[] =>
  rows(f, 'member').map((row) => ({ group: column(row, 'group'), member: column(row, 'member') }));

function linesOf(all: readonly Membership[]): string {
  const lines = all.map(({ group, member }) => `${member} in ${group}\n`);
  return lines.sort().join('');
}

/** The roles that exist. */
function present(f: Fields, { groups, target_roles }: Args) {
  const there = rolesOf(f);
  const only = (all: readonly string[]): readonly string[] => all.filter((role) => there.includes(role));
  return { groups: only(groups), target_roles: only(target_roles) };
}

function differences(f: Fields, given: Args): Differences {
  const { groups, target_roles } = present(f, given);
  const is = membersOf(f);
  const wanted = groups.flatMap((group) => target_roles.map((member) => ({ group, member })));
  const isIn = (all: readonly Membership[]) => (one: Membership) => all.some((other) => isSame(one, other));
  return {
    granted: given.state === 'absent' ? [] : wanted.filter((one) => !isIn(is)(one)),
    revoked:
      given.state === 'present'
        ? []
        : given.state === 'absent'
          ? wanted.filter(isIn(is))
          : is.filter((one) => !isIn(wanted)(one)),
  };
}

function byGroup(all: readonly Membership[], groups: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const names = new Set([...groups, ...all.map(({ group }) => group)]);
  return Object.fromEntries(
    [...names].map((name) => [name, all.filter(({ group }) => group === name).map(({ member }) => member)]),
  );
}
