import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { find } from '../../../src/modules/find.ts';
import { apply, scratch } from './harness.ts';

test.each([
  ['expressions that exclude, alone', { use_regex: true, excludes: ['^b'] }, ['a.txt']],
  ['patterns that exclude, alone', { excludes: ['b*'] }, ['a.txt']],
  ['nothing', { use_regex: true }, ['a.txt', 'b.txt']],
])('find: %s', (_, args, expected) => {
  const folder = scratch();
  for (const name of ['a.txt', 'b.txt']) writeFileSync(join(folder, name), '');
  const { files } = apply(find, { paths: [folder], ...args }).data as { files: readonly { path: string }[] };
  expect(files.map((f) => f.path.slice(folder.length + 1)).sort()).toEqual(expected);
});

test.each([
  ['an exact mode', { mode: '0640' }, ['b']],
  ['a symbolic mode', { mode: 'u=rwx,go=rx' }, ['c']],
  ['one bit of a mode', { mode: '0011', exact_mode: false }, ['c']],
])('find: %s', (_, args, expected) => {
  const folder = scratch();
  for (const [name, mode] of [
    ['a', 0o600],
    ['b', 0o640],
    ['c', 0o755],
  ] as const) {
    writeFileSync(join(folder, name), '');
    chmodSync(join(folder, name), mode);
  }
  const { files } = apply(find, { paths: [folder], ...args }).data as { files: readonly { path: string }[] };
  expect(files.map((f) => f.path.slice(folder.length + 1)).sort()).toEqual(expected);
});
