import type { Blocked, Change, Steps } from '../../core/module.ts';
import { answer, type Script, sh } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { fields } from './fields.ts';
import { once, PACKAGE, PACKAGE_FORMAT } from './questions.ts';

/** What apt is asked for; `package` asks for less of it. */
export type AptArgs = Readonly<{
  name: readonly string[];
  state: 'present' | 'latest' | 'absent';
  deb?: string;
  update_cache: boolean;
  cache_valid_time: number;
  upgrade: 'no' | 'safe' | 'full';
  install_recommends?: boolean;
  default_release?: string;
  dpkg_options: string;
  autoremove: boolean;
  autoclean: boolean;
  clean: boolean;
  purge: boolean;
  only_upgrade: boolean;
  force: boolean;
  allow_unauthenticated: boolean;
  allow_downgrade: boolean;
  allow_change_held_packages: boolean;
  fail_on_autoremove: boolean;
  lock_timeout: number;
  policy_rc_d?: number;
  update_cache_retries: number;
  update_cache_retry_max_delay: number;
}>;

/** A name as users write it: nginx, nginx=1.22*, nginx:arm64, lib*, nginx/trixie-backports. */
type Wanted = Readonly<{ text: string; name: string; version?: string; release?: string }>;

export type AptCurrent = Readonly<{
  installed: readonly Installed[];
  provided: ReadonlySet<string>;
  /** What apt would install, of the names that were looked up; undefined: not looked up. */
  candidates: ReadonlyMap<string, string> | undefined;
  indexIsEmpty: boolean;
  /** Seconds since the last refresh. */
  age: number;
  sourcesChanged: boolean;
  refreshed: number;
  upgrades: readonly string[];
  leftovers: readonly string[];
  deb: Readonly<{ name: string; version: string }> | undefined;
}>;
type Installed = Readonly<{ name: string; arch: string; version: string; isConfig: boolean }>;

/** A second refresh within this time would bring nothing: all tasks of a run share one. Seconds. */
const SHARED = 300;

/** What the installation of a package may alter. */
export const PACKAGE_TOUCHES = [
  'package:*',
  'path:/etc',
  'path:/usr',
  'path:/var',
  'path:/lib',
  'path:/srv',
  'path:/run',
  'unit:*',
  'user:*',
  'group:*',
  'live:*',
] as const;

export function probeApt(args: AptArgs): Script {
  const wanted = args.name.map(wantedOf);
  const names = wanted.map((w) => w.name);
  const latest = args.state === 'latest' && names.length > 0;
  const absent = args.state === 'absent';
  return sh`i=${answer(INDEX, 'it')}
if [ -n "$i" ]; then printf '%s\n' "$i"; else ${lookAtIndex()}
fi
${
  names.length === 0
    ? sh`:`
    : sh`found=; set --
${names.map(
  (n) => sh`q=${answer(PACKAGE, n)}; if [ -n "$q" ]; then found="$found$q
"; else set -- "$@" ${n}; fi;`,
)}
[ $# = 0 ] || found=$found$(dpkg-query -W -f ${PACKAGE_FORMAT} -- "$@" 2>/dev/null) || :
printf '%s\n' "$found"
missing=
for n in ${names.filter((n) => !isGlob(n))}; do
  case "
$found" in *"
is "[ihr]i\ /"\${n%%:*}/"* | *"
is "[ihr]i\ /"\${n%%:*}:"*) ;; *) missing="$missing $n" ;; esac
done
${absent ? sh`:` : sh`if [ -n "$missing" ]; then dpkg-query -W -f 'provides \${db:Status-Abbrev} \${Provides}\n' | grep '^provides ii  .'; fi`}`
}
${absent || names.length === 0 ? sh`:` : latest ? sh`echo looked up; LC_ALL=C apt-cache policy -- ${names} 2>/dev/null | ${policy()}` : sh`if [ -n "$missing" ]; then echo looked up; LC_ALL=C apt-cache policy -- $missing 2>/dev/null | ${policy()}; fi`}
${args.upgrade === 'no' ? sh`:` : sh`LC_ALL=C apt-get -s ${upgradeVerb(args.upgrade)} 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/upgrade \1/p'`}
${args.autoremove && names.length === 0 ? sh`LC_ALL=C apt-get -s autoremove 2>/dev/null | sed -n 's/^Remv \([^ ]*\) .*/leftover \1/p'` : sh`:`}
${
  args.deb === undefined
    ? sh`:`
    : sh`if [ -f ${args.deb} ]; then
  printf 'deb %s\n' "$(dpkg-deb -W --showformat='\${Package}/\${Version}' ${args.deb})"
  dpkg-query -W -f ${PACKAGE_FORMAT} -- "$(dpkg-deb -f ${args.deb} Package)" 2>/dev/null
fi`
}
:`;
}

/** When the index was last read, and whether it lacks something. */
function lookAtIndex(): Script {
  return sh`now=$(date +%s)
at=$(stat -c %Y /var/lib/apt/lists 2>/dev/null) || at=0
printf 'refreshed %s\nage %s\n' "$at" "$((now - at))"
set -- /var/lib/apt/lists/*_Packages* /var/lib/apt/lists/*_dists_*
[ -e "$1" ] || [ -e "\${2-}" ] || echo 'index empty'
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  if [ -f "$f" ] && [ "$f" -nt /var/lib/apt/lists ]; then echo 'sources changed'; break; fi
done`;
}
const INDEX = once('index', lookAtIndex());

function policy(): Script {
  return sh`awk '/^[^ ]/ { n = $1; sub(/:$/, "", n) } $1 == "Candidate:" { print "candidate " n "/" $2 }'`;
}

export function parseApt(stdout: string): AptCurrent {
  const f = fields(stdout);
  const installed = f.all('is').flatMap((line) => {
    const [status = '', binary = '', arch = '', version = ''] = line.split('/');
    const isThere = /^.[iWtUFH]/.test(status);
    const isConfig = /^.c/.test(status);
    return isThere || isConfig ? [{ name: binary.replace(/:.*/, ''), arch, version, isConfig }] : [];
  });
  const provided = f.all('provides').flatMap((line) =>
    line
      .replace(/^\S+\s+/, '')
      .split(', ')
      .map((p) => p.replace(/ .*/, '')),
  );
  const [name, version] = f.get('deb')?.split('/') ?? [];
  return {
    installed,
    provided: new Set(provided),
    candidates:
      f.get('looked') === undefined
        ? undefined
        : new Map(
            f.all('candidate').map((line) => [line.slice(0, line.indexOf('/')), line.slice(line.indexOf('/') + 1)]),
          ),
    indexIsEmpty: f.get('index') === 'empty',
    age: Number(f.get('age') ?? 0),
    sourcesChanged: f.get('sources') === 'changed',
    refreshed: Number(f.get('refreshed') ?? 0),
    upgrades: f.all('upgrade'),
    leftovers: f.all('leftover'),
    deb: name === undefined || version === undefined ? undefined : { name, version },
  };
}

export function planApt(current: AptCurrent, args: AptArgs): Steps {
  const refresh = args.update_cache && isStale(current, args);
  const wanted = args.name.map(wantedOf);
  if (args.state === 'absent') return removal(current, wanted, args);
  const differ = wanted.filter((one) => !isSatisfied(current, one, args, refresh));
  const unknown = refresh ? undefined : unknownPackages(current, differ);
  if (unknown !== undefined) return unknown;
  const steps: Change[] = [];
  if (args.upgrade !== 'no' && (refresh || current.upgrades.length > 0)) {
    steps.push(upgrade(current, args, refresh));
  }
  if (differ.length > 0) steps.push(install(current, differ, args, refresh && steps.length === 0));
  if (args.deb !== undefined) {
    const { deb } = current;
    if (deb === undefined)
      return { blocked: `${args.deb} is not on the host`, mend: 'put it there in an earlier task (get_url, copy)' };
    const has = current.installed.find(({ name, isConfig }) => name === deb.name && !isConfig);
    if (has?.version !== deb.version) {
      steps.push({
        what: `install ${deb.name} ${deb.version} from ${args.deb}`,
        run: sh`${preamble(args)}
apt_get install ${installOptions(args)} -- ${args.deb}`,
      });
    }
  }
  if (steps.length === 0 && refresh && wanted.length === 0) steps.push(refreshed(args));
  if (args.autoremove && wanted.length === 0 && current.leftovers.length > 0) {
    steps.push({
      what: `remove what nothing needs any more: ${some(current.leftovers)}`,
      run: sh`${preamble(args)}
apt_get autoremove ${args.purge ? ['--purge'] : []}`,
    });
  }
  if (args.autoclean) steps.push(cleaning('autoclean', args));
  if (args.clean) steps.push(cleaning('clean', args));
  return steps;
}

export function aptData(current: AptCurrent): Vars {
  return { cache_update_time: current.refreshed, cache_updated: current.age < SHARED };
}

export function aptErrors(
  names: readonly string[],
): readonly { path: readonly string[]; message: string; expected: string }[] {
  return names
    .filter((name) => !/^[A-Za-z0-9*?[][\w.+*?[\]:~-]*([=/][\w.+*?[\]:~-]+)?$/.test(name))
    .map((name) => ({
      path: ['name'],
      message: `'${name}' is not the name of a package`,
      expected: 'name, name=version or name/release',
    }));
}

function wantedOf(text: string): Wanted {
  const [, name = text, mark, rest = ''] = /^([^=/]+)(?:([=/])(.+))?$/.exec(text) ?? [];
  if (mark === '=') return { text, name, version: rest };
  return mark === '/' ? { text, name, release: rest } : { text, name };
}

function isGlob(name: string): boolean {
  return /[*?[]/.test(name);
}

function found({ installed }: AptCurrent, { name }: Wanted, withConfig = false): Installed | undefined {
  const [base = name, arch] = name.split(':');
  const pattern = isGlob(base) ? globToRegex(base) : undefined;
  return installed.find(
    (p) =>
      (withConfig || !p.isConfig) &&
      (pattern?.test(p.name) ?? p.name === base) &&
      (arch === undefined || arch === p.arch),
  );
}

function isSatisfied(current: AptCurrent, one: Wanted, args: AptArgs, refresh: boolean): boolean {
  const has = found(current, one);
  if (has === undefined)
    return (
      args.only_upgrade || (one.version === undefined && current.provided.has(one.name) && args.state !== 'latest')
    );
  if (one.version !== undefined) return globToRegex(one.version).test(has.version);
  if (args.state !== 'latest') return true;
  if (refresh) return false;
  const candidate = current.candidates?.get(one.name);
  return candidate === undefined || candidate === '(none)' || candidate === has.version;
}

function unknownPackages(current: AptCurrent, differ: readonly Wanted[]): Blocked | undefined {
  const { candidates, indexIsEmpty } = current;
  if (differ.length === 0 || candidates === undefined) return undefined;
  const unknown = differ
    .filter((one) => !isGlob(one.name) && !candidates.has(one.name) && found(current, one) === undefined)
    .map((one) => one.name);
  if (unknown.length === 0) return undefined;
  if (indexIsEmpty)
    return {
      blocked: `the package index is empty: ${unknown.join(', ')} cannot be found in it`,
      mend: 'set `update_cache: true`',
    };
  return {
    blocked: `no such package: ${unknown.join(', ')}`,
    mend: 'look at the spelling and the repositories; `update_cache: true` reads the package index anew',
  };
}

function isStale({ age, sourcesChanged, indexIsEmpty }: AptCurrent, { cache_valid_time }: AptArgs): boolean {
  return indexIsEmpty || sourcesChanged || age > Math.max(cache_valid_time, SHARED);
}

function install(current: AptCurrent, differ: readonly Wanted[], args: AptArgs, refresh: boolean): Change {
  const shown = differ.map((one) => {
    const [has, candidate] = [found(current, one)?.version, one.version ?? current.candidates?.get(one.name)];
    return { name: one.name, has, candidate: candidate === '(none)' ? undefined : candidate };
  });
  return {
    what: `${shown.every(({ has }) => has !== undefined) ? 'upgrade' : 'install'} ${some(differ.map((one) => one.text))}`,
    diff: {
      of: 'packages',
      before: shown.map(({ name, has }) => `${name} ${has ?? '-'}\n`).join(''),
      after: shown.map(({ name, candidate }) => `${name} ${candidate ?? '(newest)'}\n`).join(''),
    },
    run: sh`${preamble(args)}
${refresh ? updating(args) : sh`:`}
apt_get install ${installOptions(args)} -- ${differ.map((one) => one.text)} || { rc=$?
  set -- /var/lib/apt/lists/*_Packages*
  [ -e "$1" ] || echo 'the package index is empty: set update_cache: true' >&2
  exit "$rc"
}`,
  };
}

function removal(current: AptCurrent, wanted: readonly Wanted[], args: AptArgs): Steps {
  const there = wanted.filter((one) => found(current, one, args.purge) !== undefined);
  if (there.length === 0) return [];
  const before = there.map((one) => `${one.name} ${found(current, one, true)?.version ?? ''}\n`).join('');
  return [
    {
      what: `${args.purge ? 'purge' : 'remove'} ${some(there.map((one) => one.name))}`,
      diff: { of: 'packages', before, after: there.map((one) => `${one.name} -\n`).join('') },
      run: sh`${preamble(args)}
apt_get remove ${args.purge ? ['--purge'] : []} ${args.autoremove ? ['--auto-remove'] : []} ${held(args)} -- ${there.map((one) => one.name)}`,
    },
  ];
}

function upgrade(current: AptCurrent, args: AptArgs, refresh: boolean): Change {
  const { upgrades } = current;
  return {
    what: upgrades.length === 0 ? 'read the package index anew and upgrade' : `upgrade ${some(upgrades)}`,
    diff: { of: 'packages', before: null, after: upgrades.map((name) => `${name}\n`).join('') },
    run: sh`${preamble(args)}
${refresh ? updating(args) : sh`:`}
apt_get ${upgradeVerb(args.upgrade)} ${installOptions(args)}`,
  };
}

function refreshed(args: AptArgs): Change {
  return {
    what: 'read the package index anew',
    run: sh`${preamble(args)}
${updating(args)}`,
  };
}

function cleaning(verb: string, args: AptArgs): Change {
  return {
    what: `apt-get ${verb}`,
    run: sh`${preamble(args)}
apt_get ${verb}`,
    action: true,
    harmless: true,
  };
}

function upgradeVerb(upgrade: AptArgs['upgrade']): readonly string[] {
  return upgrade === 'full' ? ['dist-upgrade'] : ['upgrade', '--with-new-pkgs'];
}

function held(args: AptArgs): readonly string[] {
  return args.allow_change_held_packages ? ['--allow-change-held-packages'] : [];
}

function installOptions(args: AptArgs): readonly string[] {
  const { install_recommends, default_release, name } = args;
  const isPinned = name.some((text) => text.includes('='));
  return [
    ...(install_recommends === undefined ? [] : ['-o', `APT::Install-Recommends=${install_recommends}`]),
    ...(default_release === undefined ? [] : ['-t', default_release]),
    ...(args.only_upgrade ? ['--only-upgrade'] : []),
    ...(args.autoremove ? ['--auto-remove'] : []),
    ...(args.fail_on_autoremove ? ['--no-remove'] : []),
    ...(args.allow_downgrade || isPinned ? ['--allow-downgrades'] : []),
    ...(args.allow_unauthenticated || args.force ? ['--allow-unauthenticated'] : []),
    ...(args.force ? ['--allow-downgrades', '--allow-remove-essential'] : []),
    ...held(args),
  ];
}

function updating({ update_cache_retries: retries, update_cache_retry_max_delay: longest }: AptArgs): Script {
  return sh`n=0; pause=1
until apt_get update -o APT::Update::Error-Mode=any; do
  n=$((n + 1))
  if [ "$n" -ge ${retries} ]; then exit 100; fi
  sleep "$pause"; pause=$((pause * 2)); if [ "$pause" -gt ${longest} ]; then pause=${longest}; fi
done
touch /var/lib/apt/lists`;
}

/** apt_get: no questions, local config files kept, a lock waited for, and who holds it named. */
function preamble({ dpkg_options, lock_timeout, policy_rc_d }: AptArgs): Script {
  const dpkg = dpkg_options
    .split(',')
    .filter((o) => o !== '')
    .flatMap((o) => ['-o', `Dpkg::Options::=--${o.trim()}`]);
  return sh`set -e
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 LC_ALL=C
holder() {
  for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    if i=$(stat -c %i "$f" 2>/dev/null); then
      p=$(awk -v i="$i" '{ n = split($6, part, ":") } n == 3 && part[3] == i { print $5; exit }' /proc/locks)
      if [ -n "$p" ]; then printf '%s is held by process %s: %s\n' "$f" "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null)"; return 0; fi
    fi
  done
  return 1
}
apt_get() {
  waited=0
  while who=$(holder); do
    if [ "$waited" -eq 0 ]; then printf 'waiting: %s\n' "$who" >&2; fi
    if [ "$waited" -ge ${lock_timeout} ]; then printf 'gave up after %s s: %s\n' ${lock_timeout} "$who" >&2; return 100; fi
    sleep 1; waited=$((waited + 1))
  done
  apt-get -q -y -o DPkg::Lock::Timeout=${lock_timeout} -o Dpkg::Use-Pty=0 ${dpkg} "$@"
}
${
  policy_rc_d === undefined
    ? sh`:`
    : sh`policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then mv -f -- "$policy" "$policy.bringup"; fi
trap 'rm -f -- "$policy"; if [ -e "$policy.bringup" ]; then mv -f -- "$policy.bringup" "$policy"; fi' EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit %s\n' ${policy_rc_d} >"$policy"
chmod 0755 "$policy"`
}`;
}

/** A shell pattern as a RegExp for the whole text. */
function globToRegex(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
}

function some(list: readonly string[]): string {
  return list.length <= 8 ? list.join(', ') : `${list.slice(0, 8).join(', ')} and ${list.length - 8} more`;
}
