import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Identity } from '../../src/hardware/image/identity.ts';
import { writeFileImage } from '../../src/hardware/image/write.ts';
import { bringup, plain } from '../unit/support/command.ts';
import { project } from '../unit/support/project.ts';
import { installImageTools, labelOfCard, makeCard, readCard, readRoot } from './support/card.ts';

beforeAll(installImageTools);

const HOSTS = `all:
  vars:
    ansible_user: ops
    ansible_ssh_private_key_file: '{T}/key'
    network: {prefix: 24, gateway: 10.0.0.1, nameservers: [9.9.9.9]}
  hosts:
    web1: {ansible_host: 10.0.0.21}
    web2: {ansible_host: 10.0.0.22}
`;

/** A project with a login key, and `write`, which runs `bringup image write`. */
function rack(hosts = HOSTS) {
  const p = project({ 'hosts.yml': hosts, 'key.pub': 'ssh-ed25519 AAAALOGIN anna\n' });
  const write = (host: string, ...more: readonly string[]) =>
    bringup('image', 'write', host, '-i', p.path('hosts.yml'), ...more);
  return { p, write };
}
const keyIn = (p: ReturnType<typeof project>, host: string) =>
  p.read(`.secrets/host_keys/${host}.pub`).split(' ').slice(0, 2).join(' ');

describe('image write to a file', () => {
  it('copies the image, writes the seed and pins the host key', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    const { code, out, err } = await write('web1', '--image', image, '--to', p.path('card.img'));
    expect(code, err).toBe(0);
    expect(plain(out)).toContain('web1: wrote 24 MiB to');
    const userData = readCard(p.path('card.img'), 'user-data');
    expect(userData).toContain('hostname: "web1"');
    expect(userData).toContain('ssh-ed25519 AAAALOGIN anna');
    expect(userData).toContain(JSON.stringify(p.read('.secrets/host_keys/web1')));
    expect(readCard(p.path('card.img'), 'network-config')).toContain('10.0.0.21/24');
    expect(readCard(p.path('card.img'), 'meta-data')).toContain('local-hostname: "web1"');
    expect(
      readFileSync(p.path('card.img'))
        .subarray(17 * 1024 ** 2)
        .toString(),
    ).toMatch(/^the root of the card/);
    expect(p.read('known_hosts')).toBe(`10.0.0.21 ${keyIn(p, 'web1')}\n`);
    const mode = (name: string) => (statSync(p.path(name)).mode & 0o777).toString(8);
    expect([mode('card.img'), mode('.secrets/host_keys/web1'), mode('.secrets/host_keys')]).toEqual([
      '600',
      '600',
      '700',
    ]);
    expect(readdirSync(p.folder).filter((name) => name.endsWith('.new'))).toEqual([]);
    expect(out + err).not.toContain('PRIVATE KEY');
  });

  it('gives a second card of a host the same bytes, and another host another key', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    const seed = (card: string) => ['user-data', 'meta-data', 'network-config'].map((f) => readCard(p.path(card), f));
    for (const [host, card] of [
      ['web1', 'a.img'],
      ['web1', 'b.img'],
      ['web2', 'c.img'],
    ] as const)
      expect((await write(host, '--image', image, '--to', p.path(card))).code).toBe(0);
    expect(seed('a.img')).toEqual(seed('b.img'));
    expect(keyIn(p, 'web1')).not.toBe(keyIn(p, 'web2'));
    expect(p.read('known_hosts')).toBe(`10.0.0.21 ${keyIn(p, 'web1')}\n10.0.0.22 ${keyIn(p, 'web2')}\n`);
  });

  it.each([
    ['xz', ['xz', '-k']],
    ['gz', ['gzip', '-k']],
    ['zst', ['zstd', '-q']],
  ])('unpacks .%s, and verifies its checksum', async (ending, argv) => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA', table: 'dos' });
    execFileSync(argv[0] ?? '', [...argv.slice(1), image]);
    const file = `${image}.${ending}`;
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    const to = ['--to', p.path('card.img'), '--image', file];
    const wrong = await write('web1', ...to, '--checksum', `sha256:${'0'.repeat(64)}`);
    expect([wrong.code, existsSync(p.path('card.img')), existsSync(p.path('.secrets'))]).toEqual([1, false, false]);
    expect(wrong.err).toContain(`sha256:${digest}`);
    expect((await write('web1', ...to, '--checksum', `sha256:${digest}`)).code).toBe(0);
    expect(statSync(p.path('card.img')).size).toBe(24 * 1024 ** 2);
    expect(readCard(p.path('card.img'), 'user-data')).toContain('web1');
  });

  it('takes image and image_checksum of the host, from a web server', async () => {
    const { p, write } = rack();
    const image = readFileSync(makeCard(p.path('in.img'), { label: 'CIDATA' }));
    const server = createServer((request, response) =>
      request.url === '/in.img' ? response.end(image) : response.writeHead(404).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const digest = createHash('sha512').update(image).digest('hex');
    const vars = (path: string) => ['-e', `image=${url}/${path}`, '-e', `image_checksum=sha512:${digest}`];
    expect((await write('web1', '--to', p.path('card.img'), ...vars('in.img'))).code).toBe(0);
    expect(readCard(p.path('card.img'), 'user-data')).toContain('web1');
    const missing = await write('web1', '--to', p.path('other.img'), ...vars('none.img'));
    expect([missing.code, existsSync(p.path('other.img'))]).toEqual([1, false]);
    expect(missing.err).toContain('404');
  });

  it('uses the boot partition of a Raspberry Pi, and the EFI partition of a general image', async () => {
    const { p, write } = rack();
    const pi = makeCard(p.path('pi.img'), {
      table: 'dos',
      label: 'bootfs',
      files: { 'config.txt': '', 'user-data': '' },
    });
    const general = makeCard(p.path('general.img'), { label: '' });
    for (const image of [pi, general])
      expect((await write('web1', '--image', image, '--to', `${image}.card`)).code).toBe(0);
    expect(readCard(`${pi}.card`, 'user-data')).toContain('web1');
    expect(labelOfCard(`${pi}.card`)).toContain('bootfs');
    expect(readCard(`${general}.card`, 'user-data')).toContain('web1');
    expect(labelOfCard(`${general}.card`)).toContain('CIDATA');
  });

  it('lets the system mount an EFI partition by its new label', async () => {
    const { p, write } = rack();
    const fstab = 'LABEL=root / ext4 defaults 0 1\nLABEL=UEFI /boot/efi vfat umask=0077 0 1\n';
    const image = makeCard(p.path('in.img'), { label: 'UEFI', root: { 'etc/fstab': fstab } });
    const { code, err } = await write('web1', '--image', image, '--to', p.path('card.img'));
    expect(code, err).toBe(0);
    expect(labelOfCard(p.path('card.img'))).toContain('CIDATA');
    expect(readRoot(p.path('card.img'), '/etc/fstab')).toBe(fstab.replace('UEFI', 'CIDATA'));
    expect(err).not.toContain('booted before');
    const unknown = makeCard(p.path('unknown.img'), { label: 'UEFI' });
    const refused = await write('web1', '--image', unknown, '--to', p.path('other.img'));
    expect([refused.code, existsSync(p.path('other.img'))]).toEqual([2, false]);
    expect(plain(refused.err)).toContain("has an EFI partition 'UEFI', and no /etc/fstab");
  });

  it('warns of an image in which cloud-init has run', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA', root: { 'var/lib/cloud/instance/x': '' } });
    const { code, err } = await write('web1', '--image', image, '--to', p.path('card.img'));
    expect([code, plain(err)]).toEqual([0, expect.stringContaining('was booted before')]);
  });

  it('replaces the pin of a host that has got a new key, and keeps those of others', async () => {
    const { p, write } = rack();
    p.write({ known_hosts: '10.0.0.21,10.0.0.9 ssh-ed25519 AAAAOLD\n# mine\n10.0.0.22 ssh-rsa AAAB\n' });
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    await write('web1', '--image', image, '--to', p.path('card.img'));
    expect(p.read('known_hosts')).toBe(
      `10.0.0.9 ssh-ed25519 AAAAOLD\n# mine\n10.0.0.22 ssh-rsa AAAB\n10.0.0.21 ${keyIn(p, 'web1')}\n`,
    );
  });
});

describe('what image write refuses, before it writes anything', () => {
  it.each<[string, (p: (name: string) => string) => string, RegExp]>([
    ['an image without a FAT partition', (p) => makeCard(p('in.img'), {}), /has no FAT partition/],
    [
      'a FAT partition with another label',
      (p) => makeCard(p('in.img'), { table: 'dos', label: 'DATA' }),
      /labels: DATA/,
    ],
    [
      'Raspberry Pi OS without cloud-init',
      (p) => makeCard(p('in.img'), { table: 'dos', label: 'bootfs', files: { 'config.txt': '' } }),
      /has no cloud-init[\s\S]*October 2025/,
    ],
    [
      'a system that was booted before',
      (p) =>
        makeCard(p('in.img'), {
          label: 'CIDATA',
          files: { 'user-data': '#cloud-config\n# applied by the first boot\n' },
        }),
      /was booted before/,
    ],
    [
      'a file that is no disk',
      (p) => {
        writeFileSync(p('in.img'), 'x'.repeat(50_000));
        return p('in.img');
      },
      /has no partition table/,
    ],
    [
      'a qcow2 image',
      (p) => {
        writeFileSync(p('in.img'), 'QFI\u00fbxxxxxxxxxxxx', 'latin1');
        return p('in.img');
      },
      /qemu-img convert/,
    ],
    ['a file that does not exist', (p) => p('none.img'), /no file and no built image/],
  ])('%s', async (_, make, message) => {
    const { p, write } = rack();
    const { code, err } = await write('web1', '--image', make(p.path), '--to', p.path('card.img'));
    expect(code, err).toBe(2);
    expect(plain(err)).toMatch(message);
    for (const name of ['card.img', '.secrets', 'known_hosts']) expect(existsSync(p.path(name))).toBe(false);
  });

  it('a damaged image', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    execFileSync('xz', [image]);
    const packed = readFileSync(`${image}.xz`);
    writeFileSync(`${image}.xz`, packed.subarray(0, packed.length - 40));
    const { code, err } = await write('web1', '--image', `${image}.xz`, '--to', p.path('card.img'));
    expect([code, existsSync(p.path('card.img')), existsSync(p.path('known_hosts'))]).toEqual([1, false, false]);
    expect(plain(err)).toMatch(/xz .*failed[\s\S]*Unexpected end of input/);
  });

  it.each([
    ['a disk that does not exist', '/dev/sdzz'],
    ['a device that is no disk', '/dev/null'],
  ])('%s', async (_, to) => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    const { code, err } = await write('web1', '--image', image, '--to', to);
    expect([code, existsSync('/dev/sdzz'), existsSync(p.path('.secrets'))]).toEqual([2, false, false]);
    expect(plain(err)).toMatch(/is not a disk[\s\S]*lsblk/);
  });

  it('no public key, and the image itself as the target', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    expect(plain((await write('web1', '--image', image, '--to', image)).err)).toContain('is the image itself');
    p.write({ 'hosts.yml': HOSTS.replace('/key', '/other') });
    const { code, err } = await write('web1', '--image', image, '--to', p.path('card.img'));
    expect([code, existsSync(p.path('card.img'))]).toEqual([2, false]);
    expect(plain(err)).toMatch(/no public key[\s\S]*other\.pub[\s\S]*ssh-keygen -t ed25519 -f/);
  });
});

describe('image write to a disk', () => {
  /** A disk of this size, which is a file behind a loop device and so not removable. */
  function disk(file: string, mebibytes: number): string {
    writeFileSync(file, '');
    truncateSync(file, mebibytes * 1024 ** 2);
    const name = execFileSync('losetup', ['-P', '--show', '-f', file], { encoding: 'utf8' }).trim();
    onTestFinished(() => void execFileSync('losetup', ['-d', name]));
    return name;
  }

  it('writes it whole, over what it held, and reads it again', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    const to = disk(p.path('disk'), 32);
    execFileSync('sh', ['-c', 'yes old | dd of="$1" bs=1M count=24 iflag=fullblock status=none conv=fsync', 'sh', to]);
    const { code, out, err } = await write('web1', '--image', image, '--to', to, '--yes-i-mean', to);
    expect(code, err).toBe(0);
    expect(plain(out)).toContain(`wrote 24 MiB to ${to}`);
    expect(plain(err)).toContain('reading the disk again');
    expect(readCard(to, 'user-data')).toContain('hostname: "web1"');
    const [wanted, seen] = [image, p.path('disk')].map((file) => readFileSync(file));
    // All but the boot partition, which has got the seed.
    for (const [from, to] of [
      [0, 1],
      [17, 24],
    ].map((range) => range.map((mib) => mib * 1024 ** 2)))
      expect(seen?.subarray(from, to).equals(wanted?.subarray(from, to) ?? Buffer.alloc(0))).toBe(true);
    expect(p.read('known_hosts')).toContain(keyIn(p, 'web1'));
  });

  it('refuses one that may be wrong, is too small, or is in use, and writes nothing', async () => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    const refused = async (to: string, ...more: readonly string[]) => {
      const { code, err } = await write('web1', '--image', image, '--to', to, ...more);
      expect([code, existsSync(p.path('known_hosts'))]).toEqual([2, false]);
      return plain(err);
    };
    const [large, small] = [disk(p.path('large'), 32), disk(p.path('small'), 16)];
    expect(await refused(large)).toMatch(/is not a removable disk \(.*32 MiB\)[\s\S]*--yes-i-mean \/dev\/loop/);
    expect(await refused(large, '--yes-i-mean', small)).toContain('is not a removable disk');
    expect(await refused(small, '--yes-i-mean', small)).toContain('has 16 MiB, and the image has 24 MiB');
    execFileSync('mkfs.ext4', ['-q', large]);
    mkdirSync(p.path('mounted'));
    execFileSync('mount', [large, p.path('mounted')]);
    try {
      expect(await refused(large, '--yes-i-mean', large)).toMatch(/is mounted at .*mounted[\s\S]*umount \/dev\/loop/);
    } finally {
      execFileSync('umount', [p.path('mounted')]);
    }
    execFileSync('mkswap', ['-q', large], { stdio: 'pipe' });
    execFileSync('swapon', [large]);
    try {
      expect(await refused(large, '--yes-i-mean', large)).toMatch(/is used as swap[\s\S]*swapoff \/dev\/loop/);
    } finally {
      execFileSync('swapoff', [large]);
    }
    expect(readFileSync(p.path('small')).every((byte) => byte === 0)).toBe(true);
  });
});

describe('an image write that fails', () => {
  it.each([
    ['a full disk', 'size=4M', 'no space left on device'],
    ['a read-only file system', 'ro', 'read-only file system'],
  ])('on %s leaves nothing behind', async (_, options, why) => {
    const { p, write } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    execFileSync('sh', [
      '-c',
      'head -c 24M /dev/urandom | dd of="$1" bs=1M seek=17 conv=notrunc status=none',
      'sh',
      image,
    ]);
    mkdirSync(p.path('to'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', p.path('to')]);
    try {
      const { code, err } = await write('web1', '--image', image, '--to', p.path('to/card.img'));
      expect([code, plain(err)]).toEqual([1, expect.stringContaining(why)]);
      expect([readdirSync(p.path('to')), existsSync(p.path('known_hosts'))]).toEqual([[], false]);
    } finally {
      execFileSync('umount', [p.path('to')]);
    }
  });

  it('because it was interrupted leaves nothing behind', async () => {
    const { p } = rack();
    const image = makeCard(p.path('in.img'), { label: 'CIDATA' });
    execFileSync('xz', [image]);
    const stop = new AbortController();
    const progress = (what: string) => what === 'writing' && stop.abort(new Error('interrupted'));
    const card = { image: `${image}.xz`, identity: {} as Identity };
    const writing = writeFileImage(p.path('card.img'), card, { progress, signal: stop.signal });
    await expect(writing).rejects.toThrow('interrupted');
    expect(readdirSync(p.folder).filter((name) => name.includes('card'))).toEqual([]);
  });
});

describe('image write to a mounted boot partition', () => {
  it('writes the seed alone', async () => {
    const { p, write } = rack();
    p.write({ 'boot/config.txt': '', 'boot/cmdline.txt': '', 'boot/user-data': '', 'boot/meta-data': '' });
    expect((await write('web1', '--to', p.path('boot'))).code).toBe(0);
    expect(p.read('boot/user-data')).toContain('hostname: "web1"');
    expect(readdirSync(p.path('boot')).sort()).toEqual([
      'cmdline.txt',
      'config.txt',
      'meta-data',
      'network-config',
      'user-data',
    ]);
  });

  it.each([
    ['any directory', { 'boot/README': '' }, /is not a boot partition/],
    ['a Raspberry Pi without cloud-init', { 'boot/config.txt': '', 'boot/cmdline.txt': '' }, /has no cloud-init/],
    ['a card that was booted', { 'boot/user-data': '# applied by the first boot\n' }, /was booted before/],
  ])('refuses %s', async (_, files, message) => {
    const { p, write } = rack();
    p.write(files as Record<string, string>);
    mkdirSync(p.path('boot'), { recursive: true });
    const { code, err } = await write('web1', '--to', p.path('boot'));
    expect([code, existsSync(p.path('known_hosts'))]).toEqual([2, false]);
    expect(plain(err)).toMatch(message);
  });
});
