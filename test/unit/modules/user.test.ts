import { describe, expect, test } from 'vitest';
import { user } from '../../../src/modules/user.ts';
import { bound, context, words } from './harness.ts';

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
  ] as const)('%s', (_, observed, args, steps) => {
    expect(plan(observed, args)).toEqual(steps);
  });
});
