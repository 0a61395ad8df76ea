import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const run = (...argv: readonly string[]): string =>
  execFileSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A network between this machine and one virtual machine: `net`.1 is this machine. */
export function makeWire(name: string, net: string): Readonly<{ remove: () => void }> {
  run('ip', 'tuntap', 'add', name, 'mode', 'tap');
  run('ip', 'address', 'add', `${net}.1/24`, 'dev', name);
  run('ip', 'link', 'set', name, 'up');
  return { remove: () => void run('ip', 'link', 'delete', name) };
}

type Arch = 'amd64' | 'arm64';
/** How QEMU makes a machine with UEFI. */
const MACHINES: Readonly<Record<Arch, Readonly<{ argv: readonly string[]; code: string; vars: string }>>> = {
  amd64: {
    argv: ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max', '-accel', 'tcg,tb-size=256'],
    code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
    vars: '/usr/share/OVMF/OVMF_VARS_4M.fd',
  },
  arm64: {
    argv: ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'max,pauth-impdef=on', '-accel', 'tcg,tb-size=256'],
    code: '/usr/share/AAVMF/AAVMF_CODE.fd',
    vars: '/usr/share/AAVMF/AAVMF_VARS.fd',
  },
};

export type Machine = Readonly<{
  /** What its console has shown. */
  console: () => string;
  /** Ends it, as if its power were cut. */
  cut: () => Promise<void>;
}>;

/** Starts a machine of QEMU's, without hardware virtualisation, that boots from a disk by UEFI. */
export function bootMachine(
  disk: string,
  { arch, wire, folder, memory = 768 }: Readonly<{ arch: Arch; wire: string; folder: string; memory?: number }>,
): Machine {
  const { argv, code, vars } = MACHINES[arch];
  const own = join(folder, 'efi-vars.fd');
  copyFileSync(vars, own);
  const log = join(folder, 'console.log');
  const [command = '', ...rest] = argv;
  const child: ChildProcess = spawn(
    command,
    [
      ...rest,
      ...['-m', String(memory), '-smp', '2', '-display', 'none', '-nodefaults', '-no-user-config'],
      ...['-serial', `file:${log}`],
      ...['-drive', `if=pflash,format=raw,readonly=on,file=${code}`, '-drive', `if=pflash,format=raw,file=${own}`],
      ...['-netdev', `tap,id=n0,ifname=${wire},script=no,downscript=no`, '-device', 'virtio-net-pci,netdev=n0'],
      ...['-drive', `if=none,id=d0,file=${disk},format=raw,cache=unsafe`, '-device', 'virtio-blk-pci,drive=d0'],
      ...['-device', 'virtio-rng-pci'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    console: () => readFileSync(log, 'utf8'),
    async cut() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
