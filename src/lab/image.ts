import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { withLock } from './lock.ts';
import type { MachineName } from './machines/machine.ts';
import { lastLines, run, tryRun } from './run.ts';
import type { ImageName } from './spec.ts';
import { absent, imagesDir } from './state.ts';

/** Everything that determines an image. Its hash names the image's directory, so a changed recipe gives a new image. */
type Recipe = Readonly<{
  suite: string;
  sources: readonly string[];
  packages: readonly string[];
  aptConf: readonly string[];
  setup: string;
  /** For a machine of its own: what goes into its initramfs, and the size of its disk. */
  disk?: Readonly<{ modules: readonly string[]; size: string }>;
}>;

/**
 * As few packages as a small Debian installation has: no curl, no python3, no CA certificates, so that a playbook has
 * to install what it needs. libpam-systemd is left out too, because it delays the first command after a login by some
 * 0.3 s.
 */
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'udev',
  'kmod',
  'openssh-server',
  'sudo',
  'iproute2',
  'iputils-ping',
  'netbase',
  'procps',
  'tzdata',
];

/** Runs in the finished tree as `sh -c`, with its root as $1. disk.ts writes what differs between hosts. */
const SETUP = `set -eu
chroot "$1" useradd --create-home --shell /bin/bash ops
printf 'ops ALL=(ALL) NOPASSWD: ALL\\n' > "$1/etc/sudoers.d/90-ops"
chmod 0440 "$1/etc/sudoers.d/90-ops"
rm -f "$1"/etc/ssh/ssh_host_*
printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication no\\n' > "$1/etc/ssh/sshd_config.d/10-keys-only.conf"
systemctl --root="$1" --quiet enable systemd-networkd.service ssh.service
systemctl --root="$1" --quiet mask console-getty.service
rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/etc/apt/apt.conf.d/99mmdebstrap"
: > "$1/etc/machine-id"
find "$1/var/cache/apt" "$1/var/log" -type f -delete
`;

const MIRROR = 'http://deb.debian.org/debian';
const SECURITY = 'http://deb.debian.org/debian-security';

/** What a machine with its own kernel has in addition. */
const KERNEL_PACKAGES = ['linux-image-amd64', 'initramfs-tools', 'zstd', 'e2fsprogs'];

/** Removes what would keep the host's own files from being written; keeps ldconfig from running at the first boot. */
const KERNEL_SETUP = `rm -f "$1/etc/hosts"
touch "$1/etc/.updated" "$1/var/.updated"
`;

/** The recipe of an image for a kind of virtual host. */
export function recipe(image: ImageName, machine: MachineName = 'nspawn'): Recipe {
  const bare = rootRecipe(image);
  if (machine === 'nspawn') return bare;
  return {
    ...bare,
    packages: [...bare.packages, ...KERNEL_PACKAGES],
    setup: bare.setup + KERNEL_SETUP,
    disk: { modules: ['virtio_pci', 'virtio_blk', 'virtio_net', 'ext4'], size: '8G' },
  };
}

function rootRecipe(image: ImageName): Recipe {
  const suite = { 'debian-12': 'bookworm', 'debian-13': 'trixie', 'debian-sid': 'sid', blank: '' }[image];
  const unstable = suite === 'sid';
  return {
    suite,
    sources: [
      `deb ${MIRROR} ${suite} main`,
      ...(unstable ? [] : [`deb ${MIRROR} ${suite}-updates main`, `deb ${SECURITY} ${suite}-security main`]),
    ],
    // Since Debian 13, a separate package permits unprivileged users to ping.
    packages: suite === 'bookworm' ? PACKAGES : [...PACKAGES, 'linux-sysctl-defaults'],
    // sid's index is valid for a week only, and a mirror may be out of date.
    aptConf: unstable ? ['Acquire::Check-Valid-Until "false";'] : [],
    setup: SETUP,
  };
}

/** What a blank disk is based on: nothing. */
const BLANK = 'blank';

/** The name of the image's directory. It changes with the recipe. */
export function imageKey(image: ImageName, machine: MachineName = 'nspawn'): string {
  if (image === 'blank') return BLANK;
  const hash = createHash('sha256')
    .update(JSON.stringify(recipe(image, machine)))
    .digest('hex')
    .slice(0, 12);
  return machine === 'nspawn' ? `${image}-${hash}` : `${image}-${machine}-${hash}`;
}

/** Whether the image exists. A tree gets its final name only when it is complete. */
export async function imageExists(key: string): Promise<boolean> {
  return key === BLANK || (await stat(path.join(imagesDir(), key)).catch(absent)) !== undefined;
}

/**
 * Builds an image unless it exists. Returns its key. It takes half a minute and 350 MB (500 MB with a kernel). If two processes build the same
 * image, the second one waits. If this process dies, the build dies too (with its whole process namespace), and the
 * next run removes what it left.
 */
export async function ensureImage(
  image: ImageName,
  machine: MachineName,
  options: Readonly<{ progress: (message: string, ms?: number) => void; signal?: AbortSignal | undefined }>,
): Promise<string> {
  const key = imageKey(image, machine);
  if (await imageExists(key)) return key;
  await mkdir(imagesDir(), { recursive: true, mode: 0o755 });
  const what = machine === 'nspawn' ? image : `${image} for ${machine}`;
  const waiting = () => options.progress(`${what}: another bringup is building it; waiting`);
  await withLock(`image-${key}`, { patience: 15 * 60_000, signal: options.signal, waiting }, async () => {
    if (await imageExists(key)) return;
    const started = Date.now();
    options.progress(`${what}: building`);
    await build(image, machine, key, options.signal);
    options.progress(`${what}: built`, Date.now() - started);
  });
  return key;
}

/** Removes the images that are not in `used`, and what killed builds left. */
export async function removeImages(used: ReadonlySet<string>): Promise<void> {
  for (const name of (await readdir(imagesDir()).catch(absent)) ?? []) {
    const key = name.replace(/^\.new-/, '');
    if (used.has(name)) continue;
    // Removes it under the image's lock, so that a build in progress is not disturbed.
    const remove = () => rm(path.join(imagesDir(), name), { recursive: true, force: true });
    await withLock(`image-${key}`, { patience: 0 }, remove).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
    });
  }
}

async function build(
  image: ImageName,
  machine: MachineName,
  key: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { suite, sources, packages, aptConf, setup, disk } = recipe(image, machine);
  const staged = path.join(imagesDir(), `.new-${key}`);
  const tree = disk === undefined ? staged : path.join(staged, 'tree');
  const remove = () => rm(staged, { recursive: true, force: true });
  // Removes what a killed build left. We hold the image's lock.
  await remove();
  const proxy = await aptProxy();
  if (tree !== staged) await mkdir(staged);
  try {
    const { code, stderr } = await tryRun(
      [
        // The build dies with this process, together with its children and mounts.
        ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory', `--include=${packages.join(',')}`],
        // The package lists stay, as after an installation. Otherwise each host's first `apt-get update` would download
        // all of them.
        '--skip=cleanup/apt/lists',
        ...aptConf.map((line) => `--aptopt=${line}`),
        `--customize-hook=${setup}`,
        ...(aptConf.length > 0 ? [`--customize-hook=${writeAptConf(aptConf)}`] : []),
        ...(disk === undefined ? [] : [`--essential-hook=${initramfsConf(disk.modules)}`]),
        ...[suite, tree, sources.join('\n')],
      ],
      { signal, killSignal: 'SIGKILL', ...(proxy !== undefined && { env: { http_proxy: proxy } }) },
    );
    if (code !== 0) {
      throw failure('E_LAB_IMAGE', { image, code, detail: lastLines(stderr, 20) });
    }
    if (disk !== undefined) await makeDisk(staged, disk.size, signal);
    await rename(staged, path.join(imagesDir(), key));
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Turns the tree in an image's directory into disk.raw, vmlinuz and initrd.img. */
async function makeDisk(staged: string, size: string, signal: AbortSignal | undefined): Promise<void> {
  const tree = path.join(staged, 'tree');
  const disk = path.join(staged, 'disk.raw');
  for (const kind of ['vmlinuz', 'initrd.img']) {
    const file = (await readdir(path.join(tree, 'boot'))).find((name) => name.startsWith(`${kind}-`));
    if (file !== undefined) await copyFile(path.join(tree, 'boot', file), path.join(staged, kind));
  }
  await run(['truncate', '-s', size, disk], { signal });
  await run(['mke2fs', '-q', '-t', 'ext4', '-L', 'root', '-d', tree, disk], { signal });
  await rm(tree, { recursive: true });
}

/** An initramfs with only these modules boots faster. */
function initramfsConf(modules: readonly string[]): string {
  return `mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'MODULES=list\\n' > "$1/etc/initramfs-tools/conf.d/lab"
printf '%s\\n' ${modules.join(' ')} > "$1/etc/initramfs-tools/modules"
`;
}

/** Keeps apt's options of the build for the hosts. */
function writeAptConf(lines: readonly string[]): string {
  return `printf '%s\\n' ${lines.map((l) => `'${l}'`).join(' ')} > "$1/etc/apt/apt.conf.d/80-lab"`;
}

/** `Acquire::http::Proxy` of this machine, or undefined. */
export async function aptProxy(): Promise<string | undefined> {
  const { code, stdout } = await tryRun(['apt-config', 'dump', '--format', '%v%n', 'Acquire::http::Proxy']);
  const value = stdout.trim();
  return code === 0 && value !== '' && value !== 'DIRECT' ? value : undefined;
}
