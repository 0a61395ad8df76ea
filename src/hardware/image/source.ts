import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { failure } from '../../core/errors/index.ts';
import { formatOf } from './layout.ts';
import { environment, needPrograms, type Program, programFailed } from './programs.ts';

/** What is reported while an image is made or written. `of` is the whole, if it is known. */
export type Progress = (what: string, bytes?: number, of?: number) => void;

/** A checksum as publishers and get_url write it: the algorithm and its digest in lower-case hexadecimal. */
export type Checksum = Readonly<{ algorithm: 'sha256' | 'sha512'; digest: string }>;

/** Parses `sha256:HEX` or `sha512:HEX`. undefined: it is neither. */
export function parseChecksum(text: string): Checksum | undefined {
  const [, algorithm, digest = ''] = /^(sha256|sha512):([0-9a-f]+)$/i.exec(text.trim()) ?? [];
  const isWhole = digest.length === (algorithm?.toLowerCase() === 'sha512' ? 128 : 64);
  if (algorithm === undefined || !isWhole) return undefined;
  return { algorithm: algorithm.toLowerCase() as Checksum['algorithm'], digest: digest.toLowerCase() };
}

/** Throws Failure unless the file has the checksum. */
export async function verifyChecksum(file: string, { algorithm, digest }: Checksum, progress: Progress): Promise<void> {
  progress('verifying the checksum');
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), hash);
  const seen = hash.digest('hex');
  if (seen !== digest)
    throw failure('E_IMAGE_CHECKSUM', { file, wanted: `${algorithm}:${digest}`, seen: `${algorithm}:${seen}` });
}

/**
 * Downloads an image into `folder` and returns its path. A file with the right checksum is not downloaded again; one
 * without a checksum always is.
 */
export async function download(
  url: string,
  folder: string,
  { checksum, progress, signal }: Readonly<{ checksum: Checksum | undefined; progress: Progress; signal: AbortSignal }>,
): Promise<string> {
  const prefix = createHash('sha256').update(url).digest('hex').slice(0, 12);
  const file = join(folder, `${prefix}-${basename(new URL(url).pathname) || 'image'}`);
  if (checksum !== undefined && (await isThere(file))) {
    const isGood = await verifyChecksum(file, checksum, progress).then(
      () => true,
      () => false,
    );
    if (isGood) return file;
  }
  await mkdir(folder, { recursive: true });
  const staged = `${file}.part`;
  try {
    const response = await fetch(url, { signal });
    if (!response.ok || response.body === null)
      throw failure('E_FETCH', { url, why: `${response.status} ${response.statusText}` });
    const whole = Number(response.headers.get('content-length')) || undefined;
    let done = 0;
    const counted = Readable.fromWeb(response.body as never).on('data', (chunk: Buffer) => {
      done += chunk.length;
      progress('downloading', done, whole);
    });
    await pipeline(counted, createWriteStream(staged), { signal });
    if (checksum !== undefined) await verifyChecksum(staged, checksum, progress);
    await rename(staged, file);
    return file;
  } catch (error) {
    await rm(staged, { force: true });
    if (signal.aborted || !(error instanceof TypeError)) throw error;
    throw failure('E_FETCH', { url, why: String((error as Error).cause ?? error) });
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

const UNPACK: Readonly<
  Record<'xz' | 'gzip' | 'zstd', Readonly<{ argv: readonly string[]; needs: readonly Program[] }>>
> = {
  xz: { argv: ['xz', '-dcT0'], needs: ['xz'] },
  gzip: { argv: ['gzip', '-dc'], needs: [] },
  zstd: { argv: ['zstd', '-dcq'], needs: ['zstd'] },
};

/** An image that is read as a stream, unpacked. */
export type Opened = Readonly<{
  stream: Readable;
  /** Settles when the stream has ended. Throws Failure if the file is damaged. */
  ended: Promise<void>;
  /** Ends the program that unpacks. */
  stop: () => void;
}>;

/** Opens a raw or compressed image. Throws Failure if it is neither. */
export async function openImage(file: string): Promise<Opened> {
  const format = formatOf(await firstBytes(file));
  if (format === 'qcow2')
    throw failure('E_IMAGE_FORMAT', {
      file,
      problem: 'is a qcow2 image',
      hint: `run: qemu-img convert -O raw ${file} disk.img`,
    });
  if (format === 'zip')
    throw failure('E_IMAGE_FORMAT', { file, problem: 'is a zip archive', hint: `run: unzip ${file}` });
  if (format === undefined) {
    const stream = createReadStream(file, { highWaterMark: 1024 ** 2 });
    return { stream, ended: Promise.resolve(), stop: () => void stream.destroy() };
  }
  const { argv, needs } = UNPACK[format];
  needPrograms(needs);
  const [command = '', ...args] = [...argv, '--', file];
  const child = spawn(command, args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  let isStopped = false;
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 || isStopped ? resolve() : reject(programFailed([command, ...args], code, errors)),
    );
  });
  ended.catch(() => {}); // who waits for it gets the error
  const stop = () => {
    isStopped = true;
    child.kill();
  };
  return { stream: child.stdout, ended, stop };
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(16);
    await handle.read(buffer, 0, 16, 0);
    return buffer;
  } finally {
    await handle.close();
  }
}

/** The first bytes of an unpacked image, at most `length`. */
export async function headOf(file: string, length: number): Promise<Buffer> {
  const { stream, ended, stop } = await openImage(file);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size >= length) break;
  }
  if (size >= length) stop();
  await ended;
  return Buffer.concat(parts).subarray(0, length);
}
