import { expect, test } from 'vitest';
import { edit } from '../../../src/modules/replace.ts';

const HOSTS = 'a\n<VirtualHost>\n a\n</VirtualHost>\na\n</VirtualHost>\n';
test.each([
  [
    '(?m) of after is that of before, too',
    { after: '(?m)^<VirtualHost>', before: '^</VirtualHost>' },
    HOSTS.replace(' a', ' b'),
  ],
  ['without it, ^ is the beginning of the file', { after: '^<VirtualHost>', before: '</VirtualHost>' }, HOSTS],
  ['before alone reaches to its last match', { before: '</VirtualHost>' }, HOSTS.replaceAll(/(?<=^| )a$/gm, 'b')],
  ['(?m) of before', { before: '(?m)^<VirtualHost>' }, HOSTS.replace('a', 'b')],
  ['a dot matches newlines', { after: '<Virt.*?>.', before: 'a.</' }, HOSTS],
])('replace: %s', (_, where, after) => {
  expect(edit(HOSTS, { regexp: '\\ba$', replace: 'b', ...where })).toBe(after);
});
