import { describe, expect, test } from 'vitest';
import { acl } from '../../../src/modules/acl.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const RX = { entity: 'app', etype: 'user', permissions: 'rx', state: 'present' };
const bind = (args: Readonly<Record<string, unknown>>) => bound(acl, { path: '/srv', ...args });

describe('what is planned', () => {
  test.each([
    ['no tool', 'setfacl missing\n', RX, 'the host has no setfacl'],
    ['no file', 'path missing\n', RX, '/srv does not exist on the host'],
    ['there', 'acl user:app:r-x\n', RX, []],
    ['missing', 'acl user::rwx\ndiffers srv: u::rwx,u:app:r-x,*\n', RX, ['/srv: set the entry user:app:rx']],
    ['to be gone', 'differs x\n', { entry: 'user:app', state: 'absent' }, ['/srv: remove the entry user:app']],
    ['refused', `refused ${encodeBase64('Invalid')}\n`, RX, 'setfacl refuses the entry; nothing was changed'],
    ['only asked', 'acl user::rwx\n', {}, []],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bind(args).plan(observed, context()))).toEqual(expected);
  });

  test.each([
    [{ ...RX, default: true, recursive: true }, 'setfacl --recursive -m default:user:app:rx -- /srv'],
    [{ entry: 'd:g:web:rwX', state: 'present', recalculate_mask: 'mask' }, 'setfacl --mask -m d:g:web:rwX -- /srv'],
    [{ entity: 'app', etype: 'group', state: 'absent', follow: false }, 'setfacl --physical -x group:app -- /srv'],
    [{ etype: 'other', permissions: '', state: 'present' }, 'setfacl -m other:: -- /srv'],
  ] as const)('%j', (args, command) => {
    const step = bind(args);
    expect(changes(step.plan('differs x\n', context()))[0]?.run.text).toBe(command);
    expect(step.probe?.(context()).text).toContain(command.replace('setfacl', 'setfacl --test'));
  });

  test('needs the account of its entry', () => {
    expect(bind(RX).needs).toContain('user:app');
    expect(bind({ entry: 'default:group:web:rx', state: 'present' }).needs).toContain('group:web');
  });
});

test.each([
  [{ state: 'present', entity: 'a', etype: 'user' }, /permissions are missing/],
  [{ state: 'present', permissions: 'r' }, /'etype' or 'entry' is missing/],
  [{ state: 'present', entry: 'user:a:r', etype: 'user' }, /'entry' excludes/],
  [{ state: 'absent', entry: 'user:a:r' }, /has no permissions/],
  [{ state: 'present', entry: 'user:a:q' }, /an entry, as/],
  [{ use_nfsv4_acls: true }, /unknown argument/],
])('%j is refused', (args, message) => {
  expect(refusal(acl, { path: '/srv', ...args })).toMatch(message);
});
