// What a machine is told while it is installed, asked as its firmware and its installer ask.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BootServer, openServer } from '../../../src/hardware/boot/server.ts';
import { openSession, type Session } from '../../../src/hardware/boot/session.ts';
import { installed } from '../../support/peers.ts';

const MAC = '52:54:00:00:00:01';
const place = { mac: MAC, address: '10.0.0.21/24', gateway: undefined };
let folder: string;
let server: BootServer;
let session: Session;
let ended: Promise<string>;

beforeEach(async () => {
  installed({ curl: 'curl', openssl: 'openssl' });
  folder = mkdtempSync(join(tmpdir(), 'bu-boot-'));
  for (const name of ['vmlinuz', 'initrd', 'image']) writeFileSync(join(folder, name), `the ${name}`);
  const payload = { file: join(folder, 'image'), sha256: 'ab12', bytes: 1024 ** 3, sent: 9 };
  const seed = { 'meta-data': 'meta', 'user-data': 'PRIVATE KEY', 'network-config': 'net' };
  session = openSession({ host: 'web1', disk: { serial: 'A1' }, payload, seed, progress: () => {} });
  ended = session.ended.then(
    () => 'done',
    (error: Error & { diagnostics?: readonly { code?: string; detail?: string }[] }) =>
      `${error.diagnostics?.[0]?.code} ${error.diagnostics?.[0]?.detail ?? ''}`.trim(),
  );
  const signal = new AbortController().signal;
  server = await openServer({ address: '127.0.0.1', reached: '127.0.0.1', folder, signal });
  server.add(place, session);
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const plain = async (path: string): Promise<string> => (await fetch(`${server.http}/${path}`)).text();

/** What the kernel's command line says, from the answer to GRUB. */
async function told(): Promise<Readonly<Record<string, string>>> {
  const words = (await plain(`grub/${MAC}`)).split(/\s+/).filter((word) => word.startsWith('bringup.'));
  return Object.fromEntries(words.map((word) => [word.slice(8, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
}

/** Asks as the installer does. Returns the body, or curl's error. */
async function ask(line: Readonly<Record<string, string>>, path: string, body?: string): Promise<string> {
  const { url, pin, token } = line;
  const config = `insecure\npinnedpubkey = "${pin}"\nheader = "Authorization: Bearer ${token}"\n${body === undefined ? '' : `data-binary = "${body}"\n`}`;
  return new Promise((resolve) => {
    const child = execFile('curl', ['-sS', '--fail', '-m', '30', '-K', '-', `${url}/${path}`], (error, out, err) =>
      resolve(error === null ? out : err.trim()),
    );
    child.stdin?.end(config);
  });
}

it('sends a machine on to its disk unless it is to be installed', async () => {
  expect(await plain('grub/52:54:00:00:00:02')).toBe('exit\n');
  expect(await plain('ipxe/52-54-00-00-00-02')).toBe('#!ipxe\nexit\n');
});

it('gives the order, the image and the seed to the installer, and nothing afterwards', async () => {
  const line = await told();
  expect([line['mac'], line['address']]).toEqual([MAC, '10.0.0.21/24']);
  const task = await ask(line, 'task');
  expect(task).toBe(`DISK=serial=A1\nBYTES=1073741824\nSHA256=ab12\nIMAGE=${server.http}/image/web1\n`);
  expect(await plain('image/web1')).toBe('the image');
  expect(await ask(line, 'seed/user-data')).toBe('PRIVATE KEY');
  expect(await ask(line, 'done', 'x')).toBe('ok\n');
  expect(await ended).toBe('done');
  expect(await ask(line, 'task')).toMatch(/403/);
  expect(await plain(`grub/${MAC}`)).toBe('exit\n');
});

it('gives the private key once, and stops if it is asked for again', async () => {
  const line = await told();
  expect(await ask(line, 'seed/user-data')).toBe('PRIVATE KEY');
  expect(await ask(line, 'seed/user-data')).toMatch(/410/);
  expect(await ended).toBe('E_BOOT_SEED_TWICE');
});

it('takes only the token of the last start, and ends a loop of starts', async () => {
  const first = await told();
  const second = await told();
  expect(await ask(first, 'task')).toMatch(/403/);
  expect(await ask(second, 'task')).toContain('SHA256=ab12');
  await told();
  expect(await plain(`grub/${MAC}`)).toBe('exit\n');
  expect(await ended).toBe('E_BOOT_LOOP');
});

it('is refused by an installer that knows another key', async () => {
  const line = await told();
  const pin = `sha256//${Buffer.alloc(32).toString('base64')}`;
  expect(await ask({ ...line, pin }, 'seed/user-data')).toMatch(/public key/i);
  expect(await ask(line, 'seed/user-data')).toBe('PRIVATE KEY');
});

it('lists the disks if not exactly one fits', async () => {
  const line = await told();
  await ask(line, 'disks', '/dev/sda 8589934592 A1 Fast disk\\n/dev/sdb 8589934592 - ');
  await ask(line, 'failed', 'disk');
  expect(await ended).toBe('E_BOOT_DISK /dev/sda  8 GiB  serial=A1  Fast disk\n/dev/sdb  8 GiB  no serial number');
});
