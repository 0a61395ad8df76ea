import type { Target } from '../core/connection.ts';
import type { Failure, Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { Float, type RawVars, Secret, type Value } from '../core/value.ts';
import { splitWords } from '../core/words.ts';
import { readSshArgs, type SshArgs } from './ssh-args.ts';

/** The variables that say how to reach a host, by Ansible's names. */
export type Reach = Readonly<{
  name: string;
  at: Pos | undefined;
  get: (name: string) => Value | undefined;
  /** Values that count where `get` has none under any name. */
  defaults: RawVars;
}>;

/** Reads ansible_host, ansible_user and so on into a Target. Throws Failure E_HOST_VARIABLE. */
export function targetOf({ name, at, get, defaults }: Reach): Target {
  const text = (...names: string[]): string | undefined => {
    const isSet = (v: Value | undefined): boolean => v !== undefined && v !== null && v !== '';
    const value = names.map(get).find(isSet) ?? names.map((one) => defaults[one] as Value | undefined).find(isSet);
    if (value === undefined || value === null) return undefined;
    if (value instanceof Secret) return value.reveal();
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw wrong(names[0] ?? '', name, 'a list or a map', 'a text', at);
  };
  const secret = (...names: string[]): Secret | undefined => {
    const value = text(...names);
    return value === undefined ? undefined : new Secret(value);
  };
  const via = text('ansible_connection') ?? 'ssh';
  if (!['ssh', 'local', 'smart', 'paramiko'].includes(via))
    throw wrong('ansible_connection', name, `'${via}'`, 'ssh or local', at);
  const method = text('ansible_become_method') ?? 'sudo';
  if (method !== 'sudo' && method !== 'doas' && method !== 'su')
    throw wrong('ansible_become_method', name, `'${method}'`, 'sudo or doas', at);
  const args = sshArgs(name, at, text);
  return {
    name,
    via: via === 'local' ? 'local' : 'ssh',
    address: text('ansible_host', 'ansible_ssh_host') ?? name,
    port: port(
      get('ansible_port') ?? get('ansible_ssh_port') ?? (defaults['ansible_port'] as Value) ?? args.port,
      name,
      at,
    ),
    user: text('ansible_user', 'ansible_ssh_user') ?? args.user,
    password: secret('ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password'),
    privateKeyFile: text('ansible_ssh_private_key_file', 'ansible_private_key_file') ?? args.privateKeyFile,
    knownHostsFile: args.knownHostsFile ?? text('bringup_known_hosts_file'),
    jump: args.jump,
    become: {
      method,
      exe: text('ansible_become_exe', `ansible_${method}_exe`),
      flags: flagsOf(text('ansible_become_flags', `ansible_${method}_flags`) ?? '', name, at),
      password: secret('ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass'),
    },
    connectTimeout: number(
      get('ansible_ssh_timeout') ??
        get('ansible_timeout') ??
        (defaults['ansible_timeout'] as Value) ??
        args.connectTimeout,
    ),
  };
}

function flagsOf(text: string, host: string, at: Pos | undefined): readonly string[] {
  const flags = splitWords(text);
  if (flags === undefined) throw wrong('ansible_become_flags', host, `'${text}'`, 'words whose quotes are closed', at);
  return flags;
}

function sshArgs(host: string, at: Pos | undefined, text: (name: string) => string | undefined): SshArgs {
  const variables = ['ansible_ssh_args', 'ansible_ssh_common_args', 'ansible_ssh_extra_args'];
  const all = variables.map((variable) => ({ variable, args: readSshArgs(text(variable) ?? '') }));
  for (const { variable, args } of all)
    if ('unknown' in args) throw failure('E_SSH_OPTION', { variable, host, option: args.unknown }, at);
  // The first of several values counts, as with ssh.
  return Object.assign({}, ...all.map(({ args }) => args).reverse());
}

function port(value: Value | undefined, name: string, at: Pos | undefined): number | undefined {
  const n = number(value);
  if (value === undefined || value === null) return undefined;
  if (n !== undefined && Number.isInteger(n) && n > 0 && n < 65536) return n;
  throw wrong('ansible_port', name, `'${String(value)}'`, 'a number from 1 to 65535', at);
}

function number(value: Value | undefined): number | undefined {
  if (value instanceof Float) return value.value;
  const n = typeof value === 'string' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined;
}

function wrong(variable: string, host: string, value: string, expected: string, at: Pos | undefined): Failure {
  return failure('E_HOST_VARIABLE', { variable, host, value, expected }, at);
}
