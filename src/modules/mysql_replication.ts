import { type Static, Type } from 'typebox';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { client, execute, LOGIN_ALIASES, literal, login, MYSQL_NEEDS, unreachable } from './shared/mysql.ts';
import { SOURCE_ALIASES, source, sourceOptions } from './shared/mysql-source.ts';

const MODES = [
  'getprimary',
  'getreplica',
  'changeprimary',
  'startreplica',
  'stopreplica',
  'resetprimary',
  'resetreplica',
  'resetreplicaall',
] as const;
const OLD_MODES = {
  getmaster: 'getprimary',
  getslave: 'getreplica',
  changemaster: 'changeprimary',
  changereplication: 'changeprimary',
  startslave: 'startreplica',
  stopslave: 'stopreplica',
  resetmaster: 'resetprimary',
  resetslave: 'resetreplica',
  resetslaveall: 'resetreplicaall',
} as const;
type Mode = (typeof MODES)[number];

const Args = args({
  mode: Type.Enum([...MODES, ...(Object.keys(OLD_MODES) as (keyof typeof OLD_MODES)[])], {
    default: 'getreplica',
    description: 'The action. The get… modes only read. Older names (changemaster …) are accepted too.',
  }),
  ...source,
  channel: text('MySQL: the replication channel.'),
  connection_name: text('MariaDB: the name of the connection.'),
  fail_on_error: flag('No effect: an error of the server always fails the task.'),
  ...login,
});
type Args = Static<typeof Args>;

export const mysql_replication = defineModule<typeof Args, Fields>({
  name: 'mysql_replication',
  summary: 'Configures and controls replication of a MySQL or MariaDB server.',
  args: Args,
  aliases: { ...SOURCE_ALIASES, ...LOGIN_ALIASES },
  examples: [
    {
      title: 'Replicate by GTID over TLS',
      args: {
        mode: 'changeprimary',
        primary_host: 'db1.foobar.com',
        primary_user: 'repl',
        primary_password: 'secret',
        primary_auto_position: true,
        primary_ssl: true,
        primary_ssl_ca: '/etc/mysql/tls/ca.crt',
      },
    },
    { title: 'Start replication', args: { mode: 'startreplica' } },
    { title: 'Read the status', args: { mode: 'getreplica' } },
  ],
  needs: () => MYSQL_NEEDS,
  touches: ({ mode }) => (mode.startsWith('get') ? [] : ['mysql:*', 'live:*']),
  probe(given) {
    const { channel, primary_password } = given;
    const [of, name] = [channelOf(given), connectionOf(given)];
    const mode = modeOf(given);
    return sh`${client(given)}
ask() { db --vertical "$@" 2>/dev/null; }
if ! out=$(printf 'SELECT VERSION()' | db --skip-column-names 2>&1); then printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; exit 0; fi
printf 'version %s\n' "$out"
${
  mode === 'getprimary' || mode === 'resetprimary'
    ? sh`{ printf '%s' 'SHOW BINARY LOG STATUS' | ask || printf '%s' 'SHOW MASTER STATUS' | ask; } | sed 's/^ */primary /'`
    : sh`case $out in
  *[Mm]aria*) printf '%s' ${`SHOW SLAVE${name} STATUS`} | ask ;;
  *) printf '%s' ${`SHOW REPLICA STATUS${of}`} | ask || printf '%s' ${`SHOW SLAVE STATUS${of}`} | ask ;;
esac | sed 's/^ */replica /'`
}
${primary_password === undefined ? sh`:` : sh`printf '%s' ${`SELECT User_password = ${literal(primary_password)} FROM mysql.slave_master_info WHERE Channel_name = ${literal(channel ?? '')}`} | db --skip-column-names 2>/dev/null | sed 's/^/password /'`}
:`;
  },
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const away = unreachable(f);
    if (away !== undefined) return away;
    const status = rows(f, 'replica');
    const isMaria = /mariadb/i.test(f.get('version') ?? '');
    const words = isMaria || /^[0-7]\.|^8\.0\.(\d|1\d|2[0-2])\b/.test(f.get('version') ?? '') ? OLD : NEW;
    const target = isMaria ? connectionOf(given) : '';
    const channel = channelOf(given);
    const isReplica = status.size > 0;
    const isRunning = ['IO', 'SQL'].map((thread) =>
      /^(Yes|Connecting|Preparing)$/.test(value(status, `${thread}_Running`) ?? ''),
    );
    const simple = (what: string, statements: readonly string[]): readonly Change[] => [
      { what, run: execute(given, statements) },
    ];
    switch (modeOf(given)) {
      case 'startreplica':
        if (!isReplica) return blocked('E_NOT_A_REPLICA', {});
        return isRunning.every(Boolean)
          ? []
          : simple('start the replica', [`START ${words.replica}${target}${channel}`]);
      case 'stopreplica':
        return isRunning.some(Boolean) ? simple('stop the replica', [`STOP ${words.replica}${target}${channel}`]) : [];
      case 'resetreplicaall':
        return isReplica
          ? simple('forget the primary', [
              ...(isRunning.some(Boolean) ? [`STOP ${words.replica}${target}${channel}`] : []),
              `RESET ${words.replica}${target} ALL${channel}`,
            ])
          : [];
      case 'resetreplica':
        return [
          {
            what: 'reset the replica',
            run: execute(given, [`RESET ${words.replica}${target}${channel}`]),
            action: true,
          },
        ];
      case 'resetprimary':
        return [
          {
            what: 'reset the binary logs',
            run: execute(given, [
              f.get('version')?.match(/^(8\.[4-9]|9|[1-9]\d)/) && !isMaria
                ? 'RESET BINARY LOGS AND GTIDS'
                : 'RESET MASTER',
            ]),
            action: true,
          },
        ];
      case 'changeprimary':
        return change(f, status, given, {
          words,
          isMaria,
          target,
          channel,
          isReplica,
          isRunning: isRunning.some(Boolean),
        });
      default:
        return [];
    }
  },
  data(f, given) {
    const mode = modeOf(given);
    if (mode === 'getprimary') return asData(rows(f, 'primary'), 'Is_Primary', 'Is_Master');
    return asData(rows(f, 'replica'), 'Is_Replica', 'Is_Slave');
  },
});

type Words = Readonly<{ replica: string; change: string; prefix: string }>;
const NEW: Words = { replica: 'REPLICA', change: 'CHANGE REPLICATION SOURCE', prefix: 'SOURCE' };
const OLD: Words = { replica: 'SLAVE', change: 'CHANGE MASTER', prefix: 'MASTER' };

function modeOf({ mode }: Args): Mode {
  return mode in OLD_MODES ? OLD_MODES[mode as keyof typeof OLD_MODES] : (mode as Mode);
}

function channelOf({ channel }: Args): string {
  return channel === undefined ? '' : ` FOR CHANNEL ${literal(channel)}`;
}

function connectionOf({ connection_name: name }: Args): string {
  return name === undefined ? '' : ` ${literal(name)}`;
}

/** Parses the `Key: value` lines of --vertical. */
function rows(f: Fields, key: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const line of f.all(key)) {
    const at = line.indexOf(':');
    if (at > 0 && !line.startsWith('*')) out.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return out;
}

/** Finds a value by its name without the prefix Source_, Master_, Replica_ or Slave_. */
function value(status: ReadonlyMap<string, string>, name: string): string | undefined {
  for (const prefix of ['Source_', 'Master_', 'Replica_', 'Slave_', '']) {
    const found = status.get(prefix + name);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Situation = Readonly<{
  words: Words;
  isMaria: boolean;
  target: string;
  channel: string;
  isReplica: boolean;
  isRunning: boolean;
}>;

function change(f: Fields, status: ReadonlyMap<string, string>, given: Args, now: Situation): Steps {
  const { words, isMaria, target, channel, isReplica, isRunning } = now;
  const wanted = sourceOptions(given, words.prefix, isMaria);
  const differ = wanted.filter(({ shown, as }) => shown !== undefined && (value(status, shown) ?? '') !== as);
  const isOtherPassword = given.primary_password !== undefined && f.get('password') === '0';
  if (isReplica && differ.length === 0 && !isOtherPassword) return [];
  const list = wanted.map(({ sql }) => sql).join(', ');
  return [
    {
      what: `replicate from ${given.primary_host ?? value(status, 'Host') ?? '?'}`,
      diff: {
        of: 'replication',
        before: isReplica ? differ.map(({ shown = '' }) => `${shown}: ${value(status, shown) ?? ''}\n`).join('') : null,
        after:
          (isReplica ? differ : wanted)
            .flatMap(({ shown, as }) => (shown === undefined ? [] : [`${shown}: ${as}\n`]))
            .join('') + (isOtherPassword ? 'a new password\n' : ''),
      },
      run: execute(given, [
        ...(isRunning ? [`STOP ${words.replica}${target}${channel}`] : []),
        `${words.change}${target} TO ${list}${channel}`,
        ...(isRunning ? [`START ${words.replica}${target}${channel}`] : []),
      ]),
    },
  ];
}

function asData(status: ReadonlyMap<string, string>, ...flags: readonly string[]) {
  const out: Record<string, Value> = {};
  for (const [key, text] of status) out[key] = text === 'NULL' ? null : /^\d{1,15}$/.test(text) ? Number(text) : text;
  for (const name of flags) out[name] = status.size > 0;
  return out;
}
