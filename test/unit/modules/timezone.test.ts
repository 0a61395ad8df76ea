import { expect, test } from 'vitest';
import { timezone } from '../../../src/modules/timezone.ts';
import { bound, changes, context, refusal, syntax, words } from './harness.ts';

const BERLIN = 'link /usr/share/zoneinfo/Europe/Berlin\nzone yes\n';
test.each([
  ['as it is', BERLIN, { name: 'Europe/Berlin' }, []],
  ['another zone', BERLIN, { name: 'Etc/UTC' }, ['time zone Etc/UTC']],
  [
    'another zone, which /etc/timezone names',
    `${BERLIN}file Etc/UTC\n`,
    { name: 'Europe/Berlin' },
    ['time zone Europe/Berlin'],
  ],
  ['no such zone', 'link x\n', { name: 'Etc/Nowhere' }, 'the host has no time zone Etc/Nowhere'],
  ['a clock with UTC, as without the file', 'clock \n', { hwclock: 'UTC' }, []],
  ['a clock with UTC', 'clock UTC\n', { hwclock: 'UTC' }, []],
  ['a clock with the local time', 'clock UTC\n', { hwclock: 'local' }, ['hardware clock local']],
  ['back to UTC, by the other name', 'clock LOCAL\n', { rtc: 'UTC' }, ['hardware clock UTC']],
  ['both', `${BERLIN}clock LOCAL\n`, { name: 'Etc/UTC', hwclock: 'UTC' }, ['time zone Etc/UTC', 'hardware clock UTC']],
] as const)('timezone: %s', (_, observed, args, expected) => {
  const steps = bound(timezone, args).plan(observed, context());
  expect(words(steps)).toEqual(expected);
  for (const { run } of typeof expected === 'string' ? [] : changes(steps)) expect(syntax(run)).toBe('');
});

test('timezone needs a zone or a clock', () => {
  expect(refusal(timezone, {})).toContain("'name' or 'hwclock'");
});
