import { expect, test } from 'vitest';
import { group } from '../../../src/modules/group.ts';
import { bound, changes, context } from './harness.ts';

test('group removes a primary group only with force', () => {
  const run = (args: Readonly<Record<string, unknown>>): string | undefined =>
    changes(bound(group, { name: 'app', state: 'absent', ...args }).plan('group app:x:1:\n', context()))[0]?.run.text;
  expect(run({})).not.toContain('-f');
  expect(run({ force: true })).toContain('groupdel -f -- app');
});
