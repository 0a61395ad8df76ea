// How apt-get is run: its options, a refresh of the index that is tried again, and a lock that is waited for.
import { type Script, sh } from '../../core/sh.ts';

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

export function upgradeVerb(upgrade: AptArgs['upgrade']): readonly string[] {
  return upgrade === 'full' ? ['dist-upgrade'] : ['upgrade', '--with-new-pkgs'];
}

export function held(args: AptArgs): readonly string[] {
  return args.allow_change_held_packages ? ['--allow-change-held-packages'] : [];
}

export function installOptions(args: AptArgs): readonly string[] {
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

export function updating({ update_cache_retries: retries, update_cache_retry_max_delay: longest }: AptArgs): Script {
  return sh`n=0; pause=1
until apt_get update -o APT::Update::Error-Mode=any; do
  n=$((n + 1))
  if [ "$n" -ge ${retries} ]; then exit 100; fi
  sleep "$pause"; pause=$((pause * 2)); if [ "$pause" -gt ${longest} ]; then pause=${longest}; fi
done
touch /var/lib/apt/lists`;
}

/** apt_get: no questions, local config files kept, a lock waited for, and who holds it named. */
export function preamble({ dpkg_options, lock_timeout, policy_rc_d }: AptArgs): Script {
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
