// What the modules of package managers other than apt have in common: one probe, one plan.
import { type Blocked, blocked, type Change, type Steps } from '../../core/module.ts';
import { type Script, sh, verbatim } from '../../core/sh.ts';
import { type Fields, fields } from './fields.ts';

/** What a task wants of packages. */
export type Wanted = Readonly<{
  name: readonly string[];
  state: 'present' | 'latest' | 'absent';
  /** Nothing that is missing is installed. */
  isUpgradeOnly?: boolean;
}>;

/** The commands of a package manager for one task. */
export type PackageManager = Readonly<{
  tool: string;
  /** Installs the packages, or raises them to the versions that the task names. */
  install: (names: readonly string[]) => Script;
  /** Raises installed packages to their newest versions. Without names: all of them. */
  upgrade: (names: readonly string[]) => Script;
  remove: (names: readonly string[]) => Script;
}>;

/**
 * The answers of a probe about the names of a task, which it numbers from 0:
 *
 * - `tool missing`: the host has no such package manager
 * - `is NUMBER PACKAGE…`: installed, and as what
 * - `new NUMBER PACKAGE…`: a newer version is available
 * - `none NAME`: no repository has it
 * - `upgrade PACKAGE`, `leftover PACKAGE`: of the whole host
 * - `error TEXT`: why the package manager could not answer, in base64
 */
export type Packages = Readonly<{
  is: ReadonlyMap<number, string>;
  newer: ReadonlyMap<number, string>;
  none: readonly string[];
  upgrades: readonly string[];
  leftovers: readonly string[];
  isMissing: boolean;
  error: string | undefined;
}>;

export function parsePackages(stdout: string): Packages {
  const f = fields(stdout);
  return {
    is: numbered(f, 'is'),
    newer: numbered(f, 'new'),
    none: f.all('none'),
    upgrades: f.all('upgrade'),
    leftovers: f.all('leftover'),
    isMissing: f.get('tool') === 'missing',
    error: f.text('error'),
  };
}

function numbered(f: Fields, key: string): ReadonlyMap<number, string> {
  return new Map(
    f.all(key).map((line) => {
      const at = line.indexOf(' ');
      return [Number(at < 0 ? line : line.slice(0, at)), at < 0 ? '' : line.slice(at + 1)];
    }),
  );
}

/**
 * Runs a command whose output a probe needs, as $out. If it ends with another exit code than these, the probe ends with
 * its output as the error.
 */
export function asked(command: Script, ...accepts: readonly number[]): Script {
  return sh`out=$(${command} 2>&1); x=$?
case $x in ${verbatim([0, ...accepts].join('|'))}) ;; *) printf 'error %s\n' "$(printf %s "$out" | base64 | tr -d '\n')"; exit 0 ;; esac`;
}

/** The probe's first line: whether the host has the package manager. */
export function needsTool(tool: string): Script {
  return sh`command -v ${tool} >/dev/null || { echo 'tool missing'; exit 0; }`;
}

/** Why nothing can be planned, or undefined. */
export function obstacle(now: Packages, { tool }: Pick<PackageManager, 'tool'>): Blocked | undefined {
  if (now.isMissing)
    return blocked('E_TOOL_MISSING', { tool, hint: 'use the module `package`, or a condition on ansible_pkg_mgr' });
  if (now.error !== undefined) return blocked('E_TOOL_REFUSED', { tool, detail: now.error });
  const [name] = now.none;
  return name === undefined
    ? undefined
    : blocked('E_NOT_ON_HOST', {
        what: 'package',
        name,
        hint: 'correct the name, or add its repository in an earlier task',
      });
}

/** Compares the host's packages with the wanted state. */
export function planPackages(
  now: Packages,
  { name, state, isUpgradeOnly = false }: Wanted,
  manager: PackageManager,
): Steps {
  const wrong = obstacle(now, manager);
  if (wrong !== undefined) return wrong;
  const present = name.filter((_, i) => now.is.has(i));
  if (state === 'absent') {
    if (present.length === 0) return [];
    return [change(`remove ${some(present)}`, present, now, name, manager.remove(present), false)];
  }
  const missing = isUpgradeOnly ? [] : name.filter((_, i) => !now.is.has(i));
  const old = state === 'latest' ? name.filter((_, i) => now.is.has(i) && now.newer.has(i)) : [];
  return [
    ...(missing.length === 0 ? [] : [change(`install ${some(missing)}`, missing, now, name, manager.install(missing))]),
    ...(old.length === 0 ? [] : [change(`upgrade ${some(old)}`, old, now, name, manager.upgrade(old))]),
  ];
}

function change(
  what: string,
  which: readonly string[],
  { is, newer }: Packages,
  all: readonly string[],
  run: Script,
  isKept = true,
): Change {
  const text = (of: (i: number) => string | undefined): string =>
    which
      .flatMap((name) => of(all.indexOf(name)) ?? [])
      .map((line) => `${line}\n`)
      .join('');
  const after = isKept ? text((i) => newer.get(i) ?? all[i]) : '';
  return {
    what,
    diff: { of: 'packages', before: text((i) => is.get(i)), after },
    run: sh`set -e
${run}`,
  };
}

/** All packages of the host. */
export function upgradeAll({ upgrades }: Packages, manager: Pick<PackageManager, 'upgrade'>): readonly Change[] {
  if (upgrades.length === 0) return [];
  const text = upgrades.map((one) => `${one}\n`).join('');
  return [
    {
      what: `upgrade ${upgrades.length === 1 ? '1 package' : `${upgrades.length} packages`}: ${some(upgrades)}`,
      diff: { of: 'packages', before: '', after: text },
      run: sh`set -e
${manager.upgrade([])}`,
    },
  ];
}

export function some(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 7).join(', ')} and ${names.length - 7} more`;
}

/** For rpm: which names the upgrades (`NAME.ARCH VERSION`) belong to. */
export function withNewer(now: Packages, names: readonly string[]): Packages {
  const newer = names.flatMap((_, i) => {
    const has = now.is.get(i)?.split(' ') ?? [];
    const better = now.upgrades.filter((line) => {
      const [full = ''] = line.split(' ');
      const at = full.lastIndexOf('.');
      const [name, arch] = [full.slice(0, at), full.slice(at)];
      return has.some((one) => one.endsWith(arch) && one.replace(/-[^-]*-[^-]*$/, '') === name);
    });
    return better.length === 0 ? [] : [[i, better.join(' ')] as const];
  });
  return { ...now, newer: new Map(newer) };
}
