import { describe, expect, it } from 'vitest';
import { postgresql_membership } from '../../../src/modules/postgresql_membership.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const row = (key: string, value: object): string => `${key} ${JSON.stringify(value)}\n`;
const ROLES = ['readers', 'writers', 'ada', 'bob'].map((name) => row('role', { name })).join('');
const IS =
  ROLES + row('member', { group: 'readers', member: 'ada' }) + row('member', { group: 'admins', member: 'ada' });
const BOTH = { groups: ['readers'], target_roles: ['ada', 'bob'] };
const step = (args: Readonly<Record<string, unknown>>) => bound(postgresql_membership, args);

describe('postgresql_membership', () => {
  it.each([
    ['grants what is missing', BOTH, ['GRANT "readers" TO "bob"']],
    ['leaves members', { group: 'readers', user: 'ada' }, []],
    ['revokes', { ...BOTH, state: 'absent' }, ['REVOKE "readers" FROM "ada"']],
    ['leaves who is no member', { source_roles: 'writers', users: 'ada', state: 'absent' }, []],
    [
      'leaves only the given groups',
      { groups: ['writers'], target_roles: ['ada'], state: 'exact' },
      ['GRANT "writers" TO "ada"; REVOKE "admins" FROM "ada"; REVOKE "readers" FROM "ada"'],
    ],
    ['needs every role', { ...BOTH, groups: ['other'] }, 'there is no role other on the host'],
    [
      'leaves out missing roles',
      { groups: ['other', 'readers'], target_roles: ['nobody', 'bob'], fail_on_role: false },
      ['GRANT "readers" TO "bob"'],
    ],
  ])('%s', (_, args, expected) => {
    const ordered = IS.split('\n').sort().join('\n');
    expect(words(step(args).plan(ordered, context()))).toEqual(expected);
  });

  it('runs the statements, and quotes names', () => {
    const observed = ['a"b', 'c'].map((name) => row('role', { name })).join('');
    const [change] = changes(
      step({ groups: ['a"b'], target_roles: ['c'], session_role: 'boss' }).plan(observed, context()),
    );
    expect(change?.run.text).toContain('SET ROLE "boss";\nGRANT "a""b" TO "c";\n');
    expect(change?.diff).toMatchObject({ before: '', after: 'c in a"b\n' });
    expect(step({ groups: ["o'x"], target_roles: ['c'] }).probe?.(context()).text).toContain("o'\\'''\\''x");
  });

  it('returns what was granted and revoked', () => {
    const ran = { code: 0, stdout: '', stderr: '' };
    expect(step(BOTH).data(IS, context(), ran)).toEqual({
      state: 'present',
      groups: ['readers'],
      target_roles: ['ada', 'bob'],
      queries: ['GRANT "readers" TO "bob"'],
      granted: { readers: ['bob'] },
    });
    expect(step(BOTH).data(IS, context())).toMatchObject({ queries: [], granted: { readers: [] } });
    const exact = step({ groups: ['writers'], target_roles: ['ada'], state: 'exact' }).data(IS, context(), ran);
    expect(exact).toMatchObject({ granted: { writers: ['ada'] }, revoked: { readers: ['ada'], admins: ['ada'] } });
  });

  it('says why it cannot log in, and which arguments are missing', () => {
    expect(words(step(BOTH).plan('client missing\n', context()))).toBe('the host has no psql');
    expect(words(step(BOTH).plan(`error ${encodeBase64('FATAL:  no')}\n`, context()))).toContain('FATAL:  no');
    expect(refusal(postgresql_membership, { groups: ['a'] })).toContain('target_roles');
  });
});
