import { writeFileSync } from 'node:fs';
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
