import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Vars } from '../../../src/core/value.ts';
import { mount_facts } from '../../../src/modules/mount_facts.ts';
import { apply, bound, context, refusal, scratch, words } from './harness.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const SEEN = [
  `file /proc/mounts ${b64('/dev/sda1 / ext4 rw,noatime 0 0\nnas:/x /mnt/my\\040nas nfs4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n')}`,
  `file /etc/fstab ${b64('# <device>\n\nUUID=1-a / ext4 errors=remount-ro 0 1\nUUID=2-b none swap sw\nbroken\n')}`,
  `size 4096 1000 400 60 20 ${b64('/')}`,
  `late ${b64('/mnt/my nas')}`,
  'uuid 1-a /dev/sda1',
].join('\n');

function facts(
  args: Readonly<Record<string, unknown>>,
  seen = SEEN,
): Readonly<Record<'mount_points' | 'aggregate_mounts', Vars>> {
  return bound(mount_facts, args).data(seen, context())['ansible_facts'] as ReturnType<typeof facts>;
}

describe('mount_facts', () => {
  it('describes a mount by the first source, with its size and UUID', () => {
    expect(facts({}).mount_points['/']).toEqual({
      device: '/dev/sda1',
      mount: '/',
      fstype: 'ext4',
      options: 'rw,noatime',
      dump: 0,
      passno: 0,
      size_total: 4_096_000,
      size_available: 1_638_400,
      block_size: 4096,
      block_total: 1000,
      block_available: 400,
      block_used: 600,
      inode_total: 60,
      inode_available: 20,
      inode_used: 40,
      ansible_context: { source: '/proc/mounts', source_data: '/dev/sda1 / ext4 rw,noatime 0 0' },
      uuid: '1-a',
    });
  });

  it.each([
    [{}, ['/', '/mnt/my nas', '/tmp', 'none']],
    [{ sources: 'static' }, ['/', 'none']],
    [{ sources: 'dynamic' }, ['/', '/mnt/my nas', '/tmp']],
    [{ sources: ['/etc/fstab'], fstypes: 'sw*' }, ['none']],
    [{ devices: '/dev/*' }, ['/']],
    [{ fstypes: ['nfs?', 'tmpfs'] }, ['/mnt/my nas', '/tmp']],
    [{ fstypes: ['none'] }, []],
  ])('selects with %o', (args, expected) => {
    expect(Object.keys(facts(args).mount_points)).toEqual(expected);
  });

  it('returns all mounts of a place if asked', () => {
    expect(facts({}).aggregate_mounts).toEqual([]);
    expect(Object.values(facts({ include_aggregate_mounts: true }).aggregate_mounts).length).toBe(5);
  });

  it('reads what mount prints', () => {
    const seen = `mount mount ${b64('/dev/sda1 on / type ext4 (rw,noatime)\nnonsense\n')}`;
    const points = facts({ sources: 'mount' }, seen).mount_points;
    expect(points['/']).toMatchObject({
      device: '/dev/sda1',
      options: 'rw,noatime',
      ansible_context: { source: 'mount' },
    });
  });

  it('fails, warns or is silent if a size cannot be read in time', () => {
    const plan = (args: object): unknown => words(bound(mount_facts, { timeout: 1, ...args }).plan(SEEN, context()));
    expect(plan({})).toBe('stat fails on the host, and nothing was changed');
    expect(plan({ fstypes: 'ext4' })).toEqual([]);
    expect(plan({ on_timeout: 'ignore' })).toEqual([]);
    const warned = bound(mount_facts, { timeout: 1, on_timeout: 'warn' }).data(SEEN, context());
    expect(warned['warnings']).toEqual(['the size of /mnt/my nas cannot be read within 1 s']);
    expect(words(bound(mount_facts, { sources: 'x', mount_binary: 'x' }).plan('nobinary yes', context()))).toBe(
      'the host has no x',
    );
  });

  it('reads this machine, and a table of its own', () => {
    const path = `${scratch()}/tab`;
    writeFileSync(path, '/dev/x / ext4 ro 1 2\n');
    const { first, data } = apply(mount_facts, {
      sources: ['/proc/mounts', path],
      timeout: 20,
      include_aggregate_mounts: true,
    });
    expect(first).toEqual([]);
    const { mount_points, aggregate_mounts } = data['ansible_facts'] as ReturnType<typeof facts>;
    expect(mount_points['/']).toMatchObject({
      ansible_context: { source: '/proc/mounts' },
      size_total: expect.any(Number),
    });
    expect(Object.values(aggregate_mounts).at(-1)).toMatchObject({
      device: '/dev/x',
      passno: 2,
      size_total: expect.any(Number),
    });
    const listed = apply(mount_facts, { sources: ['mount'], mount_binary: 'mount' }).data[
      'ansible_facts'
    ] as ReturnType<typeof facts>;
    expect(listed.mount_points['/']).toMatchObject({ ansible_context: { source: 'mount' } });
  });

  it.each([
    [{ fstypes: '[ab]*' }, /has brackets/],
    [{ timeout: 0 }, /timeout/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(mount_facts, args)).toMatch(expected);
  });
});
