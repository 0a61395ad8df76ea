import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  client,
  column,
  firstLine,
  LOGIN_ALIASES,
  login,
  loginErrors,
  POSTGRESQL_NEEDS,
  rows,
  unreachable,
} from './shared/postgresql.ts';

const Args = args({
  login_db: Type.String({ default: 'postgres', description: 'The database to log in to.' }),
  ...login,
});

export const postgresql_ping = defineModule<typeof Args, Fields>({
  name: 'postgresql_ping',
  summary: 'Tells whether a PostgreSQL server answers, and its version.',
  args: Args,
  aliases: { db: 'login_db', database: 'login_db', ...LOGIN_ALIASES },
  examples: [{ title: 'Is the server there?', args: {} }],
  verify: loginErrors,
  needs: () => POSTGRESQL_NEEDS,
  probe: (given) => sh`${client(given, given.login_db)}
${ask(given, 'server', 'SELECT version() AS raw')}`,
  parse: (stdout) => fields(stdout),
  plan(f) {
    const away = unreachable(f);
    // A server that does not answer is an answer. Without psql, nobody knows.
    return away !== undefined && f.get('client') === 'missing' ? away : [];
  },
  data(f) {
    const raw = column(rows(f, 'server')[0], 'raw');
    const why = f.text('error');
    return {
      is_available: raw !== '',
      server_version: versionOf(raw),
      conn_err_msg: why === undefined ? '' : firstLine(why).trim(),
    };
  },
});

function versionOf(raw: string): Readonly<Record<string, string | number>> {
  const full = raw.split(' ')[1] ?? '';
  const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(full) ?? [];
  if (major === undefined) return {};
  return {
    major: Number(major),
    minor: Number(minor),
    ...(patch !== undefined && { patch: Number(patch) }),
    full,
    raw,
  };
}
