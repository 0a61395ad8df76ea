import dgram from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDrills } from '../../src/cli/drill.ts';
import type { DrilledEvent, Event } from '../../src/core/event.ts';
import { status } from '../../src/lab/lab.ts';
import { makeLab } from './support/rack.ts';

const NET = '10.88.7';
const ADDRESSES = [`${NET}.21`, `${NET}.22`];
const rack = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24, lab_image: debian-13, drill: true}
  hosts:
    web1: {ansible_host: ${ADDRESSES[0]}}
    web2: {ansible_host: ${ADDRESSES[1]}}
`,
  NET,
);
const HOSTS = ['web1', 'web2'];

/** The smallest web server that runs on a bare host. */
const SERVER = String.raw`
echo "$(hostname)" > /etc/role
cat > /opt/tiny.pl <<'EOF'
use IO::Socket::INET;
use POSIX;
my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 64, ReuseAddr => 1) or die;
while (my $c = $s->accept) {
  while (<$c>) { last if /^\r?\n$/ }
  print $c "HTTP/1.1 200 OK\r\nx-served-by: " . (POSIX::uname())[1] . "\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
  close $c;
}
EOF
cat > /etc/systemd/system/tiny.service <<'EOF'
[Service]
ExecStart=/usr/bin/perl /opt/tiny.pl
[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload
systemctl enable --now tiny
`;

describe('a drill on real hosts', () => {
  const dns = dgram.createSocket('udp4');
  let load = '';
  beforeAll(async () => {
    dns.on('message', (message, from) => {
      const { id = 0, questions = [] } = packet.decode(message);
      const answers = ADDRESSES.map((data) => ({ type: 'A' as const, name: 'www.test', ttl: 2, data }));
      dns.send(packet.encode({ type: 'response', id, questions, answers }), from.port, from.address);
    });
    await new Promise<void>((resolve) => dns.bind(0, '127.0.0.1', resolve));
    load = `{url: 'http://www.test', seconds: 8, rate: 20, clients: 4, servers: ['127.0.0.1:${dns.address().port}'], requests: [{name: page, contains: [ok]}]}`;
    await rack.up();
    for (const host of HOSTS) await rack.root(host, SERVER);
  });
  afterAll(async () => {
    dns.close();
    await rack.down();
  });

  const run = async (
    drills: string,
    more: Readonly<{ extraVars?: string[]; stop?: (event: Event) => boolean }> = {},
  ) => {
    const file = join(rack.folder, 'drills.yml');
    writeFileSync(file, drills.replaceAll('LOAD', load));
    const events: Event[] = [];
    const stop = new AbortController();
    const emit = (event: Event): void => {
      events.push(event);
      if (more.stop?.(event) === true) stop.abort(new Error('interrupted'));
    };
    const options = { output: 'json' as const, verbose: 0, diff: false, inventory: rack.inventory, times: 1, only: [] };
    const code = await runDrills([file], { ...options, extraVars: more.extraVars ?? [] }, stop.signal, {
      emit,
      end: async () => {},
    });
    const drilled = events.filter((e): e is DrilledEvent => e.type === 'drilled');
    const lines = drilled.flatMap((d) => d.verdicts.map((v) => `${v.passed ? 'ok' : 'no'} ${v.what}: ${v.seen}`));
    return { code, events, drilled, lines };
  };
  const traces = (host: string) =>
    rack.root(host, 'ls /var/lib/bringup/watch /etc/systemd/system | grep -c watch- || :');

  it('stops one of two web servers: no request fails, and the server runs again afterwards', async () => {
    const { code, lines, events } = await run(`- name: one stops
  load: LOAD
  steps:
    - {at: 2, service: {hosts: web1, name: tiny, state: stopped}}
    - {after: 1, wait_for: {service: {host: web1, name: tiny, state: inactive}}}
  expect: {failed: 0, gap: {page: 2}}
  checks:
    - {name: it runs again, service: {host: web1, name: tiny}}
`);
    expect(lines.filter((l) => l.startsWith('no'))).toEqual([]);
    expect(code).toBe(0);
    expect(events.flatMap((e) => (e.type === 'drill-step' && e.status === 'righted' ? [e.what] : []))).toEqual([
      'start tiny on web1',
    ]);
  });

  it('stops both web servers: the drill fails and reports what users saw, and when', async () => {
    const { code, lines, drilled } = await run(`- name: both stop
  load: LOAD
  steps:
    - {at: 2, service: {hosts: all, name: tiny, state: killed}}
    - {at: 5, service: {hosts: all, name: tiny, state: started}}
  expect: {failed: 0, gap: {page: 1}}
`);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/^no failed requests: \d\d of 160$/);
    expect(lines[1]).toMatch(/^no longest time without a success: page: [23]\.\d+ s \(from [12]\.\d+ s on\)$/);
    expect(drilled[0]?.figures?.causes.map((c) => c.cause)).toContain('connection refused');
    expect(drilled[0]?.steps.map((s) => s.what)).toEqual([
      'tiny is killed on web1, web2',
      'tiny is started on web1, web2',
    ]);
  });

  it('records what happens on a host that is cut off or has no power', async () => {
    const drill = (prints: string) => `- name: who is who
  load: LOAD
  find: [{var: second, hosts: all, command: cat /etc/role, prints: web2}]
  watch: [{name: role, hosts: all, every: 100, command: cat /etc/role}]
  steps:
    - {at: 1, network: {hosts: '{{ second }}', state: cut}}
    - {at: 4, network: {hosts: '{{ second }}', state: healed}}
    - {after: 0, power: {hosts: '{{ second }}', state: cut}}
    - {after: 0, power: {hosts: '{{ second }}', state: 'on'}}
  expect: {watch: [{name: role, prints: '${prints}', at_most: 1}]}
`;
    const good = await run(drill('^web2'));
    expect(good.lines.filter((l) => l.startsWith('no'))).toEqual([]);
    expect(good.lines[0]).toMatch(/never on more \(on web2; \d+ samples\)$/);
    const bad = await run(drill('^web'));
    expect(bad.code).toBe(1);
    expect(bad.lines[0]).toMatch(/^no role: \/\^web\/: on web1 and web2 for (?!0\.)\d+\.\d+ s/);
    expect(await Promise.all(HOSTS.map(traces))).toEqual(['0\n', '0\n']);
  });

  it('repairs everything when it is interrupted: links are healed, hosts have power, watches are removed', async () => {
    const { code, drilled } = await run(
      `- name: much is broken
  load: LOAD
  watch: [{name: role, hosts: web1, command: cat /etc/role}]
  steps:
    - {at: 1, network: {hosts: web1, from: web2, state: cut}}
    - {after: 0, network: {hosts: web1, state: cut}}
    - {after: 0, power: {hosts: web2, state: cut}}
    - {after: 60, service: {hosts: web1, name: tiny, state: stopped}}
  expect: {failed: 0}
`,
      { stop: (e) => e.type === 'drill-step' && e.status === 'done' && e.what === 'web2 loses its power' },
    );
    expect(code).toBe(130);
    expect(drilled[0]?.interrupted).toBe(true);
    const state = await status(rack.name);
    expect(state?.cuts).toEqual([]);
    expect(state?.hosts.map((h) => h.power)).toEqual(['on', 'on']);
    expect(await Promise.all(HOSTS.map((host) => rack.root(host, 'systemctl is-active tiny')))).toEqual([
      'active\n',
      'active\n',
    ]);
    expect(await traces('web1')).toBe('0\n');
  });

  it('fills a small disk in place of a directory; data written meanwhile ends up on the disk', async () => {
    await rack.root('web1', 'mkdir -p -m 0750 /srv/data && echo old > /srv/data/a');
    const drill = `- name: no space
  load: LOAD
  steps:
    - {at: 1, disk: {hosts: web1, path: /srv/data, spare: 1, units: [tiny]}}
    - {after: 0, command: {hosts: web1, script: '! head -c 8192 /dev/zero > /srv/data/more'}}
    - {after: 0, disk: {hosts: web1, path: /srv/data, state: freed}}
    - {after: 0, command: {hosts: web1, script: 'rm /srv/data/more; echo new > /srv/data/b; chown 33 /srv/data/b'}}
    - {after: 60, wait_for: {service: {host: web1, name: tiny}}}
  expect: {gap: {page: 5}}
`;
    const seen = () =>
      rack.root(
        'web1',
        'cat /srv/data/a /srv/data/b; stat -c "%a %u" /srv/data /srv/data/b; ls -A /srv; grep -c bringup-drill /proc/mounts || :; systemctl is-active tiny',
      );
    const whole = await run(drill.replace('after: 60', 'after: 0'));
    expect(whole.lines.filter((l) => l.startsWith('no'))).toEqual([]);
    expect(await seen()).toBe('old\nnew\n750 0\n644 33\ndata\n0\nactive\n');
    const cut = await run(drill, {
      stop: (e) => e.type === 'drill-step' && e.status === 'done' && e.what.includes('full'),
    });
    expect(cut.code).toBe(130);
    expect(await seen()).toBe('old\nnew\n750 0\n644 33\ndata\n0\nactive\n');
  });

  it('replaces a disk: the host is a bare machine and accepts logins', async () => {
    const { code, lines } = await run(`- name: a new disk
  load: LOAD
  steps:
    - {at: 1, reset: {hosts: web2}}
    - {after: 0, command: {hosts: web2, script: '! test -e /etc/role'}}
  expect: {gap: {page: 5}}
`);
    expect(lines.filter((l) => l.startsWith('no'))).toEqual([]);
    expect(code).toBe(0);
    await rack.root('web2', SERVER);
  });

  it('rejects hosts that are not marked for drills before anything changes', async () => {
    const text = '- name: no\n  load: LOAD\n  steps: [{power: {hosts: web1, state: cut}}]\n  expect: {failed: 0}\n';
    await expect(run(text, { extraVars: ['drill=false'] })).rejects.toThrow(
      'this drill breaks web1, which is not marked with drill: true',
    );
    expect((await status(rack.name))?.hosts[0]?.power).toBe('on');
  });
});
