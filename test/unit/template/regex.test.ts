import { describe, expect, test } from 'vitest';
import { pythonRegex } from '../../../src/template/regex.ts';
import { caught } from './support.ts';

describe('escapes that JavaScript reads differently', () => {
  test.each(['\\h', '\\p', '\\k', '\\N', '\\U', '\\z', 'a\\G'])(
    'refuses %s, which Python refuses or JavaScript lacks',
    (pattern) => expect(caught(() => pythonRegex(pattern)).diagnostics[0]?.message).toContain('bad escape'),
  );
  test('reads \\a as the bell', () => {
    expect(pythonRegex('\\a').test('\x07')).toBe(true);
    expect(pythonRegex('\\a').test('a')).toBe(false);
  });
  test.each([
    ['\\d', '1'],
    ['\\x41', 'A'],
    ['\\u0041', 'A'],
    ['\\\\h', '\\h'],
    ['\\Aa\\Z', 'a'],
  ])('reads %s', (pattern, subject) => expect(pythonRegex(pattern).test(subject)).toBe(true));
});
