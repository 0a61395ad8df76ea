// How apt-get runs: its options, retries of the index refresh, and waiting for locks.
import { type Script, sh } from '../../core/sh.ts';

/** The arguments of apt. The module `package` uses a subset of them. */
export type AptArgs = Readonly<{
  name: readonly string[];
  state: 'present' | 'latest' | 'absent' | 'build-dep' | 'fixed';
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

type Waiting = Pick<AptArgs, 'dpkg_options' | 'lock_timeout' | 'policy_rc_d'>;
export const APT_DEFAULTS: Waiting = { dpkg_options: 'force-confdef,force-confold', lock_timeout: 60 };

/** Shown in a plan and in the host's output. */
export const REPAIRING = 'finish interrupted package configuration (dpkg --configure -a)';

/** A sh condition: dpkg was killed or is running. It uses only shell builtins. */
export function isInterrupted(): Script {
  return sh`for u in /var/lib/dpkg/updates/[0-9]*; do break; done; [ -e "$u" ]`;
}

/** Defines `holder`, which prints who holds a lock of dpkg or apt and fails if nobody does. */
export function lockHolder(): Script {
  return sh`holder() {
  for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    if i=$(stat -c %i "$f" 2>/dev/null); then
      p=$(awk -v i="$i" '{ n = split($6, part, ":") } n == 3 && part[3] == i { print $5; exit }' /proc/locks)
      if [ -n "$p" ]; then
        case $f in *dpkg*) by=dpkg ;; *) by=apt ;; esac
        printf '%s is locked by process %s, %s(%s)\n' "$by" "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null)" "$f"
        return 0
      fi
    fi
  done
  return 1
}`;
}

export function upgradeVerb(upgrade: AptArgs['upgrade']): readonly string[] {
  return upgrade === 'full' ? ['dist-upgrade'] : ['upgrade', '--with-new-pkgs'];
}

export function held(args: AptArgs): readonly string[] {
  return args.allow_change_held_packages ? ['--allow-change-held-packages'] : [];
}

export function installOptions(args: AptArgs): readonly string[] {
  const { install_recommends, default_release, name, state } = args;
  const isPinned = name.some((text) => text.includes('='));
  return [
    ...(install_recommends === undefined ? [] : ['-o', `APT::Install-Recommends=${install_recommends}`]),
    ...(default_release === undefined ? [] : ['-t', default_release]),
    ...(state === 'fixed' ? ['--fix-broken'] : []),
    ...(args.only_upgrade ? ['--only-upgrade'] : []),
    ...(args.autoremove ? ['--auto-remove'] : []),
    ...(args.fail_on_autoremove ? ['--no-remove'] : []),
    ...(args.allow_downgrade || isPinned ? ['--allow-downgrades'] : []),
    ...(args.allow_unauthenticated || args.force ? ['--allow-unauthenticated'] : []),
    ...(args.force ? ['--allow-downgrades', '--allow-remove-essential'] : []),
    ...held(args),
  ];
}

type Retrying = Pick<AptArgs, 'update_cache_retries' | 'update_cache_retry_max_delay'>;

export function updating({ update_cache_retries: retries, update_cache_retry_max_delay: longest }: Retrying): Script {
  return sh`n=0; pause=1
until apt_get update -o APT::Update::Error-Mode=any; do
  n=$((n + 1))
  if [ "$n" -ge ${retries} ]; then exit 100; fi
  sleep "$pause"; pause=$((pause * 2)); if [ "$pause" -gt ${longest} ]; then pause=${longest}; fi
done
touch /var/lib/apt/lists`;
}

/**
 * Defines `apt_get` and `repair`. They ask no questions, keep local config files, wait for locks and name the holder of
 * a lock. apt refuses every job while dpkg's journal of an interrupted job is not empty, so `apt_get` lets dpkg finish
 * that job first.
 */
export function preamble({ dpkg_options, lock_timeout, policy_rc_d }: Waiting): Script {
  const dpkg = dpkg_options
    .split(',')
    .map((o) => o.trim())
    .filter((o) => o !== '')
    .map((o) => `--${o}`);
  return sh`set -e
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 LC_ALL=C
${lockHolder()}
await_locks() {
  waited=0
  while who=$(holder); do
    if [ "$waited" -eq 0 ]; then printf 'waiting: %s\n' "$who" >&2; fi
    if [ "$waited" -ge ${lock_timeout} ]; then printf 'gave up after %s s: %s\n' ${lock_timeout} "$who" >&2; return 100; fi
    sleep 1; waited=$((waited + 1))
  done
}
locked_apt() {
  apt-get -q -y -o DPkg::Lock::Timeout=${lock_timeout} -o Dpkg::Use-Pty=0 ${dpkg.flatMap((o) => ['-o', `Dpkg::Options::=${o}`])} "$@"
}
repair() {
  await_locks
  echo ${REPAIRING}
  # Its own failure may be what apt can repair: a package that was cut off while it was unpacked, or lacks a dependency.
  dpkg ${dpkg} --configure -a || echo 'dpkg --configure -a failed; trying apt-get --fix-broken install' >&2
  locked_apt --fix-broken --no-remove install
}
apt_get() {
  await_locks
  if ${isInterrupted()}; then
    echo ${REPAIRING}
    dpkg ${dpkg} --configure -a || :
  fi
  locked_apt "$@"
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
