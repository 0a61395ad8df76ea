import { expect, test } from 'vitest';
import { sh } from '../../../src/core/sh.ts';
import { group } from '../../../src/modules/group.ts';
import { user } from '../../../src/modules/user.ts';
import { bound, changes, context, run } from './harness.ts';

test('group removes a primary group only with force', () => {
  const removal = (args: Readonly<Record<string, unknown>>): string | undefined =>
    changes(bound(group, { name: 'app', state: 'absent', ...args }).plan('group app:x:1:\n', context()))[0]?.run.text;
  expect(removal({})).not.toContain('-f');
  expect(removal({ force: true })).toContain('groupdel -f -- app');
});

test.each([group, user])('$name with local asks only the files in /etc', (module) => {
  const asked = (local: boolean): string => {
    const probe = bound(module, { name: 'app', local }).probe?.(context());
    return run(sh`getent() { printf '%s:\n' "$*"; }
${probe ?? sh`:`}`).stdout;
  };
  expect(asked(true)).toMatch(/^(group|passwd) -s files \1 app:$/m);
  expect(asked(false)).toMatch(/^(group|passwd) \1 app:$/m);
});
