/** A partition of a disk. Numbers count from 1; `start` and `size` are in bytes. */
export type Partition = Readonly<{ number: number; start: number; size: number; isEfi: boolean }>;

const SECTOR = 512;
/** The EFI system partition in a GPT, C12A7328-F81F-11D2-BA4B-00A0C93EC93B as it is stored. */
const EFI = Buffer.from('28732ac11ff8d211ba4b00a0c93ec93b', 'hex');

/** The partitions of a disk that begins with `head`. undefined: there is no partition table. */
export function partitionsOf(head: Buffer): readonly Partition[] | undefined {
  if (head.length < 34 * SECTOR || head.readUInt16LE(510) !== 0xaa55) return undefined;
  return head.toString('latin1', SECTOR, SECTOR + 8) === 'EFI PART' ? gpt(head) : mbr(head);
}

function gpt(head: Buffer): readonly Partition[] {
  const table = Number(head.readBigUInt64LE(SECTOR + 72)) * SECTOR;
  const count = head.readUInt32LE(SECTOR + 80);
  const length = head.readUInt32LE(SECTOR + 84);
  return Array.from({ length: count }, (_, i) => head.subarray(table + i * length, table + (i + 1) * length))
    .map((entry, i) => ({ entry, number: i + 1 }))
    .filter(({ entry }) => entry.length >= 48 && entry.subarray(0, 16).some((byte) => byte !== 0))
    .map(({ entry, number }) => {
      const first = Number(entry.readBigUInt64LE(32));
      const last = Number(entry.readBigUInt64LE(40));
      const isEfi = entry.subarray(0, 16).equals(EFI);
      return { number, start: first * SECTOR, size: (last - first + 1) * SECTOR, isEfi };
    });
}

/** The four primary partitions. Images keep their boot partition there. */
function mbr(head: Buffer): readonly Partition[] | undefined {
  const found = [1, 2, 3, 4].flatMap((number) => {
    const at = 446 + (number - 1) * 16;
    const [type, first, count] = [head[at + 4] ?? 0, head.readUInt32LE(at + 8), head.readUInt32LE(at + 12)];
    return type === 0 || count === 0
      ? []
      : [{ number, start: first * SECTOR, size: count * SECTOR, isEfi: type === 0xef }];
  });
  // A boot sector of a file system ends in the same two bytes as a partition table.
  const isTable = found.length > 0 && !isFat(head, 0);
  return isTable ? found : undefined;
}

/** Whether a FAT file system begins at this offset. */
export function isFat(disk: Buffer, start: number): boolean {
  const sector = disk.subarray(start, start + SECTOR);
  if (sector.length < SECTOR || sector.readUInt16LE(510) !== 0xaa55) return false;
  return [54, 82].some((at) => sector.toString('latin1', at, at + 3) === 'FAT');
}

/** What kind of file begins with these bytes, if it is no raw image. */
export function formatOf(head: Buffer): 'xz' | 'gzip' | 'zstd' | 'qcow2' | 'zip' | undefined {
  const magic = head.subarray(0, 6).toString('hex');
  return MAGIC.find(([bytes]) => magic.startsWith(bytes))?.[1];
}
const MAGIC = [
  ['fd377a585a00', 'xz'],
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['514649fb', 'qcow2'],
  ['504b0304', 'zip'],
] as const;
