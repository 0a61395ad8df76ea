import { failure } from '../../core/errors/index.ts';
import { extPartitions, renameInFstab, wasBooted } from './ext.ts';
import { readFat, relabel, seedPartition, writeFat } from './fat.ts';
import type { Identity } from './identity.ts';
import { seedOf } from './seed.ts';
import { headOf } from './source.ts';

/** Boot partitions begin, and have their directories, within this many bytes of a disk. */
export const HEAD = 64 * 1024 ** 2;

/** What a card is made of and for. `image` is the image's name in messages. */
export type Card = Readonly<{ image: string; identity: Identity }>;

/**
 * Makes the system on a disk, or in an image file, the given host: writes the seed into its boot partition and reads it
 * again. Returns whether that system was booted before.
 */
export async function personalise(disk: string, { image, identity }: Card): Promise<boolean> {
  const head = await headOf(disk, HEAD);
  const partition = await seedPartition(disk, head, image);
  const systems = await extPartitions(disk, head);
  if (!partition.isForSeeds) {
    const { label } = partition;
    if (label !== '') await renameInFstab(systems, { from: label, to: 'CIDATA', image });
    await relabel(partition, 'CIDATA');
  }
  for (const [name, content] of Object.entries(seedOf(identity))) {
    await writeFat(partition, name, content);
    if ((await readFat(partition, name)) !== content)
      throw failure('E_IMAGE_READ_BACK', { to: disk, what: `the file ${name}` });
  }
  return wasBooted(systems);
}
