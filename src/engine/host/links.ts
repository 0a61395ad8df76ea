// Knows which paths of a host are symbolic links and where they lead, so that one file counts as one resource under all
// its names.
import { overlaps, plainPath, prefixesOf, type Resource } from '../../core/resource.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { Probe } from './answers.ts';

export type Links = Readonly<{
  /** Whether a change of `touched` may make an answer about `needed` stale, under any known name of a file. */
  overlap: (touched: readonly Resource[], needed: readonly Resource[]) => boolean;
  /**
   * A probe that asks which of the paths that these probes read or alter, and which of their parent directories, are
   * links. undefined: all of them are known.
   */
  probeFor: (probes: readonly Probe[]) => Probe | undefined;
  /** Stores the answer if the probe is one of this table. Returns whether it is. */
  remember: (probe: Probe, stdout: string) => boolean;
  /** Forgets altered paths, because each may have become a link or ceased to be one. */
  outdate: (touches?: readonly Resource[]) => void;
}>;

export function noLinks(): Links {
  const asked = new Set<string>();
  const targets = new Map<string, string>();
  const asking = new WeakMap<Probe, readonly string[]>();
  let expanded = new WeakMap<readonly Resource[], readonly Resource[]>();
  const names = new Map<Resource, readonly Resource[]>();
  const forgetNames = (): void => {
    expanded = new WeakMap();
    names.clear();
  };
  const namesOf = (resource: Resource): readonly Resource[] => {
    const others = names.get(resource) ?? otherNames(resource, targets);
    names.set(resource, others);
    return others;
  };
  const expand = (resources: readonly Resource[]): readonly Resource[] => {
    if (targets.size === 0) return resources;
    const known = expanded.get(resources);
    if (known !== undefined) return known;
    const more = resources.flatMap(namesOf);
    const all = more.length === 0 ? resources : [...resources, ...more];
    expanded.set(resources, all);
    return all;
  };
  return {
    overlap: (touched, needed) => overlaps(expand(touched), expand(needed)),
    probeFor(probes) {
      const paths = new Set<string>();
      for (const { needs, touches = [] } of probes)
        for (const list of [needs, touches]) for (const path of pathsOf(list)) if (!asked.has(path)) paths.add(path);
      if (paths.size === 0) return undefined;
      const user = probes.some((p) => p.user === 'root') ? 'root' : probes[0]?.user;
      const list = [...paths];
      const probe: Probe = { script: ask(list), user, needs: [] };
      asking.set(probe, list);
      return probe;
    },
    remember(probe, stdout) {
      const list = asking.get(probe);
      if (list === undefined) return false;
      for (const path of list) asked.add(path);
      const found = linksIn(stdout);
      for (const [path, target] of found) targets.set(path, target);
      if (found.length > 0) forgetNames();
      return true;
    },
    outdate(touches) {
      for (const path of asked) {
        if (touches !== undefined && !overlaps(touches, resourceOf(path))) continue;
        asked.delete(path);
        if (targets.delete(path)) forgetNames();
      }
    },
  };
}

/** The other names of a file that result from links on its path. */
function otherNames(resource: Resource, targets: ReadonlyMap<string, string>): readonly Resource[] {
  const kind = /^(path|dir):(?!\*$)/.exec(resource)?.[1];
  if (kind === undefined) return [];
  const path = plainPath(resource.slice(kind.length + 1));
  return prefixesOf(path).flatMap((prefix) => {
    const target = targets.get(prefix);
    return target === undefined ? [] : [`${kind}:${target}${path.slice(prefix.length)}`];
  });
}

/**
 * All paths of a list of resources, with their parent directories. Cached, because the same lists are asked for every
 * host.
 */
function pathsOf(resources: readonly Resource[]): readonly string[] {
  const known = lists.get(resources);
  if (known !== undefined) return known;
  const paths = resources.flatMap((r) => (/^path:(?!\*$)/.test(r) ? prefixesOf(plainPath(r.slice(5))) : []));
  const plainPaths = [...new Set(paths)].filter((path) => !path.includes('\n'));
  lists.set(resources, plainPaths);
  return plainPaths;
}
const lists = new WeakMap<readonly Resource[], readonly string[]>();

function resourceOf(path: string): readonly Resource[] {
  const known = singles.get(path);
  if (known !== undefined) return known;
  if (singles.size >= CACHED) singles.clear();
  const names = [`path:${path}`];
  singles.set(path, names);
  return names;
}
const singles = new Map<string, readonly Resource[]>();
const CACHED = 10_000;

/** Links that most systems have. The script checks them without starting a process. */
const USUAL: readonly (readonly [string, string])[] = [
  ['/bin', '/usr/bin'],
  ['/sbin', '/usr/sbin'],
  ['/lib', '/usr/lib'],
  ['/lib64', '/usr/lib64'],
  ['/var/run', '/run'],
  ['/var/lock', '/run/lock'],
];

/**
 * A script that uses only shell builtins if the host has no links but the usual ones. It prints the names first, then
 * as many targets.
 */
function ask(paths: readonly string[]): Script {
  const usual = USUAL.filter(([link]) => paths.includes(link));
  const others = paths.filter((path) => !usual.some(([link]) => link === path));
  const tests = usual.map(
    ([
      link,
      target,
    ]) => sh`if [ -L ${link} ]; then if [ ${link} -ef ${target} ]; then echo ${`${link} -> ${target}`}; else set -- "$@" ${link}; fi; fi
`,
  );
  return sh`set --
${tests}
for d in ${others}; do if [ -L "$d" ]; then set -- "$@" "$d"; fi; done
if [ $# -gt 0 ]; then
printf '=%s\n' "$@"
readlink -m -- "$@" 2>/dev/null || for d; do readlink -f -- "$d" || echo; done
fi`;
}

function linksIn(stdout: string): readonly (readonly [string, string])[] {
  const lines = stdout.split('\n');
  const usual = USUAL.filter(([link, target]) => lines.includes(`${link} -> ${target}`));
  const names = lines.flatMap((line) => (line.startsWith('=') ? [line.slice(1)] : []));
  if (names.length === 0) return usual;
  const first = lines.findLastIndex((line) => line.startsWith('=')) + 1;
  const found = names.map((name, i) => [name, lines[first + i] ?? ''] as const);
  return [...usual, ...found.filter(([, target]) => target.startsWith('/'))];
}
