import { describe, expect, it } from 'vitest';
import { hasReached, type Observed, stageOf, whereIs } from '../../../src/hardware/states.ts';

const on = { state: 'on', by: 'lab' } as const;
const gone: Observed = { power: on, log: '', noLogin: 'connection refused' };
const there: Observed = { power: on, log: '', noLogin: undefined };
const KERNEL = '[    0.000000] Linux version 6.12.0';

describe('the state of a host', () => {
  it.each([
    ['off', { ...gone, power: { state: 'off', by: 'lab' } }, 'it has no power'],
    ['on', gone, 'connection refused'],
    ['firmware', { ...gone, log: '--- power on\nBdsDxe: loading Boot0001' }, 'connection refused'],
    ['booted', { ...gone, log: KERNEL }, 'connection refused'],
    ['booted', { ...gone, log: `${KERNEL}\nKernel panic - not syncing: no init` }, /^the console says: Kernel panic/],
    ['unknown', { ...gone, power: { unknown: 'no power' }, log: undefined }, 'connection refused'],
    ['reachable', there, undefined],
    ['reachable', { ...there, power: { unknown: 'no power' } }, undefined],
    ['reachable', { ...there, plan: { changes: 1 } }, 'the playbook would make 1 change'],
    ['reachable', { ...there, plan: { unknown: 'the plan fails' } }, 'the plan fails'],
    ['provisioned', { ...there, plan: { changes: 0 } }, undefined],
    ['provisioned', { ...there, plan: { changes: 0 }, checks: { passed: 1, failed: ['DNS'] } }, 'checks fail: DNS'],
    ['proven', { ...there, plan: { changes: 0 }, checks: { passed: 2, failed: [] } }, undefined],
  ] satisfies readonly (readonly [string, Observed, string | RegExp | undefined])[])('is %s', (state, seen, why) => {
    const where = whereIs(seen);
    expect(where.state).toBe(state);
    if (why instanceof RegExp) expect(where.why).toMatch(why);
    else expect(where.why).toBe(why);
  });

  it('includes the states before it, apart from off', () => {
    expect(hasReached('reachable', 'booted')).toBe(true);
    expect(hasReached('booted', 'reachable')).toBe(false);
    expect(hasReached('reachable', 'off')).toBe(false);
    expect(hasReached('unknown', 'on')).toBe(false);
  });

  it.each([
    ['U-Boot 2024.01', 'firmware'],
    ['[  OK  ] Started ssh.service', 'booted'],
    ['Debian GNU/Linux 13 web1 ttyS0\n\nweb1 login: ', 'booted'],
    ['--- power on 2026-01-01T10:00:00Z\n--- off, exit code 0', undefined],
  ])('is read from a console: %s', (log, stage) => expect(stageOf(log)).toBe(stage));
});
