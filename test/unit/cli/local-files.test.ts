import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localFiles } from '../../../src/cli/local-files.ts';
import { Failure } from '../../../src/core/diagnostic.ts';

test('an unreadable file is reported at the place that asks for it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const path = join(folder, 'key');
  writeFileSync(path, 'secret', { mode: 0o600 });
  chmodSync(path, 0);
  const at = { file: 'site.yml', line: 3, col: 7 };
  const told = (ask: () => unknown): unknown => {
    try {
      return ask();
    } catch (error) {
      return error instanceof Failure ? error.diagnostics : error;
    }
  };
  const files = localFiles(() => ({}));
  const expected = [
    expect.objectContaining({
      code: 'E_FILE_UNREADABLE',
      at,
      message: `the file '${path}' cannot be read: permission denied`,
      hint: expect.any(String),
    }),
  ];
  if (process.geteuid?.() === 0) {
    process.seteuid?.(65534); // root can read every file
    onTestFinished(() => process.seteuid?.(0));
  }
  expect(told(() => files.file(path, [], at))).toEqual(expected);
  expect(told(() => files.tree(folder, [], at, true))).toEqual(expected);
});
