import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../core/errors/index.ts';
import { absent } from './state.ts';

/** The mount points of cgroup2 and, if there is one, of systemd's legacy hierarchy. */
export type Hierarchies = Readonly<{ unified: string; systemd: string | undefined }>;

/**
 * Parses /proc/self/mounts. Each host needs its own cgroup in both hierarchies. In a shared cgroup, units of two hosts
 * with the same name would be one unit, and stopping one would wait for the other host's processes.
 */
export function findHierarchies(mounts: string): Hierarchies | undefined {
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const unified = rows.find(([, , type]) => type === 'cgroup2')?.[1];
  const systemd = rows.find(([, , type, options]) => type === 'cgroup' && options?.split(',').includes('name=systemd'));
  return unified === undefined ? undefined : { unified, systemd: systemd?.[1] };
}

/** This machine's hierarchies. Throws Failure without cgroup2. */
export async function hierarchies(): Promise<Hierarchies> {
  const found = findHierarchies(await readFile('/proc/self/mounts', 'utf8'));
  if (found !== undefined) return found;
  throw failure('E_LAB_CGROUP', {});
}

/**
 * The lab's cgroup in each hierarchy. A host's cgroups are below it: HOST/sup (the supervisor) and HOST/box (the
 * machine and everything inside).
 */
export const labGroup = (lab: string) => path.join('bringup', lab);

/** The cgroup of a host's machine, without its supervisor. */
export const boxGroup = (lab: string, host: string) => path.join(labGroup(lab), host, 'box');

/** Creates a host's cgroups. Returns the cgroup.procs files of its box and its supervisor. */
export async function makeGroups(lab: string, host: string): Promise<Readonly<{ box: string[]; sup: string[] }>> {
  const { unified, systemd } = await hierarchies();
  const roots = systemd === undefined ? [unified] : [unified, systemd];
  const below = path.join(labGroup(lab), host);
  for (const part of ['box', 'sup']) {
    for (const root of roots) await mkdir(path.join(root, below, part), { recursive: true });
  }
  await delegate(unified, [...labGroup(lab).split('/'), host]);
  const procs = (part: string) => roots.map((root) => path.join(root, below, part, 'cgroup.procs'));
  return { box: procs('box'), sup: procs('sup') };
}

/**
 * Delegates the controllers, so that MemoryMax= and the like work inside. Some machines do not permit it, and the lab
 * works without.
 */
async function delegate(unified: string, below: readonly string[]): Promise<void> {
  for (let depth = 0; depth <= below.length; depth++) {
    const group = path.join(unified, ...below.slice(0, depth));
    const controllers = await readFile(path.join(group, 'cgroup.controllers'), 'utf8').catch(() => '');
    for (const name of controllers.split(/\s+/).filter((c) => ['memory', 'pids', 'cpu', 'io'].includes(c))) {
      await writeFile(path.join(group, 'cgroup.subtree_control'), `+${name}`).catch(() => {});
    }
  }
}

/** The process ids in a cgroup of the unified hierarchy and below it, for example 'bringup/demo/web1/box'. */
export async function pidsBelow(group: string): Promise<readonly number[]> {
  const { unified } = await hierarchies();
  const pids: number[] = [];
  for (const dir of await treeOf(path.join(unified, group))) {
    const text = await readFile(path.join(dir, 'cgroup.procs'), 'utf8').catch(() => '');
    pids.push(...text.split('\n').filter(Boolean).map(Number));
  }
  return pids;
}

/**
 * Whether a cgroup or one below it contains a process. cgroup.procs does not tell: it omits a process whose last thread
 * is still releasing memory and files. On a slow disk this takes seconds, and the cgroup stays busy.
 */
export async function isPopulated(group: string): Promise<boolean> {
  const { unified } = await hierarchies();
  const events = await readFile(path.join(unified, group, 'cgroup.events'), 'utf8').catch(absent);
  return events !== undefined && /^populated 1$/m.test(events);
}

/** Sends SIGKILL to all processes in a cgroup until none is left. Throws Failure if one stays for 60 s. */
export async function killBelow(group: string): Promise<void> {
  for (const until = Date.now() + 60_000; await isPopulated(group); await sleep(20)) {
    const pids = await pidsBelow(group);
    if (Date.now() > until) {
      const which = pids.length > 0 ? `: ${pids.join(' ')}` : ' after SIGKILL: the disk may hang';
      throw failure('E_LAB_PROCESSES', { group, which });
    }
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // the process ended by itself
      }
    }
  }
}

/** The names of the cgroups directly below one, for example the hosts of a lab. */
export async function groupsIn(group: string): Promise<readonly string[]> {
  const { unified } = await hierarchies();
  const entries = (await readdir(path.join(unified, group), { withFileTypes: true }).catch(absent)) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Removes an empty cgroup (see `killBelow`) and everything below it from both hierarchies. */
export async function removeGroups(group: string): Promise<void> {
  const { unified, systemd } = await hierarchies();
  for (const root of systemd === undefined ? [unified] : [unified, systemd]) {
    for (const dir of (await treeOf(path.join(root, group))).toReversed()) await rmdir(dir).catch(absent);
    // Removes the common parent too. This succeeds only for the last lab, because it is busy before.
    await rmdir(path.join(root, path.dirname(labGroup('x')))).catch(() => {});
  }
}

/** A directory and all directories below it, parents first. Empty if it does not exist. */
async function treeOf(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(absent);
  if (entries === undefined) return [];
  const below = await Promise.all(entries.filter((e) => e.isDirectory()).map((e) => treeOf(path.join(dir, e.name))));
  return [dir, ...below.flat()];
}
