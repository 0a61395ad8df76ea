import net from 'node:net';
import { type Claim, type Connection, Held, Lost, type Target } from '../core/connection.ts';
import { become, exitOf } from './become.ts';
import { bridge, type Far, RECEIVER } from './bridge.ts';
import { type LoginPorts, login } from './login.ts';
import { openShell, type Shell } from './shell.ts';
import { upload } from './upload.ts';

/** `claim`: the run may change the host, so it locks it. A plan or a check has no claim and locks nothing. */
export type SshPorts = LoginPorts & Readonly<{ claim?: Claim | undefined }>;

/**
 * One connection to a host, with up to two shells: one as root (opened when a piece first needs it) and one as the
 * login user.
 */
export async function connectSsh(target: Target, ports: SshPorts, signal?: AbortSignal): Promise<Connection> {
  const { client, user, close } = await login(target, ports, signal);
  let isLost = false;
  client.once('close', () => {
    isLost = true;
  });
  const shells = new Map<string, Promise<Shell>>();
  const servers: net.Server[] = [];
  const shellFor = (who: string): Promise<Shell> => {
    const open = shells.get(who) ?? openShell({ client, target, loginUser: user, who, claim: ports.claim });
    shells.set(who, open);
    return open;
  };
  return {
    user,
    async run(pieces, options = {}) {
      if (isLost) throw new Lost(target.name);
      // The login user's shell serves only round trips in which every piece runs as the login user. Root's shell serves
      // any user through su.
      const shellUser = pieces.every((p) => p.user === undefined || p.user === user) ? user : 'root';
      const opening = shellFor(shellUser);
      try {
        const shell = await opening;
        const own = pieces.map((p) => ({ ...p, user: p.user ?? user }));
        return await shell.trip(own, options);
      } catch (error) {
        if (!(error instanceof Held) && shells.get(shellUser) === opening) shells.delete(shellUser);
        throw error;
      }
    },
    put: (sending, owner) => upload(client, target, user, sending, owner ?? user),
    bridge: (bridged, who = user, signal) => {
      const isShell = who === user || who === 'root';
      const open = async (): Promise<Far> => {
        const channel = await become(client, target, user, who === user ? user : 'root', RECEIVER);
        const ended = exitOf(client, channel);
        return { stdin: channel, stdout: channel, stderr: channel.stderr, ended, close: () => channel.close() };
      };
      return bridge(bridged, open, isShell ? undefined : who, signal);
    },
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
