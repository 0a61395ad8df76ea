import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assemble, joined } from '../../../src/modules/assemble.ts';
import { apply, context, mode, read, refusal, scratch } from './harness.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('fragments are joined', () => {
  const files = [
    { name: 'b', content: bytes('two') },
    { name: 'a.conf', content: bytes('one\n') },
    { name: '.c', content: bytes('hidden\n') },
    { name: 'd', content: bytes('') },
    { name: 'e', content: bytes('three\n') },
  ];
  test.each([
    ['in order', {}, 'hidden\none\ntwo\n\nthree\n'],
    ['without hidden ones', { ignore_hidden: true }, 'one\ntwo\n\nthree\n'],
    ['with a delimiter', { ignore_hidden: true, delimiter: '--' }, 'one\n--\ntwo\n--\n\n--\nthree\n'],
    ['with an escaped delimiter', { regexp: '^[be]$', delimiter: '#\\t\\n' }, 'two\n#\t\nthree\n'],
    ['by pattern', { regexp: '\\.conf$' }, 'one\n'],
    ['of none', { regexp: 'nothing' }, ''],
  ] as const)('%s', (_, how, expected) => {
    expect(new TextDecoder().decode(joined(files, { ignore_hidden: false, ...how }))).toBe(expected);
  });
});

test('of a directory on the host, once', () => {
  const folder = scratch();
  const src = join(folder, 'conf d');
  const dest = join(folder, 'conf');
  expect(apply(assemble, { src, dest }).first).toBe(`the directory ${src} does not exist on the host`);
  mkdirSync(join(src, 'below'), { recursive: true });
  writeFileSync(join(src, '10 a'), 'a');
  writeFileSync(join(src, "20 it's"), 'b\n');
  const first = apply(assemble, { src, dest, mode: '0600' });
  expect([first.first, first.again, read(dest), mode(dest)]).toEqual([[`create ${dest}`], [], 'a\nb\n', '0600']);
  writeFileSync(join(src, '30'), new Uint8Array([0, 255, 10]));
  const binary = apply(assemble, { src, dest, backup: true });
  expect([binary.first, binary.again]).toEqual([[`update ${dest}`], []]);
  expect(read(String(binary.data['backup_file']))).toBe('a\nb\n');
  const refused = apply(assemble, { src, dest, regexp: '^10', validate: 'grep -q nothing %s' });
  expect(refused.failed).toContain('the new content is refused by');
});

test('of a directory on the controller', () => {
  const dest = join(scratch(), 'conf');
  const ctx = context({ 'parts/2': 'two\n', 'parts/1': 'one\n', 'parts/deep/3': 'three\n' });
  const ran = apply(assemble, { src: 'parts', dest, remote_src: false }, ctx);
  expect([ran.first, ran.again, read(dest)]).toEqual([[`create ${dest}`], [], 'one\ntwo\n']);
  expect(apply(assemble, { src: 'gone', dest, remote_src: false }, ctx).first).toBe(
    'gone is no directory of the controller',
  );
});

test.each([
  [{ src: 'parts' }, /must begin with \/; set `remote_src: false`/],
  [{ src: '/a', regexp: '(' }, /not a regular expression/],
])('%j is refused', (args, message) => {
  expect(refusal(assemble, { dest: '/etc/x', ...args })).toMatch(message);
});
