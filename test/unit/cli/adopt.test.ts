import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bringup, plain } from '../support/command.ts';
import { type Project, project } from '../support/project.ts';
import { type Sshd, sshd } from '../support/sshd.ts';

const HOSTS = 'web:\n  hosts:\n    web1: {ansible_host: 10.9.9.1}\ndb: {hosts: {db1: {ansible_port: 2200}}}\n';
const WRONG = `SHA256:${'A'.repeat(43)}`;

let home = '';
let server: Sshd;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'bringup-home-'));
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, '.ssh/id_ed25519')]);
  server = await sshd(home, ['ed25519', 'ecdsa', 'rsa']);
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  vi.stubEnv('HOME', home);
  vi.stubEnv('SSH_AUTH_SOCK', undefined);
  server.attempts.length = 0;
});
afterEach(() => vi.unstubAllEnvs());

const run = async (p: Project, words: string, inventory = 'hosts.yml') => {
  const { code, out, err } = await bringup('adopt', ...words.split(' '), '-i', p.path(inventory));
  return { code, text: plain(out + err) };
};
/** Neither the inventory nor known_hosts was written. */
const expectUntouched = (p: Project): void => {
  expect(p.read('hosts.yml')).toBe(HOSTS);
  expect(existsSync(p.path('known_hosts'))).toBe(false);
};

describe('the command line is refused before anything is contacted', () => {
  it.each([
    ['an unknown group', '127.0.0.1 --as web3 --group wbe', 'E_ADOPT_GROUP', "write 'web' instead of 'wbe'"],
    ['a name with another address', '127.0.0.1 --as web1 --group web', 'E_ADOPT_NAME', 'with the address 10.9.9.1'],
    ['the name of a group', '127.0.0.1 --as db --group web', 'E_ADOPT_NAME', 'has the name of a group'],
    ['a wrong name', '127.0.0.1 --as web/3 --group web', 'E_ADOPT_NAME', 'is no valid name'],
    ['a host of another group', '10.9.9.1 --as web1 --group db', 'E_ADOPT_NAME', "not in the group 'db'"],
    ['the address of another host', '10.9.9.1 --as web3 --group web', 'E_ADOPT_ADDRESS', 'is the address of web1'],
    ['the address and port of another host', 'db1:2200 --as x --group web', 'E_ADOPT_ADDRESS', 'address of db1'],
    ['no address', 'pi@:22 --as web3 --group web', 'E_ADOPT_ADDRESS', 'is no address'],
    ['a port that is none', '127.0.0.1:70000 --as web3 --group web', 'E_ADOPT_ADDRESS', 'is no address'],
    ['an MD5 fingerprint', '127.0.0.1 --as web3 --group web --fingerprint ab:cd', 'E_ADOPT_FINGERPRINT', "'ab:cd'"],
  ])('%s', async (_, words, code, said) => {
    const p = project({ 'hosts.yml': HOSTS });
    const ran = await run(p, words);
    expect(ran.text).toContain(code);
    expect(ran.text).toContain(said);
    expect(ran.code).toBe(2);
    expectUntouched(p);
  });

  it('an inventory that is a program, with the line to add by hand', async () => {
    const p = project({ 'hosts.py': '#!/bin/sh\necho \'{"web": {"hosts": ["web1"]}}\'\n' });
    chmodSync(p.path('hosts.py'), 0o755);
    const ran = await run(p, '127.0.0.1 --as web3 --group web', 'hosts.py');
    expect(ran.text).toMatch(/E_ADOPT_INVENTORY.*hosts\.py is a program/);
    expect(ran.text).toContain('web3: {ansible_host: 127.0.0.1}');
  });
});

describe('first contact', () => {
  const at = (more = ''): string => `127.0.0.1:${server.port} --as web3 --group web${more}`;

  it('another key than the expected one ends before a login, and nothing is written', async () => {
    const p = project({ 'hosts.yml': HOSTS });
    const ran = await run(p, at(` --fingerprint ${WRONG}`));
    expect(ran.code).toBe(1);
    expect(ran.text).toContain('E_ADOPT_OTHER_KEY');
    for (const type of ['ed25519', 'ecdsa', 'rsa']) expect(ran.text).toContain(server.fingerprint(type));
    expect(server.attempts).toEqual([]);
    expectUntouched(p);
  });

  it('nobody to ask ends before a login', async () => {
    const p = project({ 'hosts.yml': HOSTS });
    const ran = await run(p, at());
    expect(ran.code).toBe(1);
    expect(ran.text).toContain('E_ADOPT_UNVERIFIED');
    expect(ran.text).toContain(server.fingerprint('ed25519'));
    expect(server.attempts).toEqual([]);
    expectUntouched(p);
  });

  it('another key than the pinned one ends before a login, unless its fingerprint is given', async () => {
    const pinned = `[127.0.0.1]:${server.port} ${server.key('ed25519')}\n`;
    const p = project({ 'hosts.yml': HOSTS, known_hosts: pinned });
    const impostor = await sshd(p.folder, ['ed25519']);
    p.write({ known_hosts: pinned.replace(String(server.port), String(impostor.port)) });
    const words = `127.0.0.1:${impostor.port} --as web3 --group web`;
    const ran = await run(p, words);
    expect(ran.text).toContain('E_HOST_KEY_CHANGED');
    expect(impostor.attempts).toEqual([]);
    const meant = await run(p, `${words} --fingerprint ${impostor.fingerprint('ed25519')}`);
    expect(meant.text).toContain('has the given fingerprint');
    expect(p.read('hosts.yml')).toBe(HOSTS);
    await impostor.close();
  });

  it.each(['ed25519', 'ecdsa', 'rsa'])('the fingerprint of any of its keys verifies a host: %s', async (type) => {
    const p = project({ 'hosts.yml': HOSTS });
    const ran = await run(p, at(` -u pi --fingerprint ${server.fingerprint(type)}`));
    expect(ran.text).toContain(`host key ${server.fingerprint(type)} has the given fingerprint`);
    expect(ran.text).toContain('E_AUTH'); // this server refuses every login
    expect(ran.text).toContain('-k');
    expect(server.attempts).toContain('pi publickey');
    expectUntouched(p);
  });
});
