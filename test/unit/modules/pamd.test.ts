import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { edit, pamd } from '../../../src/modules/pamd.ts';
import { apply, bound, list, read, refusal, scratch } from './harness.ts';

const FILE = `# comment
auth\t[success=1  default=ignore]\tpam_unix.so nullok minlen=8
# here's the fallback
auth    requisite       pam_deny.so
auth required pam_permit.so [a b] debug

@include common-account
`;
const UNIX = { name: 'x', type: 'auth', control: '[success=1 default=ignore]', module_path: 'pam_unix.so' };
const DENY = { name: 'x', type: 'auth', control: 'requisite', module_path: 'pam_deny.so' };
const PERMIT = { name: 'x', type: 'auth', control: 'required', module_path: 'pam_permit.so' };
const NEW = { new_type: 'auth', new_control: 'required', new_module_path: 'pam_faillock.so' };
const unix = FILE.split('\n')[1] ?? '';
const deny = FILE.split('\n')[3] ?? '';
const permit = FILE.split('\n')[4] ?? '';

type Given = Parameters<typeof edit>[1];
const after = (args: Readonly<Record<string, unknown>>, before = FILE) =>
  edit(before, bound(pamd, args).args as unknown as Given);

describe('pamd', () => {
  it.each([
    ['a control', { ...DENY, new_control: 'required' }, deny, 'auth       required pam_deny.so'],
    ['a type', { ...DENY, new_type: '-auth' }, deny, '-auth      requisite pam_deny.so'],
    [
      'a module, with its arguments',
      { ...PERMIT, new_module_path: 'pam_x.so' },
      permit,
      'auth       required pam_x.so [a b] debug',
    ],
    [
      'the arguments',
      { ...UNIX, module_arguments: 'sha512  minlen=9' },
      unix,
      'auth       [success=1 default=ignore] pam_unix.so sha512 minlen=9',
    ],
    ['no arguments', { ...PERMIT, module_arguments: '' }, permit, 'auth       required pam_permit.so'],
    [
      'an argument and a value',
      { ...UNIX, state: 'args_present', module_arguments: 'minlen=12,use_authtok' },
      unix,
      'auth       [success=1 default=ignore] pam_unix.so nullok minlen=12 use_authtok',
    ],
    [
      'fewer arguments',
      { ...UNIX, state: 'args_absent', module_arguments: ['nullok', 'other'] },
      unix,
      'auth       [success=1 default=ignore] pam_unix.so minlen=8',
    ],
    [
      'a rule before it',
      { ...DENY, ...NEW, state: 'before', module_arguments: 'authfail deny=5' },
      deny,
      `auth       required pam_faillock.so authfail deny=5\n${deny}`,
    ],
    [
      'a rule before the first',
      { ...UNIX, ...NEW, state: 'before' },
      unix,
      `auth       required pam_faillock.so\n${unix}`,
    ],
    [
      'a rule after it',
      { ...UNIX, ...NEW, state: 'after', new_control: '[success=2 default=bad]' },
      unix,
      `${unix}\nauth       [success=2 default=bad] pam_faillock.so`,
    ],
    ['no rule', { ...DENY, state: 'absent' }, `${deny}\n`, ''],
  ])('sets %s, once', (_, args, from, to) => {
    const { text, count } = after(args);
    expect([text, count]).toEqual([FILE.replace(from, to), 1]);
    const isMoved = after(args, text).count > 0 && !('state' in args);
    expect(isMoved).toBe(false);
    expect(after(args, text).text).toBe(text);
  });

  it.each([
    ['a rule that is not there', { ...DENY, control: 'required', state: 'absent' }],
    [
      'a rule that is there before it, beyond a comment',
      {
        ...DENY,
        state: 'before',
        new_type: 'auth',
        new_control: '[success=1  default=ignore]',
        new_module_path: 'pam_unix.so',
      },
    ],
    [
      'a rule that is there after it',
      { ...UNIX, state: 'after', new_type: 'auth', new_control: 'requisite', new_module_path: 'pam_deny.so' },
    ],
    ['arguments that are there', { ...UNIX, state: 'args_present', module_arguments: ['minlen=8'] }],
    ['arguments that are not there', { ...UNIX, state: 'args_absent', module_arguments: ['debug'] }],
    ['what it has already', { ...UNIX, module_arguments: 'nullok minlen=8' }],
  ])('leaves %s', (_, args) => {
    expect(after(args)).toEqual({ text: FILE, count: 0 });
  });

  it('writes the file, keeps the old one, and counts', () => {
    const path = scratch();
    writeFileSync(`${path}/login`, FILE + permit);
    const args = { ...PERMIT, name: 'login', path, backup: true, state: 'args_present', module_arguments: ['x'] };
    const { first, again, data } = apply(pamd, args);
    expect([first, again]).toEqual([[`update ${path}/login`], []]);
    expect(data).toEqual({ change_count: 2, backupdest: expect.stringContaining(`${path}/login.`) });
    expect(read(`${path}/login`)).toContain('pam_permit.so [a b] debug x\n');
    expect(list(path).length).toBe(2);
    expect(apply(pamd, args).data).toEqual({ change_count: 0, backupdest: '' });
    expect(apply(pamd, { ...args, name: 'gone' }).first).toMatch(/gone does not exist/);
  });

  it.each([
    [{ ...DENY, state: 'before', new_type: 'auth' }, /'new_control' is missing\n.*'new_module_path' is missing/],
    [{ ...DENY, state: 'args_present' }, /'module_arguments' is missing/],
    [{ ...DENY, new_control: 'must' }, /'must' is no control of PAM/],
    [{ ...DENY, new_control: '[success=maybe]' }, /is no control of PAM/],
    [{ ...DENY, state: 'args_present', module_arguments: ['[x y]'] }, /in brackets cannot be added/],
    [{ ...DENY, name: '../shadow' }, /the name of a file/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(pamd, args)).toMatch(expected);
  });
});
