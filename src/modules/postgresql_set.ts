import { type Static, Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { args, exclude, flag, oneOf, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  ask,
  client,
  column,
  execute,
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
  name: Type.String({
    pattern: '^[A-Za-z_][A-Za-z0-9_.]*$',
    expected: 'the name of a setting: work_mem',
    description: 'The setting, as in pg_settings.',
  }),
  value: text("The value. 'default' removes the setting from postgresql.auto.conf."),
  reset: flag('Set the value that the server has without any configuration.'),
  login_db: text('The database to connect to.'),
  ...login,
});
type Args = Static<typeof Args>;

export const postgresql_set = defineModule<typeof Args, Fields>({
  name: 'postgresql_set',
  summary: 'A setting of the PostgreSQL server, through ALTER SYSTEM. The configuration is loaded again.',
  args: Args,
  aliases: { db: 'login_db', ...LOGIN_ALIASES },
  examples: [{ title: 'More memory for sorts', args: { name: 'work_mem', value: '32MB' } }],
  verify: (given) => [
    ...loginErrors(given),
    ...exclude(given, 'value', 'reset'),
    ...oneOf({ value: given.value, reset: given.reset || undefined }, 'value', 'reset'),
  ],
  needs: () => POSTGRESQL_NEEDS,
  touches: () => POSTGRESQL_TOUCHES,
  probe: (given) => sh`${client(given, given.login_db)}
${ask(
  given,
  'setting',
  `SELECT s.name, s.setting, s.unit, s.context, s.vartype, s.boot_val, current_setting(s.name) AS pretty, (SELECT f.setting FROM pg_file_settings f WHERE lower(f.name) = lower(s.name) AND f.error IS NOT DISTINCT FROM CASE s.context WHEN 'postmaster' THEN f.error END ORDER BY f.seqno DESC LIMIT 1) AS configured, EXISTS (SELECT 1 FROM pg_file_settings f WHERE lower(f.name) = lower(s.name) AND f.sourcefile LIKE '%postgresql.auto.conf') AS automatic FROM pg_settings s WHERE lower(s.name) = lower(${literal(given.name)})`,
)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const { name } = given;
    const is = rows(f, 'setting')[0];
    if (is === undefined) {
      return blocked('E_NOT_ON_HOST', {
        what: 'PostgreSQL setting',
        name,
        hint: 'check the spelling, and the version of the server',
      });
    }
    if (column(is, 'context') === 'internal') {
      return blocked('E_POSTGRESQL_REFUSED', { why: `${name} cannot be changed in a running server` });
    }
    if (isWanted(is, given)) return [];
    const before = column(is, 'configured') === '' ? column(is, 'pretty') : column(is, 'configured');
    const after = given.reset ? column(is, 'boot_val') : (given.value ?? '');
    return [
      {
        what: `${name} = ${after}`,
        diff: { of: `PostgreSQL setting ${name}`, before: `${before}\n`, after: `${after}\n` },
        run: execute(given, given.login_db, [
          statement(name, after),
          'SELECT pg_reload_conf()',
          'SELECT pg_sleep(0.1)',
        ]),
        // The server reads its configuration some time after it was told to.
        ...(column(is, 'context') !== 'postmaster' && { excused: true as const }),
      },
    ];
  },
  data(f, given, _ctx, ran) {
    const is = rows(f, 'setting')[0];
    const after = given.reset ? column(is, 'boot_val') : (given.value ?? '');
    const pretty = column(is, 'pretty');
    return {
      name: given.name,
      prev_val_pretty: pretty,
      value_pretty: ran === undefined ? pretty : after,
      value: { value: column(is, 'setting'), unit: column(is, 'unit') },
      context: column(is, 'context'),
      restart_required:
        column(is, 'context') === 'postmaster' && is !== undefined && !same(is, column(is, 'setting'), after),
    };
  },
});

/** Settings whose values are lists of names, each of which is quoted on its own. */
const LISTS = /^(search_path|temp_tablespaces|unix_socket_directories|(local|session|shared)_preload_libraries)$/;

function statement(name: string, given: string): string {
  // PostgreSQL knows the units in this spelling only.
  const value = given.replace(
    /^(\d+)([kmgt]?b)$/i,
    (_, number: string, unit: string) => number + unit.toUpperCase().replace('KB', 'kB'),
  );
  if (value.toLowerCase() === 'default') return `ALTER SYSTEM RESET ${name}`;
  const parts = LISTS.test(name) ? value.split(',').map((one) => one.trim().replace(/^"(.*)"$/, '$1')) : [value];
  return `ALTER SYSTEM SET ${name} = ${parts.map(literal).join(', ')}`;
}

function isWanted(is: Vars, { value = '', reset }: Args): boolean {
  if (reset)
    return same(
      is,
      column(is, 'configured') === '' ? column(is, 'setting') : column(is, 'configured'),
      column(is, 'boot_val'),
    );
  if (value.toLowerCase() === 'default') return is['automatic'] !== true;
  // A setting that needs a restart is compared with what the next start will read.
  const configured = column(is, 'configured');
  const now = column(is, 'context') === 'postmaster' && configured !== '' ? configured : column(is, 'setting');
  return same(is, now, value);
}

const BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };
const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 };

/** Whether two texts are the same value of the setting. */
function same(is: Vars, a: string, b: string): boolean {
  if (a === b) return true;
  const type = column(is, 'vartype');
  if (type === 'integer' || type === 'real') {
    const [one, two] = [amount(a, column(is, 'unit')), amount(b, column(is, 'unit'))];
    return (
      one !== undefined && two !== undefined && Math.abs(one - two) <= 1e-9 * Math.max(Math.abs(one), Math.abs(two))
    );
  }
  if (type === 'bool') return truth(a) !== undefined && truth(a) === truth(b);
  if (type === 'enum') return a.toLowerCase() === b.toLowerCase();
  return LISTS.test(column(is, 'name')) && listed(a) === listed(b);
}

const listed = (value: string): string =>
  value
    .split(',')
    .map((one) => one.trim().replace(/^"(.*)"$/, '$1'))
    .join(',');

function truth(value: string): boolean | undefined {
  if (/^(on|true|yes|1)$/i.test(value)) return true;
  return /^(off|false|no|0)$/i.test(value) ? false : undefined;
}

/** In bytes or seconds, or without a unit. `unit` is that of a bare number: 8kB, ms. */
function amount(value: string, unit: string): number | undefined {
  const [, number = '', own = ''] = /^\s*(-?[\d.]+)\s*([A-Za-z]*)\s*$/.exec(value) ?? [];
  if (number === '') return undefined;
  // Negative values and zero have special meanings, without a unit.
  if (Number(number) <= 0) return Number(number);
  const [, times = '1', base = ''] = /^(\d*)([A-Za-z]*)$/.exec(own === '' ? unit : own) ?? [];
  const table = BYTES[base.toLowerCase()] ?? SECONDS[base];
  if (base !== '' && table === undefined) return undefined;
  return Number(number) * Number(times === '' ? 1 : times) * (table ?? 1);
}
