import { expect, test } from 'vitest';
import { devices } from '../../../src/modules/shared/facts-devices.ts';
import { virtualization } from '../../../src/modules/shared/facts-hardware.ts';
import { identity } from '../../../src/modules/shared/facts-identity.ts';

test('disks and their partitions', () => {
  const s = new Map([
    ['/sys/block/sda/size', '41943040'],
    ['/sys/block/sda/removable', '0'],
    ['/sys/block/sda/queue/rotational', '1'],
    ['/sys/block/sda/queue/physical_block_size', '4096'],
    ['/sys/block/sda/device/model', 'DISK 20   '],
    ['/sys/block/sda/sda1/partition', '1'],
    ['/sys/block/sda/sda1/size', '2097152'],
    ['/sys/block/sda/sda1/start', '2048'],
    ['/sys/block/loop0/size', '0'],
  ]);
  expect(devices(s)).toEqual({
    sda: {
      model: 'DISK 20',
      vendor: null,
      removable: '0',
      rotational: '1',
      sectors: 41943040,
      sectorsize: '4096',
      size: '20.00 GB',
      partitions: { sda1: { start: '2048', sectors: 2097152, sectorsize: '512', size: '1.00 GB' } },
    },
    loop0: expect.objectContaining({ sectors: 0, size: '0.00 Bytes', partitions: {} }),
  });
});

test('Python and systemd, by the names of their files', () => {
  expect(
    identity(
      new Map([
        ['python', '3.13'],
        ['systemd', '257~rc1'],
      ]),
    ),
  ).toMatchObject({
    python_version: '3.13',
    python: { version: { major: 3, minor: 13 }, executable: '/usr/bin/python3' },
    systemd: { version: 257 },
  });
  const bare = identity(new Map());
  expect(bare).toMatchObject({ python_version: '3', python: { version: { major: 3 }, version_info: [3] } });
  expect(bare).not.toHaveProperty('systemd');
  expect(bare).not.toHaveProperty('python.executable');
});

test('fips', () => {
  expect(identity(new Map([['/proc/sys/crypto/fips_enabled', '1']]))).toMatchObject({ fips: true });
  expect(identity(new Map([['/proc/sys/crypto/fips_enabled', '0']]))).toMatchObject({ fips: false });
});

test('what a host is a guest of', () => {
  expect(virtualization(new Map([['/run/systemd/container', 'lxc']]))).toMatchObject({
    virtualization_tech_guest: ['container', 'lxc'],
  });
  expect(virtualization(new Map([['/sys/class/dmi/id/sys_vendor', 'QEMU']]))).toMatchObject({
    virtualization_tech_guest: ['kvm'],
  });
  expect(virtualization(new Map())).toMatchObject({ virtualization_tech_guest: [], virtualization_tech_host: [] });
});
