import { Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, text } from './shared/args.ts';
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

const Args = args({
  variable: Type.String({
    pattern: '^[A-Za-z0-9_.]+$',
    expected: 'the name of a variable',
    description: 'The name of the variable.',
  }),
  value: text('The value. Without it, the variable is only read.'),
  mode: Type.Enum(['global', 'persist', 'persist_only'], {
    default: 'global',
    description:
      'global: until the server restarts. persist: also after a restart. persist_only: only after a restart.',
  }),
  ...login,
});

export const mysql_variables = defineModule<typeof Args, Fields>({
  name: 'mysql_variables',
  summary: 'Sets a global variable of MySQL or MariaDB.',
  args: Args,
  aliases: LOGIN_ALIASES,
  examples: [
    { title: 'Set permanently', args: { variable: 'max_connections', value: '200', mode: 'persist' } },
    { title: 'Read a variable', args: { variable: 'read_only' } },
  ],
  needs: () => MYSQL_NEEDS,
  touches: () => ['mysql:*', 'live:*'],
  probe: (given) => sh`${client(given)}
${ask('running', `SHOW GLOBAL VARIABLES WHERE Variable_name = ${literal(given.variable)}`)}
${given.mode === 'global' ? sh`:` : ask('persisted', `SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = ${literal(given.variable)}`)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const { variable, value, mode } = given;
    const [running, persisted] = [of(f, 'running'), of(f, 'persisted')];
    if (running === undefined) return blocked('E_MYSQL_VARIABLE', { variable });
    if (value === undefined) return [];
    const isRight =
      (mode === 'persist_only' || same(running, value)) && (mode === 'global' || same(persisted ?? '', value));
    if (isRight) return [];
    const scope = mode === 'global' ? 'GLOBAL' : mode === 'persist' ? 'PERSIST' : 'PERSIST_ONLY';
    return [
      {
        what: `set ${scope.toLowerCase()} ${variable} = ${value}`,
        diff: {
          of: variable,
          before: `${(mode === 'persist_only' ? persisted : running) ?? ''}\n`,
          after: `${value}\n`,
        },
        run: execute(given, [
          `SET ${scope} ${variable} = ${/^(-?\d+(\.\d+)?|ON|OFF|TRUE|FALSE|DEFAULT)$/i.test(value) ? value : literal(value)}`,
        ]),
      },
    ];
  },
  data: (f) => ({ msg: of(f, 'running') ?? '' }),
});

function of(f: Fields, key: string): string | undefined {
  const row = f.get(key);
  return row === undefined || row === '' ? undefined : columns(row)[1];
}

/** Treats ON, 1 and true as equal, and 1e3 and 1000. */
function same(a: string, b: string): boolean {
  const plain = (value: string): string => {
    const upper = value.trim().toUpperCase();
    if (upper === 'ON' || upper === 'TRUE' || upper === 'YES') return '1';
    if (upper === 'OFF' || upper === 'FALSE' || upper === 'NO') return '0';
    return upper !== '' && Number.isFinite(Number(upper)) ? String(Number(upper)) : value.trim();
  };
  return plain(a) === plain(b);
}
