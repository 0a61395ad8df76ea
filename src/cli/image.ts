import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import pc from 'picocolors';
import { failure } from '../core/errors/index.ts';
import { duration, size } from '../core/units.ts';
import { checkDisk, writeDisk } from '../hardware/image/disk.ts';
import type { Identity } from '../hardware/image/identity.ts';
import { withFileErrors } from '../hardware/image/programs.ts';
import type { Progress } from '../hardware/image/source.ts';
import { inspect, inspectDirectory, type Written, writeFileImage, writeSeed } from '../hardware/image/write.ts';
import { fetched, type HostSystem, imageOf, systemOf, type Wanted } from './host-system.ts';
import { withProgress } from './image-build.ts';
import type { HostOptions } from './options.ts';
import { streams } from './output.ts';
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
    `${pc.green('✓')} ${pc.bold(name)}: wrote ${what} to ${plan.to}, pinned its host key in ${plan.system.pins} ${took}\n`,
  );
  return 0;
}

/** A card whose host, target and image are checked as far as nothing is read of the image. */
type Plan = Readonly<{
  to: string;
  meant: string | undefined;
  system: HostSystem;
  /** undefined: only the seed is written. */
  image: Wanted | undefined;
}>;

function planOf(name: string, options: WriteOptions): Plan {
  const { to, meant } = options;
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const system = systemOf(name, project);
  const kind = statSync(to, { throwIfNoEntry: false });
  if (kind?.isBlockDevice() === true) checkDisk(to, meant);
  // A misspelt disk would become a file in memory.
  else if (/^\/dev\//.test(resolve(to)) || (kind !== undefined && !kind.isFile() && !kind.isDirectory()))
    throw failure('E_IMAGE_TARGET', { to, problem: 'is not a disk', hint: 'list the disks: lsblk' });
  return { to, meant, system, image: kind?.isDirectory() === true ? undefined : imageOf(system, options) };
}

async function make(plan: Plan, progress: Progress, signal: AbortSignal): Promise<Written> {
  const { to, meant, system, image: wanted } = plan;
  const image = wanted === undefined ? undefined : await fetched(wanted, progress, signal);
  await (image === undefined ? inspectDirectory(to) : inspect(image, to));
  const hostKey = await system.hostKey();
  const identity: Identity = { ...system.identity, hostKey };
  const isDisk = statSync(to, { throwIfNoEntry: false })?.isBlockDevice() === true;
  const written = await (image === undefined
    ? writeSeed(to, identity, progress)
    : isDisk
      ? writeDisk(to, { image, identity }, { meant, progress, signal })
      : writeFileImage(to, { image, identity }, { progress, signal }));
  await system.pin(hostKey.public);
  return written;
}
