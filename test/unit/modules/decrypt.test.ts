import { expect, test } from 'vitest';
import type { LocalFile, Module } from '../../../src/core/module.ts';
import { assemble } from '../../../src/modules/assemble.ts';
import { script } from '../../../src/modules/script.ts';
import { unarchive } from '../../../src/modules/unarchive.ts';
import { bound, changes, context } from './harness.ts';

/** A file of the controller in clear text, with its encrypted form. */
function encrypted(): LocalFile {
  const one = (text: string): LocalFile => context({ f: text }).file('f', 'files');
  return { ...one('clear\n'), sealed: one('$ANSIBLE_VAULT\n') };
}
const ctx = context({}, { file: encrypted, isFolder: () => true, tree: () => [{ path: 'f', file: encrypted() }] });

test.each<readonly [Module, Readonly<Record<string, unknown>>, string]>([
  [script, { cmd: 'f' }, ''],
  [unarchive, { src: 'f.tar', dest: '/srv' }, 'dest yes\nhas tar\n'],
  [assemble, { src: 'f', dest: '/etc/x', remote_src: false }, 'parent yes!\n'],
])('$name decrypts files of the controller, unless decrypt is false', (module, args, observed) => {
  const sent = (more: object): string => {
    const [change] = changes(bound(module, { ...args, ...more }).plan(observed, ctx));
    const parts = change?.upload?.flatMap((one) => ('content' in one ? one.content : [])) ?? [];
    const texts = parts.map((part) => new TextDecoder().decode(part instanceof Uint8Array ? part : part.read()));
    return `${texts.join('')}${change?.diff?.after ?? ''}`;
  };
  expect(sent({})).toBe('clear\n');
  expect(sent({ decrypt: false })).toBe('$ANSIBLE_VAULT\n');
});
