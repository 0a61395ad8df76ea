import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../../src/cli/connections.ts';
import { hashFile, localFiles } from '../../../src/cli/local-files.ts';
import { BLOCK, blocksOf } from '../../../src/connect/content.ts';
import { packed } from '../../../src/connect/upload.ts';

const ALL = 16;
const text = Buffer.alloc(ALL * BLOCK, 'a line of text like the others\n');

/**
 * Sends 16 MiB of text over a link, with a simulated clock on which compressing a block takes 10 ms. Returns which
 * blocks were compressed.
 */
async function over(megabytesASecond: number): Promise<string> {
  let clock = 0;
  let went = '';
  const members: Uint8Array[] = [];
  for await (const member of packed(blocksOf([text]), () => clock)) {
    const isPacked = member.length < BLOCK / 2;
    went += isPacked ? 'p' : '.';
    clock += Math.max(isPacked ? 10 : 0, member.length / 1000 / megabytesASecond);
    members.push(member);
  }
  expect(sha256(gunzipSync(Buffer.concat(members)))).toBe(sha256(text));
  return went;
}

test('compresses content that shrinks over a slow link, and sends it as it is over a fast one', async () => {
  expect(await over(10)).toBe('pppp.ppppppppppp'); // a block takes 10 ms compressed and 105 ms uncompressed
  expect(await over(80)).toBe('pppp............'); // 13 ms: compression does not halve it
});

test('compresses the rest if a link becomes slow', async () => {
  let clock = 0;
  let went = '';
  for await (const member of packed(blocksOf([text]), () => clock)) {
    const isPacked = member.length < BLOCK / 2;
    went += isPacked ? 'p' : '.';
    clock += isPacked ? 10 : went.length > 9 ? 1000 : 1;
  }
  expect(went).toBe('pppp......pppppp');
});

test('splits many small parts and large files into blocks without losing a byte', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-content-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'large');
  writeFileSync(path, text.subarray(0, 3 * BLOCK + 5));
  writeFileSync(join(folder, 'empty'), '');
  const files = localFiles(
    () => ({}),
    () => new Uint8Array(),
  );
  const at = { file: 'site.yml', line: 1, col: 1 };
  const [large, empty] = [files.file(path, [], at), files.file(join(folder, 'empty'), [], at)];
  expect(hashFile(path)).toBe(sha256(text.subarray(0, 3 * BLOCK + 5)));
  const small = Array.from({ length: 1000 }, (_, i) => Buffer.from(`part ${i}\n`));
  const blocks: Uint8Array[] = [];
  for await (const block of blocksOf([...small, empty, large, ...small])) blocks.push(block);
  expect(blocks.length).toBeLessThan(6);
  expect(sha256(Buffer.concat(blocks))).toBe(
    sha256(Buffer.concat([...small, text.subarray(0, 3 * BLOCK + 5), ...small])),
  );
  rmSync(path);
  await expect(blocksOf([large]).next()).rejects.toThrow(`the file '${path}' cannot be read`);
});
