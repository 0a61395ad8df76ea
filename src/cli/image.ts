import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { targetOf } from '../config/target.ts';
import { placeOfVariable } from '../config/variable-place.ts';
import type { Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import type { InventoryHost } from '../core/playbook.ts';
import { duration, size } from '../core/units.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { builtImages, imageFile } from '../hardware/image/build.ts';
import { checkDisk, writeDisk } from '../hardware/image/disk.ts';
import { ensureHostKey } from '../hardware/image/host-key.ts';
import type { Identity } from '../hardware/image/identity.ts';
import { withFileErrors } from '../hardware/image/programs.ts';
import { type Checksum, download, type Progress, parseChecksum, verifyChecksum } from '../hardware/image/source.ts';
import { type Mistake, settingsOf } from '../hardware/image/variables.ts';
import { inspect, inspectDirectory, type Written, writeFileImage, writeSeed } from '../hardware/image/write.ts';
import type { Getter } from './connections.ts';
import { IMAGES, withProgress } from './image-build.ts';
import { publicKeysOf } from './login-keys.ts';
import type { HostOptions } from './options.ts';
import { streams } from './output.ts';
import { pinFile, pinKey, whileLocked } from './pins.ts';
import { openProject, stopOnProblems } from './project.ts';

export type WriteOptions = HostOptions &
  Readonly<{
    /** A file, a disk or a mounted boot partition. */
    to: string;
    /** A file, a URL or the name of a built image. Default: the variable `image` of the host. */
    image: string | undefined;
    checksum: string | undefined;
    /** The disk, typed again because it is not removable. */
    meant: string | undefined;
  }>;

/** Makes a card for a host of the inventory, and pins the host key that it gives the host. */
export async function writeCard(name: string, options: WriteOptions, signal: AbortSignal): Promise<number> {
  const started = Date.now();
  const plan = planOf(name, options);
  const { bytes, wasBooted } = await withProgress((progress) =>
    withFileErrors(plan.to, () => make(plan, progress, signal)),
  );
  if (wasBooted)
    streams.err(
      `${pc.yellow('warning')}: the image was booted before, so it may hold files of another host. Use it as its publisher made it.\n`,
    );
  const what = bytes === undefined ? 'the seed' : size(bytes);
  const took = pc.dim(`(${duration(Date.now() - started)})`);
  streams.out(
    `${pc.green('✓')} ${pc.bold(name)}: wrote ${what} to ${plan.to}, pinned its host key in ${plan.pins} ${took}\n`,
  );
  return 0;
}

/** A card whose host, target and image are checked as far as nothing is read of the image. */
type Plan = Readonly<{
  to: string;
  meant: string | undefined;
  target: Target;
  inventoryDir: string;
  /** Where the host key is kept, and where it is pinned. */
  keyFile: string;
  pins: string;
  identity: Omit<Identity, 'hostKey'>;
  /** undefined: only the seed is written. */
  image: Wanted | undefined;
}>;

function planOf(name: string, options: WriteOptions): Plan {
  const { to, meant } = options;
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const { inventory } = project;
  const host = inventory.hosts.get(name);
  if (host === undefined) throw failure('E_UNKNOWN_HOST', { pattern: name, known: inventory.hosts.keys() });
  const { get } = inventoryScope(project.templates, inventory, project.extraVars, '.', name);
  const target = targetOf({ name, at: host.at, get, defaults: project.connection });
  const { address, user } = target;
  const [timezone, mac, network] = ['timezone', 'mac', 'network'].map(get);
  const settings = settingsOf({ address, user, timezone, mac, network });
  if (!('user' in settings)) throw new Failure(settings.map((mistake) => diagnosticOf(mistake, host)));
  const kind = statSync(to, { throwIfNoEntry: false });
  if (kind?.isBlockDevice() === true) checkDisk(to, meant);
  // A misspelt disk would become a file in memory.
  else if (/^\/dev\//.test(resolve(to)) || (kind !== undefined && !kind.isFile() && !kind.isDirectory()))
    throw failure('E_IMAGE_TARGET', { to, problem: 'is not a disk', hint: 'list the disks: lsblk' });
  return {
    to,
    meant,
    target,
    inventoryDir: inventory.dir,
    keyFile: join(inventory.dir, '.secrets', 'host_keys', name),
    pins: pinFile(inventory.dir, target, host.at),
    identity: { name, publicKeys: publicKeysOf(target, host.at), ...settings },
    image: kind?.isDirectory() === true ? undefined : imageOf(options, host, get),
  };
}

async function make(plan: Plan, progress: Progress, signal: AbortSignal): Promise<Written> {
  const { to, meant, target, image: wanted } = plan;
  const image = wanted === undefined ? undefined : await fetched(wanted, progress, signal);
  await (image === undefined ? inspectDirectory(to) : inspect(image, to));
  const hostKey = await whileLocked(plan.inventoryDir, () => ensureHostKey(plan.keyFile, target.name));
  const identity: Identity = { ...plan.identity, hostKey };
  const isDisk = statSync(to, { throwIfNoEntry: false })?.isBlockDevice() === true;
  const written = await (image === undefined
    ? writeSeed(to, identity, progress)
    : isDisk
      ? writeDisk(to, { image, identity }, { meant, progress, signal })
      : writeFileImage(to, { image, identity }, { progress, signal }));
  await pinKey(plan.pins, target, hostKey.public);
  return written;
}

function diagnosticOf({ variable, path, problem, expected, hint }: Mistake, host: InventoryHost) {
  return tell('E_IMAGE_VARIABLE', { host: host.name, problem, expected, hint }, placeOfVariable(host, variable, path));
}

type Wanted = Readonly<{ image: string; checksum: Checksum | undefined }>;

/** The image that the command line names, else the one of the inventory. The inventory's checksum is for its own image. */
function imageOf(options: WriteOptions, host: InventoryHost, get: Getter): Wanted {
  const wrong = (variable: string, problem: string, expected: string) =>
    failure('E_IMAGE_VARIABLE', { host: host.name, problem, expected }, placeOfVariable(host, variable));
  const image = options.image ?? get('image');
  if (image === undefined || image === null)
    throw wrong('image', 'no image is given', 'the option --image, or the variable image of the host');
  if (typeof image !== 'string')
    throw wrong('image', "'image' is not a text", 'a file, a URL or the name of a built image');
  const text = options.checksum ?? (options.image === undefined ? get('image_checksum') : undefined);
  if (text === undefined || text === null) return { image, checksum: undefined };
  const checksum = parseChecksum(String(text));
  if (checksum === undefined)
    throw wrong('image_checksum', `'${String(text)}' is not a checksum`, 'sha256:HEX or sha512:HEX');
  return { image, checksum };
}

/** The path of the image on this machine. */
async function fetched({ image, checksum }: Wanted, progress: Progress, signal: AbortSignal): Promise<string> {
  if (/^https?:\/\//.test(image)) return download(image, join(IMAGES, 'downloads'), { checksum, progress, signal });
  const file = await imagePath(image);
  if (checksum !== undefined) await verifyChecksum(file, checksum, progress);
  return file;
}

/** A file, or the image that was built under this name. */
async function imagePath(image: string): Promise<string> {
  if (statSync(image, { throwIfNoEntry: false })?.isFile() === true) return image;
  const built = (await builtImages(IMAGES)).map(({ name }) => name);
  if (built.includes(image)) return imageFile(IMAGES, image);
  throw failure('E_IMAGE_UNKNOWN', { name: image, known: built });
}
