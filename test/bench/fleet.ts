import { spawn } from 'node:child_process';
import net from 'node:net';
import ssh2, { type ServerChannel } from 'ssh2';
import { begin, end } from '../../src/connect/frame.ts';

/**
 * `ports`: where the hosts listen; a requested 0 became a free port. `bytes`: what all connections have received and
 * sent so far, including handshakes.
 */
export type Fleet = Readonly<{ ports: readonly number[]; bytes: () => Bytes; close: () => void }>;
type Bytes = Readonly<{ received: number; sent: number }>;
type Answer = Readonly<{ out: string; err: string }>;

/**
 * Simulates SSH hosts in one process, with real handshakes and a port for each host. A real sh on this machine runs
 * each script once, and its answer serves all hosts that get the same script. The hosts thus cost as little as
 * possible, and the measurement shows the controller's own work.
 *
 * @param ports one for each host
 * @param silent the indexes of hosts that accept a connection and never answer
 */
export async function openFleet(
  hostKey: Buffer,
  ports: readonly number[],
  silent: ReadonlySet<number> = new Set(),
): Promise<Fleet> {
  const answers = new Map<string, Promise<Answer>>();
  const hosts = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (auth) => (auth.method === 'publickey' ? auth.accept() : auth.reject(['publickey'])));
    client.on('session', (accept) => accept().on('exec', (take) => shell(take(), answers)));
  });
  const sockets: net.Socket[] = [];
  const servers = ports.map((_, i) =>
    net.createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      sockets.push(socket);
      if (!silent.has(i)) hosts.injectSocket(socket);
    }),
  );
  const listening = servers.map(
    (server, i) =>
      new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        server.listen(ports[i], '127.0.0.1', 1024, () => resolve((server.address() as net.AddressInfo).port));
      }),
  );
  return {
    ports: await Promise.all(listening),
    bytes: () => ({
      received: sockets.reduce((sum, socket) => sum + socket.bytesRead, 0),
      sent: sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0),
    }),
    close: () => {
      for (const server of servers) server.close();
    },
  };
}

function shell(channel: ServerChannel, answers: Map<string, Promise<Answer>>): void {
  let text = '';
  let libraries = '';
  channel.setEncoding('utf8');
  channel.on('data', (chunk: string) => {
    text += chunk;
    if (!text.startsWith(BEFORE.slice(0, text.length))) {
      channel.stderr.write(`the fleet knows no program that begins so: ${text.slice(0, 60)}\n`);
      channel.exit(1);
      return channel.close();
    }
    const mark = text.slice(BEFORE.length, text.indexOf(AFTER));
    if (!text.endsWith(end(mark))) return;
    const script = libraries + text.replaceAll(mark, MARK);
    libraries += (text.match(LIBRARY) ?? []).join('');
    text = '';
    const answer = answers.get(script) ?? ask(script);
    answers.set(script, answer);
    void answer.then(({ out, err }) => {
      channel.write(out.replaceAll(MARK, mark));
      channel.stderr.write(err.replaceAll(MARK, mark));
    });
  });
}

/** Stands for a program's mark, which differs each time. */
const MARK = 'MARK';
const [BEFORE = '', AFTER = ''] = begin(MARK).split(MARK);

/** The libraries that a shell keeps for its later programs (setLibraries in core/sh.ts). */
const LIBRARY = /^lib_\w+=(?:'[^']*'|\\')+\n/gm;

function ask(script: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sh = spawn('sh', ['-s'], { stdio: 'pipe' });
    const seen = { out: '', err: '' };
    sh.on('error', reject);
    sh.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      seen.out += chunk;
    });
    sh.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      seen.err += chunk;
    });
    sh.on('close', () => resolve(seen));
    sh.stdin.end(script);
  });
}
