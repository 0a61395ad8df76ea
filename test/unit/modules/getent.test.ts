import { expect, test } from 'vitest';
import { getent } from '../../../src/modules/getent.ts';
import { bound, context, refusal, run } from './harness.ts';

test('getent asks only the given service of nsswitch.conf', () => {
  const step = bound(getent, { database: 'passwd', key: 'root', service: 'files' });
  const probe = step.probe?.(context());
  expect(probe?.text).toContain('getent -s files passwd root');
  const found = probe === undefined ? '' : run(probe).stdout;
  expect(step.data(found, context())).toMatchObject({
    ansible_facts: { getent_passwd: { root: expect.arrayContaining(['x', '0']) } },
  });
  expect(refusal(getent, { database: 'passwd', service: '-x' })).toContain('a service of nsswitch.conf');
});
