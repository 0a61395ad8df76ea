// Units of a manager other than the system's: that of the acting user, or the links that count for all users.
import { blocked, type Change, type Context, type Steps } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import { UNIT_PROPERTIES } from './questions.ts';
import {
  planUnit,
  probeUnit,
  type UnitArgs,
  type UnitSeen,
  unitName,
  unitNeeds,
  unitSeries,
  unitTouches,
} from './unit.ts';

type ScopedArgs = UnitArgs & Readonly<{ scope: 'system' | 'user' | 'global' }>;

/** Lets systemctl and journalctl talk to the manager of the scope. sudo passes no XDG_RUNTIME_DIR. */
const MANAGERS: Readonly<Record<'user' | 'global', Script>> = {
  user: sh`export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
systemctl() { command systemctl --user "$@"; }
journalctl() { command journalctl --user "$@"; }`,
  global: sh`systemctl() { command systemctl --global "$@"; }`,
};

export function probeScoped(args: ScopedArgs): Script {
  const { name, scope } = args;
  if (scope === 'system') return probeUnit(args);
  const unit = name === undefined ? undefined : unitName(name);
  const load =
    scope === 'user'
      ? sh`:`
      : sh`case $e in '' | not-found) ;; masked*) echo LoadState=masked ;; *) echo LoadState=loaded ;; esac`;
  return sh`if command -v systemctl >/dev/null; then echo systemd=yes; fi
( ${MANAGERS[scope]}
${scope === 'user' ? sh`if systemctl show --property=Version >/dev/null 2>&1; then echo booted=yes; fi` : sh`:`}
${unit === undefined || scope === 'global' ? sh`:` : sh`systemctl show --property=${UNIT_PROPERTIES} -- ${unit} 2>/dev/null`}
${
  unit === undefined
    ? sh`:`
    : sh`e=$(systemctl is-enabled -- ${unit} 2>/dev/null); printf 'Enabled=%s\n' "$e"
${load}`
} )`;
}

export function planScoped(seen: UnitSeen, args: ScopedArgs, { user }: Context): Steps {
  const { scope } = args;
  if (scope === 'user' && seen.systemd && !seen.booted) return blocked('E_NO_USER_MANAGER', { user });
  const steps = planUnit(seen, args);
  return scope === 'system' || 'blocked' in steps ? steps : steps.map((change) => scoped(change, MANAGERS[scope]));
}

/** No unit of another manager is enabled in place of this one. */
function scoped({ joins: _, run, closing, explain, ...rest }: Change, manager: Script): Change {
  const by = (script: Script): Script => sh`${manager}
${script}`;
  return {
    ...rest,
    run: by(run),
    ...(closing !== undefined && { closing: by(closing) }),
    ...(explain !== undefined && { explain: by(explain) }),
  };
}

/** The units of a user may lie in any home directory. */
export function scopedNeeds(args: ScopedArgs): readonly string[] {
  return args.scope === 'system' ? unitNeeds(args) : ['path:/', 'package:*', 'live:*', 'unit:*'];
}

export function scopedTouches(args: ScopedArgs): readonly string[] {
  return args.scope === 'system' ? unitTouches(args) : ['path:/', 'unit:*', 'live:*'];
}

export function scopedSeries(args: ScopedArgs): string | undefined {
  return args.scope === 'system' ? unitSeries(args) : undefined;
}
