// What the inventory says of the system that a host gets: its image, and what makes that image the host.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { targetOf } from '../config/target.ts';
import { placeOfVariable } from '../config/variable-place.ts';
import type { Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import type { InventoryHost } from '../core/playbook.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { builtImages, imageFile } from '../hardware/image/build.ts';
import { ensureHostKey } from '../hardware/image/host-key.ts';
import type { Identity } from '../hardware/image/identity.ts';
import { type Checksum, download, type Progress, parseChecksum, verifyChecksum } from '../hardware/image/source.ts';
import { type Mistake, settingsOf } from '../hardware/image/variables.ts';
import type { Getter } from './connections.ts';
import { IMAGES } from './image-build.ts';
import { publicKeysOf } from './login-keys.ts';
import { pinFile, pinKey, whileLocked } from './pins.ts';
import type { Project } from './project.ts';

/** A host whose variables are checked. Nothing was made or fetched yet. */
export type HostSystem = Readonly<{
  host: InventoryHost;
  get: Getter;
  target: Target;
  /** Where the host key is pinned. */
  pins: string;
  /** What makes an image the host, apart from its key. */
  identity: Omit<Identity, 'hostKey'>;
  /** The host key. It is made if there is none. */
  hostKey: () => Promise<Identity['hostKey']>;
  /** Pins the public host key, in place of others of the host. */
  pin: (publicKey: string) => Promise<void>;
}>;

/** Throws Failure with all mistakes in the variables of the host. */
export function systemOf(name: string, project: Project): HostSystem {
  const { inventory } = project;
  const host = inventory.hosts.get(name);
  if (host === undefined) throw failure('E_UNKNOWN_HOST', { pattern: name, known: inventory.hosts.keys() });
  const { get } = inventoryScope(project.templates, inventory, project.extraVars, '.', name);
  const target = targetOf({ name, at: host.at, get, defaults: project.connection });
  const { address, user } = target;
  const [timezone, mac, network] = ['timezone', 'mac', 'network'].map(get);
  const settings = settingsOf({ address, user, timezone, mac, network });
  if (!('user' in settings)) throw new Failure(settings.map((mistake) => diagnosticOf(mistake, host)));
  const pins = pinFile(inventory.dir, target, host.at);
  return {
    ...{ host, get, target, pins },
    identity: { name, publicKeys: publicKeysOf(target, host.at), ...settings },
    hostKey: () =>
      whileLocked(inventory.dir, () => ensureHostKey(join(inventory.dir, '.secrets', 'host_keys', name), name)),
    pin: (publicKey) => pinKey(pins, target, publicKey),
  };
}

function diagnosticOf({ variable, path, problem, expected, hint }: Mistake, host: InventoryHost) {
  return tell('E_IMAGE_VARIABLE', { host: host.name, problem, expected, hint }, placeOfVariable(host, variable, path));
}

export type Wanted = Readonly<{ image: string; checksum: Checksum | undefined }>;

/** The image that the command line names, else the one of the inventory. The inventory's checksum is for its own image. */
export function imageOf(
  { host, get }: Pick<HostSystem, 'host' | 'get'>,
  options: Readonly<{ image?: string | undefined; checksum?: string | undefined }> = {},
): Wanted {
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
export async function fetched({ image, checksum }: Wanted, progress: Progress, signal: AbortSignal): Promise<string> {
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
