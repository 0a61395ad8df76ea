import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../core/errors/index.ts';
import { absent } from './state.ts';

/** Where this machine has its cgroup2 hierarchy, and systemd's old one if there is one beside it. */
export type Hierarchies = Readonly<{ unified: string; systemd: string | undefined }>;

/**
 * From the text of /proc/self/mounts. Each host needs a cgroup of its own in both hierarchies: in a shared one the
 * same-named units of two hosts would be one unit, and a stop would wait for the other host's processes.
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

/** The lab's cgroup below each hierarchy. A host's is below that: HOST/sup (what restarts it), HOST/box (nspawn and all inside). */
export const labGroup = (lab: string) => path.join('bringup', lab);

/** Makes a host's cgroups and gives the cgroup.procs files of its box and its supervisor. */
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

/** Passes the controllers down (MemoryMax= and the like then hold inside). Not vital: some machines don't allow it. */
async function delegate(unified: string, below: readonly string[]): Promise<void> {
  for (let depth = 0; depth <= below.length; depth++) {
    const group = path.join(unified, ...below.slice(0, depth));
    const controllers = await readFile(path.join(group, 'cgroup.controllers'), 'utf8').catch(() => '');
    for (const name of controllers.split(/\s+/).filter((c) => ['memory', 'pids', 'cpu', 'io'].includes(c))) {
      await writeFile(path.join(group, 'cgroup.subtree_control'), `+${name}`).catch(() => {});
    }
  }
}

/** The pids in a cgroup of the unified hierarchy and all below it, e.g. 'bringup/demo/web1/box'. */
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
 * Whether anything is in a cgroup or below it. cgroup.procs does not tell: it leaves out a process whose last thread is
 * still letting its memory and files go, which on a slow disk takes seconds in which the cgroup is busy.
 */
export async function isPopulated(group: string): Promise<boolean> {
  const { unified } = await hierarchies();
  const events = await readFile(path.join(unified, group, 'cgroup.events'), 'utf8').catch(absent);
  return events !== undefined && /^populated 1$/m.test(events);
}

/** SIGKILLs all in a cgroup until nothing is left; throws Failure when something stays for 60 s. */
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
        // it ended by itself
      }
    }
  }
}

/** The names of the cgroups right below one, e.g. the hosts of a lab. */
export async function groupsIn(group: string): Promise<readonly string[]> {
  const { unified } = await hierarchies();
  const entries = (await readdir(path.join(unified, group), { withFileTypes: true }).catch(absent)) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Removes a cgroup in which nothing is (`killBelow`), and all below it, from both hierarchies. */
export async function removeGroups(group: string): Promise<void> {
  const { unified, systemd } = await hierarchies();
  for (const root of systemd === undefined ? [unified] : [unified, systemd]) {
    for (const dir of (await treeOf(path.join(root, group))).toReversed()) await rmdir(dir).catch(absent);
    // Ours too, once the last lab is gone; busy until then.
    await rmdir(path.join(root, path.dirname(labGroup('x')))).catch(() => {});
  }
}

/** A directory and all below it, parents first; nothing when it is not there. */
async function treeOf(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(absent);
  if (entries === undefined) return [];
  const below = await Promise.all(entries.filter((e) => e.isDirectory()).map((e) => treeOf(path.join(dir, e.name))));
  return [dir, ...below.flat()];
}
