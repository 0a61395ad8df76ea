import { existsSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import { NodeSSH } from 'node-ssh';
import ssh2, { type AnyAuthMethod, type Client } from 'ssh2';
import type { Target } from '../core/connection.ts';
import type { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { algorithmsFor, fingerprint, keyType, verify } from './known-hosts.ts';
import { type Resolved, resolveTarget } from './resolve.ts';

export type LoginPorts = Readonly<{
  /** Asks the user for the passphrase of an encrypted key. undefined if nobody can be asked. */
  passphrase: (keyFile: string) => Promise<string | undefined>;
  /**
   * Called after the client greeted the server. The server then starts processes for some 30 ms before it sends its
   * key.
   */
  meanwhile?: (() => void) | undefined;
}>;
export type Login = Readonly<{ client: Client; user: string; close: () => void }>;

/**
 * Opens an authenticated SSH connection. The host key is verified, also of each jump host. Throws Failure.
 */
export async function login(target: Target, ports: LoginPorts, signal?: AbortSignal): Promise<Login> {
  const resolved = await resolveTarget(target);
  const hops = await overJumps(resolved, target, ports, signal);
  try {
    const last = await withRetries(() => loginOnce(resolved, target, hops.at(-1), ports, signal), signal);
    return { ...last, close: () => closeAll([...hops, last]) };
  } catch (error) {
    closeAll(hops);
    throw error;
  }
}

/** Logs in to the jump hosts, each through the one before. */
async function overJumps(
  { jumps }: Resolved,
  target: Target,
  ports: LoginPorts,
  signal?: AbortSignal,
): Promise<readonly Login[]> {
  const hops: Login[] = [];
  try {
    for (const jump of jumps) {
      const hop = await resolveTarget(jumpTarget(jump, target));
      hops.push(await loginOnce(hop, jumpTarget(jump, target), hops.at(-1), ports, signal));
    }
    return hops;
  } catch (error) {
    closeAll(hops);
    throw error;
  }
}

/** A connection to the SSH port of a host, over its jump hosts, on which nothing was said yet. Throws Failure. */
export async function openSocket(
  target: Target,
  ports: LoginPorts,
  signal?: AbortSignal,
): Promise<Readonly<{ sock: net.Socket; to: Resolved; close: () => void }>> {
  const to = await resolveTarget(target);
  const hops = await overJumps(to, target, ports, signal);
  const via = hops.at(-1);
  try {
    const seconds = target.connectTimeout ?? 10;
    const sock =
      via === undefined ? await dial(to, target, seconds, signal) : await forwarded(via.client, to.host, to.port);
    const close = (): void => {
      sock.destroy();
      closeAll(hops);
    };
    return { sock: sock as net.Socket, to, close };
  } catch (error) {
    closeAll(hops);
    throw error;
  }
}

function closeAll(logins: readonly Login[]): void {
  for (const one of [...logins].reverse()) one.close();
}

function jumpTarget(jump: string, target: Target): Target {
  const [, user, address = jump, port] = /^(?:(.*)@)?(.+?)(?::(\d+))?$/.exec(jump) ?? [];
  const { knownHostsFile, connectTimeout, privateKeyFile } = target;
  return {
    name: jump,
    via: 'ssh',
    address,
    port: port === undefined ? undefined : Number(port),
    user,
    knownHostsFile,
    privateKeyFile, // most racks have one key; a jump host that needs another gets it from the agent
    connectTimeout,
    become: target.become,
  };
}

/**
 * sshd drops connections at random when many arrive at once (MaxStartups 10:30:100), so dropped connections are
 * retried.
 */
async function withRetries<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 3 || signal?.aborted || !(error instanceof Dropped))
        throw error instanceof Dropped ? error.failure : error;
      await new Promise((resolve) => setTimeout(resolve, tries * 200 + Math.random() * 300));
    }
  }
}

/** The server closed the connection before the handshake. Retrying may help. */
class Dropped extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

async function loginOnce(
  to: Resolved,
  target: Target,
  via: Login | undefined,
  ports: LoginPorts,
  signal?: AbortSignal,
): Promise<Login> {
  const seconds = target.connectTimeout ?? 10;
  const methods = await authMethods(to, target, ports);
  const sock =
    via === undefined ? await dial(to, target, seconds, signal) : await forwarded(via.client, to.host, to.port);
  const ssh = new NodeSSH();
  let refused: Failure | undefined;
  try {
    const connecting = ssh.connect({
      sock: sock as net.Socket,
      username: to.user,
      authHandler: [...methods],
      readyTimeout: seconds * 1000,
      keepaliveInterval: 5000,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: algorithmsFor(to.knownHosts, to.host, to.port) as ssh2.ServerHostKeyAlgorithm[] },
      hostVerifier: (key: Buffer): boolean => {
        refused = hostKeyTrouble(to, target, key);
        return refused === undefined;
      },
    });
    connecting.catch(() => {}); // awaited below; without this an early rejection would count as unhandled
    await greeted(sock);
    ports.meanwhile?.();
    await connecting;
  } catch (error) {
    sock.destroy();
    if (refused !== undefined) throw refused;
    const failure = loginTrouble(error, to, target, methods);
    throw /before handshake|ECONNRESET/.test(String(error)) ? new Dropped(failure) : failure;
  }
  const client = ssh.connection;
  if (client === null) throw new Error('node-ssh connected without a client');
  client.setMaxListeners(0);
  client.on('error', () => {}); // later errors also emit 'close', to which every user of the connection listens
  client.setNoDelay(true); // Nagle's algorithm costs 45 ms per round trip
  return { client, user: to.user, close: () => ssh.dispose() };
}

function dial(to: Resolved, target: Target, seconds: number, signal?: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const sock = net.connect({ host: to.host, port: to.port, noDelay: true });
    // The signal closes the socket only while connecting. Over an open connection, the host is told to end what runs
    // there.
    const onAbort = (): void => {
      sock.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const dialled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const given = { host: target.name, where: `${to.host}:${to.port}` };
    const timer = setTimeout(() => {
      sock.destroy();
      reject(failure('E_TIMEOUT', { ...given, seconds }));
    }, seconds * 1000);
    sock.once('connect', () => {
      dialled();
      sock.removeAllListeners('error');
      resolve(sock);
    });
    sock.once('error', (error: NodeJS.ErrnoException) => {
      dialled();
      sock.destroy();
      reject(dialTrouble(given, error));
    });
  });
}

/** Why no connection was established, by the operating system's error code. */
function dialTrouble(given: Readonly<{ host: string; where: string }>, error: NodeJS.ErrnoException): Failure {
  switch (error.code) {
    case 'ECONNREFUSED':
      return failure('E_CONNECTION_REFUSED', given);
    case 'EHOSTUNREACH':
      return failure('E_NO_ROUTE', { ...given, why: 'no route to host' });
    case 'ENETUNREACH':
      return failure('E_NO_ROUTE', { ...given, why: 'network is unreachable' });
    case 'ENOTFOUND':
      return failure('E_NAME_NOT_RESOLVED', { ...given, why: 'no such name' });
    case 'EAI_AGAIN':
      return failure('E_NAME_NOT_RESOLVED', { ...given, why: 'DNS does not answer' });
    case 'ETIMEDOUT':
      return failure('E_TIMEOUT', given);
    default:
      return failure('E_CONNECTION_FAILED', { ...given, why: error.message });
  }
}

/**
 * Waits until our greeting is sent: ssh2 sends it after it has loaded its own parts. A socket that is closed by then
 * counts as greeted.
 */
async function greeted(sock: NodeJS.EventEmitter & { bytesWritten?: number; destroyed?: boolean }): Promise<void> {
  while (sock.bytesWritten === 0 && sock.destroyed !== true) await new Promise(setImmediate);
}

function forwarded(via: Client, host: string, port: number): Promise<NodeJS.ReadWriteStream & { destroy: () => void }> {
  return new Promise((resolve, reject) => {
    via.forwardOut('127.0.0.1', 0, host, port, (error, stream) => {
      if (error === undefined) return resolve(stream);
      reject(failure('E_JUMP_HOST', { where: `${host}:${port}`, why: error.message }));
    });
  });
}

/**
 * Authentication methods in the order that costs the fewest round trips: the named key, the agent, other keys, a
 * password. `none` is never tried.
 */
async function authMethods(to: Resolved, target: Target, ports: LoginPorts): Promise<readonly AnyAuthMethod[]> {
  const { user: username } = to;
  const keys: AnyAuthMethod[] = [];
  const troubles: string[] = [];
  for (const file of to.identityFiles) {
    if (!existsSync(file)) {
      troubles.push(`${file} does not exist`);
      if (target.privateKeyFile === undefined) continue;
      const hint = `correct ansible_ssh_private_key_file, or create the key: ssh-keygen -t ed25519 -f ${file}`;
      throw failure('E_KEY_FILE', { host: target.name, file, problem: 'does not exist', hint });
    }
    const key = await keyOf(file, target, ports);
    if (key !== undefined) keys.push({ type: 'publickey', username, key });
    else troubles.push(`${file} ${keyTrouble(file).problem}`);
  }
  const agent: AnyAuthMethod[] = to.agent === undefined ? [] : [{ type: 'agent', username, agent: to.agent }];
  const password = target.password?.reveal();
  const methods = [
    ...(target.privateKeyFile === undefined ? [...agent, ...keys] : [...keys, ...agent]),
    ...(password === undefined ? [] : [{ type: 'password', username, password } as const]),
  ];
  if (methods.length > 0) return methods;
  throw failure('E_NO_CREDENTIALS', { host: target.name, detail: troubles.join('\n') });
}

/** Each key file is read and decrypted once in a run, because a passphrase costs a second and a question. */
const opened = new Map<string, Promise<ssh2.ParsedKey | undefined>>();

async function keyOf(file: string, target: Target, ports: LoginPorts): Promise<ssh2.ParsedKey | undefined> {
  const id = `${file} ${statSync(file).mtimeMs}`;
  const known = opened.get(id) ?? openKey(readFileSync(file), file, ports);
  opened.set(id, known);
  const key = await known;
  if (key !== undefined || target.privateKeyFile === undefined) return key; // an unusable default key is no error, because the agent may hold it
  opened.delete(id);
  throw failure('E_KEY_FILE', { host: target.name, file, ...keyTrouble(file) });
}

/** Why a key file cannot be used. */
function keyTrouble(file: string): Readonly<{ problem: string; hint: string }> {
  return /encrypted/i.test(String(ssh2.utils.parseKey(readFileSync(file))))
    ? { problem: 'is protected by a passphrase', hint: `add it to the agent: ssh-add ${file}` }
    : { problem: 'is not a private key that ssh2 reads', hint: 'create an OpenSSH key: ssh-keygen -t ed25519' };
}

async function openKey(text: Buffer, file: string, ports: LoginPorts): Promise<ssh2.ParsedKey | undefined> {
  const plain = ssh2.utils.parseKey(text);
  if (!(plain instanceof Error)) return plain;
  const passphrase = /encrypted/i.test(String(plain)) ? await ports.passphrase(file) : undefined;
  if (passphrase === undefined) return undefined;
  const key = ssh2.utils.parseKey(text, passphrase);
  return key instanceof Error ? undefined : key;
}

/** Why a key of a host is not accepted. undefined: it is known. */
export function hostKeyTrouble(to: Resolved, target: Target, key: Buffer): Failure | undefined {
  const verdict = verify(to.knownHosts, to.host, to.port, key);
  const where = to.port === 22 ? to.host : `[${to.host}]:${to.port}`;
  const shown = `it shows   ${keyType(key)} ${fingerprint(key)}`;
  const pin = `ssh-keyscan -p ${to.port} ${to.host} >> ${to.knownHostsFile}`;
  switch (verdict.is) {
    case 'known':
      return undefined;
    case 'unknown':
      return failure('E_HOST_KEY_UNKNOWN', { host: target.name, where, detail: shown, pin });
    case 'revoked':
      return failure('E_HOST_KEY_REVOKED', {
        host: target.name,
        where,
        by: `${verdict.by.file}:${verdict.by.line}`,
        detail: shown,
      });
    case 'changed': {
      const known = verdict.known.map((e) => `known is   ${e.type} ${fingerprint(e.key)}  (${e.file}:${e.line})`);
      const file = verdict.known[0]?.file ?? to.knownHostsFile;
      const renew = `ssh-keygen -R '${where}' -f ${file} && ${pin}`;
      return failure('E_HOST_KEY_CHANGED', { host: target.name, where, detail: [...known, shown].join('\n'), renew });
    }
  }
}

function loginTrouble(error: unknown, to: Resolved, target: Target, methods: readonly AnyAuthMethod[]): Failure {
  const text = error instanceof Error ? error.message : String(error);
  const login = { host: target.name, user: to.user, address: to.host, port: to.port };
  if (/authentication methods failed/i.test(text)) {
    const tried = methods.map((m) => (m.type === 'publickey' ? 'key' : m.type)).join(', ');
    return failure('E_AUTH', { ...login, tried });
  }
  return failure('E_SSH_SESSION', { ...login, why: text }, undefined, { cause: error });
}
