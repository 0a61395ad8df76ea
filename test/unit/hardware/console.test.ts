import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/core/diagnostic.ts';
import { type BoundConsole, type ConsoleScene, isBoundConsole } from '../../../src/hardware/console/contract.ts';
import { consoles } from '../../../src/hardware/console/drivers/index.ts';
import { lastLines, record, recorded } from '../../../src/hardware/console/record.ts';
import { until } from '../../lab/support/command.ts';

const none = async (): Promise<never> => {
  throw new Error('no lab');
};
const scene: ConsoleScene = { host: 'web1', signal: new AbortController().signal, lab: { open: none, log: none } };

function bound(driver: string, args: Readonly<Record<string, unknown>>): BoundConsole {
  const console = consoles[driver]?.bind(args);
  if (console === undefined || !isBoundConsole(console)) throw new Error(JSON.stringify(console));
  return console;
}
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (!(error instanceof Failure)) throw error ?? new Error('it was opened');
  return `${error.diagnostics[0]?.code}: ${error.message}`;
}
function hear(stream: Duplex): () => string {
  let said = '';
  stream.on('data', (part: Buffer) => {
    said += part.toString();
  });
  return () => said;
}

describe('a console', () => {
  let folder: string;
  let server: Server;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'console-'));
    server = createServer((socket) => {
      socket.write('web1 login: ');
      socket.on('data', (typed) => socket.write(`you typed ${typed}`));
      socket.on('error', () => {});
    });
    server.listen(join(folder, 'socket'));
    await once(server, 'listening');
  });
  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['socket', () => ({ path: join(folder, 'socket') })],
    ['qemu', () => ({ socket: join(folder, 'socket') })],
  ])('is read and typed into: %s', async (driver, args) => {
    const stream = await bound(driver, args()).open(scene);
    const said = hear(stream);
    await until('the prompt', () => said().includes('login: '));
    stream.write('root');
    await until('the answer', () => said().includes('you typed root'));
    stream.destroy();
  });

  it('is a program: a tty with its other end', async () => {
    const [near, far] = [join(folder, 'near'), join(folder, 'far')];
    const program = `import os, pty, tty, select, sys
a, an = pty.openpty(); b, bn = pty.openpty()
tty.setraw(an); tty.setraw(bn)
os.symlink(os.ttyname(an), sys.argv[1]); os.symlink(os.ttyname(bn), sys.argv[2])
while True:
    for fd in select.select([a, b], [], [])[0]: os.write(b if fd == a else a, os.read(fd, 1024))
`;
    const child: ChildProcess = spawn('python3', ['-c', program, near, far], { stdio: 'ignore' });
    try {
      await until('the ports', () => existsSync(near) && existsSync(far));
      const [one, two] = [readlinkSync(near), readlinkSync(far)];
      const ours = await bound('tty', { device: one, speed: 9600 }).open(scene);
      const theirs = await bound('tty', { device: two, speed: 9600 }).open(scene);
      const [seen, typed] = [hear(ours), hear(theirs)];
      theirs.write('U-Boot\n');
      await until('the firmware', () => seen() === 'U-Boot\n');
      ours.write('boot\n');
      await until('what was typed', () => typed() === 'boot\n');
      ours.destroy();
      theirs.destroy();
    } finally {
      child.kill();
    }
  });

  it.each([
    [
      'socket',
      { path: '/nowhere/socket' },
      /^E_CONSOLE_OPEN: the console of web1 cannot be opened \(socket \/nowhere\/socket\)/,
    ],
    ['tty', { device: '/dev/nothing' }, /^E_CONSOLE_OPEN: .*\/dev\/nothing/],
    ['ssh', { host: '127.0.0.1', port: 1 }, /^E_CONSOLE_(OPEN: .*refused|PROGRAM: 'ssh')/],
  ])('that cannot be opened says why: %s', async (driver, args, message) => {
    expect(await refusal(bound(driver, args).open(scene))).toMatch(message);
  });

  it.each([
    ['socket', { path: 'relative' }],
    ['socket', { path: '/a', speed: 9600 }],
    ['ssh', { host: '-oProxyCommand=reboot' }],
    ['ipmi', { host: '10.0.0.1', user: 'admin' }],
    ['tty', { device: 'ttyUSB0' }],
  ])('with wrong arguments is refused: %s %o', (driver, args) => {
    const console = consoles[driver]?.bind(args);
    expect(console !== undefined && !isBoundConsole(console)).toBe(true);
  });

  it('is recorded, and the record is bounded', async () => {
    const file = join(folder, 'logs', 'web1.log');
    const end = await record(bound('socket', { path: join(folder, 'socket') }), scene, file);
    await until('the record', () => recorded(file)?.includes('login: ') === true);
    end();
    expect(readFileSync(file, 'utf8')).toMatch(/^--- boot recorded by bringup since .*\nweb1 login: $/);
    const noise = createServer((socket) => socket.end('x'.repeat(1024 * 1024))).listen(join(folder, 'noise'));
    await once(noise, 'listening');
    await record(bound('socket', { path: join(folder, 'noise') }), scene, file);
    await until('the noise', () => recorded(file)?.length === 256 * 1024);
    noise.close();
  });

  it('that cannot be opened is no reason not to boot', async () => {
    const file = join(folder, 'web1.log');
    (await record(bound('socket', { path: '/nowhere' }), scene, file))();
    expect(recorded(file)).toContain('cannot be opened');
  });

  it('shows lines without what moves a cursor', () =>
    expect(lastLines('one\r\n\r\n\x1b[32mtwo\x1b[0m\r\n\x07three\n', 2)).toBe('two\nthree'));
});
