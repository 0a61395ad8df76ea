import { expect, test } from 'vitest';
import { edit, replace } from '../../../src/modules/replace.ts';
import { template } from '../../../src/modules/template.ts';
import { refusal } from './harness.ts';

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

test.each([
  [replace, { path: '/etc/f', regexp: 'x', encoding: 'latin-1' }, { encoding: 'UTF-8' }],
  [template, { src: 'f', dest: '/etc/f', output_encoding: 'utf-16' }, { output_encoding: 'utf8' }],
])('$name refuses an encoding other than UTF-8', (module, args, fine) => {
  expect(refusal(module, args)).toContain('the only encoding that is supported');
  expect(refusal(module, { ...args, ...fine })).toBe('');
});
