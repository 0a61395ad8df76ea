import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Progress } from './source.ts';

const BLOCK = 4 * 1024 ** 2;
const ZEROS = Buffer.alloc(BLOCK);

/** How many bytes were copied, and their SHA-256. */
export type Copied = Readonly<{ bytes: number; sha256: string }>;

/**
 * Writes a stream to a file or a disk from its beginning. A new file gets holes where the stream has zeros. A disk gets
 * the zeros as well, because it holds what was written to it before.
 */
export async function copyTo(
  handle: FileHandle,
  stream: AsyncIterable<Buffer>,
  { isDisk, progress, of }: Readonly<{ isDisk: boolean; progress: Progress; of: number | undefined }>,
): Promise<Copied> {
  const hash = createHash('sha256');
  let bytes = 0;
  const put = async (block: Buffer): Promise<void> => {
    hash.update(block);
    if (isDisk || !block.equals(ZEROS.subarray(0, block.length))) await writeAll(handle, block, bytes);
    bytes += block.length;
    progress('writing', bytes, of);
  };
  for await (const block of inBlocks(stream)) await put(block);
  if (!isDisk) await handle.truncate(bytes);
  await handle.sync();
  return { bytes, sha256: hash.digest('hex') };
}

/** Disks are written in whole blocks: a partial one would be read first. */
async function* inBlocks(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    parts.push(chunk);
    size += chunk.length;
    if (size < BLOCK) continue;
    const all = Buffer.concat(parts);
    let from = 0;
    for (; from + BLOCK <= all.length; from += BLOCK) yield all.subarray(from, from + BLOCK);
    parts = [all.subarray(from)];
    size = all.length - from;
  }
  if (size > 0) yield Buffer.concat(parts);
}

async function writeAll(handle: FileHandle, block: Buffer, at: number): Promise<void> {
  for (let done = 0; done < block.length; ) {
    const { bytesWritten } = await handle.write(block, done, block.length - done, at + done);
    done += bytesWritten;
  }
}
