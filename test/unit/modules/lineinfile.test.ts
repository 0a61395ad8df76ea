import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lineinfile } from '../../../src/modules/lineinfile.ts';
import { apply, bound, read, scratch } from './harness.ts';

test('lineinfile creates the directories of a new file, and reports which', () => {
  const folder = scratch();
  const path = join(folder, 'a/b/file');
  const args = { path, line: 'x', create: true };
  expect(bound(lineinfile, args).touches).toContain(`dir:${folder}/a`);
  expect(apply(lineinfile, args)).toMatchObject({ first: [`create ${path}`], again: [] });
  expect(read(path)).toBe('x\n');
});

test('lineinfile accepts a line that contains several, and finds it again', () => {
  const path = join(scratch(), 'file');
  const args = { path, line: 'one\ntwo', create: true };
  expect(apply(lineinfile, args).again).toEqual([]);
  expect(apply(lineinfile, { ...args, line: 'three' }).again).toEqual([]);
  expect(apply(lineinfile, args).first).toEqual([]);
  expect(read(path)).toBe('one\ntwo\nthree\n');
});
