import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { failure } from '../../core/errors/index.ts';
import { type Card, HEAD, personalise } from './card.ts';
import { copyTo } from './copy.ts';
import { readFat, refuseWithoutCloudInit, seedPartition } from './fat.ts';
import type { Identity } from './identity.ts';
import { needPrograms } from './programs.ts';
import { APPLIED, seedOf } from './seed.ts';
import { headOf, openImage, type Progress } from './source.ts';

/** What was written: how much, or undefined for the seed alone, and whether the system was booted before. */
export type Written = Readonly<{ bytes: number | undefined; wasBooted: boolean }>;

/**
 * Writes an image, made the given host, to a file. The file appears when it is complete. It has mode 0600, because the
 * seed holds the private host key. Nothing is mounted and root is not needed.
 */
export async function writeFileImage(
  to: string,
  card: Card,
  { progress, signal }: Readonly<{ progress: Progress; signal: AbortSignal }>,
): Promise<Written> {
  const staged = join(dirname(to), `.${basename(to)}.new`);
  await rm(staged, { force: true });
  try {
    const handle = await open(staged, 'wx', 0o600);
    const bytes = await unpackTo(handle, card.image, { progress, signal }).finally(() => handle.close());
    progress('writing the seed');
    const wasBooted = await personalise(staged, card);
    await syncFile(staged);
    await rename(staged, to);
    return { bytes, wasBooted };
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
}

async function unpackTo(
  handle: Awaited<ReturnType<typeof open>>,
  image: string,
  { progress, signal }: Readonly<{ progress: Progress; signal: AbortSignal }>,
): Promise<number> {
  const { stream, ended, stop } = await openImage(image);
  signal.addEventListener('abort', stop);
  try {
    const { bytes } = await copyTo(handle, stream, { isDisk: false, progress, of: undefined });
    await ended;
    signal.throwIfAborted();
    return bytes;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Throws Failure, before anything is written, if the file cannot be written or the image has no partition for a seed. */
export async function inspect(image: string, to: string): Promise<void> {
  if (resolve(image) === resolve(to))
    throw failure('E_IMAGE_TARGET', { to, problem: 'is the image itself', hint: 'give another file with --to' });
  const parent = dirname(resolve(to));
  if (!existsSync(parent))
    throw failure('E_IMAGE_TARGET', { to, problem: 'is in no directory', hint: `run: mkdir -p ${parent}` });
  needPrograms(['mcopy', 'mdir', 'mlabel', 'mtype']);
  const head = await headOf(image, HEAD);
  const folder = await mkdtemp(join(tmpdir(), 'bringup-image-'));
  try {
    const disk = join(folder, 'head');
    await writeFile(disk, head, { mode: 0o600 });
    const partition = await seedPartition(disk, head, image);
    if ((await readFat(partition, 'user-data')).includes(APPLIED)) throw booted(image);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const booted = (to: string) =>
  failure('E_IMAGE_BOOT_PARTITION', {
    file: to,
    problem: 'holds a system that was booted before, which reads no seed again',
    hint: 'write the whole image: bringup image write HOST --image IMAGE --to TARGET',
  });

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.sync().finally(() => handle.close());
}

/** Writes the seed into a mounted boot partition, as Raspberry Pi Imager leaves it. */
export async function writeSeed(to: string, identity: Identity, progress: Progress): Promise<Written> {
  progress('writing the seed');
  for (const [name, content] of Object.entries(seedOf(identity))) {
    const staged = join(to, `${name}.new`);
    await writeFile(staged, content, { mode: 0o600, flush: true });
    await rename(staged, join(to, name));
  }
  return { bytes: undefined, wasBooted: false };
}

/** Throws Failure if the directory is no boot partition that cloud-init reads. */
export async function inspectDirectory(to: string): Promise<void> {
  const files = await readdir(to);
  refuseWithoutCloudInit('', files, to);
  if (!files.includes('user-data') && !files.includes('meta-data'))
    throw failure('E_IMAGE_TARGET', {
      to,
      problem: 'is not a boot partition that cloud-init reads',
      expected: 'a directory that holds user-data or meta-data',
      hint: 'mount the boot partition of the card, or give a file that ends in .img',
    });
  const before = files.includes('user-data') ? await readFile(join(to, 'user-data'), 'utf8') : '';
  if (before.includes(APPLIED)) throw booted(to);
}
