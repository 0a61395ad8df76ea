import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls, { type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/checks/command.ts';
import { checks } from '../../../src/checks/index.ts';
import { isBound, type Scene } from '../../../src/core/check.ts';
import type { Connection } from '../../../src/core/connection.ts';

const never: Scene = {
  connect: () => Promise.reject(new Error('no hosts here')),
  health: () => Promise.reject(new Error('no hosts here')),
  signal: AbortSignal.timeout(20_000),
};
async function wrong(name: string, args: Record<string, unknown>, scene = never) {
  const bound = checks.get(name)?.bind(args);
  if (bound === undefined || !isBound(bound)) throw new Error(JSON.stringify(bound));
  return (await bound.attempt(scene)).mismatches.map((m) => `${m.property}: ${m.expected}, ${m.seen}`);
}

describe('tls', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-tls-'));
  const ca = join(folder, 'ca.crt');
  let server: Server;
  let port = 0;
  beforeAll(async () => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '10'];
    openssl('req', '-x509', ...key, '-subj', '/CN=test CA', '-keyout', 'ca.key', '-out', 'ca.crt');
    openssl(
      ...['req', '-x509', '-CA', 'ca.crt', '-CAkey', 'ca.key', ...key, '-subj', '/CN=www.test'],
      ...['-addext', 'subjectAltName=DNS:www.test', '-keyout', 'www.key', '-out', 'www.crt'],
    );
    server = tls.createServer({
      cert: readFileSync(join(folder, 'www.crt')),
      key: readFileSync(join(folder, 'www.key')),
      minVersion: 'TLSv1.2',
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const at = (more: object) => ({ host: '127.0.0.1', port, name: 'www.test', ca, ...more });

  it('trusts the given CA for the right name and time', async () => {
    expect(await wrong('tls', at({}))).toEqual([]);
    expect(await wrong('tls', at({ days: 11 }))).toEqual(['validity: at least 11 days left, 9 days']);
    expect(await wrong('tls', at({ name: 'other.test' }))).toEqual([expect.stringMatching(/^certificate: trusted/)]);
    expect(await wrong('tls', at({ ca: undefined }))).toEqual([expect.stringMatching(/^certificate: trusted/)]);
  });

  it('detects which versions the server offers', async () => {
    expect(await wrong('tls', at({ protocol: 'TLSv1.1', refused: true }))).toEqual([]);
    expect(await wrong('tls', at({ protocol: 'TLSv1.2', refused: true }))).toEqual([
      'protocol: TLSv1.2 refused, TLSv1.2',
    ]);
    expect(await wrong('tls', at({ protocol: 'TLSv1.1' }))).toEqual([expect.stringMatching(/^protocol: TLSv1.1/)]);
  });

  it('does not count a closed port as a refused handshake', async () => {
    await expect(wrong('tls', at({ port: 1, refused: true }))).rejects.toThrow('ECONNREFUSED');
  });
});

describe('command', () => {
  const saying = (said: Readonly<Record<string, string>>) => ({
    ...never,
    connect: (name: string) => {
      const stdout = said[name];
      if (stdout === undefined) return Promise.reject(new Error('away'));
      const line: Pick<Connection, 'run'> = { run: async () => [{ code: 0, stdout, stderr: '' }] };
      return Promise.resolve(line as Connection);
    },
  });
  const ask = (on: string, said: Readonly<Record<string, string>>) =>
    wrong('command', { hosts: ['a', 'b'], cmd: 'ip address', matches: ' 192\\.0\\.2\\.1/', on }, saying(said));
  const HERE = '2: eth0 inet 192.0.2.1/32';

  it.each([
    ['one', { a: HERE, b: '' }, []],
    ['one', { a: HERE }, []],
    ['one', { a: '', b: '' }, ['hosts: exactly one host that matches, none']],
    ['one', { a: HERE, b: HERE }, ['hosts: exactly one host that matches, a, b']],
    ['all', { a: HERE, b: HERE }, []],
    ['all', { a: HERE }, ['b: an answer, away']],
    ['all', { a: HERE, b: 'else' }, ['b: / 192\\.0\\.2\\.1//, else']],
    ['none', { a: '', b: '' }, []],
    ['none', { a: HERE, b: '' }, [`a: no match, ${HERE}`]],
  ])('on %s: %o', async (on, said, expected) => {
    expect(await ask(on, said)).toEqual(expected);
  });

  it('rejects an invalid pattern', () => {
    expect(command.bind({ hosts: ['a'], cmd: 'true', matches: '(' })).toEqual([
      expect.objectContaining({ path: ['matches'] }),
    ]);
  });
});
