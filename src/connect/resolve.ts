import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Target } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import { type KnownHost, parseKnownHosts } from './known-hosts.ts';

/** A target, completed by ~/.ssh/config and OpenSSH's defaults. */
export type Resolved = Readonly<{
  host: string;
  port: number;
  user: string;
  identityFiles: readonly string[];
  agent: string | undefined;
  knownHosts: readonly KnownHost[];
  /** The file to which a new key would be written. */
  knownHostsFile: string;
  /** host, user@host or host:port. The jump host next to the target is the last. */
  jumps: readonly string[];
}>;

/**
 * What `ssh TARGET` would use. `ssh -G` resolves ~/.ssh/config exactly as OpenSSH does (Include, Match, tokens). It
 * runs only if that file exists or the inventory says nothing. The inventory's values override the others.
 */
export async function resolveTarget(target: Target): Promise<Resolved> {
  const config = existsSync(join(homedir(), '.ssh', 'config')) ? await sshConfig(target) : new Map<string, string[]>();
  const first = (key: string): string | undefined => config.get(key)?.[0];
  const files = [
    ...(target.knownHostsFile === undefined ? [] : [target.knownHostsFile]),
    ...(first('userknownhostsfile')?.split(' ') ?? ['~/.ssh/known_hosts']),
    ...(first('globalknownhostsfile')?.split(' ') ?? ['/etc/ssh/ssh_known_hosts']),
  ].map(expand);
  const identities =
    target.privateKeyFile === undefined ? (config.get('identityfile') ?? DEFAULT_KEYS) : [target.privateKeyFile];
  const agent = first('identityagent') ?? 'SSH_AUTH_SOCK';
  const jump = target.jump ?? first('proxyjump');
  return {
    host: first('hostname') ?? target.address,
    port: target.port ?? Number(first('port') ?? 22),
    user: target.user ?? first('user') ?? userInfo().username,
    identityFiles: identities.map(expand),
    agent: agent === 'none' ? undefined : agent === 'SSH_AUTH_SOCK' ? process.env['SSH_AUTH_SOCK'] : expand(agent),
    knownHosts: files.flatMap(knownHostsIn),
    knownHostsFile: files[0] ?? expand('~/.ssh/known_hosts'),
    jumps: jump === undefined || jump === 'none' ? [] : jump.split(','),
  };
}
const DEFAULT_KEYS = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];

/** Cached until the file is written again, because a thousand hosts share one file. */
function knownHostsIn(file: string): readonly KnownHost[] {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || file === '/dev/null') return [];
  if (!stat.isFile()) {
    throw failure('E_KNOWN_HOSTS_FILE', { file });
  }
  const stamp = `${stat.mtimeMs} ${stat.size}`;
  const known = read.get(file);
  if (known?.stamp === stamp) return known.entries;
  const entries = parseKnownHosts(readFileSync(file, 'utf8'), file);
  read.set(file, { stamp, entries });
  return entries;
}
const read = new Map<string, Readonly<{ stamp: string; entries: readonly KnownHost[] }>>();

async function sshConfig(target: Target): Promise<Map<string, string[]>> {
  const { $ } = await import('zx/core'); // loaded late, because most runs start no program here
  const port = target.port === undefined ? [] : ['-p', String(target.port)];
  const user = target.user === undefined ? [] : ['-l', target.user];
  const result = await $({ nothrow: true, quiet: true })`ssh -G ${port} ${user} -- ${target.address}`;
  if (result.exitCode === null || result.exitCode === 127) return new Map(); // no ssh client is installed, so the defaults apply
  if (result.exitCode !== 0) {
    throw failure('E_SSH_CONFIG', { host: target.name, address: target.address, detail: result.stderr.trim() });
  }
  const config = new Map<string, string[]>();
  for (const line of result.stdout.split('\n')) {
    const [key = '', ...value] = line.split(' ');
    config.set(key, [...(config.get(key) ?? []), value.join(' ')]);
  }
  return config;
}

function expand(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}
