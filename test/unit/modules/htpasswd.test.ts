import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { edit, htpasswd } from '../../../src/modules/htpasswd.ts';
import { apply, bound, changes, context, mode, read, refusal, scratch } from './harness.ts';

test.each([
  ['a new user', 'a:1\n', 'b', '2', 'a:1\nb:2\n'],
  ['another password', 'a:1\nb:2\n', 'a', '3', 'a:3\nb:2\n'],
  ['a name that begins alike', 'ab:1\n', 'a', '3', 'ab:1\na:3\n'],
  ['gone', 'a:1\nb:2\n', 'a', undefined, 'b:2\n'],
  ['gone already', 'b:2', 'a', undefined, 'b:2'],
] as const)('%s', (_, before, name, hash, expected) => {
  expect(edit(before, name, hash)).toBe(expected);
});

describe('with openssl', () => {
  test.each(['apr_md5_crypt', 'md5_crypt', 'sha256_crypt', 'sha512_crypt', 'ldap_sha1', 'plaintext'])(
    '%s, once',
    (hash_scheme) => {
      const path = join(scratch(), 'passwd');
      const args = { path, name: 'ada', password: "it's s3cret", hash_scheme, mode: '0600' };
      const first = apply(htpasswd, args);
      expect([first.first, first.again, mode(path)]).toEqual([[`${path}: set the password of ada`], [], '0600']);
      const other = apply(htpasswd, { ...args, password: 'another' });
      expect([other.first, other.again]).toEqual([[`${path}: set the password of ada`], []]);
      expect(apply(htpasswd, { path, name: 'ada', state: 'absent' }).first).toEqual([`${path}: remove ada`]);
      expect(read(path)).toBe('');
    },
  );

  test('a password that another tool has stored stays', () => {
    const path = join(scratch(), 'passwd');
    const hash = execFileSync('openssl', ['passwd', '-apr1', '-stdin'], { input: 'x\n', encoding: 'utf8' });
    writeFileSync(path, `bob:1\nada:${hash}`);
    expect(apply(htpasswd, { path, name: 'ada', password: 'x', hash_scheme: 'sha512_crypt' }).first).toEqual([]);
  });

  test('without the file it is made, unless it must not be', () => {
    const path = join(scratch(), 'passwd');
    expect(apply(htpasswd, { path, name: 'ada', password: 'x', create: false }).first).toBe(
      `${path} does not exist on the host`,
    );
    expect(apply(htpasswd, { path, name: 'ada', state: 'absent' }).first).toEqual([]);
  });
});

test('neither the password nor a hash is shown', () => {
  const step = bound(htpasswd, { path: '/p', name: 'ada', password: 's3cret' });
  expect(step.probe?.(context()).secrets).toContain('s3cret');
  const [change] = changes(step.plan('parent yes!\nnew $apr1$x$y\n', context()));
  expect(change?.diff).toEqual({ of: '/p', before: null, after: 'ada\n' });
});

test.each([
  [{ name: 'a:b', password: 'x' }, /without a colon/],
  [{ name: 'a' }, /'password' is missing/],
  [{ name: 'a', password: 'x', hash_scheme: 'bcrypt' }, /one of apr_md5_crypt/],
])('%j is refused', (args, message) => {
  expect(refusal(htpasswd, { path: '/p', ...args })).toMatch(message);
});
