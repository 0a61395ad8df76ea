import { createReadStream } from 'node:fs';
import { failure } from '../core/errors/index.ts';
import type { Content } from '../core/module.ts';

/** In bytes. */
export const BLOCK = 1 << 20;

/**
 * Splits the content into blocks of BLOCK to twice BLOCK bytes, except for the last. Throws Failure if a file cannot be
 * read.
 */
export async function* blocksOf(content: Content): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const piece of piecesOf(content)) {
    waiting.push(piece);
    size += piece.length;
    if (size < BLOCK) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting);
}

async function* piecesOf(content: Content): AsyncGenerator<Uint8Array> {
  for (const part of content) {
    if (part instanceof Uint8Array) {
      for (let at = 0; at < part.length; at += BLOCK) yield part.subarray(at, at + BLOCK);
    } else if (part.sealed !== undefined) {
      yield part.read();
    } else if (part.size > 0) {
      try {
        yield* createReadStream(part.path, { highWaterMark: BLOCK, end: part.size - 1 });
      } catch (error) {
        throw failure('E_FILE_UNREADABLE', { path: part.path, why: (error as Error).message });
      }
    }
  }
}
