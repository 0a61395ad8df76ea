import { describe, expect, it } from 'vitest';
import { findHierarchies } from '../../../src/lab/cgroup.ts';
import { imageKey, recipe } from '../../../src/lab/image.ts';
import { MACHINES } from '../../../src/lab/machines/machine.ts';
import { dropsForwarded, ruleHandles } from '../../../src/lab/network.ts';
import { chooseResolver } from '../../../src/lab/resolver.ts';
import { IMAGES } from '../../../src/lab/spec.ts';

describe('what a lab finds on a machine', () => {
  it('cgroups: only the unified hierarchy', () => {
    expect(findHierarchies('cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n')).toEqual({
      unified: '/sys/fs/cgroup',
      systemd: undefined,
    });
  });
  it('cgroups: both hierarchies', () => {
    const mounts = `tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
`;
    expect(findHierarchies(mounts)).toEqual({ unified: '/sys/fs/cgroup/unified', systemd: '/sys/fs/cgroup/systemd' });
  });
  it('cgroups: none', () => {
    expect(findHierarchies('cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n')).toBeUndefined();
  });

  it('nameservers that another host can use', () => {
    const conf = '# x\nnameserver 127.0.0.53\nnameserver 192.168.1.1\nnameserver fe80::1%eth0\noptions edns0\n';
    expect(chooseResolver([conf, ''], '10.83.0.1')).toEqual({ nameservers: ['192.168.1.1'], relay: undefined });
    const stub = 'nameserver 127.0.0.53\n';
    expect(chooseResolver([stub, 'nameserver 9.9.9.9\n'], '10.83.0.1').nameservers).toEqual(['9.9.9.9']);
    expect(chooseResolver([stub, ''], '10.83.0.1')).toEqual({ nameservers: ['10.83.0.1'], relay: '127.0.0.53' });
  });

  it('a firewall that drops forwarded packets, and our rules in it', () => {
    const chain = (policy: string) => ({ chain: { family: 'ip', name: 'FORWARD', policy } });
    const rule = { rule: { handle: 7, comment: 'bringup lab br-demo', expr: [] } };
    const json = (items: readonly unknown[]) => JSON.stringify({ nftables: [{ metainfo: {} }, ...items] });
    expect(dropsForwarded(json([chain('drop')]))).toBe(true);
    expect(dropsForwarded(json([chain('accept')]))).toBe(false);
    expect(ruleHandles(json([chain('drop'), rule]), 'br-demo')).toEqual([7]);
    expect(ruleHandles(json([chain('drop'), rule]), 'br-other')).toEqual([]);
  });
});

describe('recipes of images', () => {
  const built = IMAGES.filter((image) => image !== 'blank');
  it('have distinct keys that stay the same', () => {
    expect(new Set(built.flatMap((image) => MACHINES.map((machine) => imageKey(image, machine)))).size).toBe(
      built.length * MACHINES.length,
    );
    expect(imageKey('debian-12')).toBe(imageKey('debian-12'));
    expect(imageKey('debian-12')).toMatch(/^debian-12-[0-9a-f]{12}$/);
  });
  it('use packages from Debian only, and verify them', () => {
    for (const image of built) {
      const { sources, aptConf } = recipe(image);
      for (const line of sources) expect(line).toMatch(/^deb http:\/\/deb\.debian\.org\/debian(-security)? \S+ main$/);
      expect([...sources, ...aptConf].join(' ')).not.toMatch(/trusted|unauthenticated/i);
    }
  });
  it('include security updates if the release has them', () => {
    expect(recipe('debian-12').sources).toHaveLength(3);
    expect(recipe('debian-13').sources[2]).toMatch(/trixie-security/);
    expect(recipe('debian-sid').sources).toHaveLength(1);
  });
});
