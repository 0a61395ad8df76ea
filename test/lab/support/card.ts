import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installed } from '../../support/peers.ts';

const MIB = 1024 ** 2;
const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' };
const run = (argv: readonly string[], input = ''): string =>
  execFileSync(argv[0] ?? '', argv.slice(1), { input, env, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

/** The programs that make and read images in tests. */
export function installImageTools(): void {
  installed({ mcopy: 'mtools', sfdisk: 'fdisk', 'mkfs.vfat': 'dosfstools', xz: 'xz-utils', zstd: 'zstd' });
}

type Card = Readonly<{
  table?: 'gpt' | 'dos';
  /** The label of its FAT partition. undefined: there is none. */
  label?: string;
  files?: Readonly<Record<string, string>>;
  /** The files of an ext4 file system in the second partition. */
  root?: Readonly<Record<string, string>>;
}>;

/** A disk image of 24 MiB: a boot partition of 16 MiB at 1 MiB, and a second partition that holds a text. */
export function makeCard(file: string, { table = 'gpt', label, files = {}, root }: Card): string {
  writeFileSync(file, '');
  truncateSync(file, 24 * MIB);
  const [boot, linux] = table === 'gpt' ? ['uefi', 'linux'] : ['c', '83'];
  run(
    ['sfdisk', '-q', file],
    `label: ${table}\nstart=2048, size=32768, type=${boot}\nstart=34816, size=8192, type=${linux}\n`,
  );
  if (label !== undefined) {
    run(['mkfs.vfat', '-s', '1', '--offset', '2048', ...(label === '' ? [] : ['-n', label]), file, '16384']);
    for (const [name, text] of Object.entries(files)) run(['mcopy', '-i', `${file}@@1M`, '-', `::/${name}`], text);
  }
  if (root !== undefined) makeRoot(file, root);
  else run(['dd', `of=${file}`, 'bs=1M', 'seek=17', 'conv=notrunc', 'status=none'], 'the root of the card');
  return file;
}

function makeRoot(file: string, files: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(`${file}-root-`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  run(['mke2fs', '-q', '-t', 'ext4', '-d', folder, '-E', `offset=${17 * MIB}`, file, '4M']);
}

/** A file in the ext4 file system of a card. */
export const readRoot = (card: string, name: string): string =>
  run(['debugfs', '-R', `cat ${name}`, `${card}?offset=${17 * MIB}`]);

/** A file in the boot partition of a card. */
export const readCard = (card: string, name: string): string => run(['mtype', '-i', `${card}@@1M`, `::/${name}`]);
export const labelOfCard = (card: string): string => run(['mlabel', '-s', '-i', `${card}@@1M`, '::']).trim();

/** The times of a file in the ext4 file system that begins at so many MiB, in seconds. */
export function rootTime(card: string, mebibytes: number, name: string): Readonly<Record<string, number>> {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  const text = run(['debugfs', '-R', `stat ${quoted}`, `${card}?offset=${mebibytes * MIB}`]);
  return Object.fromEntries(
    ['ctime', 'atime', 'mtime'].map((time) => [
      time,
      Number.parseInt(new RegExp(`^ *${time}: 0x(\\w+)`, 'm').exec(text)?.[1] ?? '', 16),
    ]),
  );
}
