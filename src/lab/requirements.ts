import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { size } from '../core/units.ts';
import { findHierarchies } from './cgroup.ts';
import type { MachineName } from './machines/machine.ts';
import { run } from './run.ts';
import { stateDir } from './state.ts';

/**
 * Something that the lab needs and this machine lacks. apt's `packages` provide it, or `hint` says what does. It is
 * needed `to` build images and new disks, or to run hosts at all.
 */
export type Requirement = Readonly<{
  what: string;
  why: string;
  to: 'build' | 'run';
  packages: readonly string[];
  hint?: string;
}>;

const COMMANDS: readonly Readonly<{ command: string; why: string; package: string }>[] = [
  { command: 'systemd-nspawn', why: 'it boots the hosts', package: 'systemd-container' },
  { command: 'mmdebstrap', why: 'it builds the images', package: 'mmdebstrap' },
  { command: 'nft', why: 'it lets the hosts out to the package mirror', package: 'nftables' },
  { command: 'ip', why: 'it makes the bridge', package: 'iproute2' },
  { command: 'bridge', why: 'it cuts the wire of a host', package: 'iproute2' },
  { command: 'ssh-keygen', why: 'it makes the keys', package: 'openssh-client' },
  { command: 'flock', why: 'it keeps two runs apart', package: 'util-linux' },
  { command: 'unshare', why: 'it ends a build together with us', package: 'util-linux' },
];

/** What machines with a kernel of their own need in addition. */
const QEMU_COMMANDS: typeof COMMANDS = [
  { command: 'qemu-system-x86_64', why: 'it runs the hosts with lab_machine: qemu', package: 'qemu-system-x86' },
  { command: 'qemu-img', why: 'it makes their disks', package: 'qemu-utils' },
  { command: 'mke2fs', why: 'it makes the disk of their image', package: 'e2fsprogs' },
  { command: 'socat', why: 'it tells a machine with a blank disk what to boot', package: 'socat' },
];

/** An image takes 350 MiB and a host's changes some 500 MiB. With less space than this, a lab would fill the disk. */
const LEAST_FREE = 3 * 1024 ** 3;

/** What this machine lacks for a lab with such hosts. Empty if nothing is missing. */
export async function requirements(machines: ReadonlySet<MachineName> = new Set()): Promise<readonly Requirement[]> {
  const missing: Requirement[] = [];
  if (process.getuid?.() !== 0) {
    missing.push({
      what: 'root',
      to: 'run',
      why: 'hosts need namespaces, mounts and a bridge',
      packages: [],
      hint: 'run it with sudo',
    });
  }
  for (const { command, why, package: name } of [...COMMANDS, ...(machines.has('qemu') ? QEMU_COMMANDS : [])]) {
    if (!(await inPath(command)))
      missing.push({ what: command, why, to: command === 'mmdebstrap' ? 'build' : 'run', packages: [name] });
  }
  if (!(await isThere('/usr/share/keyrings/debian-archive-trixie-stable.gpg'))) {
    missing.push({
      what: 'the archive keys of Debian 13',
      to: 'build',
      why: 'packages are verified with them',
      packages: ['debian-archive-keyring'],
    });
  }
  if (machines.has('qemu') && !(await isThere('/usr/share/OVMF/OVMF_CODE_4M.fd'))) {
    missing.push({
      what: 'OVMF',
      why: 'it is the firmware of machines with a blank disk',
      to: 'run',
      packages: ['ovmf'],
    });
  }
  return [...missing, ...(await kernel()), ...(await disk())];
}

/** Installs the packages of `missing` with apt. `progress` gets apt's lines. Throws Failure if apt fails. */
export async function install(
  missing: readonly Requirement[],
  { progress, signal }: Readonly<{ progress: (line: string) => void; signal?: AbortSignal | undefined }>,
): Promise<void> {
  const packages = [...new Set(missing.flatMap((m) => m.packages))];
  if (packages.length === 0) return;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  progress('apt-get update');
  await run(['apt-get', ...wait, '-q', 'update'], { env, signal });
  progress(`apt-get install ${packages.join(' ')}`);
  await run(['apt-get', ...wait, '-q', '-y', '--no-install-recommends', 'install', ...packages], { env, signal });
}

async function kernel(): Promise<readonly Requirement[]> {
  const missing: Requirement[] = [];
  if (findHierarchies(await readFile('/proc/self/mounts', 'utf8')) === undefined) {
    missing.push({
      what: 'cgroup2',
      to: 'run',
      why: 'systemd runs its services in it',
      packages: [],
      hint: 'mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified',
    });
  }
  const id = await readFile('/etc/machine-id', 'utf8').catch(() => '');
  if (!/^[0-9a-f]{32}\s*$/.test(id)) {
    missing.push({
      what: '/etc/machine-id',
      to: 'run',
      why: "nspawn derives the hosts' MAC addresses from it",
      packages: [],
      hint: 'systemd-machine-id-setup',
    });
  }
  return missing;
}

async function disk(): Promise<readonly Requirement[]> {
  const dir = stateDir();
  const base = await nearest(dir);
  const { bavail, bsize } = await statfs(base);
  const missing: Requirement[] = [];
  if (bavail * bsize < LEAST_FREE) {
    missing.push({
      what: 'disk space',
      to: 'build',
      why: `${dir} has ${size(bavail * bsize)} free, and a lab needs ${size(LEAST_FREE)}`,
      packages: [],
      hint: 'free some, or set BRINGUP_STATE to a directory on a larger disk',
    });
  }
  if (/[,:\\\s]/.test(dir)) {
    missing.push({
      what: 'a plain state directory',
      to: 'run',
      why: `'${dir}' has a character that mount options cannot carry`,
      packages: [],
      hint: 'set BRINGUP_STATE to a path without commas, colons, backslashes and blanks',
    });
  }
  return missing;
}

/** The nearest existing directory, upwards. */
async function nearest(dir: string): Promise<string> {
  return (await isThere(dir)) ? dir : nearest(path.dirname(dir));
}

async function inPath(command: string): Promise<boolean> {
  const dirs = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  const found = dirs.map((dir) =>
    access(path.join(dir, command), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(found)).includes(true);
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
