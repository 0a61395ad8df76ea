// Slow, because an image is built and booted without hardware virtualisation.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bringup, plain } from '../unit/support/command.ts';
import { bootMachine, type Machine, makeWire } from './support/machine.ts';

const NET = '10.83.190';
const WIRE = 'bu-image';
const folder = mkdtempSync(join(tmpdir(), 'bu-image-'));
const path = (name: string) => join(folder, name);
const run = (...argv: readonly string[]) => execFileSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' });
let machine: Machine | undefined;

/** Runs in the folder, where the images are kept. */
async function inFolder(...argv: readonly string[]) {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await bringup(...argv);
  } finally {
    process.chdir(before);
  }
}

/** Runs a command on the host, and tries again until it works: sshd starts late. */
async function onHost(command: string, minutes: number): Promise<string> {
  for (const end = Date.now() + minutes * 60_000; ; ) {
    const { code, out, err } = await inFolder('run', 'web1', '-i', 'hosts.yml', '-T', '20', '--', command);
    if (code === 0) return plain(out);
    if (Date.now() > end) throw new Error(`${err}\n${machine?.console().slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}

beforeAll(() => {
  const packages = ['mmdebstrap', 'mtools', 'fdisk', 'dosfstools', 'qemu-system-x86', 'ovmf', 'iproute2'];
  run('apt-get', '-qq', '-y', '--no-install-recommends', 'install', ...packages);
  makeWire(WIRE, NET);
  run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path('key'));
  writeFileSync(
    path('hosts.yml'),
    `all:
  vars:
    ansible_user: ops
    ansible_ssh_private_key_file: ${path('key')}
    network: {prefix: 24, gateway: ${NET}.1, nameservers: [${NET}.1]}
    timezone: Europe/Berlin
    image: debian-13
  hosts:
    web1: {ansible_host: ${NET}.21}
`,
  );
  mkdirSync(path('again'));
});
afterAll(async () => {
  await machine?.cut();
  run('ip', 'link', 'delete', WIRE);
  rmSync(folder, { recursive: true, force: true });
});

describe('an image from image build', () => {
  it('is built once, and a second build has the same bytes', async () => {
    const first = await inFolder('image', 'build', 'debian-13');
    expect(first.code, first.err).toBe(0);
    const image = path('.bringup/images/debian-13.img');
    copyFileSync(image, path('again/first.img'));
    expect((await inFolder('image', 'build', 'debian-13')).out).toContain('is built already');
    expect((await inFolder('image', 'build', 'debian-13', '--force')).code).toBe(0);
    run('cmp', image, path('again/first.img'));
    expect((await inFolder('image', 'list')).out).toMatch(/debian-13.*Debian 13.*amd64.*1 GiB/);
  });

  it('boots by UEFI, applies its seed, and answers with the pinned host key', async () => {
    const written = await inFolder('image', 'write', 'web1', '--to', 'card.img', '-i', 'hosts.yml');
    expect(written.code, written.err).toBe(0);
    run('truncate', '-s', '3G', path('card.img'));
    machine = bootMachine(path('card.img'), { arch: 'amd64', wire: WIRE, folder });
    const state = await onHost(
      'sudo cloud-init status --wait >/dev/null; hostname; readlink /etc/localtime; df --output=size / | tail -n1; ls -A /etc/ssh/ssh_host_*; sudo cat /boot/efi/user-data; ls /etc/cloud/cloud-init.disabled; ip -4 route; systemctl is-system-running',
      14,
    );
    expect(state).toContain('web1');
    expect(state).toContain('Europe/Berlin');
    expect(Number(/^\s*(\d{7})$/m.exec(state)?.[1]), state).toBeGreaterThan(2_500_000);
    expect(state).toMatch(/ssh_host_ed25519_key\n.*ssh_host_ed25519_key\.pub\n/);
    expect(state).not.toMatch(/ssh_host_(rsa|ecdsa)/);
    expect(state).toContain('# applied by the first boot');
    expect(state).not.toContain('PRIVATE KEY');
    expect(state).toContain('/etc/cloud/cloud-init.disabled');
    expect(state).toContain(`default via ${NET}.1`);
    expect(state).toContain('running');
    await machine.cut();
    // The boot partition, which any card reader reads, keeps no trace of the private key.
    expect(run('sh', '-c', 'head -c 65M "$1" | grep -ac "BEGIN OPENSSH" || :', 'sh', path('card.img')).trim()).toBe(
      '0',
    );
  });

  it('is not mistaken for a machine in the middle that has another key', async () => {
    run('ip', 'address', 'add', `${NET}.21/32`, 'dev', 'lo');
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path('other'));
    let logins = 0;
    const hostKeys = [run('cat', path('other'))];
    const server = new ssh2.Server({ hostKeys }, (client) => {
      client.on('authentication', (context) => {
        logins++;
        context.accept();
      });
      client.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(22, `${NET}.21`, resolve));
    try {
      const { code, err } = await inFolder('run', 'web1', '-i', 'hosts.yml', '--', 'true');
      expect([code, logins]).toEqual([1, 0]);
      expect(plain(err)).toMatch(/host key/i);
    } finally {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      run('ip', 'address', 'delete', `${NET}.21/32`, 'dev', 'lo');
    }
  });
});
