import { randomBytes } from 'node:crypto';
import { lchown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../core/errors/index.ts';
import { aptProxy, imageExists } from './image.ts';
import { clientKey, hostKey } from './keys.ts';
import { gatewayOf } from './network.ts';
import { resolver } from './resolver.ts';
import { run, tryRun } from './run.ts';
import { absent, type HostRecord, hostDir, imagesDir, type LabRecord, labDir } from './state.ts';

/** The root of a host's disk: an overlay of its own changes (`up`) over its snapshots over its image. */
export const rootOf = (lab: string, host: string) => path.join(hostDir(lab, host), 'root');
const upper = (lab: string, host: string) => path.join(hostDir(lab, host), 'up');
const ready = (lab: string, host: string) => path.join(hostDir(lab, host), 'disk-is-ready');

/** Whether a host's disk was set up completely. */
export async function hasDisk(lab: string, host: string): Promise<boolean> {
  return (await stat(ready(lab, host)).catch(absent)) !== undefined;
}

export const layerDir = (lab: string, layer: string) => path.join(labDir(lab), 'layers', layer);

/** Mounts a host's disk. A missing disk is first created and set up. */
export async function ensureDisk(lab: LabRecord, host: HostRecord): Promise<void> {
  const root = rootOf(lab.name, host.name);
  const fresh = !(await hasDisk(lab.name, host.name));
  if (!fresh && (await isMounted(root))) return;
  if (!(await imageExists(host.base))) {
    const problem = `the image ${host.base} of its disk is missing`;
    throw failure('E_LAB_DISK', { host: host.name, problem, hint: `reset the host: bringup lab reset ${host.name}` });
  }
  // A disk whose set-up was interrupted is discarded.
  if (fresh) await wipeDisk(lab.name, host.name);
  await mountDisk(lab.name, host);
  if (!fresh) return;
  await setUp(lab, host, root);
  await writeFile(ready(lab.name, host.name), '');
}

async function mountDisk(lab: string, host: HostRecord): Promise<void> {
  const dir = hostDir(lab, host.name);
  const work = path.join(dir, 'work');
  await rm(work, { recursive: true, force: true });
  for (const part of [upper(lab, host.name), work, rootOf(lab, host.name)]) await mkdir(part, { recursive: true });
  const layers: string[] = [];
  for (const layer of host.layers) {
    // If a snapshot died before it moved the disk, the record names a layer that does not exist. Its data is still in
    // `up`.
    if ((await stat(layerDir(lab, layer)).catch(absent)) !== undefined) layers.push(layerDir(lab, layer));
  }
  const lower = [...layers, path.join(imagesDir(), host.base)].join(':');
  const options = `lowerdir=${lower},upperdir=${upper(lab, host.name)},workdir=${work}`;
  const { code, stderr } = await tryRun(['mount', '-t', 'overlay', 'overlay', '-o', options, rootOf(lab, host.name)]);
  if (code === 0) return;
  throw failure('E_LAB_DISK', {
    host: host.name,
    problem: 'its disk cannot be mounted',
    detail: stderr.trim(),
    hint: 'set BRINGUP_STATE to a directory on a real disk (ext4, xfs, btrfs), not one inside of a container',
  });
}

/** Unmounts a host's disk if it is mounted. */
export async function unmountDisk(lab: string, host: string): Promise<void> {
  if (await isMounted(rootOf(lab, host))) await run(['umount', rootOf(lab, host)]);
}

/** Deletes the disk. The next `ensureDisk` creates a new one. The host must be off. */
export async function wipeDisk(lab: string, host: string): Promise<void> {
  await unmountDisk(lab, host);
  await rm(ready(lab, host), { force: true });
  await rm(upper(lab, host), { recursive: true, force: true });
}

/** Turns the host's changes since its last snapshot into a layer of that name. The host must be off. */
export async function freezeDisk(lab: string, host: string, layer: string): Promise<void> {
  await unmountDisk(lab, host);
  await mkdir(path.dirname(layerDir(lab, layer)), { recursive: true });
  await rename(upper(lab, host), layerDir(lab, layer));
}

/** Discards the host's changes since its last layer. The host must be off. */
export async function thawDisk(lab: string, host: string): Promise<void> {
  await unmountDisk(lab, host);
  await rm(upper(lab, host), { recursive: true, force: true });
  await writeFile(ready(lab, host), '');
}

/** Mount points at or below a directory, the deepest first. */
export async function mountsBelow(dir: string): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  const plain = (s: string) =>
    s.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  const points = text.split('\n').map((line) => plain(line.split(' ')[1] ?? ''));
  return points.filter((p) => p === dir || p.startsWith(`${dir}/`)).toReversed();
}

async function isMounted(dir: string): Promise<boolean> {
  return (await mountsBelow(dir)).includes(dir);
}

/**
 * Writes what identifies this host: name, address, keys. Only on a new disk; afterwards these files belong to the
 * playbooks.
 */
async function setUp(lab: LabRecord, host: HostRecord, root: string): Promise<void> {
  const gateway = gatewayOf(lab.subnet);
  const put = async (file: string, data: string, mode = 0o644) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), data, { mode });
  };
  const short = host.name.split('.')[0] ?? host.name;
  await put('etc/hostname', `${short}\n`);
  await put(
    'etc/hosts',
    `127.0.0.1\tlocalhost\n127.0.1.1\t${[...new Set([host.name, short])].join(' ')}\n::1\tlocalhost ip6-localhost ip6-loopback\n`,
  );
  await put('etc/resolv.conf', (await resolver(gateway)).nameservers.map((ip) => `nameserver ${ip}\n`).join(''));
  await put('etc/machine-id', `${randomBytes(16).toString('hex')}\n`, 0o444);
  // The prefix 10- makes it match before systemd's own 80-container-host0.network.
  await put(
    'etc/systemd/network/10-host0.network',
    `[Match]\nName=host0\n[Network]\nAddress=${host.address}/24\nGateway=${gateway}\n`,
  );
  const key = hostKey(lab.name, host.name);
  await put('etc/ssh/ssh_host_ed25519_key', await readFile(key, 'utf8'), 0o600);
  await put('etc/ssh/ssh_host_ed25519_key.pub', await readFile(`${key}.pub`, 'utf8'));
  const proxy = await aptProxy();
  if (proxy !== undefined) {
    const reachable = proxy.replace(/\/\/(localhost|127\.\d+\.\d+\.\d+)(?=[:/]|$)/, `//${gateway}`);
    await put('etc/apt/apt.conf.d/80-lab-proxy', `Acquire::http::Proxy "${reachable}";\n`);
  }
  await put('home/ops/.ssh/authorized_keys', await readFile(`${clientKey(lab.name)}.pub`, 'utf8'), 0o600);
  await own(root, 'ops', ['home/ops/.ssh', 'home/ops/.ssh/authorized_keys']);
}

async function own(root: string, user: string, files: readonly string[]): Promise<void> {
  const passwd = await readFile(path.join(root, 'etc/passwd'), 'utf8');
  const [, , uid, gid] =
    passwd
      .split('\n')
      .find((line) => line.startsWith(`${user}:`))
      ?.split(':') ?? [];
  for (const file of files) await lchown(path.join(root, file), Number(uid), Number(gid));
}
