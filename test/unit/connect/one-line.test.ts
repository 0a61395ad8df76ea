import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../src/connect/connect.ts';
import type { Target } from '../../../src/core/connection.ts';
import { sh } from '../../../src/core/sh.ts';

// What a converged host costs on the connection, counted by a real SSH server. The bench measures time.
const seen = { connections: 0, auths: [] as string[], execs: [] as string[], bytes: 0 };
const folder = mkdtempSync(join(tmpdir(), 'bringup-line-'));
let server: net.Server;
let target: Target;

beforeAll(async () => {
  for (const name of ['host', 'id'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  const hosts = new ssh2.Server({ hostKeys: [readFileSync(join(folder, 'host'))] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (auth) => {
      seen.auths.push(auth.method);
      auth.accept();
    });
    client.on('session', (accept) =>
      accept().on('exec', (take, _reject, { command }) => {
        seen.execs.push(command);
        const channel = take();
        const shell = spawn('sh', ['-s']);
        channel.pipe(shell.stdin);
        shell.stdout.on('data', (chunk) => channel.write(chunk));
        shell.stderr.on('data', (chunk) => channel.stderr.write(chunk));
      }),
    );
  });
  server = net.createServer((socket) => {
    seen.connections++;
    socket.on('data', (chunk) => {
      seen.bytes += chunk.length;
    });
    hosts.injectSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const key = readFileSync(join(folder, 'host.pub'), 'utf8');
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${key}`);
  target = {
    ...{ name: 'h', via: 'ssh', address: '127.0.0.1', port, user: 'ops', become: { method: 'sudo' } },
    ...{ privateKeyFile: join(folder, 'id'), knownHostsFile: join(folder, 'known_hosts') },
  };
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a connection', () => {
  test('needs one connection, one login, one shell and one sudo for any number of round trips', async () => {
    const line = await connect(target, { passphrase: async () => undefined });
    for (const word of ['one', 'two', 'three']) {
      const script = sh`printf %s ${word}`;
      const outputs = await line.run([
        { script, user: 'root' },
        { script, user: 'root' },
      ]);
      expect(outputs.map((o) => o.stdout)).toEqual([word, word]);
    }
    await line.close();
    expect({ ...seen, bytes: 0 }).toEqual({
      connections: 1,
      auths: ['publickey', 'publickey'], // ssh2 asks whether the key is accepted and then signs; `none` would be one more request
      execs: ["sudo -n -u root sh -c 'exec sh -s'"],
      bytes: 0,
    });
  });

  test('sends little besides its scripts', async () => {
    const before = seen.bytes;
    const line = await connect(target, { passphrase: async () => undefined });
    const handshake = seen.bytes - before;
    const script = sh`:`;
    await line.run(Array.from({ length: 100 }, () => ({ script, user: 'root' })));
    await line.close();
    expect(handshake).toBeLessThan(3000);
    expect((seen.bytes - before - handshake) / 100).toBeLessThan(200);
  });

  test('greets the server before other work keeps the process busy', async () => {
    // Runs in a thread of its own, because this one is blocked in the meantime.
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const silent = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
      const server = require('node:net').createServer((socket) => socket.once('data', (chunk) => {
        Atomics.store(workerData, 0, chunk.toString().startsWith('SSH-2.0-') ? 1 : 2);
        Atomics.notify(workerData, 0);
        parentPort.once('message', () => socket.destroy());
      }));
      server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true, workerData: flag },
    );
    const [port] = (await once(silent, 'message')) as [number];
    let greeted: number | undefined;
    const meanwhile = (): void => {
      Atomics.wait(flag, 0, 0, 5000);
      greeted ??= Atomics.load(flag, 0); // the connection is retried
      silent.postMessage('enough');
    };
    const line = connect({ ...target, port }, { passphrase: async () => undefined, meanwhile });
    await expect(line).rejects.toThrow('no SSH session');
    await silent.terminate();
    expect(greeted).toBe(1);
  });

  test('rejects another host key before anybody logs in', async () => {
    const other = readFileSync(join(folder, 'id.pub'), 'utf8');
    writeFileSync(join(folder, 'wrong'), `[127.0.0.1]:${target.port} ${other}`);
    const before = seen.auths.length;
    const wrong = connect({ ...target, knownHostsFile: join(folder, 'wrong') }, { passphrase: async () => undefined });
    await expect(wrong).rejects.toThrow('NOT the known one');
    expect(seen.auths.length).toBe(before);
  });
});
