import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localFiles } from '../../../src/cli/local-files.ts';
import { openVaultBytes, sealVault } from '../../../src/config/vault.ts';
import { blocksOf } from '../../../src/connect/content.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import { Secret } from '../../../src/core/value.ts';

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
  const files = localFiles(
    () => ({}),
    () => new Uint8Array(),
  );
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

test('an encrypted file is decrypted when it is read, and can be had as it is stored', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'key');
  const password = { label: undefined, secret: new Secret('pw') };
  const sealed = sealVault(Buffer.from('clear text\n'), password);
  writeFileSync(path, sealed);
  const at = { file: 'site.yml', line: 3, col: 7 };
  const opened: string[] = [];
  const files = localFiles(
    () => ({}),
    (text, from) => {
      opened.push(from.file);
      return openVaultBytes(text, from, [password]);
    },
  );
  const file = files.file(path, [], at);
  expect(opened).toEqual([]);
  expect([file.size, Buffer.from(file.read()).toString()]).toEqual([11, 'clear text\n']);
  expect(file.sha256).toBe(createHash('sha256').update('clear text\n').digest('hex'));
  expect(Buffer.from(file.sealed?.read() ?? []).toString()).toBe(sealed);
  const sent: Uint8Array[] = [];
  for await (const block of blocksOf([file])) sent.push(block);
  expect(Buffer.concat(sent).toString()).toBe('clear text\n');
  expect(opened).toEqual(['site.yml']);
  const [node] = files.tree(folder, [], at, true);
  expect(node !== undefined && 'file' in node && Buffer.from(node.file.read()).toString()).toBe('clear text\n');
});
