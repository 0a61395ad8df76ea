import { describe, expect, test } from 'vitest';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { ufw } from '../../../src/modules/ufw.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const OFF = 'boot no\nlogging low\ndefault INPUT DROP\ndefault OUTPUT ACCEPT\ndefault FORWARD DROP\n';
const ON = `active yes\n${OFF.replace('boot no', 'boot yes')}`;
const SSH = ' allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in';
const plan = (observed: string, args: Readonly<Record<string, unknown>>) => bound(ufw, args).plan(observed, context());

describe('what is planned', () => {
  test.each([
    ['no ufw', 'ufw missing\n', { state: 'enabled' }, 'the host has no ufw'],
    ['off', OFF, { state: 'enabled' }, ['enable ufw']],
    ['on', ON, { state: 'enabled', policy: 'deny' }, []],
    ['on, but not at boot', ON.replace('boot yes', 'boot no'), { state: 'enabled' }, ['enable ufw']],
    ['another policy', ON, { policy: 'allow', direction: 'incoming' }, ['default policy allow (incoming)']],
    ['of the other direction', ON, { default: 'allow', direction: 'outgoing' }, []],
    ['of forwarded packets', ON, { default: 'reject', direction: 'routed' }, ['default policy reject (routed)']],
    ['logging', ON, { logging: 'on' }, []],
    ['no logging', ON, { logging: 'off' }, ['logging off']],
    ['a level', ON, { logging: 'high' }, ['logging high']],
    [
      'a new rule',
      `${OFF}dry${SSH}\n`,
      { rule: 'allow', port: 22, proto: 'tcp' },
      ['allow from any to any port 22 proto tcp'],
    ],
    ['a rule that is there', `${OFF}v4${SSH}\nskip x\n`, { rule: 'allow', port: 22 }, []],
    [
      'a rule that changes nothing',
      `${OFF}v4${SSH}\nv6 a\ndry${SSH}\n`,
      { rule: 'allow', port: 22, from: '10.0.0.0/8' },
      [],
    ],
    ['a rule that is gone', `${OFF}skip x\n`, { rule: 'allow', port: 22, delete: true }, []],
    [
      'the last rule is deleted',
      `${OFF}v4${SSH}\n`,
      { rule: 'allow', port: 22, delete: true },
      ['delete allow from any to any port 22'],
    ],
    [
      'nonsense',
      `${OFF}refused ${encodeBase64('Bad port')}\n`,
      { rule: 'allow', port: 'x' },
      'ufw refuses the rule; nothing was changed',
    ],
    [
      'all at once',
      `${OFF}dry${SSH}\n`,
      { rule: 'allow', port: 22, default: 'reject', state: 'enabled' },
      ['default policy reject (incoming), allow from any to any port 22, enable ufw'],
    ],
    ['reset', OFF, { state: 'reset' }, ['reset ufw']],
    ['disable', ON, { state: 'disabled' }, ['disable ufw']],
    ['disabled', OFF, { state: 'disabled' }, []],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(plan(observed, args))).toEqual(expected);
  });
});

describe('what may lock us out is confirmed', () => {
  test.each([
    ['enable', OFF, { state: 'enabled' }, true],
    ['reload', ON, { state: 'reloaded' }, true],
    ['deny by default', ON, { default: 'reject' }, true],
    ['deny by default, off', OFF, { default: 'reject' }, false],
    ['allow by default', ON, { default: 'allow' }, false],
    ['allow', `${ON}dry${SSH}\n`, { rule: 'allow', port: 22 }, false],
    ['deny', `${ON}dry x\n`, { rule: 'deny', port: 22 }, true],
    ['limit', `${ON}dry x\n`, { rule: 'limit', port: 22 }, true],
    ['deny, off', `${OFF}dry x\n`, { rule: 'deny', port: 22 }, false],
    ['delete', `${ON}v4${SSH}\n`, { rule: 'allow', port: 22, delete: true }, true],
    ['log', ON, { logging: 'full' }, false],
    ['disable', ON, { state: 'disabled' }, false],
  ] as const)('%s', (_, observed, args, isRisky) => {
    const [change] = changes(plan(observed, args));
    expect(change?.confirm?.seconds).toBe(isRisky ? 30 : undefined);
    const run = change?.run.text ?? '';
    expect(run.includes('systemd-run')).toBe(isRisky);
    if (isRisky) expect(run.indexOf('systemd-run')).toBeLessThan(run.lastIndexOf('\nufw '));
  });
});

test('words of a rule in the order that ufw wants', () => {
  const [change] = changes(
    plan(`${OFF}dry x\n`, {
      rule: 'allow',
      route: true,
      if_in: 'eth0',
      if_out: 'eth1',
      src: '10.0.0.0/8',
      from_port: 1000,
      dest: '10.1.0.1',
      to_port: '80,443',
      proto: 'tcp',
      log: true,
      comment: 'the web',
      insert: 2,
    }),
  );
  expect(change?.run.text).toContain(
    `set -- insert 2\nufw route "$@" allow in on eth0 out on eth1 log from 10.0.0.0/8 port 1000 to 10.1.0.1 port 80,443 proto tcp comment 'the web'`,
  );
});

test.each([
  [{}, /one of 'state', 'default', 'rule' and 'logging' is needed/],
  [{ rule: 'allow', direction: 'incoming' }, /'in' or 'out'/],
  [{ default: 'deny', direction: 'in' }, /'incoming', 'outgoing' or 'routed'/],
  [{ rule: 'allow', interface: 'eth0' }, /needs 'direction'/],
  [{ rule: 'allow', if_in: 'a', if_out: 'b' }, /only a rule with 'route'/],
  [{ rule: 'allow', name: 'OpenSSH', proto: 'tcp' }, /exclude each other/],
  [{ rule: 'allow', comment: "it's" }, /without a quote/],
])('%j is refused', (args, message) => {
  expect(refusal(ufw, args)).toMatch(message);
});
