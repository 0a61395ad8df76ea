import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { failure } from '../../core/errors/index.ts';
import { HEAD } from '../image/card.ts';
import { seedPartition } from '../image/fat.ts';
import { environment, needPrograms, programFailed } from '../image/programs.ts';
import { headOf, openImage } from '../image/source.ts';
import type { BootProgress } from './contract.ts';

/** An image as it travels to an installer. `bytes` is the size of the disk image, `sent` that of the file. */
export type Payload = Readonly<{ file: string; sha256: string; bytes: number; sent: number }>;

type Options = Readonly<{ cache: string; progress: (progress: BootProgress) => void; signal: AbortSignal }>;

const making = new Map<string, Promise<Payload>>();

/**
 * An image, compressed by zstd, with the checksum of what travels. It is kept as long as the image does not change.
 * Calls of the same process share the work. Throws Failure if the image has no boot partition that takes a seed.
 */
export function payloadOf(image: string, options: Options): Promise<Payload> {
  const known = making.get(resolve(image));
  if (known !== undefined) return known;
  const made = make(resolve(image), options).finally(() => making.delete(resolve(image)));
  making.set(resolve(image), made);
  return made;
}

async function make(image: string, { cache, progress, signal }: Options): Promise<Payload> {
  const { mtimeMs, size, ino } = await stat(image);
  const key = createHash('sha256')
    .update(JSON.stringify([image, mtimeMs, size, ino]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cache, 'payloads');
  const file = resolve(folder, `${key}.zst`);
  const record = `${file}.json`;
  if (existsSync(record) && existsSync(file)) return { file, ...JSON.parse(await readFile(record, 'utf8')) };
  await refuseWithoutSeed(image);
  needPrograms(['zstd']);
  await mkdir(folder, { recursive: true });
  const staged = `${file}.new-${process.pid}`;
  try {
    const made = await compress(image, staged, { progress, signal, of: size });
    await rename(staged, file);
    await writeFile(record, JSON.stringify(made), { flush: true });
    return { file, ...made };
  } finally {
    await rm(staged, { force: true });
  }
}

async function compress(
  image: string,
  to: string,
  { progress, signal, of }: Readonly<{ progress: Options['progress']; signal: AbortSignal; of: number }>,
): Promise<Omit<Payload, 'file'>> {
  const { stream, ended, stop } = await openImage(image);
  signal.addEventListener('abort', stop);
  const argv = ['zstd', '-q', '-3', '-c'];
  const child = spawn(argv[0] ?? '', argv.slice(1), { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  const closed = new Promise<void>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done() : fail(programFailed(argv, code, errors))));
  });
  let bytes = 0;
  let sent = 0;
  const hash = createHash('sha256');
  const counting = counter((chunk) => {
    bytes += chunk.length;
    progress({ stage: 'compressing the image', bytes, of });
  });
  const summing = counter((chunk) => {
    sent += chunk.length;
    hash.update(chunk);
  });
  try {
    await Promise.all([
      pipeline(stream, counting, child.stdin, { signal }),
      pipeline(child.stdout, summing, createWriteStream(to, { flush: true } as never), { signal }),
      closed,
    ]);
    await ended;
    return { sha256: hash.digest('hex'), bytes, sent };
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    child.kill();
  }
}

const counter = (see: (chunk: Buffer) => void): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      see(chunk);
      done(undefined, chunk);
    },
  });

/** The installer writes files into the partition that has the seed's label. It renames none. */
async function refuseWithoutSeed(image: string): Promise<void> {
  needPrograms(['mlabel', 'mdir']);
  const head = await headOf(image, HEAD);
  const folder = await mkdtemp(join(tmpdir(), 'bringup-image-'));
  try {
    const disk = join(folder, 'head');
    await writeFile(disk, head, { mode: 0o600 });
    if ((await seedPartition(disk, head, image)).label === 'CIDATA') return;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  throw failure('E_IMAGE_BOOT_PARTITION', {
    file: image,
    problem: 'has no partition with the label CIDATA, into which the installer writes the seed',
    hint: 'use an image of bringup image build',
  });
}
