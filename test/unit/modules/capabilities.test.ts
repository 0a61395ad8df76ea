import { describe, expect, test } from 'vitest';
import { capabilities } from '../../../src/modules/capabilities.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const plan = (observed: string, args: Readonly<Record<string, unknown>>) =>
  bound(capabilities, { path: '/bin/x', capability: 'cap_net_raw+ep', ...args }).plan(observed, context());

describe('what is planned', () => {
  test.each([
    ['no tool', 'setcap missing\n', {}, 'the host has no setcap'],
    ['no file', '', {}, '/bin/x does not exist on the host'],
    ['none', 'file yes\nis \n', {}, ['/bin/x: set cap_net_raw']],
    ['there', 'file yes\nis  cap_net_raw=ep\n', {}, []],
    ['there, as older versions write it', 'file yes\nis  = cap_net_raw+ep\n', {}, []],
    ['with other flags', 'file yes\nis  cap_net_raw=eip\n', {}, ['/bin/x: set cap_net_raw']],
    ['gone', 'file yes\nis  cap_chown=ep\n', { state: 'absent', capability: 'CAP_NET_RAW' }, []],
    ['to be gone', 'file yes\nis  cap_net_raw=eip\n', { state: 'absent' }, ['/bin/x: remove cap_net_raw']],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(plan(observed, args))).toEqual(expected);
  });

  test('the others stay', () => {
    const is = 'file yes\nis  cap_chown,cap_kill=i cap_net_raw=ep\n';
    expect(changes(plan(is, { state: 'absent' }))[0]?.run.text).toContain("setcap 'cap_chown=i cap_kill=i' /bin/x");
    const only = 'file yes\nis  cap_net_raw=ep\n';
    expect(changes(plan(only, { state: 'absent' }))[0]?.run.text).toContain('setcap -r /bin/x');
  });
});

test('flags are needed', () => {
  expect(refusal(capabilities, { path: '/x', capability: 'cap_chown' })).toMatch(/no flags; write cap_chown\+ep/);
});
