import type { Value, Vars } from '../../core/value.ts';
import type { Sections } from './facts-sections.ts';

/** Facts about disks and their partitions, by name, as /sys/block shows them. */
export function devices(s: Sections): Vars {
  const out: Record<string, Value> = {};
  for (const name of s.keys()) {
    const [, disk] = /^\/sys\/block\/([^/]+)\/size$/.exec(name) ?? [];
    if (disk !== undefined) out[disk] = device(s, disk);
  }
  return out;
}

function device(s: Sections, disk: string): Vars {
  const root = `/sys/block/${disk}`;
  const text = (name: string): string | null => s.get(`${root}/${name}`)?.trim() || null;
  const partitions: Record<string, Value> = {};
  for (const name of s.keys()) {
    const [path, part] = /^\/sys\/block\/[^/]+\/([^/]+)\/partition$/.exec(name) ?? [];
    if (part === undefined || path !== `${root}/${part}/partition`) continue;
    const start = text(`${part}/start`) ?? '0';
    partitions[part] = { start, ...sizes(text(`${part}/size`), SECTOR) };
  }
  return {
    model: text('device/model'),
    vendor: text('device/vendor'),
    removable: text('removable') ?? '0',
    rotational: text('queue/rotational') ?? '0',
    ...sizes(text('size'), Number(text('queue/physical_block_size') ?? SECTOR)),
    partitions,
  };
}

/** The kernel counts sizes in sectors of this length, whatever the length of a disk's own sectors is. */
const SECTOR = 512;

function sizes(sectors: string | null, sectorSize: number): Vars {
  const count = Number(sectors ?? 0);
  return { sectors: count, sectorsize: String(sectorSize), size: humanSize(count * SECTOR) };
}

function humanSize(bytes: number): string {
  const units = ['Bytes', 'KB', 'MB', 'GB', 'TB', 'PB'];
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(2)} ${units[power] as string}`;
}
