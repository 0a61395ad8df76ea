import { describe, expect, it } from 'vitest';
import { firewalld } from '../../../src/modules/firewalld.ts';
import { bound, changes, context, refusal, syntax, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (args: Args, seen: string) => bound(firewalld, args).plan(seen, context());
const RUNNING = 'state running\ndefault public\nzone public\nzones dmz public\n';
const STOPPED = RUNNING.replace('running', 'stopped');
const HTTPS = { service: 'https', state: 'enabled' };

/** The calls of firewalld's programs, without those of the undo timer. */
const calls = (args: Args, seen: string): readonly string[] =>
  changes(plan(args, seen)).flatMap(({ run }) => {
    expect(syntax(run)).toBe('');
    const lines = run.text.slice(Math.max(run.text.lastIndexOf('set -e'), 0)).split('\n');
    return lines.filter((line) => /^firewall-/.test(line)).map((line) => line.replace(/^firewall-/, ''));
  });

describe('firewalld', () => {
  it.each<[string, Args, string, readonly string[]]>([
    ['runtime only', HTTPS, `${RUNNING}lasting no\nnow no\n`, ['cmd --zone=public --add-service=https']],
    [
      'permanent only',
      { ...HTTPS, permanent: true },
      `${RUNNING}lasting no\nnow no\n`,
      ['cmd --permanent --zone=public --add-service=https'],
    ],
    [
      'both',
      { ...HTTPS, permanent: true, immediate: true },
      `${RUNNING}lasting no\nnow no\n`,
      ['cmd --zone=public --add-service=https', 'cmd --permanent --zone=public --add-service=https'],
    ],
    [
      'both, one is there',
      { ...HTTPS, permanent: true, immediate: true },
      `${RUNNING}lasting yes\nnow no\n`,
      ['cmd --zone=public --add-service=https'],
    ],
    ['is there', HTTPS, `${RUNNING}lasting no\nnow yes\n`, []],
    [
      'offline',
      { ...HTTPS, permanent: true, immediate: true, offline: true },
      `${STOPPED}lasting no\n`,
      ['offline-cmd --zone=public --add-service=https'],
    ],
    [
      'removed offline',
      { ...HTTPS, permanent: true, state: 'disabled' },
      `${STOPPED}lasting yes\n`,
      ['offline-cmd --zone=public --remove-service-from-zone=https'],
    ],
    [
      'for a while',
      { port: '80/tcp', state: 'enabled', timeout: 60 },
      `${RUNNING}lasting no\nnow no\n`,
      ['cmd --zone=public --timeout=60 --add-port=80/tcp'],
    ],
    [
      'a forwarded port',
      {
        port_forward: [{ port: 80, proto: 'tcp', toport: 8080, toaddr: '10.0.0.2' }],
        state: 'enabled',
        permanent: true,
      },
      `${RUNNING}lasting no\nnow no\n`,
      ['cmd --permanent --zone=public --add-forward-port=port=80:proto=tcp:toport=8080:toaddr=10.0.0.2'],
    ],
    [
      'a rich rule',
      { rich_rule: 'rule service name="ftp" accept', state: 'disabled' },
      `${RUNNING}lasting no\nnow yes\n`,
      [`cmd --zone=public '--remove-rich-rule=rule service name="ftp" accept'`],
    ],
    [
      'an interface',
      { interface: 'eth1', state: 'enabled', permanent: true },
      `${RUNNING}lasting no\nnow no\n`,
      ['cmd --permanent --zone=public --change-interface=eth1'],
    ],
    [
      'masquerade',
      { masquerade: true, state: 'enabled', permanent: true },
      `${RUNNING}lasting no\nnow no\n`,
      ['cmd --permanent --zone=public --add-masquerade'],
    ],
    [
      'no masquerade',
      { masquerade: false, state: 'enabled', permanent: true },
      `${RUNNING}lasting yes\nnow no\n`,
      ['cmd --permanent --zone=public --remove-masquerade'],
    ],
    ['a new zone', { zone: 'rack', state: 'present', permanent: true }, RUNNING, ['cmd --permanent --new-zone=rack']],
    ['a zone that is there', { zone: 'dmz', state: 'present', permanent: true }, RUNNING, []],
    ['no zone', { zone: 'dmz', state: 'absent', permanent: true }, STOPPED, ['offline-cmd --delete-zone=dmz']],
    [
      'a target',
      { target: '%%REJECT%%', zone: 'public', state: 'enabled', permanent: true },
      `${RUNNING}lasting default\n`,
      ['cmd --permanent --zone=public --set-target=%%REJECT%%'],
    ],
    [
      'no target',
      { target: 'DROP', zone: 'public', state: 'absent', permanent: true },
      `${RUNNING}lasting DROP\n`,
      ['cmd --permanent --zone=public --set-target=default'],
    ],
    [
      'the default zone',
      { zone: 'dmz', default: true, state: 'enabled', permanent: true },
      `${RUNNING}zone dmz\n`.replace('zone public\n', ''),
      ['cmd --set-default-zone=dmz'],
    ],
  ])('%s', (_, args, seen, expected) => {
    // The timer's script holds calls too; those of the change come last.
    expect(calls(args, seen).slice(-Math.max(expected.length, 1))).toEqual(expected);
  });

  it('a change that may block SSH is undone unless a new connection confirms it', () => {
    const closing = changes(
      plan(
        { service: 'ssh', state: 'disabled', permanent: true, immediate: true, rollback: 20 },
        `${RUNNING}lasting yes\nnow yes\n`,
      ),
    )[0];
    expect(closing?.confirm?.seconds).toBe(20);
    expect(closing?.run.text).toMatch(/--on-active=20/);
    expect(closing?.run.text).toContain('firewall-cmd --zone=public --add-service=ssh');
    expect(closing?.run.text).toContain('/etc/firewalld/zones/public.xml');
    const opening = changes(plan(HTTPS, `${RUNNING}lasting no\nnow no\n`))[0];
    expect(opening?.confirm).toBeUndefined();
  });

  it.each<[Args, string, RegExp]>([
    [HTTPS, 'tool missing\n', /the host has no firewall-cmd/],
    [HTTPS, `${STOPPED}lasting no\n`, /firewall-cmd fails/],
    [{ ...HTTPS, permanent: true, immediate: true }, `${STOPPED}lasting no\n`, /firewall-cmd fails/],
    [
      { ...HTTPS, service: 'nope', permanent: true },
      `${RUNNING}lasting Error: INVALID_SERVICE: nope\nnow no\n`,
      /firewall-cmd fails/,
    ],
  ])('says what is in the way: %o', (args, seen, expected) => {
    expect(words(plan(args, seen))).toMatch(expected);
  });

  it.each<[Args, RegExp]>([
    [{ service: 'a' }, /'state' is missing/],
    [{ state: 'enabled' }, /'service', 'port' or another setting/],
    [{ ...HTTPS, port: '80/tcp' }, /'service' and 'port' exclude each other/],
    [{ port: '80', state: 'enabled' }, /8080\/tcp/],
    [{ ...HTTPS, state: 'present' }, /for zones and targets/],
    [{ zone: 'a', state: 'present' }, /permanent only/],
    [{ zone: 'a', target: 'DROP', state: 'enabled' }, /permanent only/],
    [{ zone: 'a', default: true, state: 'enabled' }, /'default' needs a zone/],
    [{ ...HTTPS, permanent: true, timeout: 5 }, /'timeout' is for settings of the running firewall/],
    [{ rich_rule: 'drop all', state: 'enabled' }, /firewalld.richlanguage/],
    [{ port_forward: [{ port: 1, proto: 'tcp' }], state: 'enabled' }, /'toport' is missing/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(firewalld, args)).toMatch(expected);
  });
});
