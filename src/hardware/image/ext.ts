import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../core/errors/index.ts';
import { type Partition, partitionsOf } from './layout.ts';
import { run, tryRun } from './programs.ts';

/** An ext file system inside of a disk or an image file, as debugfs names it. */
export type ExtPartition = string;

/** The partitions that hold an ext2, ext3 or ext4 file system. */
export async function extPartitions(disk: string, head: Buffer): Promise<readonly ExtPartition[]> {
  const all = (partitionsOf(head) ?? []).map(({ start }: Partition) => `${disk}?offset=${start}`);
  const are = await Promise.all(all.map(async (one) => (await ask(one, 'stat /')).includes('Type: directory')));
  return all.filter((_, i) => are[i]);
}

/** What debugfs prints. It ends with success whatever happened, so the output alone tells. */
async function ask(partition: ExtPartition, request: string): Promise<string> {
  return (await tryRun(['debugfs', '-R', request, partition])).stdout;
}

/** Whether a system in one of the partitions has run cloud-init before, so it holds the state of a host. */
export async function wasBooted(partitions: readonly ExtPartition[]): Promise<boolean> {
  const found = await Promise.all(partitions.map((one) => ask(one, 'stat /var/lib/cloud/instance')));
  return found.some((text) => text.includes('Inode:'));
}

/**
 * Lets /etc/fstab mount a partition by its new label. Throws Failure if no root file system can be read, because its
 * system might wait for the old label.
 */
export async function renameInFstab(
  partitions: readonly ExtPartition[],
  { from, to, image }: Readonly<{ from: string; to: string; image: string }>,
): Promise<void> {
  const tables = await Promise.all(
    partitions.map(async (partition) => ({ partition, text: await ask(partition, 'cat /etc/fstab') })),
  );
  const known = tables.filter(({ text }) => text !== '');
  if (known.length === 0)
    throw failure('E_IMAGE_BOOT_PARTITION', {
      file: image,
      problem: `has an EFI partition '${from}', and no /etc/fstab on an ext4 file system that says how it is mounted`,
    });
  for (const { partition, text } of known) {
    const changed = text.replace(new RegExp(`^LABEL=${from}(?=\\s)`, 'gm'), `LABEL=${to}`);
    if (changed !== text) await replaceFile(partition, '/etc/fstab', changed);
  }
}

async function replaceFile(partition: ExtPartition, file: string, content: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bringup-image-'));
  try {
    const staged = join(folder, 'file');
    await writeFile(staged, content);
    const requests = `rm ${file}\nwrite ${staged} ${file}\nsif ${file} mode 0100644\nsif ${file} uid 0\nsif ${file} gid 0\n`;
    await run(['debugfs', '-w', '-f', '-', partition], { input: requests });
    if ((await ask(partition, `cat ${file}`)) !== content)
      throw failure('E_IMAGE_READ_BACK', { to: partition, what: `the file ${file}` });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
