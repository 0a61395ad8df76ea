import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deviceOf } from '../../../../src/hardware/image/disk.ts';

/** A directory like /sys with one device at this path. */
function sysfs(path: string, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'bu-sys-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const device = join(root, 'devices', path);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(device, name)), { recursive: true });
    writeFileSync(join(device, name), `${text}\n`);
  }
  mkdirSync(join(root, 'class'));
  symlinkSync(device, join(root, 'class', path.split('/').at(-1) ?? ''));
  return join(root, 'class');
}

describe('a disk in sysfs', () => {
  it.each<[string, string, Record<string, string>, object]>([
    [
      'a USB stick',
      'pci0000:00/usb1/1-2/block/sdb',
      { removable: '1', size: '62500000', 'device/model': 'Ultra Fit' },
      { partOf: undefined, isRemovable: true, bytes: 32_000_000_000, model: 'Ultra Fit' },
    ],
    ['a USB disk that says it is fixed', 'pci0000:00/usb2/2-1/block/sdc', { removable: '0' }, { isRemovable: true }],
    ['a card reader', 'pci0000:00/ata1/block/sdd', { removable: '1' }, { isRemovable: true }],
    [
      'an SD card',
      'platform/mmc0/block/mmcblk0',
      { removable: '0', 'device/type': 'SD', 'device/name': 'SC32G' },
      { isRemovable: true, model: 'SC32G' },
    ],
    ['an eMMC', 'platform/mmc1/block/mmcblk1', { removable: '0', 'device/type': 'MMC' }, { isRemovable: false }],
    ['a built-in disk', 'pci0000:00/ata2/block/sda', { removable: '0' }, { isRemovable: false, model: 'no model' }],
    ['a partition', 'pci0000:00/usb1/1-2/block/sdb/sdb1', { partition: '1' }, { partOf: 'sdb' }],
    ['a partition of a card', 'platform/mmc0/block/mmcblk0/mmcblk0p1', { partition: '1' }, { partOf: 'mmcblk0' }],
  ])('%s', (_, path, files, expected) =>
    expect(deviceOf(path.split('/').at(-1) ?? '', sysfs(path, files))).toMatchObject(expected),
  );
});
