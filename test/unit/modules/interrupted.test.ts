import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { copy } from '../../../src/modules/copy.ts';
import { file } from '../../../src/modules/file.ts';
import { fields } from '../../../src/modules/shared/fields.ts';
import { makeDirectory } from '../../../src/modules/shared/file-directory.ts';
import { seen } from '../../../src/modules/shared/path-state.ts';
import { apply, context, list, run, scratch } from './harness.ts';

const path = process.env['PATH'];
afterEach(() => {
  process.env['PATH'] = path;
});
const me = String(process.getuid?.() ?? 0);

/** From now on, the shell that starts one of these programs dies. `install` has created its directory by then. */
function dieAt(...names: readonly string[]): void {
  const bin = scratch();
  for (const name of names) {
    const made = name === 'install' ? 'for d; do :; done; mkdir -- "$d"\n' : '';
    writeFileSync(`${bin}/${name}`, `#!/bin/sh\n${made}kill -KILL "$PPID"\n`, { mode: 0o755 });
  }
  process.env['PATH'] = `${bin}:${path}`;
}

/** A later run takes a directory that exists for one that it does not own. */
describe('a directory without its owner and mode never gets its name', () => {
  test('file: the directories above it', () => {
    const dir = scratch();
    const args = { path: `${dir}/a/b`, state: 'directory', owner: me, mode: '0750' };
    dieAt('chown');
    expect(apply(file, args).failed).toBeDefined();
    expect(list(dir)).toEqual([]);
    process.env['PATH'] = path;
    expect(apply(file, args).again).toEqual([]);
    expect(list(dir)).toEqual(['a']);
  });

  test.runIf(me === '0')('file: the directories above it, which only root can change', () => {
    const dir = mkdtempSync(`${homedir()}/bringup-`);
    try {
      const now = seen(fields('parent no!\numask 0022\n'), `${dir}/a/b`, {});
      const make = makeDirectory(now, `${dir}/a/b`, { owner: me }, '00750', context());
      dieAt('install');
      expect(run(make).code).not.toBe(0);
      expect(list(dir)).toHaveLength(1);
      expect(existsSync(`${dir}/a`)).toBe(false);
      process.env['PATH'] = path;
      for (const name of list(dir)) rmSync(`${dir}/${name}`, { recursive: true });
      expect(run(make)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect([list(dir), list(`${dir}/a`)]).toEqual([['a'], ['b']]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('copy: the destination of a tree', () => {
    const dir = scratch();
    const ctx = context({ '/files/tree/one': 'one', '/files/tree/sub/two': 'two' });
    const args = { src: '/files/tree/', dest: `${dir}/t/`, owner: me };
    dieAt('chown');
    expect(apply(copy, args, ctx).failed).toBeDefined();
    expect(list(dir)).toEqual([]);
    process.env['PATH'] = path;
    expect(apply(copy, args, ctx).again).toEqual([]);
    expect(list(`${dir}/t`)).toEqual(['one', 'sub']);
  });

  test('copy: the destination of a directory of the host', () => {
    const dir = scratch();
    mkdirSync(`${dir}/from`, { mode: 0o711 });
    writeFileSync(`${dir}/from/one`, 'one');
    const args = { src: `${dir}/from/`, dest: `${dir}/to`, remote_src: true };
    dieAt('chmod');
    expect(apply(copy, args).failed).toBeDefined();
    expect(list(dir)).toEqual(['from']);
    process.env['PATH'] = path;
    expect(apply(copy, args).again).toEqual([]);
    expect(list(`${dir}/to`)).toEqual(['one']);
  });
});
