import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernel_blacklist } from '../../../src/modules/kernel_blacklist.ts';
import { apply, list, read, refusal, scratch } from './harness.ts';

const OLD = '# blacklist pcspkr\nblacklist  nouveau \nblacklist pcspkr_old\noptions pcspkr x\n';
const go = (file: string, args: Readonly<Record<string, unknown>>) =>
  apply(kernel_blacklist, { blacklist_file: file, ...args });

describe('kernel_blacklist', () => {
  it.each([
    ['adds a module', { name: 'pcspkr' }, `${OLD}blacklist pcspkr\n`],
    ['leaves one that is listed', { name: 'nouveau' }, OLD],
    ['removes one', { name: 'nouveau', state: 'absent' }, OLD.replace('blacklist  nouveau \n', '')],
    ['leaves comments and other modules', { name: 'pcspkr', state: 'absent' }, OLD],
  ])('%s', (_, args, text) => {
    const file = `${scratch()}/f.conf`;
    writeFileSync(file, OLD);
    expect(go(file, args)).toMatchObject({
      first: text === OLD ? [] : [`update ${file}`],
      again: [],
      data: { state: 'present', ...args },
    });
    expect(read(file)).toBe(text);
  });

  it('creates the file only for a module that is to be in it', () => {
    const dir = scratch();
    expect(go(`${dir}/f.conf`, { name: 'pcspkr', state: 'absent' }).first).toEqual([]);
    expect(list(dir)).toEqual([]);
    expect(go(`${dir}/f.conf`, { name: 'pcspkr' })).toMatchObject({ again: [] });
    expect(read(`${dir}/f.conf`)).toBe('blacklist pcspkr\n');
  });

  it('refuses what is no name', () => {
    expect(refusal(kernel_blacklist, { name: 'a b' })).toContain('the name of a kernel module');
  });
});
