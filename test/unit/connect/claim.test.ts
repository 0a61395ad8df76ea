import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claiming } from '../../../src/connect/claim.ts';

const MARK = 'bringup-0123456789abcdef';
let folder = '';
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-claim-'));
  mkdirSync(at('state'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Claims the host in a shell of its own, runs the script, and lets the shell end. */
function claimed(script: string, before = ''): void {
  const opening = claiming({ run: 'run1', words: 'a test', lost: new Set() }, MARK, false);
  const { stderr } = spawnSync('sh', ['-s'], { input: `_d=${at('state')}\n${before}\n${opening}\n${script}\n` });
  expect(stderr.toString()).toBe('');
}

describe('what a dead run left on a host', () => {
  it('is removed by the next run: files, links and stages, but nothing that only has the name of one', () => {
    const [stage, setgid, open, empty] = ['stage', 'setgid', 'open', 'empty'].map((name) => at(`.bringup-${name}`));
    mkdirSync(empty ?? '', { mode: 0o755 });
    for (const [path, mode] of [
      [stage, 0o700],
      [setgid, 0o2700],
      [open, 0o755],
    ] as const) {
      mkdirSync(path ?? '');
      writeFileSync(join(path ?? '', 'inner'), 'x');
      chmodSync(path ?? '', mode);
    }
    writeFileSync(at('.bringup-file'), 'x');
    writeFileSync(at('other'), 'x');
    const listed = [stage, setgid, open, empty, at('.bringup-file'), at('other'), at('.bringup-gone')];
    writeFileSync(at('state/staged'), `${listed.join('\n')}\n`);
    claimed(':');
    expect(readdirSync(folder).sort()).toEqual(['.bringup-open', 'other', 'state']);
    expect(readdirSync(at('state'))).toEqual([]);
  });

  it('stays listed if it cannot be removed now, and the run after that removes it', () => {
    const stuck = at('.bringup-stuck');
    writeFileSync(stuck, 'x');
    mkdirSync(at('.bringup-full'), { mode: 0o700 });
    writeFileSync(at('.bringup-full/inner'), 'x');
    mkdirSync(at('.bringup-empty'));
    writeFileSync(at('.bringup-file'), 'x');
    const [file, full, empty] = ['.bringup-file', '.bringup-full', '.bringup-empty'].map(at);
    writeFileSync(at('state/staged'), `${stuck}\n${file}\n${full}\n${empty}\n`);
    claimed(
      ':',
      `rm() { case $* in *-stuck | *-full) return 1 ;; esac; command rm "$@"; }
rmdir() { case $* in *-empty) return 1 ;; esac; command rmdir "$@"; }`,
    );
    expect(readFileSync(at('state/staged'), 'utf8')).toBe(`${stuck}\n${full}\n${empty}\n`);
    expect(readdirSync(at('state'))).toEqual(['staged']);
    claimed(':');
    expect(readdirSync(folder)).toEqual(['state']);
    expect(existsSync(at('state/staged'))).toBe(false);
  });
});
