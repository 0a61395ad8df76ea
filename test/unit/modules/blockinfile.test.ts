import { expect, test } from 'vitest';
import { blockinfile, edit } from '../../../src/modules/blockinfile.ts';
import { bound } from './harness.ts';

const BLOCK = '# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n';
test.each([
  [
    'after lines that a pattern with (?m) reaches over',
    { insertafter: '(?m)^A =\\n.*B' },
    `A =\n  B\n${BLOCK}C\nA =\n  B\n`,
  ],
  ['before the first of such lines', { insertbefore: '(?m)^C\\nA' }, `A =\n  B\n${BLOCK}C\nA =\n  B\n`],
  ['after the last line that matches, without (?m)', { insertafter: '^A' }, `A =\n  B\nC\nA =\n${BLOCK}  B\n`],
  ['at the end, where nothing matches', { insertafter: '(?m)^Z\\nA' }, `A =\n  B\nC\nA =\n  B\n${BLOCK}`],
])('blockinfile inserts a block %s', (_, where, after) => {
  const { args } = bound(blockinfile, { path: '/x', block: 'x', ...where });
  expect(edit('A =\n  B\nC\nA =\n  B\n', args as Parameters<typeof edit>[1])).toBe(after);
});
