import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { withProgress } from '../../../src/cli/image-build.ts';
import { pinKey } from '../../../src/cli/pins.ts';
import type { Target } from '../../../src/core/connection.ts';
import { bringup, plain } from '../support/command.ts';
import { project } from '../support/project.ts';

const write = async (files: Readonly<Record<string, string>>, ...more: readonly string[]) => {
  const p = project({ 'key.pub': 'ssh-ed25519 AAAA anna\n', 'in.img': 'x', ...files });
  const paths = ['-i', p.path('hosts.yml'), '--to', p.path('card.img')];
  const ran = await bringup('image', 'write', 'web1', ...paths, ...more.map((one) => one.replace('{T}', p.folder)));
  expect(existsSync(p.path('card.img'))).toBe(false);
  return { ...ran, err: plain(ran.err).replaceAll(`${p.folder}/`, '') };
};
const VARS = "ansible_user: ops, ansible_ssh_private_key_file: '{T}/key'";
const host = (vars: string) => `all:\n  hosts:\n    web1: {ansible_host: 10.0.0.21, ${VARS}, ${vars}}\n`;

describe('where image write finds a mistake', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a host',
      { 'hosts.yml': host('network: {prefix: 24, gateway: 10.1.0.1}') },
      /hosts\.yml:3:\d+[\s\S]*gateway: 10\.1\.0\.1/,
    ],
    [
      'a group below another',
      {
        'hosts.yml': `all:\n  children:\n    web:\n      hosts: {web1: {ansible_host: 10.0.0.21, ${VARS}}}\n      vars:\n        network:\n          prefix: 24\n          gateway: 10.1.0.1\n`,
      },
      /hosts\.yml:8:20/,
    ],
    [
      'group_vars',
      { 'hosts.yml': host('x: 1'), 'group_vars/all.yml': 'a: 1\ntimezone: Berlin\n' },
      /group_vars\/all\.yml:2:11/,
    ],
    ['host_vars', { 'hosts.yml': host('x: 1'), 'host_vars/web1.yml': 'mac: no-mac\n' }, /host_vars\/web1\.yml:1:6/],
    [
      'a host without the variable',
      { 'hosts.yml': `all:\n  hosts:\n    web1:\n` },
      /hosts\.yml:3:5[\s\S]*ansible_user is not set/,
    ],
    ['an INI inventory', { 'hosts.yml': `web1 ansible_user=ops timezone=Berlin\n` }, /hosts\.yml:1:1/],
  ])('%s', async (_, files, message) => {
    const { code, err } = await write(files, '--image', '{T}/in.img');
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it.each<[string, string, string[], RegExp]>([
    ['no image', 'x: 1', [], /no image is given/],
    [
      'a known_hosts file that is none',
      "ansible_ssh_common_args: '-o UserKnownHostsFile=/dev/null'",
      ['--image', '{T}/in.img'],
      /\/dev\/null/,
    ],
    ['a wrong checksum', 'x: 1', ['--image', '{T}/in.img', '--checksum', 'sha256:12'], /'sha256:12' is not a checksum/],
    ['an image that is no text', 'image: 5', [], /'image' is not a text/],
    ['an image that does not exist', 'image: debian-31', [], /no file and no built image 'debian-31'/],
  ])('%s', async (_, vars, more, message) => {
    const { code, err } = await write({ 'hosts.yml': host(vars) }, ...more);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it('an unknown host', async () => {
    const { code, err } = await write({ 'hosts.yml': 'all: {hosts: {web2: }}' });
    expect([code, err]).toEqual([2, expect.stringMatching(/no host or group matches 'web1'[\s\S]*'web2'/)]);
  });
});

describe('image build', () => {
  const build = async (name: string, text?: string) => {
    const p = project(text === undefined ? {} : { 'images/own.yml': text });
    const file = text === undefined ? [] : ['--file', p.path('images/own.yml')];
    const { code, err } = await bringup('image', 'build', name, ...file);
    return { code, err: plain(err).replaceAll(`${p.folder}/`, '') };
  };

  it.each<[string, string, RegExp]>([
    ['an unknown key', 'debian: 13\nsuite: sid\n', /own\.yml:2:1[\s\S]*unknown argument 'suite'[\s\S]*size/],
    ['no release', 'arch: amd64\n', /own\.yml:1:1[\s\S]*'debian' is missing/],
    ['an old release', 'debian: 11\n', /own\.yml:1:9[\s\S]*12 or 13/],
    ['another architecture', 'debian: 13\narch: riscv64\n', /own\.yml:2:7[\s\S]*one of amd64, arm64/],
    ['a size without a unit', 'debian: 13\nsize: 1000\n', /own\.yml:2:7[\s\S]*a whole number with M/],
    ['an option as a package', 'debian: 13\npackages: [vim, -o]\n', /own\.yml:2:17[\s\S]*the name of a Debian package/],
    ['a list', '- debian\n', /own\.yml is not a map/],
    ['wrong YAML', 'debian: [\n', /own\.yml:/],
  ])('refuses %s', async (_, text, message) => {
    const { code, err } = await build('own', text);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it.each([
    ['debian-31', /there is no images\/debian-31\.yml[\s\S]*debian-13/],
    ['../x', /'\.\.\/x' is not a valid name/],
  ])('refuses the name %s', async (name, message) => {
    const { code, err } = await build(name);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('pinned host keys', () => {
  it('are not read as an inventory', async () => {
    const p = project({
      'inventory/hosts.yml': 'all: {hosts: {web1: }}',
      'inventory/known_hosts': '10.0.0.21 ssh-ed25519 AAAA\n',
    });
    const { code, out } = await bringup('inventory', '-i', p.path('inventory'));
    expect([code, plain(out)]).toEqual([0, 'web1  ungrouped\n']);
  });

  it('of several processes do not get lost, nor behind one that was killed', async () => {
    const p = project({ 'known_hosts.new': '' });
    const target = (address: string) => ({ address, port: undefined }) as Target;
    const hosts = Array.from({ length: 20 }, (_, i) => `10.0.0.${i + 1}`);
    await Promise.all(hosts.map((host) => pinKey(p.path('known_hosts'), target(host), 'ssh-ed25519 AAAA x')));
    expect(p.read('known_hosts').trim().split('\n').sort()).toEqual(hosts.map((h) => `${h} ssh-ed25519 AAAA`).sort());
    expect(existsSync(p.path('known_hosts.new'))).toBe(false);
  });

  it('are what a connection of the project verifies', async () => {
    const p = project({
      'hosts.yml': 'all: {hosts: {web1: {ansible_host: 127.0.0.1, ansible_port: 1}}}',
      'site.yml': '- hosts: all\n  tasks: []\n',
    });
    writeFileSync(p.path('known_hosts'), '');
    const { openProject } = await import('../../../src/cli/project.ts');
    const { connection } = openProject({ inventory: p.path('hosts.yml'), writes: false });
    expect(connection).toEqual({ bringup_known_hosts_file: p.path('known_hosts') });
  });
});

describe('progress', () => {
  const shown = async (isTerminal: boolean) => {
    const before = process.stderr.isTTY;
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    process.stderr.isTTY = isTerminal;
    try {
      await withProgress(async (progress) => {
        progress('writing', 1024 ** 2, 4 * 1024 ** 2);
        progress('writing', 2 * 1024 ** 2, 4 * 1024 ** 2);
        progress('writing the seed');
      });
      return plain(write.mock.calls.map(([text]) => String(text)).join(''));
    } finally {
      process.stderr.isTTY = before;
      write.mockRestore();
    }
  };
  it('is one line on a terminal, which is gone at the end', async () =>
    expect((await shown(true)).split('\r\u001b[K')).toEqual([
      '',
      'writing  1 MiB of 4 MiB',
      'writing  2 MiB of 4 MiB',
      'writing the seed',
      '',
    ]));
  it('is one line for each step elsewhere', async () => expect(await shown(false)).toBe('writing\nwriting the seed\n'));
});
