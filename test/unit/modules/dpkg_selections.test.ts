import { expect, test } from 'vitest';
import { dpkg_selections } from '../../../src/modules/dpkg_selections.ts';
import { bound, context, words } from './harness.ts';

test.each([
  ['is install\n', 'hold', ['app: selection hold']],
  ['is hold\n', 'hold', []],
  ['is hold\n', 'install', ['app: selection install']],
  ['', 'hold', 'there is no package app on the host'],
  ['', 'purge', []],
] as const)('%j → %s', (observed, selection, expected) => {
  const step = bound(dpkg_selections, { name: 'app', selection });
  expect(words(step.plan(observed, context()))).toEqual(expected);
});
