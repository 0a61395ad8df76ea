import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeDisk } from '../../src/hardware/image/build.ts';
import type { Recipe } from '../../src/hardware/image/recipe.ts';
import { installImageTools, labelOfCard, readCard, rootTime } from './support/card.ts';

beforeAll(installImageTools);

const RECIPE: Recipe = { debian: 13, arch: 'amd64', size: '80M', packages: [] };
const NAMES = ['etc/fstab', 'a blank/b', 'a\\x2dback', 'say "hi"', 'ünï', "it's"];

/** A tree with the files of a boot loader, packed. */
function tree(folder: string, name: string, more: Readonly<Record<string, string>> = {}): string {
  const root = join(folder, `${name}-root`);
  const files = {
    'usr/lib/shim/shimx64.efi.signed': 'shim',
    'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': 'grub',
    ...Object.fromEntries(NAMES.map((one) => [one, one])),
    ...more,
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  const tar = join(folder, `${name}.tar`);
  execFileSync('tar', ['-C', root, '--sort=name', '--mtime=@1000000000', '-cf', tar, '.']);
  return tar;
}

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bu-disk-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function make(folder: string, name: string, more?: Readonly<Record<string, string>>): Promise<string> {
  const tar = tree(folder, name, more);
  const [work, image] = [join(folder, name), join(folder, `${name}.img`)];
  mkdirSync(work);
  await makeDisk({ tar, image, time: 1_700_000_000, work, recipe: RECIPE });
  return image;
}

describe('the disk of an image', () => {
  it('has the same bytes each time, whatever its files are called', async () => {
    const folder = folderOf();
    const first = await make(folder, 'first');
    await new Promise((resolve) => setTimeout(resolve, 2100)); // FAT counts in steps of two seconds
    execFileSync('cmp', [first, await make(folder, 'second')]);
    expect(labelOfCard(first)).toContain('CIDATA');
    expect(readCard(first, 'EFI/BOOT/BOOTX64.EFI')).toBe('shim');
    expect(readCard(first, 'EFI/debian/grub.cfg')).toContain('search.fs_label root root');
    for (const name of NAMES)
      expect(rootTime(first, 65, `/${name}`), name).toEqual({
        ctime: 1_700_000_000,
        atime: 1_700_000_000,
        mtime: 1_000_000_000,
      });
    execFileSync('e2fsck', ['-fn', `${first}?offset=${65 * 1024 ** 2}`], { stdio: 'pipe' });
  });

  it('says that the packages do not fit', async () => {
    const large = { 'var/large': 'x'.repeat(20 * 1024 ** 2) };
    await expect(make(folderOf(), 'large', large)).rejects.toThrow('do not fit into an image of 80 MiB');
  });
});
