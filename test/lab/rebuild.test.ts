// Rebuilds, states, consoles and reboots that hang, on a lab of three hosts.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plain } from '../unit/support/command.ts';
import { until } from './support/command.ts';
import { makeLab } from './support/rack.ts';

const NET = '10.83.176';
const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24, lab_image: debian-13, rebuild: true}
  hosts:
    a: {ansible_host: ${NET}.11}
    b: {ansible_host: ${NET}.12}
    c: {ansible_host: ${NET}.13, rebuild: 'yes'}
`,
  NET,
);
const SITE = `- hosts: a, b
  become: true
  gather_facts: false
  tasks:
    - copy: {dest: /srv/deployed, content: "deployed\\n", mode: '0644'}
`;
const MAY = `- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - assert: {that: rebuild_host != 'b', fail_msg: b holds the only copy of the data}
`;
const LEAVE = `- hosts: b
  become: true
  gather_facts: false
  tasks:
    - shell: echo {{ rebuild_host }} >>/srv/left
`;
const CHECKS = `- name: "{{ item }} is deployed"
  command: {hosts: "{{ item }}", cmd: cat /srv/deployed, matches: deployed}
  loop: [a, b]
`;
const REBOOT = `- hosts: a
  become: true
  gather_facts: false
  tasks:
    - reboot: {reboot_timeout: 6, reboot_command: ip link set host0 down}
`;
const COMMAND = resolve('dist/bringup.cjs');
const path = (name: string): string => join(lab.folder, name);
const argv = (words: readonly string[]): readonly string[] => [COMMAND, ...words, '-i', 'inventory/lab.yml'];
const env = { ...process.env, NO_COLOR: '1' };
function bringup(...words: readonly string[]) {
  const options = { cwd: lab.folder, encoding: 'utf8', env } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, argv(words), options);
  return { status, said: plain(stdout + stderr) };
}
const rebuild = (...hosts: readonly string[]) =>
  bringup('rebuild', ...hosts, '--playbook', 'site.yml', '--checks', 'checks.yml');
const state = (...words: readonly string[]) =>
  bringup('host', ...words, '-T', '2', '--playbook', 'site.yml', '--checks', 'checks.yml');
const marks = (): readonly string[] => {
  const folder = path('.bringup/marks');
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.json'))
    : [];
};

describe('a host', () => {
  beforeAll(async () => {
    mkdirSync(path('rebuild'));
    for (const [name, text] of Object.entries({
      ...{ 'site.yml': SITE, 'checks.yml': CHECKS, 'reboot.yml': REBOOT },
      ...{ 'rebuild/may.yml': MAY, 'rebuild/leave.yml': LEAVE },
    }))
      writeFileSync(path(name), text);
    await lab.up();
  });
  afterAll(() => lab.down());

  it('is not rebuilt without its mark, and nothing else is', async () => {
    await lab.root('a', 'echo older >/srv/older');
    const { status, said } = rebuild('a', 'c');
    expect(said).toMatch(/lab.yml:6:\d+: error E_REBUILD_HOST: .*\bc\b.*rebuild: true/);
    expect(status).toBe(2);
    expect(await lab.root('a', 'cat /srv/older')).toBe('older\n');
  });

  it('is not rebuilt if the site says no, and no host before it', async () => {
    const { status, said } = rebuild('a', 'b');
    expect(said).toContain('E_REBUILD_REFUSED: b is not rebuilt: localhost: ');
    expect(said).toContain('b holds the only copy of the data');
    expect(status).toBe(1);
    expect(await lab.root('a', 'cat /srv/older')).toBe('older\n');
    expect(await lab.root('b', 'ls /srv')).toBe('');
    expect(marks()).toEqual([]);
  });

  it('is rebuilt, although the first attempt was killed', async () => {
    const words = ['rebuild', 'a', '--playbook', 'site.yml', '--checks', 'checks.yml'];
    const child = spawn(process.execPath, argv(words), { cwd: lab.folder, stdio: 'ignore', env });
    const exit = once(child, 'exit');
    const doing = (): string =>
      marks()
        .map((file) => readFileSync(join(path('.bringup/marks'), file), 'utf8'))
        .join('');
    await until('the installation begins', () => /install|apply|check/.test(doing()));
    child.kill('SIGKILL');
    await exit;
    expect(state('status', 'a', '--quick').said).toContain('marked: rebuild, ');
    const { status, said } = rebuild('a');
    expect(said).toMatch(/rebuilt: a in .*, all back in service/);
    expect(status).toBe(0);
    expect(await lab.root('a', 'ls /srv')).toBe('deployed\n');
    expect(await lab.root('b', 'cat /srv/left')).toBe('a\na\n');
    expect(marks()).toEqual([]);
  });

  it('goes through its states', async () => {
    expect(state('status', 'a', 'b', 'c').said).toMatch(
      /^a {2}proven .*\nb {2}proven .*\nc {2}reachable .*\n.*does not name it/m,
    );
    expect(state('to', 'off', 'a')).toMatchObject({ status: 0 });
    expect(state('status', 'a').said).toMatch(/^a {2}off {2}the power driver lab says off/);
    expect(state('to', 'reachable', 'a').said).toMatch(/^a {2}reachable/);
    await lab.root('a', 'rm /srv/deployed');
    expect(state('status', 'a').said).toMatch(/^a {2}reachable .*\n.*the playbook would make 1 change$/m);
    expect(state('to', 'proven', 'a').said).toMatch(/^a {2}proven/);
    expect(await lab.root('a', 'cat /srv/deployed')).toBe('deployed\n');
  });

  it('is marked if it does not reach a state, and left alone until the mark is cleared', () => {
    bringup('lab', 'net', 'cut', 'a');
    const stuck = state('to', 'reachable', 'a', '--within', '1');
    expect(stuck.said).toMatch(/E_HOST_STUCK: a is booted, not reachable: [\s\S]*console of a:[\s\S]*Reached target/);
    expect(stuck.status).toBe(1);
    bringup('lab', 'net', 'heal', 'a');
    expect(state('to', 'off', 'a').said).toContain('E_HOST_MARKED: a is marked');
    expect(state('status', 'a', '--quick').said).toMatch(/^a {2}reachable[\s\S]*marked: to reachable/);
    expect(bringup('host', 'clear', 'a').said).toBe('a  mark cleared\n');
    expect(state('to', 'reachable', 'a').status).toBe(0);
  });

  it('has a console, which works without its network', async () => {
    expect(bringup('console', 'a', '--log').said).toMatch(/^--- power on .*\n[\s\S]*Reached target .*multi-user/);
    expect(bringup('console', 'a')).toMatchObject({ status: 2, said: expect.stringContaining('E_CONSOLE_TERMINAL') });
    bringup('lab', 'net', 'cut', 'a');
    const command = `'${process.execPath}' ${argv(['console', 'a']).join(' ')}`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: lab.folder, env });
    let said = '';
    child.stdout.on('data', (part: Buffer) => {
      said += part.toString();
    });
    const exit = once(child, 'exit');
    await until(
      'a prompt',
      () => /root@a/.test(said),
      () => said,
    );
    child.stdin.write('echo repaired >/srv/by-$(hostname)\n');
    await until(
      'the second prompt',
      () => said.split('root@a').length > 2,
      () => said,
    );
    child.stdin.write('\x1d');
    expect((await exit)[0]).toBe(0);
    expect(said).toContain('left the console of a');
    bringup('lab', 'net', 'heal', 'a');
    expect(await lab.root('a', 'cat /srv/by-a')).toBe('repaired\n');
  });

  it('that hangs in a reboot is power-cycled', async () => {
    const { status, said } = bringup('apply', 'reboot.yml', '-o', 'plain');
    expect(said).toContain('warning: a did not come back within 6 s after the reboot, so its power was cycled');
    expect(status).toBe(0);
    expect(await lab.root('a', 'cat /srv/by-a')).toBe('repaired\n');
  });
});
