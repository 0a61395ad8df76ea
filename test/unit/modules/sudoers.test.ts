import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sudoers } from '../../../src/modules/sudoers.ts';
import { apply, bound, context, list, mode, read, refusal, scratch, words } from './harness.ts';

const LS = { user: 'ada', commands: ['/bin/ls'] };
const go = (args: Readonly<Record<string, unknown>>, dir: string) =>
  apply(sudoers, { name: 'rule', sudoers_path: dir, validation: 'absent', ...args });

describe('sudoers', () => {
  it.each([
    ['a user', LS, 'ada ALL=NOPASSWD: /bin/ls\n'],
    ['a group', { group: 'dev', commands: ['ALL'] }, '%dev ALL=NOPASSWD: ALL\n'],
    ['a password', { ...LS, nopassword: false }, 'ada ALL= /bin/ls\n'],
    ['another user', { ...LS, runas: 'www-data:ALL' }, 'ada ALL=(www-data:ALL)NOPASSWD: /bin/ls\n'],
    ['a host', { ...LS, host: 'web1' }, 'ada web1=NOPASSWD: /bin/ls\n'],
    ['all tags', { ...LS, noexec: true, setenv: true }, 'ada ALL=NOEXEC:NOPASSWD:SETENV: /bin/ls\n'],
    ['several commands', { user: 'ada', commands: ['/bin/a x', '/bin/b'] }, 'ada ALL=NOPASSWD: /bin/a x, /bin/b\n'],
    ['one command as a word', { user: 'ada', commands: '/bin/a' }, 'ada ALL=NOPASSWD: /bin/a\n'],
  ])('writes a rule with %s', (_, args, text) => {
    const dir = scratch();
    expect(go(args, dir)).toMatchObject({ first: [`create ${dir}/rule`], again: [] });
    expect([read(`${dir}/rule`), mode(`${dir}/rule`)]).toEqual([text, '0440']);
  });

  it('corrects the content and the mode, and removes the file', () => {
    const dir = scratch();
    writeFileSync(`${dir}/rule`, 'old\n');
    expect(go(LS, `${dir}/`)).toMatchObject({ first: [`update ${dir}/rule`], again: [] });
    chmodSync(`${dir}/rule`, 0o644);
    expect(go(LS, dir)).toMatchObject({ again: [] });
    expect(mode(`${dir}/rule`)).toBe('0440');
    expect(go({ state: 'absent' }, dir)).toMatchObject({ first: [`remove ${dir}/rule`], again: [] });
    expect(go({ state: 'absent' }, dir).first).toEqual([]);
    expect(list(dir)).toEqual([]);
  });

  it.each([
    ['detect', 'visudo yes\n', true],
    ['detect', '', false],
    ['required', 'visudo yes\n', true],
    ['absent', 'visudo yes\n', false],
  ] as const)('validation %s, on a host that says %j', (validation, observed, isChecked) => {
    const steps = bound(sudoers, { name: 'rule', ...LS, validation }).plan(`parent yes\n${observed}`, context());
    expect(JSON.stringify(steps).includes('visudo -cf')).toBe(isChecked);
  });

  it('says that visudo is missing', () => {
    const step = bound(sudoers, { name: 'rule', ...LS, validation: 'required' });
    expect(words(step.plan('parent yes\n', context()))).toBe('the host has no visudo');
  });

  it.each([
    ['a name with a dot, which sudo skips', { name: 'a.b', ...LS }, 'without a dot'],
    ['a path as a name', { name: '../x', ...LS }, 'without a dot'],
    ['a user and a group', { name: 'a', group: 'dev', ...LS }, 'exclude each other'],
    ['neither', { name: 'a', commands: ['ALL'] }, "'user' or 'group'"],
    ['no commands', { name: 'a', user: 'ada' }, "'commands'"],
    ['a second line', { name: 'a', user: 'ada', commands: ['x\ny ALL=ALL'] }, 'one line'],
    ['a second rule in the user', { name: 'a', user: 'ada ALL=ALL', commands: ['x'] }, 'the name of a user'],
  ])('refuses %s', (_, args, message) => {
    expect(refusal(sudoers, args)).toContain(message);
  });
});
