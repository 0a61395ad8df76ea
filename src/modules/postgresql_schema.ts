import { type Static, Type } from 'typebox';
import { defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
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

const Args = args({
  name: Type.String({ minLength: 1, description: 'The schema.' }),
  login_db: Type.String({ default: 'postgres', description: 'The database with the schema.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the schema exists.' }),
  owner: text('The role that owns the schema.'),
  comment: text('A comment. An empty one removes the present comment.'),
  cascade_drop: flag('With absent: drop everything in the schema too.'),
  ...login,
});
type Args = Static<typeof Args>;

export const postgresql_schema = defineModule<typeof Args, Fields>({
  name: 'postgresql_schema',
  summary: 'A schema of a PostgreSQL database exists, or does not.',
  args: Args,
  aliases: { schema: 'name', db: 'login_db', database: 'login_db', ...LOGIN_ALIASES },
  examples: [{ title: 'A schema of an application', args: { name: 'app', login_db: 'shop', owner: 'app' } }],
  verify: loginErrors,
  needs: () => POSTGRESQL_NEEDS,
  touches: () => POSTGRESQL_TOUCHES,
  probe: (given) => sh`${client(given, given.login_db)}
${ask(
  given,
  'schema',
  `SELECT pg_get_userbyid(nspowner) AS owner, obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = ${literal(given.name)}`,
)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const is = rows(f, 'schema')[0];
    const todo = statements(f, given);
    if (todo.length === 0) return [];
    const verb = is === undefined ? 'create' : given.state === 'absent' ? 'drop' : 'change';
    return [
      {
        what: `${verb} schema ${given.name}`,
        diff: {
          of: `schema ${given.name} of ${given.login_db}`,
          before: is === undefined ? null : `owner ${column(is, 'owner')}\n`,
          after: given.state === 'absent' ? null : `${todo.join('\n')}\n`,
        },
        run: execute(given, given.login_db, todo),
      },
    ];
  },
  data: (f, given, _ctx, ran) => ({ schema: given.name, queries: ran === undefined ? [] : statements(f, given) }),
});

function statements(f: Fields, { name, state, owner = '', comment, cascade_drop }: Args): readonly string[] {
  const is = rows(f, 'schema')[0];
  const id = identifier(name);
  if (state === 'absent') return is === undefined ? [] : [`DROP SCHEMA ${id}${cascade_drop ? ' CASCADE' : ''}`];
  return [
    ...(is === undefined ? [`CREATE SCHEMA ${id}${owner === '' ? '' : ` AUTHORIZATION ${identifier(owner)}`}`] : []),
    ...(is !== undefined && owner !== '' && column(is, 'owner') !== owner
      ? [`ALTER SCHEMA ${id} OWNER TO ${identifier(owner)}`]
      : []),
    ...(comment !== undefined && column(is, 'comment') !== comment ? [commentOn('SCHEMA', name, comment)] : []),
  ];
}
