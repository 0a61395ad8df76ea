import { describe, expect, test } from 'vitest';
import { user } from '../../../src/modules/user.ts';
import { bound, changes, context, words } from './harness.ts';

const ADA = 'passwd ada:x:1:1::/home/ada:/bin/sh\nprimary ada\ngroups ada shop\n';
const plan = (observed: string, args: Readonly<Record<string, unknown>>) =>
  words(bound(user, { name: 'ada', ...args }).plan(observed, context()));

describe('user', () => {
  test.each([
    ['groups by their number', `${ADA}home yes\nknown 4321 shop\n`, { groups: ['4321'] }, []],
    ['another group by its number', `${ADA}home yes\nknown 5 more\n`, { groups: ['5'] }, ['user ada: groups']],
    ['a new home is made', ADA, { home: '/srv/ada' }, ['user ada: home', 'create /srv/ada']],
    ['a new home that is there', `${ADA}home yes\n`, { home: '/srv/ada' }, ['user ada: home']],
    [
      'a new home that the old one moves to',
      `${ADA}old yes\n`,
      { home: '/srv/ada', move_home: true },
      ['user ada: home'],
    ],
    [
      'a new home without an old one to move',
      ADA,
      { home: '/srv/ada', move_home: true },
      ['user ada: home', 'create /srv/ada'],
    ],
    [
      'a key that is missing',
      `${ADA}home yes\n`,
      { generate_ssh_key: true },
      ['create the SSH key .ssh/id_rsa of ada'],
    ],
    ['a key that is there', `${ADA}home yes\nkey c3NoCg==\nprint 256\n`, { generate_ssh_key: true }, []],
  ] as const)('%s', (_, observed, args, steps) => {
    expect(plan(observed, args)).toEqual(steps);
  });

  test('limits for a new number', () => {
    const steps = bound(user, { name: 'new', uid_min: 5000, uid_max: 5100 }).plan('', context());
    expect(JSON.stringify(steps)).toContain('-K UID_MIN=5000 -K UID_MAX=5100');
  });

  test('the result has the key', () => {
    const step = bound(user, { name: 'ada', generate_ssh_key: true });
    expect(step.data(`${ADA}key c3NoIGtleQo=\nprint 256 SHA256:x\n`, context())).toMatchObject({
      ssh_key_file: '/home/ada/.ssh/id_rsa',
      ssh_public_key: 'ssh key',
      ssh_fingerprint: '256 SHA256:x',
    });
  });
});

test('user gives a new user an SELinux user', () => {
  const run = changes(bound(user, { name: 'ada', seuser: 'staff_u' }).plan('', context()))[0]?.run.text;
  expect(run).toContain('useradd -Z staff_u');
});
