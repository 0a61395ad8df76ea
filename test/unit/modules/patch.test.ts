import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { patch } from '../../../src/modules/patch.ts';
import { apply, bound, context, list, read, refusal, scratch, words } from './harness.ts';

const PATCH = '--- a/app/conf\n+++ b/app/conf\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n';
const ctx = context({ 'fix.patch': PATCH });

function app(text = 'one\ntwo\nthree\n'): string {
  const folder = scratch();
  mkdirSync(`${folder}/app`);
  writeFileSync(`${folder}/app/conf`, text);
  writeFileSync(`${folder}/fix.patch`, PATCH);
  return folder;
}

describe('patch', () => {
  it.each([
    ['one file', (folder: string) => ({ src: 'fix.patch', dest: `${folder}/app/conf` })],
    ['a directory', (folder: string) => ({ src: 'fix.patch', basedir: folder, strip: 1 })],
    [
      'a patch of the host',
      (folder: string) => ({ src: `${folder}/fix.patch`, remote_src: true, basedir: folder, strip: 1 }),
    ],
  ])('%s is patched once, and the patch is taken back once', (_, args) => {
    const folder = app();
    const given = args(folder);
    expect(apply(patch, given, ctx)).toMatchObject({ first: [expect.stringMatching(/^apply/)], again: [] });
    expect(read(`${folder}/app/conf`)).toBe('one\nzwei\nthree\n');
    const back = { ...given, state: 'absent' };
    expect(apply(patch, back, ctx)).toMatchObject({ first: [expect.stringMatching(/^take/)], again: [] });
    expect(read(`${folder}/app/conf`)).toBe('one\ntwo\nthree\n');
    expect(list(`${folder}/app`)).toEqual(['conf']);
  });

  it('keeps the old file', () => {
    const folder = app();
    apply(patch, { src: 'fix.patch', dest: `${folder}/app/conf`, backup: true }, ctx);
    expect(list(`${folder}/app`)).toEqual(['conf', 'conf.~1~']);
  });

  it('changes nothing if a part does not fit', () => {
    const folder = app('something else\n');
    for (const state of ['present', 'absent']) {
      const { first } = apply(patch, { src: 'fix.patch', dest: `${folder}/app/conf`, state }, ctx);
      expect(first).toBe('patch fails on the host, and nothing was changed');
    }
    expect(list(`${folder}/app`)).toEqual(['conf']);
    expect(read(`${folder}/app/conf`)).toBe('something else\n');
  });

  it('may ignore blanks', () => {
    const args = { src: 'fix.patch', dest: `${app('one\ntwo  \nthree\n')}/app/conf` };
    expect(apply(patch, args, ctx).first).toBe('patch fails on the host, and nothing was changed');
    expect(apply(patch, { ...args, ignore_whitespace: true }, ctx)).toMatchObject({
      first: [expect.any(String)],
      again: [],
    });
  });

  it.each([
    ['patch missing', 'the host has no patch'],
    ['source missing', '/p does not exist on the host'],
    ['target missing', '/x does not exist on the host'],
  ])('says what is in the way: %s', (seen, expected) => {
    expect(words(bound(patch, { src: '/p', remote_src: true, dest: '/x' }).plan(seen, context()))).toBe(expected);
  });

  it.each([
    [{ src: 'a' }, /'dest' or 'basedir' is missing/],
    [{ src: 'a', dest: '/b', remote_src: true }, /must begin with \//],
  ])('refuses %o', (args, expected) => {
    expect(refusal(patch, args)).toMatch(expected);
  });
});
