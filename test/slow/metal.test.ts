// Slow, because an installer and an image are built, and a machine boots four times without hardware virtualisation.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installable } from '../../src/cli/boot.ts';
import { machinesOf } from '../../src/cli/hardware.ts';
import { ensureRequirements, openLab } from '../../src/cli/lab.ts';
import { openProject, stopOnProblems } from '../../src/cli/project.ts';
import { usualOptions } from '../../src/cli/settings.ts';
import { down, power, up } from '../../src/lab/lab.ts';
import { installed } from '../support/peers.ts';
import { bringup, plain } from '../unit/support/command.ts';

const LAB = 'metal-test';
const NET = '10.83.202';
const MAC = '52:54:00:83:ca:11';
const quiet = { progress: () => {} };
const folder = mkdtempSync(join(tmpdir(), 'bu-metal-'));
const path = (name: string): string => join(folder, name);
const before = process.cwd();
const stages: string[] = [];

/** Installs the host. `onStage` may end it, by the power or by the signal. */
async function install(onStage: (stage: string, bytes: number) => void = () => {}): Promise<void> {
  const project = openProject({ ...usualOptions(), inventory: 'hosts.yml', extraVars: [], writes: false });
  const machines = machinesOf(project);
  stopOnProblems(project.problems);
  const controller = new AbortController();
  const progress = (_: string, { stage, bytes = 0 }: { stage: string; bytes?: number | undefined }): void => {
    if (stages.at(-1) !== stage) stages.push(stage);
    try {
      onStage(stage, bytes);
    } catch (error) {
      controller.abort(error);
    }
  };
  const { boot, scene } = installable('m1', { project, machines, progress, signal: controller.signal });
  await boot.prepare(scene);
  await boot.install(scene);
}

async function onHost(command: string): Promise<string> {
  for (const end = Date.now() + 900_000; ; await sleep(3000)) {
    const { code, out, err } = await bringup('run', 'm1', '-i', 'hosts.yml', '-T', '20', '--', command);
    if (code === 0) return plain(out);
    if (Date.now() > end) throw new Error(err);
  }
}

beforeAll(async () => {
  installed({
    ...{ dnsmasq: 'dnsmasq-base', busybox: 'busybox', mmdebstrap: 'mmdebstrap', mcopy: 'mtools', sfdisk: 'fdisk' },
    ...{ 'mkfs.vfat': 'dosfstools', zstd: 'zstd', openssl: 'openssl' },
  });
  process.chdir(folder);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path('key')]);
  writeFileSync(
    path('hosts.yml'),
    `all:
  vars:
    lab_name: ${LAB}
    lab_subnet: ${NET}.0/24
    lab_machine: qemu
    lab_image: blank
    ansible_user: ops
    ansible_ssh_private_key_file: ${path('key')}
    image: debian-13
    network: {prefix: 24, gateway: ${NET}.1}
    boot: {way: netboot, start_timeout: 1500, timeout: 3600}
    disk: only
  hosts:
    m1: {ansible_host: ${NET}.11, mac: '${MAC}'}
`,
  );
  const { hosts } = openLab('hosts.yml');
  await ensureRequirements(true, undefined, hosts);
  expect((await bringup('image', 'build', 'debian-13')).code).toBe(0);
  await up(openLab('hosts.yml'), quiet);
});
afterAll(async () => {
  process.chdir(before);
  await down(LAB, quiet);
  rmSync(folder, { recursive: true, force: true });
});

describe('a machine with a blank disk', () => {
  it('is left without a system that boots if the power is lost while the disk is written', async () => {
    const cut = new Error('power lost');
    const ending = install((stage, bytes) => {
      if (stage === 'writing the disk' && bytes > 20 * 1024 ** 2) throw cut;
    });
    await expect(ending).rejects.toBe(cut);
    await power(LAB, 'm1', 'cut', quiet);
    const disk = path('disk.raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', `/var/lib/bringup/labs/${LAB}/hosts/m1/up`, disk]);
    const head = readFileSync(disk).subarray(0, 4 * 1024 ** 2);
    rmSync(disk);
    expect(head.every((byte) => byte === 0)).toBe(true);
  });

  it('is installed when it is run again, and answers with the host key that was pinned', async () => {
    stages.length = 0;
    await install();
    expect(stages).toContain('writing the disk');
    const [pinned = ''] = readFileSync(path('known_hosts'), 'utf8').split('\n');
    const state = await onHost('hostname; cat /etc/ssh/ssh_host_ed25519_key.pub; ls -d /sys/firmware/efi');
    expect(state).toContain('m1\n');
    expect(state).toContain('/sys/firmware/efi');
    expect(state).toContain(pinned.split(' ')[2]);
  });

  it('boots from its disk when its power comes back', async () => {
    const boot = await onHost('sync; cat /proc/sys/kernel/random/boot_id');
    await power(LAB, 'm1', 'cut', quiet);
    await power(LAB, 'm1', 'on', quiet);
    expect(await onHost('cat /proc/sys/kernel/random/boot_id')).not.toBe(boot);
  });
});
