import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  command: Type.Enum(['config', 'flush', 'replica', 'slave'], {
    description:
      'config: set a setting. flush: remove all keys. replica (slave): be a replica of another server, or of none.',
  }),
  name: text('config: the name of the setting.'),
  value: text('config: the value. A size may have a unit: 4GB.'),
  flush_mode: Type.Enum(['all', 'db'], { default: 'all', description: 'flush: all databases, or the one of db.' }),
  db: Type.Optional(Type.Integer({ minimum: 0, description: 'flush: the number of the database.' })),
  replica_mode: Type.Enum(['master', 'replica', 'slave'], {
    default: 'replica',
    description: 'replica: whether the server is a replica (slave) of master_host, or a primary (master).',
  }),
  master_host: text('replica: the primary.'),
  master_port: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65535, description: 'replica: the port of the primary.' }),
  ),
  login_host: Type.String({ default: 'localhost', description: 'The server.' }),
  login_port: Type.Integer({ default: 6379, minimum: 1, maximum: 65535, description: 'The port of the server.' }),
  login_user: text('The user to log in as.'),
  login_password: Type.Optional(Type.String({ secret: true, description: 'The password.' })),
  tls: flag('Connect with TLS.'),
  validate_certs: flag("Verify the server's certificate.", true),
  ca_certs: text('A file, or a directory, of CAs on the host.'),
  client_cert_file: text('A client certificate on the host.'),
  client_key_file: text('The key of client_cert_file on the host.'),
});
type Args = Static<typeof Args>;

export const redis = defineModule<typeof Args, Fields>({
  name: 'redis',
  summary: 'Settings, replication and flushes of a Redis or Valkey server, through redis-cli.',
  args: Args,
  aliases: {
    slave_mode: 'replica_mode',
    tls_ca_cert_file: 'ca_certs',
    tls_cert_file: 'client_cert_file',
    tls_key_file: 'client_key_file',
  },
  examples: [
    { title: 'A setting, until the server restarts', args: { command: 'config', name: 'maxmemory', value: '4GB' } },
    { title: 'A replica', args: { command: 'replica', master_host: 'db1', master_port: 6379 } },
    { title: 'Empty a database', args: { command: 'flush', flush_mode: 'db', db: 1 } },
  ],
  verify(given) {
    const needed: Readonly<Record<ReturnType<typeof commandOf>, readonly (keyof Args)[]>> = {
      config: ['name', 'value'],
      flush: given.flush_mode === 'db' ? ['db'] : [],
      replica: given.replica_mode === 'master' ? [] : ['master_host', 'master_port'],
    };
    const lines = [given.name, given.value, given.login_user, given.login_password, given.master_host];
    return [
      ...needed[commandOf(given)]
        .filter((name) => given[name] === undefined)
        .map((name) => argError([], 'E_MISSING_ARGUMENT', { name: `'${name}'` })),
      ...(given.login_user !== undefined && given.login_password === undefined
        ? [argError([], 'E_MISSING_ARGUMENT', { name: "'login_password'" })]
        : []),
      ...(lines.some((one) => one !== undefined && /[\r\n]/.test(one))
        ? [argError([], 'E_ARGUMENT_VALUE', { problem: 'an argument of redis has a line break' })]
        : []),
    ];
  },
  needs: () => ['live:*', 'package:*'],
  touches: () => ['live:*'],
  probe: (given) => sh`${cli(given)}
command -v redis-cli >/dev/null || { echo 'cli missing'; exit 0; }
out=$(asked ${question(given)} 2>&1) || echo 'failed yes'
printf 'answer %s\n' "$(printf %s "$out" | base64 -w0)"`,
  parse: fields,
  plan(f, given): Steps {
    if (f.get('cli') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'redis-cli', hint: 'install redis-tools in an earlier task' });
    }
    const all = (f.text('answer') ?? '').split(/\r?\n/);
    const error = all.find((line) => ERROR.test(line));
    if (f.get('failed') !== undefined || error !== undefined) {
      return blocked('E_TOOL_REFUSED', { tool: 'redis-cli', detail: error ?? all.join('\n') });
    }
    const answer = given.login_password === undefined ? all : all.slice(1);
    const command = commandOf(given);
    if (command === 'config') return config(answer, given);
    return command === 'replica' ? replica(answer.join('\n'), given) : [flush(given)];
  },
  data(_, given) {
    const { name, master_host, master_port, db, flush_mode } = given;
    const command = commandOf(given);
    if (command === 'config') return { name: name ?? '', value: wanted(given) };
    if (command === 'flush') return { flushed: true, ...(flush_mode === 'db' && { db: db ?? 0 }) };
    if (given.replica_mode === 'master') return { mode: 'master' };
    return { mode: { status: 'replica', master_host: master_host ?? '', master_port: master_port ?? 0 } };
  },
});

/** What redis-cli prints of an answer that is an error. */
const ERROR = /^(\(error\) )?(ERR|NOAUTH|NOPERM|WRONGPASS|READONLY|LOADING|MISCONF|DENIED)\b/;

function commandOf({ command }: Args): 'config' | 'flush' | 'replica' {
  return command === 'slave' ? 'replica' : command;
}

function question(given: Args): string {
  const command = commandOf(given);
  if (command === 'config') return `CONFIG GET ${word(given.name ?? '')}`;
  return command === 'replica' ? 'INFO replication' : 'PING';
}

function config(answer: readonly string[], given: Args): Steps {
  const { name = '' } = given;
  const [found, ...value] = answer;
  if (found === undefined || found === '')
    return blocked('E_NOT_ON_HOST', { what: 'setting', name, hint: 'see CONFIG GET * of the server' });
  const now = value.join('\n').replace(/\n$/, '');
  if (now === wanted(given)) return [];
  return [
    {
      what: `${name} ${wanted(given)}`,
      diff: { of: 'redis', before: `${name} ${now}\n`, after: `${name} ${wanted(given)}\n` },
      run: run(given, `CONFIG SET ${word(name)} ${word(wanted(given))}`),
      // The server keeps some values in a form of its own.
      excused: true,
    },
  ];
}

function replica(info: string, given: Args): Steps {
  const { master_host = '', master_port = 0 } = given;
  const of = (key: string): string | undefined => new RegExp(`^${key}:(.*)$`, 'm').exec(info)?.[1];
  const isPrimary = given.replica_mode === 'master';
  const now = of('role') === 'slave' ? `replica of ${of('master_host')}:${of('master_port')}` : 'primary';
  const next = isPrimary ? 'primary' : `replica of ${master_host}:${master_port}`;
  if (now === next) return [];
  return [
    {
      what: `become ${next}`,
      diff: { of: 'replication', before: `${now}\n`, after: `${next}\n` },
      run: run(given, isPrimary ? 'REPLICAOF NO ONE' : `REPLICAOF ${word(master_host)} ${master_port}`),
    },
  ];
}

function flush(given: Args): Change {
  const isOne = given.flush_mode === 'db';
  return {
    what: isOne ? `remove all keys of database ${given.db}` : 'remove all keys',
    run: run(given, isOne ? 'FLUSHDB' : 'FLUSHALL'),
    action: true,
  };
}

function run(given: Args, command: string): Script {
  return sh`set -e
${cli(given)}
out=$(asked ${command})
case $(printf '%s\n' "$out" | tail -n 1) in OK*) ;; *) printf '%s\n' "$out" >&2; exit 1 ;; esac`;
}

/** A size with its unit in bytes, as the server tells it; any other value as it is. */
function wanted({ value = '' }: Args): string {
  const [, number = '', unit = ''] = /^\s*(\d+\.?\d*)\s*([a-z]*)\s*$/i.exec(value) ?? [];
  const power = ['', 'K', 'M', 'G', 'T', 'P'].indexOf(unit.toUpperCase().replace(/B$/, ''));
  return number === '' || power < 0 ? value : String(Math.floor(Number(number) * 1024 ** power));
}

/** A word as redis-cli reads it from its stdin. */
function word(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Defines `asked`, which sends a command to the server. The password goes through stdin, not through arguments. */
function cli(given: Args): Script {
  const {
    login_host,
    login_port,
    login_user,
    login_password,
    tls,
    validate_certs,
    ca_certs,
    client_cert_file,
    client_key_file,
  } = given;
  const options = [
    ['-h', login_host],
    ['-p', String(login_port)],
    ...(given.command === 'flush' && given.flush_mode === 'db' ? [['-n', String(given.db)]] : []),
    ...(tls ? [['--tls'], ...(validate_certs ? [] : [['--insecure']])] : []),
    ...(tls && client_cert_file !== undefined ? [['--cert', client_cert_file]] : []),
    ...(tls && client_key_file !== undefined ? [['--key', client_key_file]] : []),
  ].flat();
  const ca =
    tls && ca_certs !== undefined ? sh`$([ -d ${ca_certs} ] && echo --cacertdir || echo --cacert) ${ca_certs}` : sh``;
  const login =
    login_password === undefined
      ? sh``
      : sh`printf '%s\n' ${new Secret(['AUTH', ...(login_user === undefined ? [] : [word(login_user)]), word(login_password)].join(' '))};`;
  return sh`unset REDISCLI_AUTH
asked() { { ${login} printf '%s\n' "$1"; } | redis-cli ${options} ${ca}; }`;
}
