import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Done } from '../../src/cli/prove-record.ts';
import { until } from './support/command.ts';
import { makeLab } from './support/rack.ts';

const NET = '10.83.175';
const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24, lab_image: debian-13, drill: true, rebuild: true}
  hosts:
    a: {ansible_host: ${NET}.11}
    b: {ansible_host: ${NET}.12, power: {driver: command, on_command: ./switch on, off_command: ./switch cut, status_command: ./switch status}}
    c: {ansible_host: ${NET}.13, drill: false, rebuild: false}
`,
  NET,
);
/** The smallest web server that runs on a bare host. */
const SERVER = String.raw`use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 64, ReuseAddr => 1) or die;
while (my $c = $s->accept) {
  while (<$c>) { last if /^\r?\n$/ }
  print $c "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n42";
  close $c;
}
`;
/** The power of b as a program of somebody's own switches it; it keeps a list of what it did. */
const SWITCH = `#!/bin/sh
lab() { "${process.execPath}" "${resolve('dist/bringup.cjs')}" lab "$@"; }
case $1 in
  status) lab status -i inventory/lab.yml | awk '$1 == "b" {print $NF}';;
  *) echo "$1 $HOST" >>switched; lab power "$1" -i inventory/lab.yml b;;
esac
`;
const SITE = `- hosts: a, b
  become: true
  gather_facts: false
  tasks:
    - name: Deploy the server
      copy: {dest: /srv/answer.pl, src: answer.pl, mode: '0644'}
    - name: Deploy the unit
      copy:
        dest: /etc/systemd/system/answer.service
        mode: '0644'
        content: |
          [Service]
          ExecStart=perl /srv/answer.pl
          [Install]
          WantedBy=multi-user.target
    - name: Start the unit
      systemd: {name: answer, state: started, enabled: true, daemon_reload: true}
`;
const CHECKS = `- name: The unit runs on {{ item }}
  within: 15
  service: {host: "{{ item }}", name: answer}
  loop: [a, b]
`;
const DRILL = `- name: Stop one of two servers for 1 s
  load: {url: 'http://${NET}.11', seconds: 4, rate: 5, clients: 1, requests: [{name: page, contains: ['42']}]}
  steps:
    - {at: 1, service: {hosts: b, name: answer, state: stopped}}
    - {at: 2, service: {hosts: b, name: answer, state: started}}
  expect: {failed: 0}
  checks:
    - name: The unit runs
      service: {host: b, name: answer}
`;
const COMMAND = resolve('dist/bringup.cjs');
const RECORD = '.bringup/prove.jsonl';
const ALL = ['--rebuild', 'a,b', '--power-cycle', 'a,b', '--checks', 'checks.yml', '--drills', 'drill.yml'];

const path = (name: string): string => join(lab.folder, name);
const prove = (...argv: readonly string[]) => {
  const args = [COMMAND, 'prove', 'site.yml', '-i', 'inventory/lab.yml', '-o', 'plain', ...argv];
  const env = { ...process.env, NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: lab.folder, encoding: 'utf8', env });
  return { status, said: stdout + stderr };
};
const done = (): readonly Done[] =>
  readFileSync(path(RECORD), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line));
const steps = (): readonly string[] => done().map(({ cycle, kind, on = '' }) => `${cycle} ${kind} ${on}`.trim());
const CYCLE = [
  'rebuild a,b',
  ...[
    'apply',
    'apply again',
    'check',
    'power-cycle a',
    'check',
    'power-cycle b',
    'check',
    'apply again',
    'drill drill.yml',
  ],
];

describe('prove', () => {
  beforeAll(async () => {
    writeFileSync(path('answer.pl'), SERVER);
    writeFileSync(path('switch'), SWITCH, { mode: 0o755 });
    writeFileSync(path('site.yml'), SITE);
    writeFileSync(path('checks.yml'), CHECKS);
    writeFileSync(path('drill.yml'), DRILL);
    await lab.up();
  });
  afterAll(() => lab.down());

  it('goes through two cycles, although it was killed in the first', async () => {
    await lab.root('a', 'echo older >/srv/older');
    const args = [COMMAND, 'prove', 'site.yml', '-i', 'inventory/lab.yml', '--cycles', '2', ...ALL];
    const child = spawn(process.execPath, args, { cwd: lab.folder, stdio: 'ignore' });
    const exit = once(child, 'exit');
    await until('four steps', () => existsSync(path(RECORD)) && steps().length >= 4);
    child.kill('SIGKILL');
    await exit;
    const before = steps();
    expect(before.length).toBeLessThan(2 * CYCLE.length);
    const { status, said } = prove('--resume');
    expect(said).toMatch(/proven: 2 cycles in .*, every promise kept/);
    expect(status).toBe(0);
    expect(steps()).toEqual([1, 2].flatMap((n) => CYCLE.map((step) => `${n} ${step}`)));
    expect(steps().slice(0, before.length)).toEqual(before);
    expect(said).toMatch(/^ {2}power-cycle +4 /m);
    expect(readFileSync(path('switched'), 'utf8')).toMatch(/^(cut b\non b\n){2,3}$/);
    // The rebuild was one.
    expect(await lab.root('a', 'ls /srv')).toBe('answer.pl\n');
  });

  it.each([
    [
      'a playbook that is not idempotent',
      () => writeFileSync(path('site.yml'), `${SITE}    - name: Touch\n      command: touch /srv/touched\n`),
      'not proven: cycle 1, apply again: 2 changed (a: Touch; b: Touch)',
    ],
    [
      'a unit that does not start at boot',
      () => writeFileSync(path('site.yml'), SITE.replace('enabled: true', 'enabled: false')),
      'not proven: cycle 1, check: 1 of 2 passed; failed: The unit runs on a',
    ],
  ])('stops at %s, and leaves it as it is', (_, breakIt, verdict) => {
    breakIt();
    const { status, said } = prove('--power-cycle', 'a', '--checks', 'checks.yml', '--no-drills');
    expect(said).toContain(verdict);
    expect(status).toBe(1);
    expect(done().filter((step) => !step.kept)).toHaveLength(1);
    expect(done().at(-1)?.kept).toBe(false);
    writeFileSync(path('site.yml'), SITE);
  });

  it.each([
    ['a host that must not be harmed', ['--power-cycle', 'c'], /<command line>:1:1.*E_DRILL_HOST.*\bc\b/],
    ['a host that must not be erased', ['--rebuild', 'c'], /lab.yml:\d+:\d+.*E_REBUILD_HOST.*\bc\b/],
    ['a host that does not exist', ['--rebuild', 'nowhere'], /nowhere/],
    ['--resume with another wish', ['--resume', '--cycles', '2'], /cannot be used with/],
    ['to continue a proof that has ended', ['--resume'], /E_PROOF_ENDED/],
    ['two ends', ['--cycles', '2', '--for', '1h'], /cannot be used with/],
    ['a time without a unit', ['--for', '8'], /expected: a whole number and s, m, h or d/],
    ['checks that do not exist', ['--checks', 'none.yml'], /none\.yml/],
    ['drills that do not exist', ['--drills', 'none.yml'], /none\.yml/],
  ])('refuses %s before a host is touched', (_, argv, message) => {
    const { status, said } = prove(...argv);
    expect(said).toMatch(message);
    expect(status).toBe(2);
    expect(said).not.toContain('cycle 1');
  });
});
