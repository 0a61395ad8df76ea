import { failure } from '../../core/errors/index.ts';
import { isFat, type Partition, partitionsOf } from './layout.ts';
import { run, tryRun } from './programs.ts';

/** A FAT partition of a disk or an image file. mtools reach it without mounting it. */
export type FatPartition = Readonly<{ disk: string; start: number; label: string; isEfi: boolean }>;

const at = ({ disk, start }: Pick<FatPartition, 'disk' | 'start'>): string => `${disk}@@${start}`;

/** The FAT partitions of a disk. `head` is the disk's beginning, and `disk` a file that holds at least that much. */
export async function fatPartitions(
  disk: string,
  partitions: readonly Partition[],
  head: Buffer,
): Promise<readonly FatPartition[]> {
  return Promise.all(
    partitions
      .filter(({ start }) => isFat(head, start))
      .map(async ({ start, isEfi }) => ({ disk, start, label: await labelOf(disk, start), isEfi })),
  );
}

async function labelOf(disk: string, start: number): Promise<string> {
  const { stdout } = await tryRun(['mlabel', '-s', '-i', at({ disk, start }), '::']);
  return /Volume label is (\S+)/.exec(stdout)?.[1] ?? '';
}

/** The names of the files in the root of the partition. */
export async function filesOf(partition: FatPartition): Promise<readonly string[]> {
  const { stdout } = await tryRun(['mdir', '-b', '-i', at(partition), '::/']);
  return stdout.split('\n').flatMap((line) => /^::\/(.+?)\/?$/.exec(line.trim())?.[1] ?? []);
}

/** The content of a file. '' if there is none. */
export async function readFat(partition: FatPartition, name: string): Promise<string> {
  const { code, stdout } = await tryRun(['mtype', '-i', at(partition), `::/${name}`]);
  return code === 0 ? stdout : '';
}

/** Writes a file, in place of one with the same name. The content travels on stdin, because it may be secret. */
export async function writeFat(partition: FatPartition, name: string, content: string): Promise<void> {
  await run(['mcopy', '-o', '-i', at(partition), '-', `::/${name}`], { input: content });
}

export async function relabel(partition: FatPartition, label: string): Promise<void> {
  await run(['mlabel', '-i', at(partition), `::${label}`]);
}

/** The labels of partitions on which cloud-init looks for a seed: by default, on Raspberry Pi OS, on Ubuntu for Pis. */
const SEED_LABELS = ['CIDATA', 'bootfs', 'system-boot'];

/** The partition that gets the seed, and whether cloud-init looks for one there already. */
export type SeedPartition = FatPartition & Readonly<{ isForSeeds: boolean }>;

/**
 * The partition that gets the seed. An EFI system partition is good as well: it gets the label that cloud-init looks
 * for. Throws Failure if there is none.
 *
 * @param file the name of the image in messages
 */
export async function seedPartition(disk: string, head: Buffer, file: string): Promise<SeedPartition> {
  const partitions = partitionsOf(head);
  if (partitions === undefined) throw failure('E_IMAGE_FORMAT', { file, problem: 'has no partition table' });
  const all = await fatPartitions(disk, partitions, head);
  const labelled = SEED_LABELS.map((label) => all.find((one) => one.label.toLowerCase() === label.toLowerCase())).find(
    (one) => one !== undefined,
  );
  const found = labelled ?? all.find(({ isEfi }) => isEfi);
  if (found === undefined) {
    const problem =
      all.length === 0
        ? 'has no FAT partition'
        : `has FAT partitions only with other labels: ${all.map(({ label }) => label || 'none').join(', ')}`;
    throw failure('E_IMAGE_BOOT_PARTITION', { file, problem });
  }
  refuseWithoutCloudInit(found.label, await filesOf(found), file);
  return { ...found, isForSeeds: found === labelled };
}

/**
 * Raspberry Pi OS has cloud-init, and an empty seed, since its release of October 2025. Older releases read a file that
 * cannot carry a host key, so their first contact could not be verified.
 *
 * @param files in the root of the boot partition
 */
export function refuseWithoutCloudInit(label: string, files: readonly string[], file: string): void {
  const isPi = label === 'bootfs' || (files.includes('config.txt') && files.includes('cmdline.txt'));
  if (!isPi || files.includes('user-data')) return;
  throw failure('E_IMAGE_BOOT_PARTITION', {
    file,
    problem: 'is for a Raspberry Pi and has no cloud-init',
    hint: 'use a release of Raspberry Pi OS from October 2025 or later, or Ubuntu for Raspberry Pi',
  });
}
