import { chmodSync, mkdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { Answer } from '../../../src/cli/doctor/contract.ts';
import { node } from '../../../src/cli/doctor/here.ts';
import { judgeHost } from '../../../src/cli/doctor/host.ts';
import { bringup, plain } from '../support/command.ts';
import { ONE_HOST, project } from '../support/project.ts';

const GOOD = [
  'clock 1700000000',
  'free / 5000000 /',
  'inodes / 900000 1000000',
  'free /var 5000000 /',
  'free /boot 300000 /boot',
  'dns deb.debian.org yes',
  'end',
];
const told = (answers: readonly Answer[]): readonly string[] =>
  answers.flatMap(({ topic, troubles }) =>
    troubles.map(({ what, isFault }) => `${isFault ? 'fault' : 'note'} ${topic}: ${what}`),
  );
const host = (lines: readonly string[]) => told(judgeHost(lines.join('\n'), 1_700_000_002, 'web1'));
const without = (key: string, ...more: readonly string[]) => [...GOOD.filter((line) => !line.startsWith(key)), ...more];

describe('a host', () => {
  it.each([
    ['in good state', GOOD, []],
    ['with a wrong clock', without('clock', 'clock 1699996402'), ['fault clock: the clock is 3600 s behind']],
    ['that does not tell its time', without('clock'), ['fault clock: the host did not tell its time']],
    [
      'with a full disk, told once',
      without('free', 'free / 1000 /', 'free /var 1000 /'),
      ['fault disk space: / has 1000 KiB left'],
    ],
    ['without inodes', without('inodes', 'inodes / 10 1000000'), ['fault disk space: / has 10 inodes left']],
    ['that is read-only', [...GOOD, 'readonly /'], ['fault disk space: / cannot be written']],
    [
      'whose packages are locked',
      [...GOOD, 'lock dpkg is locked by process 812, unattended-upgr (/var/lib/dpkg/lock)'],
      ['note packages: dpkg is locked by process 812, unattended-upgr (/var/lib/dpkg/lock)'],
    ],
    ['whose dpkg was interrupted', [...GOOD, 'dpkg interrupted'], ['fault packages: dpkg was interrupted']],
    [
      'that cannot resolve its mirror',
      without('dns', 'dns deb.debian.org no'),
      ['fault DNS: the host cannot resolve deb.debian.org, where it gets packages from'],
    ],
    ['without a name server', without('dns', 'nameserver none'), ['note DNS: /etc/resolv.conf names no server']],
  ])('%s', (_, lines, expected) => expect(host(lines)).toEqual(expected));
});

describe('this machine', () => {
  it.each([
    ['18.20.0', false],
    ['20.18.1', false],
    ['20.19.0', true],
    ['22.1.0', true],
  ])('Node.js %s', (version, isGood) => expect(node(version).troubles).toHaveLength(isGood ? 0 : 1));

  it('names what is wrong with keys and pins, and how to fix it', async () => {
    const p = project({
      'hosts.yml': 'all: {hosts: {web1: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n',
      known_hosts: '# ours\nweb1 nonsense\n',
      'home/.ssh/id_ed25519': 'a key',
    });
    mkdirSync(p.path('home/.ssh'), { recursive: true });
    chmodSync(p.path('home/.ssh/id_ed25519'), 0o644);
    vi.stubEnv('HOME', p.path('home'));
    vi.stubEnv('SSH_AUTH_SOCK', p.path('gone'));
    const { code, out, err } = await bringup('doctor', '-i', p.path('hosts.yml'));
    vi.unstubAllEnvs();
    const text = plain(out + err);
    expect(code).toBe(1);
    expect(text).toContain(`other users may read ${p.path('home/.ssh/id_ed25519')}`);
    expect(text).toContain(`chmod 600 ${p.path('home/.ssh/id_ed25519')}`);
    expect(text).toContain(`${p.path('known_hosts')}:2 is no host key`);
    expect(text).toContain(`SSH_AUTH_SOCK is ${p.path('gone')}, which is no socket`);
    expect(text).toMatch(/✗ web1\n.*error E_/);
    expect(text).toContain('something is in the way in 2 of 2 places');
  });
  it('is asked for no SSH keys if no host is reached by SSH', async () => {
    const p = project({ 'hosts.yml': ONE_HOST });
    vi.stubEnv('HOME', p.folder);
    const { out } = await bringup('doctor', '-v', '-i', p.path('hosts.yml'));
    vi.unstubAllEnvs();
    expect(plain(out)).not.toContain('login key');
    expect(plain(out)).toContain('Node.js');
  });
});
