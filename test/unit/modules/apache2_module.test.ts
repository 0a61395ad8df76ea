import { expect, test } from 'vitest';
import { apache2_module } from '../../../src/modules/apache2_module.ts';
import { bound, context, words } from './harness.ts';

test.each([
  ['no apache', '', {}, 'the host has no apache2'],
  ['no such module', 'tool yes\n', {}, 'there is no Apache module rewrite on the host'],
  ['disabled', 'tool yes\navailable yes\n', {}, ['enable the Apache module rewrite']],
  ['enabled', 'tool yes\navailable yes\nenabled yes\n', {}, []],
  ['to be disabled', 'tool yes\nenabled yes\n', { state: 'absent' }, ['disable the Apache module rewrite']],
  ['gone with Apache', '', { state: 'absent' }, []],
] as const)('%s', (_, observed, args, expected) => {
  expect(words(bound(apache2_module, { name: 'rewrite', ...args }).plan(observed, context()))).toEqual(expected);
});
