import { constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failure } from '../../core/errors/index.ts';
import { size } from '../../core/units.ts';
import { type Card, personalise } from './card.ts';
import { copyTo } from './copy.ts';
import { needPrograms, run } from './programs.ts';
import { openImage, type Progress } from './source.ts';
import type { Written } from './write.ts';

type DiskOptions = Readonly<{
  /** The disk that the user typed again, because it is not removable. */
  meant: string | undefined;
  progress: Progress;
  signal: AbortSignal;
}>;

/** A disk, or a partition, as the kernel describes it in sysfs. */
export type Device = Readonly<{
  /** The disk that a partition belongs to. undefined: it is a whole disk. */
  partOf: string | undefined;
  /** An SD card or a USB stick, in contrast to a disk that is built in. */
  isRemovable: boolean;
  bytes: number;
  model: string;
}>;

/** Cards and sticks say that they are removable, or are on USB. An eMMC, which is soldered in, is no SD card. */
export function deviceOf(name: string, sys = '/sys/class/block'): Device {
  const dir = join(sys, name);
  const whole = realpathSync(dir);
  return {
    partOf: existsSync(join(dir, 'partition')) ? basename(dirname(whole)) : undefined,
    isRemovable:
      text(join(dir, 'removable')) === '1' ||
      /\/usb\d/.test(whole) ||
      (name.startsWith('mmcblk') && text(join(dir, 'device', 'type')) === 'SD'),
    bytes: Number(text(join(dir, 'size'))) * 512,
    model: text(join(dir, 'device', 'model')) || text(join(dir, 'device', 'name')) || 'no model',
  };
}

const text = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8').trim() : '');
const nameOf = (to: string): string => basename(realpathSync(to));

/** Throws Failure, before anything is written, if the disk is in use or may be the wrong one. */
export function checkDisk(to: string, meant: string | undefined): void {
  const wrong = (problem: string, hint: string) => failure('E_IMAGE_TARGET', { to, problem, hint });
  const { partOf, isRemovable, bytes, model } = deviceOf(nameOf(to));
  if (partOf !== undefined) throw wrong('is a partition', `give the whole disk: --to /dev/${partOf}`);
  const use = useOf(nameOf(to));
  if (use !== undefined) throw wrong(use.problem, use.hint);
  if (isRemovable || meant === to) return;
  throw wrong(`is not a removable disk (${model}, ${size(bytes)})`, `if it is the right one, add: --yes-i-mean ${to}`);
}

/** What uses the disk or one of its partitions. */
function useOf(name: string): Readonly<{ problem: string; hint: string }> | undefined {
  const dir = join('/sys/class/block', name);
  const parts = [name, ...readdirSync(dir).filter((one) => existsSync(join(dir, one, 'partition')))];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  for (const part of parts) {
    const number = text(join('/sys/class/block', part, 'dev'));
    const mount = mounts.map((line) => line.split(' ')).find((words) => words[2] === number);
    if (mount !== undefined)
      return { problem: `is mounted at ${mount[4]}`, hint: `unmount it first: umount /dev/${part}` };
    const holders = join('/sys/class/block', part, 'holders');
    const [holder] = existsSync(holders) ? readdirSync(holders) : [];
    if (holder !== undefined) return { problem: `is a part of ${holder}`, hint: 'give another disk' };
    if (readFileSync('/proc/swaps', 'utf8').includes(`/dev/${part} `))
      return { problem: 'is used as swap', hint: `stop it first: swapoff /dev/${part}` };
  }
  return undefined;
}

/** Writes an image, made the given host, to a disk, and reads the disk again. */
export async function writeDisk(to: string, card: Card, { meant, progress, signal }: DiskOptions): Promise<Written> {
  needPrograms(['dd']);
  const { bytes: room } = deviceOf(nameOf(to));
  const whole = await lengthOf(card.image, progress, signal);
  if (whole > room)
    throw failure('E_IMAGE_TARGET', {
      to,
      problem: `has ${size(room)}, and the image has ${size(whole)}`,
      hint: 'use a larger disk',
    });
  checkDisk(to, meant); // again, because somebody may have mounted it meanwhile
  const handle = await openDisk(to);
  const { stream, ended, stop } = await openImage(card.image);
  signal.addEventListener('abort', stop);
  try {
    const { bytes, sha256 } = await copyTo(handle, stream, { isDisk: true, progress, of: whole });
    await ended;
    signal.throwIfAborted();
    progress('reading the disk again');
    if ((await digestOnDisk(to, bytes, signal)) !== sha256)
      throw failure('E_IMAGE_READ_BACK', { to, what: 'the image' });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await handle.close();
  }
  progress('writing the seed');
  const wasBooted = await personalise(to, card);
  const seeded = await openDisk(to);
  await seeded.sync().finally(() => seeded.close());
  return { bytes: whole, wasBooted };
}

/** The size of an unpacked image. It is unpacked once for that, which finds a damaged one before the disk is touched. */
async function lengthOf(image: string, progress: Progress, signal: AbortSignal): Promise<number> {
  const { stream, ended, stop } = await openImage(image);
  signal.addEventListener('abort', stop);
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    progress('reading the image', bytes);
  }
  await ended;
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  return bytes;
}

/** O_EXCL: the kernel refuses a disk that anything else uses. */
async function openDisk(to: string): Promise<FileHandle> {
  try {
    return await open(to, constants.O_RDWR | constants.O_EXCL);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw failure('E_IMAGE_TARGET', { to, problem: 'may not be written by you', hint: 'run the command with sudo' });
    if (code === 'EBUSY')
      throw failure('E_IMAGE_TARGET', { to, problem: 'is in use', hint: `see who uses it: lsblk ${to}` });
    throw failure('E_IMAGE_TARGET', { to, problem: `cannot be opened: ${message}` });
  }
}

/** Reads past the kernel's cache, which would only return what was written. */
async function digestOnDisk(to: string, bytes: number, signal: AbortSignal): Promise<string> {
  const script = 'dd if="$1" bs=4M iflag=direct,count_bytes count="$2" status=none | sha256sum';
  return (await run(['sh', '-c', script, 'sh', to, String(bytes)], { signal })).split(' ')[0] ?? '';
}
