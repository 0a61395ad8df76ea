import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { failure } from '../../../core/errors/index.ts';
import { needPrograms, tryRun } from '../../image/programs.ts';
import type { BootProgress } from '../contract.ts';
import { INSTALLER } from './script.ts';

/** A directory with the files of INSTALLER. */
export type Installer = Readonly<{ folder: string }>;

type Options = Readonly<{
  /** The directory that keeps installers. */
  cache: string;
  progress: (progress: BootProgress) => void;
  signal: AbortSignal;
}>;

const building = new Map<string, Promise<Installer>>();

/**
 * The installer, built with mmdebstrap unless it is there. It takes about a minute and 50 MB. root is not needed where
 * user namespaces are permitted. Calls of the same process share one build.
 */
export function ensureInstaller(options: Options): Promise<Installer> {
  const key = createHash('sha256').update(JSON.stringify(INSTALLER)).digest('hex').slice(0, 16);
  const folder = resolve(options.cache, 'installers', key);
  const known = building.get(folder);
  if (known !== undefined) return known;
  const made = ensure(folder, options).finally(() => building.delete(folder));
  building.set(folder, made);
  return made;
}

async function ensure(folder: string, { progress, signal }: Options): Promise<Installer> {
  if (existsSync(folder)) return { folder };
  needPrograms(['mmdebstrap', ...(process.getuid?.() === 0 ? [] : ['newuidmap' as const])]);
  const work = `${folder}.new-${process.pid}`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    progress({ stage: 'building the installer' });
    const { suite, packages, build, files } = INSTALLER;
    const argv = [
      ...['mmdebstrap', `--mode=${process.getuid?.() === 0 ? 'root' : 'unshare'}`, '--variant=minbase'],
      ...['--format=null', '--architectures=amd64', `--include=${packages.join(',')}`, `--customize-hook=${build}`],
      ...Object.entries(files).map(([name, from]) => `--customize-hook=download ${from} ${join(work, name)}`),
      ...[suite, '/dev/null'],
    ];
    const { code, stderr } = await tryRun(argv, { signal });
    if (code !== 0) {
      const detail = stderr.trimEnd().split('\n').slice(-20).join('\n');
      const problem = `the installer cannot be built (mmdebstrap: exit code ${code})`;
      throw failure('E_IMAGE_BUILD', { problem, detail, hint: 'check that this machine reaches deb.debian.org' });
    }
    await rename(work, folder);
    return { folder };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
