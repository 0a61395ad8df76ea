import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Device, newShelly, PASSWORD } from '../../support/devices.ts';
import { bringup, plain } from '../support/command.ts';
import { project } from '../support/project.ts';

/** A relay whose state is the content of a file, named by the host. */
const RELAY = `{driver: command, on_command: 'echo on >{T}/$HOST', off_command: 'echo off >{T}/$HOST', status_command: 'cat {T}/$HOST', off_time: 0, settle: 0, timeout: 1}`;
const GONE = 'ansible_host: 127.0.0.1, ansible_port: 1';

function rack(hosts: string, more: Readonly<Record<string, string>> = {}) {
  const p = project({ 'hosts.yml': hosts, a: 'off', b: 'on', ...more });
  return {
    ...p,
    power: (...words: readonly string[]) => bringup('power', ...words, '-i', p.path('hosts.yml')),
    /** The messages, with the folder left out. */
    wrong: async (...words: readonly string[]) => {
      const { code, err } = await bringup('power', ...words, '-i', p.path('hosts.yml'));
      return `${code} ${plain(err).replaceAll(`${p.folder}/`, '')}`;
    },
  };
}
const two = `all:\n  vars: {power: ${RELAY}, ${GONE}}\n  hosts:\n    a:\n    b:\n`;

describe('bringup power', () => {
  it('prints a line for each host, and exits with 0', async () => {
    const { power, path } = rack(two);
    const status = await power('status', 'all');
    expect([status.code, plain(status.out).trim().split('\n').sort()]).toEqual([0, ['a  off', 'b  on']]); // each when it is done
    const { code, out } = await power('on', 'all');
    expect(code).toBe(0);
    expect(plain(out)).toMatch(/^a {2}on {2}switched on \(\d+ ms\)$/m);
    expect(plain(out)).toMatch(/^b {2}on {2}already on \(\d+ ms\)$/m);
    expect(readFileSync(path('a'), 'utf8')).toBe('on\n');
    expect(plain((await power('cycle', 'b', '--hard')).out)).toMatch(/^b {2}on {2}power cut, switched on/);
    expect((await power('off', 'b', '--hard')).code).toBe(0);
    expect(readFileSync(path('b'), 'utf8')).toBe('off\n');
  });
  it('does not cut the power of a host that SSH does not reach, unless --hard says so', async () => {
    const { wrong, path } = rack(two);
    expect(await wrong('off', 'b')).toMatch(/^1 b {2}error E_NOT_SHUT_DOWN: b is on, and was not shut down: .*--hard/s);
    expect(readFileSync(path('b'), 'utf8')).toBe('on');
  });
  it('prints events as JSON', async () => {
    const { power } = rack(two);
    const { out } = await power('status', 'all', '-o', 'json');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .sort((a, b) => (a.host < b.host ? -1 : 1)),
    ).toMatchObject([
      { type: 'power', host: 'a', action: 'status', status: 'done', state: 'off', was: 'off' },
      { type: 'power', host: 'b', action: 'status', status: 'done', state: 'on' },
    ]);
  });
  it('goes on with other hosts if one fails', async () => {
    const { power } = rack(
      `all:\n  hosts:\n    a: {power: ${RELAY.replace('cat {T}/$HOST', 'exit 4')}}\n    b: {power: ${RELAY}}\n`,
    );
    const { code, out, err } = await power('status', 'all');
    expect([code, plain(out)]).toEqual([1, 'b  on\n']);
    expect(plain(err)).toMatch(/^a {2}error E_POWER_REFUSED: .*exit code 4/s);
  });
});

describe('mistakes are told before anything is switched', () => {
  const host = (vars: string): string => `all:\n  hosts:\n    a: {power: ${RELAY}}\n    b: ${vars}\n`;
  it.each<[string, string, RegExp]>([
    ['no power', '{}', /^2 hosts.yml:4:5.*E_NO_POWER.*no power for b/s],
    ['an unknown driver', '{power: shely}', /^2 hosts.yml:4:16.*E_POWER_DRIVER.*'shely'.*'shelly'/s],
    ['an unknown driver in a map', '{power: {driver: shely}}', /^2 hosts.yml:4:25.*E_POWER_DRIVER/s],
    ['no driver', '{power: {host: x}}', /^2 hosts.yml:4:9.*E_MACHINE_VARIABLE.*a map without driver/s],
    ['a list', '{power: [shelly]}', /^2 hosts.yml:4:9.*E_MACHINE_VARIABLE.*a list/s],
    [
      'an unknown argument',
      '{power: {driver: shelly, host: x, uotlet: 1}}',
      /^2 hosts.yml:4:42.*E_UNKNOWN_ARGUMENT.*'uotlet'.*outlet/s,
    ],
    ['a missing argument', '{power: {driver: shelly}}', /^2 hosts.yml:4:9.*E_MISSING_ARGUMENT.*'host' is missing/s],
    [
      'a wrong value',
      '{power: {driver: shelly, host: x, outlet: one}}',
      /^2 hosts.yml:4:50.*E_ARGUMENT_VALUE.*outlet/s,
    ],
    ['a wrong MAC address', '{power: lab, mac: dc:a6:32}', /^2 hosts.yml:4:26.*mac of b is 'dc:a6:32'.*six bytes/s],
    ['an undefined variable', '{power: "{{ x }}"}', /^2 hosts.yml:4:20.*E_UNDEFINED_VARIABLE/s],
  ])('%s', async (_, vars, message) => {
    const { wrong, read } = rack(host(vars));
    expect(await wrong('on', 'all')).toMatch(message);
    expect(read('a')).toBe('off');
  });
  it('two hosts on one outlet, though only one is switched', async () => {
    const script = '{driver: command, on_command: ./sw 1 on, off_command: ./sw 1 off, status_command: ./sw 1}';
    const both = (power: string) => rack(`all:\n  hosts:\n    a: {power: ${power}}\n    b: {power: ${power}}\n`).wrong;
    expect(await both(script)('on', 'a')).toMatch(/E_OUTLET_SHARED: b and a/);
    const wrong = both('{driver: shelly, host: 10.0.0.9, outlet: 1}');
    expect(await wrong('on', 'a')).toMatch(/^2 hosts.yml:4:9.*E_OUTLET_SHARED: b and a are on the same outlet/s);
  });
  it('an unknown pattern and an unknown action', async () => {
    const { wrong } = rack(two);
    expect(await wrong('on', 'c')).toMatch(/^2 .*E_UNKNOWN_HOST/s);
    expect(await wrong('kill', 'a')).toMatch(/^2 .*Allowed choices are on, off, cycle, status/s);
  });
});

describe('an INI inventory', () => {
  it('says the same with a dict', async () => {
    const plug: Device = await newShelly();
    const p = project({
      'hosts.ini': `[web]\na outlet=0\n[web:vars]\npower={'driver': 'shelly', 'host': '${plug.address}', 'outlet': '{{ outlet }}', 'password': '${PASSWORD}'}\n`,
    });
    expect(await bringup('power', 'on', 'web', '-i', p.path('hosts.ini'))).toMatchObject({ code: 0, err: '' });
    expect(plug.isOn).toBe(true);
    await plug.close();
  });
  it('has positions for its mistakes', async () => {
    const p = project({ 'hosts.ini': '[web]\na power=shely\n' });
    const { err } = await bringup('power', 'on', 'web', '-i', p.path('hosts.ini'));
    expect(plain(err)).toMatch(/hosts.ini:2:1.*E_POWER_DRIVER/s);
  });
});

it('a password appears in no output', async () => {
  const plug = await newShelly();
  const p = project({
    'hosts.yml': `all: {hosts: {a: {power: {driver: shelly, host: '${plug.address}', password: ${PASSWORD}, answer_timeout: 0.2}}}}`,
  });
  const seen: string[] = [];
  for (const output of ['plain', 'json'])
    for (const more of [
      [],
      ['-e', `{"power": {"driver": "shelly", "host": "127.0.0.1:1", "password": "${PASSWORD}"}}`],
    ]) {
      const { out, err } = await bringup('power', 'on', 'a', '-o', output, '-v', '-i', p.path('hosts.yml'), ...more);
      seen.push(out, err);
    }
  expect(seen.join('')).toContain('on');
  expect(seen.join('')).not.toContain(PASSWORD);
  await plug.close();
});
