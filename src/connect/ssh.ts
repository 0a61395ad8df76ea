import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Client, ClientChannel } from 'ssh2';
import { type Connection, type Group, Lost, type Piece, type Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import type { Output } from '../core/module.ts';
import { become } from './become.ts';
import { decoder, encode } from './frame.ts';
import { type LoginPorts, login } from './login.ts';
import { upload } from './upload.ts';

/** One connection to a host; on it one shell as root (opened when a piece first needs it) and one as the login user. */
export async function connectSsh(target: Target, ports: LoginPorts, signal?: AbortSignal): Promise<Connection> {
  const { client, user, close } = await login(target, ports, signal);
  let isLost = false;
  client.once('close', () => {
    isLost = true;
  });
  const shells = new Map<string, Promise<Shell>>();
  const servers: net.Server[] = [];
  const shellFor = (who: string): Promise<Shell> => {
    const open = shells.get(who) ?? openShell(client, target, user, who);
    shells.set(who, open);
    return open;
  };
  return {
    user,
    async run(pieces, options = {}) {
      if (isLost) throw new Lost(target.name);
      // The login user's shell serves only trips that are all its own; root's serves anybody, through su.
      const who = pieces.every((p) => p.user === undefined || p.user === user) ? user : 'root';
      const shell = await shellFor(who);
      try {
        const own = pieces.map((p) => ({ ...p, user: p.user ?? user }));
        return await shell.trip(own, options.groups ?? [], options.timeout, options.signal);
      } catch (error) {
        shells.delete(who);
        throw error;
      }
    },
    put: (sending, owner) => upload(client, target, user, sending, owner ?? user),
    async forward(address, port) {
      const server = net.createServer((socket) => {
        client.forwardOut('127.0.0.1', 0, address, port, (error, stream) => {
          if (error !== undefined) return socket.destroy();
          socket.pipe(stream).pipe(socket);
          socket.on('error', () => stream.close());
          stream.on('error', () => socket.destroy());
        });
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as net.AddressInfo).port;
    },
    async close() {
      for (const server of servers) server.close();
      close();
    },
  };
}

type Shell = Readonly<{
  trip: (
    pieces: readonly Piece[],
    groups: readonly Group[],
    timeout: number | undefined,
    signal: AbortSignal | undefined,
  ) => Promise<readonly Output[]>;
}>;

async function openShell(client: Client, target: Target, loginUser: string, who: string): Promise<Shell> {
  const channel = await become(client, target, loginUser, who, 'exec sh -s');
  let queue: Promise<unknown> = Promise.resolve();
  return {
    trip(pieces, groups, timeout, signal) {
      const next = queue.then(() => oneTrip(client, channel, target, loginUser, who, pieces, groups, timeout, signal));
      queue = next.catch(() => {});
      return next;
    },
  };
}

/** Writes one framed program into the shell and waits for its end on both streams. */
function oneTrip(
  client: Client,
  channel: ClientChannel,
  target: Target,
  loginUser: string,
  who: string,
  pieces: readonly Piece[],
  groups: readonly Group[],
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Output[]> {
  return new Promise((resolve, reject) => {
    const mark = `bringup-${randomBytes(8).toString('hex')}`;
    const got = decoder(mark);
    const onOut = (chunk: Buffer): void => {
      got.stdout(chunk);
      if (got.isDone()) finish(() => resolve(got.outputs()));
    };
    const onErr = (chunk: Buffer): void => {
      got.stderr(chunk);
      if (got.isDone()) finish(() => resolve(got.outputs()));
    };
    const onClose = (): void => finish(() => reject(shellDied(target, who, got.trouble())));
    const onAbort = (): void => {
      stopRemote(client, target, loginUser, who, channel, got.pid());
      finish(() => reject(signal?.reason));
    };
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => {
            stopRemote(client, target, loginUser, who, channel, got.pid());
            const message = `${target.name}: nothing came back within ${timeout} s`;
            finish(() =>
              reject(
                new Failure({
                  code: 'E_CONNECT',
                  message,
                  mend: 'raise the timeout, or look at the host: is it overloaded?',
                }),
              ),
            );
          }, timeout * 1000);
    const finish = (then: () => void): void => {
      clearTimeout(timer);
      channel.off('data', onOut);
      channel.stderr.off('data', onErr);
      channel.off('close', onClose);
      client.off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
      then();
    };
    if (signal?.aborted) return reject(signal.reason);
    channel.on('data', onOut);
    channel.stderr.on('data', onErr);
    channel.once('close', onClose);
    client.once('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
    channel.write(encode(pieces, mark, who, groups));
  });
}

/** The shell ended before the trip did. sudo's own words say when it was sudo that refused. */
function shellDied(target: Target, who: string, stderr: string): Error {
  if (who === 'root' && /\b(sudo|doas|su):/.test(stderr)) return becomeRefused(target, stderr);
  return new Lost(target.name, stderr === '' ? undefined : new Error(stderr));
}

function becomeRefused(target: Target, stderr: string): Failure {
  const needs = /password is required/.test(stderr);
  return new Failure({
    code: 'E_BECOME',
    message: `${target.name}: ${needs ? `${target.become.method} asks for a password` : `${target.become.method} refused`}`,
    detail: stderr,
    mend: needs
      ? 'give it with --ask-become-pass or ansible_become_password, or allow the login NOPASSWD in sudoers'
      : 'allow the login to become root in sudoers',
  });
}

/** Closing a channel does not end what runs on the host: its processes are told to, over a channel of their own. */
function stopRemote(
  client: Client,
  target: Target,
  loginUser: string,
  who: string,
  channel: ClientChannel,
  pid: number | undefined,
): void {
  channel.close();
  if (pid === undefined) return;
  const kill = `kill -TERM -- -${pid} 2>/dev/null; pkill -TERM -P ${pid}; sleep 1; pkill -KILL -P ${pid}; kill -KILL -- -${pid} ${pid}`;
  become(client, target, loginUser, who, kill).catch(() => {});
}
