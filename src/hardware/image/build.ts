import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { failure } from '../../core/errors/index.ts';
import { size } from '../../core/units.ts';
import { needPrograms, type Program, tryRun } from './programs.ts';
import { mebibytes, packagesOf, type Recipe, recipeKey, sourcesOf, suiteOf } from './recipe.ts';
import { bootNames, SETUP, setupOf } from './setup.ts';
import type { Progress } from './source.ts';

/** An image that was built. `key` names its recipe; `time` is the time of everything in it, in seconds. */
export type Built = Readonly<{
  name: string;
  debian: number;
  arch: string;
  key: string;
  time: number;
  bytes: number;
  sha256: string;
}>;

type BuildOptions = Readonly<{
  /** The directory of built images. */
  folder: string;
  /** Builds it again, with the packages of today. */
  isForced: boolean;
  progress: Progress;
  signal: AbortSignal;
}>;

export const imageFile = (folder: string, name: string): string => join(folder, `${name}.img`);
const recordFile = (folder: string, name: string): string => join(folder, `${name}.json`);

/**
 * Builds an image, unless one of the same recipe is there. root is not needed where user namespaces are permitted.
 * Without SOURCE_DATE_EPOCH, its time is the beginning of the day (UTC), so two builds of a day from the same packages
 * have the same bytes.
 */
export async function buildImage(
  name: string,
  recipe: Recipe,
  { folder, isForced, progress, signal }: BuildOptions,
): Promise<Built & Readonly<{ isNew: boolean }>> {
  needPrograms(programsFor(recipe));
  const key = recipeKey(recipe);
  const known = isForced ? undefined : (await builtImages(folder)).find((one) => one.name === name);
  if (known?.key === key) return { ...known, isNew: false };
  await mkdir(folder, { recursive: true });
  await removeStale(folder);
  const work = resolve(folder, `.new-${process.pid}-${name}`);
  await mkdir(work, { mode: 0o755 });
  try {
    const time = Number(process.env['SOURCE_DATE_EPOCH']) || Math.floor(Date.now() / 86_400_000) * 86_400;
    const env = { SOURCE_DATE_EPOCH: String(time) };
    progress('installing the packages');
    const tar = join(work, 'root.tar');
    await bootstrap(recipe, tar, env, signal);
    progress('making the disk');
    const image = join(work, 'disk.img');
    await makeDisk({ tar, image, time, work, recipe }, signal);
    const bytes = (await stat(image)).size;
    const { debian, arch } = recipe;
    const built: Built = { name, debian, arch, key, time, bytes, sha256: await digestOf(image) };
    await rename(image, imageFile(folder, name));
    await writeFile(recordFile(folder, name), `${JSON.stringify(built, undefined, 2)}\n`, { flush: true });
    return { ...built, isNew: true };
  } finally {
    await tryRun(asRoot(['rm', '-rf', '--', work]));
  }
}

/** The images that are built, by name. */
export async function builtImages(folder: string): Promise<readonly Built[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const records = names.filter((file) => file.endsWith('.json')).sort();
  const all = await Promise.all(records.map((file) => readFile(join(folder, file), 'utf8')));
  return all.map((text) => JSON.parse(text) as Built).filter(({ name }) => names.includes(`${name}.img`));
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** Runs a command with root's rights over its own files: as root, or in a user namespace. */
function asRoot(argv: readonly string[]): readonly string[] {
  return isRoot() ? argv : ['unshare', '--map-auto', '--map-root-user', '--', ...argv];
}

function programsFor({ arch }: Recipe): readonly Program[] {
  const all: readonly Program[] = ['mmdebstrap', 'sfdisk', 'mkfs.vfat', 'mcopy', 'mmd', 'mke2fs', 'debugfs'];
  const isForeign = (arch === 'arm64') !== (process.arch === 'arm64');
  return [...all, ...(isRoot() ? [] : ['newuidmap' as const]), ...(isForeign ? ['qemu-aarch64-static' as const] : [])];
}

async function bootstrap(
  recipe: Recipe,
  tar: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const argv = [
    'mmdebstrap',
    `--mode=${isRoot() ? 'root' : 'unshare'}`,
    ...['--variant=minbase', '--format=tar', `--architectures=${recipe.arch}`],
    `--include=${packagesOf(recipe).join(',')}`,
    `--customize-hook=${setupOf(recipe.arch)}`,
    suiteOf(recipe),
    tar,
    sourcesOf(recipe).join('\n'),
  ];
  const { code, stderr } = await tryRun(argv, { env, signal });
  if (code === 0) return;
  const problem = `the packages cannot be installed (mmdebstrap: exit code ${code})`;
  const hint = 'check the names of the packages, and that this machine reaches deb.debian.org';
  throw failure('E_IMAGE_BUILD', { problem, detail: endOf(stderr), hint });
}

type Disk = Readonly<{ tar: string; image: string; time: number; work: string; recipe: Recipe }>;

/** Makes a disk image from the archive of a root, which it removes. */
export async function makeDisk({ tar, image, time, work, recipe }: Disk, signal?: AbortSignal): Promise<void> {
  const { efi, boot } = bootNames(recipe.arch);
  const args = [tar, image, String(mebibytes(recipe)), String(time), uuidOf(recipeKey(recipe)), work, efi, boot];
  const { code, stderr } = await tryRun(asRoot(['sh', '-c', SETUP, 'sh', ...args]), { signal });
  if (code === 0) return;
  const isFull = /allocate (block|inode)|No space left|No free space/i.test(stderr);
  const problem = isFull
    ? `the packages do not fit into an image of ${size(mebibytes(recipe) * 1024 ** 2)}`
    : `the disk cannot be made (exit code ${code})`;
  throw failure('E_IMAGE_BUILD', {
    problem,
    detail: endOf(stderr),
    hint: isFull ? 'raise size in the description of the image' : undefined,
  });
}

const endOf = (text: string): string => text.trimEnd().split('\n').slice(-20).join('\n');

/** The identity of the disk and its file systems. It follows from the recipe, so that it is the same in each build. */
function uuidOf(key: string): string {
  const hex = key.slice(0, 32);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), hash);
  return hash.digest('hex');
}

/** Removes what builds left whose process is gone. */
async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^\.new-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await tryRun(asRoot(['rm', '-rf', '--', resolve(folder, name)]));
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
