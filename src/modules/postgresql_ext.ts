import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule, type Steps } from '../core/module.ts';
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
  name: Type.String({ minLength: 1, description: 'The extension: pg_trgm.' }),
  login_db: Type.String({ minLength: 1, description: 'The database.' }),
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'Whether the database has the extension.',
  }),
  schema: text('The schema that gets the objects of the extension.'),
  version: text("The version. 'latest': the default version of what is installed on the host."),
  cascade: flag('Create the extensions that this one needs too, or drop those that need this one.'),
  comment: text('A comment. An empty one removes the present comment.'),
  ...login,
});
type Args = Static<typeof Args>;

export const postgresql_ext = defineModule<typeof Args, Fields>({
  name: 'postgresql_ext',
  summary: 'A PostgreSQL database has an extension, or does not.',
  args: Args,
  aliases: { ext: 'name', db: 'login_db', ...LOGIN_ALIASES },
  examples: [{ title: 'Search by trigrams', args: { name: 'pg_trgm', login_db: 'shop' } }],
  verify: (given) => [
    ...loginErrors(given),
    ...(given.state === 'absent' && given.version !== undefined
      ? [
          argError(['version'], 'E_ARGUMENT_CONFLICT', {
            problem: "'version' has no meaning with state: absent",
            hint: 'remove it',
          }),
        ]
      : []),
  ],
  needs: () => POSTGRESQL_NEEDS,
  touches: () => POSTGRESQL_TOUCHES,
  probe: ({ name, version = '', ...given }) => sh`${client(given, given.login_db)}
${ask(
  given,
  'extension',
  `SELECT e.extversion AS version, n.nspname AS schema, e.extrelocatable AS movable, obj_description(e.oid, 'pg_extension') AS comment FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = ${literal(name)}`,
)}
${ask(given, 'offered', `SELECT default_version AS latest FROM pg_available_extensions WHERE name = ${literal(name)}`)}
${ask(
  given,
  'version',
  `SELECT version, (SELECT path IS NOT NULL FROM pg_extension_update_paths(name) JOIN pg_extension ON extname = name WHERE source = extversion AND target = version) AS reachable FROM pg_available_extension_versions WHERE name = ${literal(name)} AND version = ${literal(version)}`,
)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const wrong = obstacle(f, given);
    if (wrong !== undefined) return wrong;
    const todo = statements(f, given);
    if (todo.length === 0) return [];
    const is = rows(f, 'extension')[0];
    const verb = is === undefined ? 'create' : given.state === 'absent' ? 'drop' : 'change';
    return [
      {
        what: `${verb} extension ${given.name} in ${given.login_db}`,
        diff: {
          of: `extension ${given.name} in ${given.login_db}`,
          before: is === undefined ? null : `version ${column(is, 'version')}, schema ${column(is, 'schema')}\n`,
          after: given.state === 'absent' ? null : `${todo.join('\n')}\n`,
        },
        run: execute(given, given.login_db, todo),
      },
    ];
  },
  data(f, given, _ctx, ran) {
    const version = column(rows(f, 'extension')[0], 'version');
    return {
      ext: given.name,
      db: given.login_db,
      prev_version: version,
      version,
      queries: ran === undefined ? [] : statements(f, given),
    };
  },
});

function obstacle(f: Fields, { name, state, version, ...given }: Args): Blocked | undefined {
  if (state === 'absent') return undefined;
  const is = rows(f, 'extension')[0];
  if (is === undefined && rows(f, 'offered').length === 0) {
    return blocked('E_NOT_ON_HOST', { what: 'extension', name, hint: 'install its package in an earlier task' });
  }
  if (
    given.schema !== undefined &&
    is !== undefined &&
    column(is, 'schema') !== given.schema &&
    is['movable'] !== true
  ) {
    return blocked('E_POSTGRESQL_REFUSED', {
      why: `extension ${name} is in schema ${column(is, 'schema')} and cannot be moved`,
    });
  }
  if (version === undefined || version === 'latest' || column(is, 'version') === version) return undefined;
  const offered = rows(f, 'version')[0];
  if (offered === undefined)
    return blocked('E_POSTGRESQL_REFUSED', { why: `extension ${name} is not available in version ${version}` });
  return is === undefined || offered['reachable'] === true
    ? undefined
    : blocked('E_POSTGRESQL_REFUSED', {
        why: `extension ${name} cannot be updated from version ${column(is, 'version')} to ${version}`,
      });
}

function statements(f: Fields, { name, state, schema, version, cascade, comment }: Args): readonly string[] {
  const is = rows(f, 'extension')[0];
  const id = identifier(name);
  const more = cascade ? ' CASCADE' : '';
  if (state === 'absent') return is === undefined ? [] : [`DROP EXTENSION ${id}${more}`];
  const wanted = version === 'latest' ? column(rows(f, 'offered')[0], 'latest') : version;
  return [
    ...(is === undefined
      ? [
          `CREATE EXTENSION ${id}${schema === undefined ? '' : ` SCHEMA ${identifier(schema)}`}${wanted === undefined ? '' : ` VERSION ${literal(wanted)}`}${more}`,
        ]
      : []),
    ...(is !== undefined && wanted !== undefined && column(is, 'version') !== wanted
      ? [`ALTER EXTENSION ${id} UPDATE TO ${literal(wanted)}`]
      : []),
    ...(is !== undefined && schema !== undefined && column(is, 'schema') !== schema
      ? [`ALTER EXTENSION ${id} SET SCHEMA ${identifier(schema)}`]
      : []),
    ...(comment !== undefined && column(is, 'comment') !== comment ? [commentOn('EXTENSION', name, comment)] : []),
  ];
}
