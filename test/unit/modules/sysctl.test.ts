import { expect, test } from 'vitest';
import { sysctl } from '../../../src/modules/sysctl.ts';
import { bound, changes, context } from './harness.ts';

test.each([
  [true, '1'],
  ['yes', '1'],
  [false, '0'],
  ['off', '0'],
  [3, '3'],
  ['1024 65535', '1024 65535'],
])('sysctl writes %j as %s', (value, word) => {
  const step = bound(sysctl, { name: 'net.ipv4.ip_forward', value, sysctl_set: true });
  const planned = changes(step.plan('running 7\nparent yes\n', context()));
  expect(planned.map((c) => c.diff?.after)).toEqual([`net.ipv4.ip_forward=${word}\n`, `${word}\n`]);
  expect(planned[1]?.run.text).toContain('the kernel refuses the value');
});
