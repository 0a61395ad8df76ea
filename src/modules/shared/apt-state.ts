// Reads in one probe which packages the host has and what apt knows about them.
import { answer, type Script, sh } from '../../core/sh.ts';
import { isAddress } from './apt-deb.ts';
import { type AptArgs, isInterrupted, upgradeVerb } from './apt-get.ts';
import { isGlob, wantedOf } from './apt-names.ts';
import { type Fields, fields } from './fields.ts';
import { probeClient } from './http.ts';
import { IT, NOW, PACKAGE, PACKAGE_FORMAT, STAT } from './questions.ts';

export type AptCurrent = Readonly<{
  installed: readonly Installed[];
  provided: ReadonlySet<string>;
  /** The versions that apt would install, for the names that were looked up. undefined: nothing was looked up. */
  candidates: ReadonlyMap<string, string> | undefined;
  indexIsEmpty: boolean;
  /** Seconds since the last refresh. */
  age: number;
  sourcesChanged: boolean;
  refreshed: number;
  upgrades: readonly string[];
  leftovers: readonly string[];
  deb: Readonly<{ name: string; version: string }> | undefined;
  /** What is missing to build the packages, and why that cannot be told. */
  buildDependencies: readonly string[];
  buildError: string | undefined;
  /** What the probe printed, for a download. */
  fields: Fields;
  /** dpkg was killed in the middle of its work, and it does not run now. */
  isInterrupted: boolean;
  /** Packages that are half installed, only unpacked, half configured, or waiting for triggers. */
  unfinished: readonly string[];
}>;
export type Installed = Readonly<{
  name: string;
  arch: string;
  version: string;
  isConfig: boolean;
  isUnfinished: boolean;
  /** The package is marked for removal. */
  isUnwanted: boolean;
}>;

export function probeApt(args: AptArgs): Script {
  const wanted = args.name.map(wantedOf);
  const names = wanted.map((w) => w.name);
  const building = args.state === 'build-dep' && names.length > 0;
  const latest = args.state === 'latest' && names.length > 0;
  const absent = args.state === 'absent';
  return sh`${probeIndex()}
half=; if ${isInterrupted()}; then
  grep -q ":$(stat -c %i /var/lib/dpkg/lock) " /proc/locks || { echo 'dpkg interrupted'; half=1; }
fi
missing=
${
  names.length === 0 || building
    ? sh`:`
    : sh`found=; set --
${names.map(
  (n) => sh`q=${answer(PACKAGE, n)}; if [ -n "$q" ]; then found="$found$q
"; else set -- "$@" ${n}; fi;`,
)}
[ $# = 0 ] || found=$found$(dpkg-query -W -f ${PACKAGE_FORMAT} -- "$@" 2>/dev/null) || :
printf '%s\n' "$found"
for n in ${names.filter((n) => !isGlob(n))}; do
  case "
$found" in *"
is "[ihr]i\ /"\${n%%:*}/"* | *"
is "[ihr]i\ /"\${n%%:*}:"*) ;; *) missing="$missing $n" ;; esac
done`
}
if [ -n "$half${absent ? sh`` : sh`$missing`}" ]; then
  dpkg-query -W -f 'provides \${db:Status-Abbrev} \${Package} \${Provides}\n' | grep -e '^provides ii  [^ ]* .' -e '^provides .[HUFWt]'
fi
${absent || building || names.length === 0 ? sh`:` : latest ? sh`echo looked up; LC_ALL=C apt-cache policy -- ${names} 2>/dev/null | ${policy()}` : sh`if [ -n "$missing" ]; then echo looked up; LC_ALL=C apt-cache policy -- $missing 2>/dev/null | ${policy()}; fi`}
${
  building
    ? sh`b=$(LC_ALL=C apt-get -s build-dep -- ${names} 2>&1) || printf 'unbuildable %s\n' "$(printf %s "$b" | base64 -w0)"
printf '%s\n' "$b" | sed -n 's/^Inst \([^ ]*\) .*/build \1/p'`
    : sh`:`
}
${args.upgrade === 'no' ? sh`:` : sh`LC_ALL=C apt-get -s ${upgradeVerb(args.upgrade)} 2>/dev/null | sed -n -e 's/^Inst \([^ ]*\) .*/upgrade \1/p' -e 's/^Conf \([^ ]*\) .*/configure \1/p'`}
${args.autoremove && names.length === 0 ? sh`LC_ALL=C apt-get -s autoremove 2>/dev/null | sed -n 's/^Remv \([^ ]*\) .*/leftover \1/p'` : sh`:`}
${
  args.deb === undefined
    ? sh`:`
    : isAddress(args.deb)
      ? probeClient()
      : sh`if [ -f ${args.deb} ]; then
  printf 'deb %s\n' "$(dpkg-deb -W --showformat='\${Package}/\${Version}' ${args.deb})"
  dpkg-query -W -f ${PACKAGE_FORMAT} -- "$(dpkg-deb -f ${args.deb} Package)" 2>/dev/null
fi`
}
:`;
}

/** Reads when the index was last refreshed and whether it is incomplete. */
function probeIndex(): Script {
  return sh`set -- ${answer(NOW, IT)}; set -- $1; now=\${7-}; [ -n "$now" ] || now=$(date +%s)
at=${answer(STAT, LISTS)}; at=\${at#*/*/*/*/}; at=\${at%%/*}; [ -n "$at" ] || at=$(stat -L -c %Y ${LISTS} 2>/dev/null) || at=0
printf 'refreshed %s\nage %s\n' "$at" "$((now - at))"
set -- ${LISTS}/*_Packages* ${LISTS}/*_dists_*
[ -e "$1" ] || [ -e "\${2-}" ] || echo 'index empty'
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  if [ -f "$f" ] && [ "$f" -nt ${LISTS} ]; then echo 'sources changed'; break; fi
done`;
}
const LISTS = '/var/lib/apt/lists';

function policy(): Script {
  return sh`awk '/^[^ ]/ { n = $1; sub(/:$/, "", n) } $1 == "Candidate:" { print "candidate " n "/" $2 }'`;
}

export function parseApt(stdout: string): AptCurrent {
  const f = fields(stdout);
  const installed = f.all('is').flatMap((line) => {
    const [status = '', binary = '', arch = '', version = ''] = line.split('/');
    const isThere = /^.[iWtUFH]/.test(status);
    const isConfig = /^.c/.test(status);
    const isUnfinished = /^.[WtUFH]|^..R/.test(status);
    const isUnwanted = /^[rp]/.test(status);
    const name = binary.replace(/:.*/, '');
    return isThere || isConfig ? [{ name, arch, version, isConfig, isUnfinished, isUnwanted }] : [];
  });
  const every = f.all('provides');
  const half = every.flatMap((line) => /^.[HUFWt].? +(\S+)/.exec(line)?.[1] ?? []);
  const upgrades = f.all('upgrade');
  const unconfigured = f.all('configure').filter((name) => !upgrades.includes(name));
  const provided = every.flatMap((line) =>
    line
      .replace(/^\S+\s+\S+\s*/, '')
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
    upgrades,
    leftovers: f.all('leftover'),
    deb: name === undefined || version === undefined ? undefined : { name, version },
    isInterrupted: f.get('dpkg') === 'interrupted',
    buildDependencies: f.all('build'),
    buildError: f.text('unbuildable'),
    fields: f,
    unfinished: [...new Set([...installed.filter((p) => p.isUnfinished).map((p) => p.name), ...half, ...unconfigured])],
  };
}
