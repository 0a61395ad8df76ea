import { describe, expect, test } from 'vitest';
import { debconf } from '../../../src/modules/debconf.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const MAIL = { name: 'postfix', question: 'postfix/mailer', vtype: 'select', value: 'Local only' };

describe('what is planned', () => {
  test.each([
    ['no debconf', 'debconf missing\n', MAIL, 'the host has no debconf'],
    ['not answered', '', MAIL, ['answer postfix/mailer of postfix']],
    ['answered', 'is postfix/mailer Local only\n', MAIL, []],
    ['another answer', 'is postfix/mailer Internet Site\n', MAIL, ['answer postfix/mailer of postfix']],
    ['an empty answer', 'is postfix/mailer \n', { ...MAIL, value: '' }, []],
    ['a boolean', 'is p/q true\n', { name: 'p', question: 'p/q', vtype: 'boolean', value: true }, []],
    ['several', 'is p/q b, a\n', { name: 'p', question: 'p/q', vtype: 'multiselect', value: ['a', 'b'] }, []],
    ['the password', 'password same\n', { name: 'p', question: 'p/q', vtype: 'password', value: 'x' }, []],
    ['another password', '', { name: 'p', question: 'p/q', vtype: 'password', value: 'x' }, ['answer p/q of p']],
    ['nothing but a look', 'is p/q true\n', { name: 'p' }, []],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bound(debconf, args).plan(observed, context()))).toEqual(expected);
  });
});

test('a password is secret, and goes through stdin', () => {
  const step = bound(debconf, { name: 'p', question: 'p/q', vtype: 'password', value: 's3cret' });
  const [change] = changes(step.plan('', context()));
  expect(change?.run.secrets).toEqual(['s3cret']);
  expect(step.probe?.(context()).secrets).toEqual(['s3cret']);
  expect(JSON.stringify(change?.diff)).not.toContain('s3cret');
  expect(change?.run.text).toContain('p p/q password s3cret | debconf-set-selections');
});

test('all answers are returned', () => {
  const step = bound(debconf, { name: 'p' });
  expect(step.data('is p/a x y\nis p/b \n', context())).toEqual({ current: { 'p/a': 'x y', 'p/b': '' } });
});

test.each([
  [{ question: 'p/q' }, /needs 'vtype' and a 'value'/],
  [{ question: 'p/q', vtype: 'string', value: 'a\nb' }, /of one line/],
])('%j is refused', (args, message) => {
  expect(refusal(debconf, { name: 'p', ...args })).toMatch(message);
});
