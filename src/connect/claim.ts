// Locks a host, so that only one run at a time works on it, as sh. The lock is in `$_d`, a directory that only its user
// can enter (output-files.ts):
//
//   lock      the run that holds the host: its id, a tab, and a text for other runs
//   PID       one file for each shell of a run: the start time of the process (/proc/PID/stat), the run's id, `busy` or
//             `idle`. It has a fixed length and is overwritten without being emptied, so that a reader never finds it
//             empty. An idle shell rewrites it whenever its controller signals that it is still there.
import type { Claim } from '../core/connection.ts';
import { quote } from '../core/sh.ts';
import { LAST, ON_SIGNALS, userFolder } from './output-files.ts';
import { LIVES } from './stop.ts';

/** After this many minutes without a signal from its controller, an idle shell counts as abandoned. */
const SILENT_MINUTES = 1;
/** Milliseconds between two such signals. */
export const BEAT = 10_000;
/** What a controller sends to its shells to signal that it is still there. */
export const beat = '_state idle\n';

/**
 * For the first program of a shell: locks the host and sets `_go`, or reports the holder in a record `held`. The lock
 * of a run that is gone is taken over, which a record `took` reports. What a dead run left is removed.
 */
export function claiming({ run, words, lost }: Claim, mark: string, isRoot: boolean): string {
  const list = journal(isRoot);
  return `${userFolder(isRoot)}
${LIVES}
${QUIT}
_note() { printf '\\n%s %s\\n' ${mark} "$*"; }
_go=; read -r _x </proc/$$/stat; _x=\${_x##*) }; set -- $_x; shift 19; _me="$1 ${run}"
_state() { printf '%s %s\\n' "$_me" "$1" 1<>"$_d/$$"; }
${sweep(list)}
${bye(list)}
${HOLDER}
_state busy; trap '${LAST}; _bye' EXIT; ${ON_SIGNALS}
for _l in ${[...lost].join(' ')}; do
  { read -r _s _q _b <"$_d/$_l"; } 2>/dev/null && _lives $_l $_s || continue
  if [ "$_b" = busy ]; then _note "held ${run} an earlier script of this run"; _go=no; else _quit $_l $_s; fi
done
if ${FIRST_BOOT}; then _note "held - cloud-init, which has not ended its work of this boot"; _go=no; fi
for _i in 1 2 3 4 5; do
  [ -z "$_go" ] || break
  set -C
  if { printf '%s\\t%s\\n' ${run} ${quote(words)} >"$_d/lock"; } 2>/dev/null; then _go=new; fi
  set +C
  [ -z "$_go" ] || break
  { IFS='\t' read -r _r _w <"$_d/lock"; } 2>/dev/null || {
    [ ! -f "$_d/lock" ] || [ -s "$_d/lock" ] || [ -z "$(find "$_d/lock" -mmin +1)" ] || rm -f "$_d/lock"; continue; }
  if [ "$_r" = ${run} ]; then _go=own; break; fi
  _holder
  if [ -n "$_h" ]; then _note "held $_r $_w"; _go=no; break; fi
  [ ! -x /usr/bin/flock ] || { exec 9<"$_d"; flock 9; }
  _q=; { IFS='\t' read -r _q _x <"$_d/lock"; } 2>/dev/null
  [ "$_q" != "$_r" ] || { _holder; [ -n "$_h" ] || { rm -f "$_d/lock"; _note "took $_w"; }; }
  exec 9<&-
done
[ -n "$_go" ] || { _note "held - another run that has just begun"; _go=no; }
if [ "$_go" = new ]; then
  set --; for _f in "$_d"/[0-9]*; do _x=\${_f##*/}; _q=\${_x%%-*}; _s=; { read -r _s _x <"$_d/$_q"; } 2>/dev/null
  if [ -n "$_s" ]; then ! _lives $_q $_s || continue; elif [ -d /proc/$_q ]; then continue; fi
  set -- "$@" "$_f"; done; [ $# = 0 ] || rm -f "$@"
  [ ! -e ${list} ] || _sweep
fi
if [ "$_go" = no ]; then _go=; rm -f "$_d/$$"; fi`;
}

/**
 * cloud-init writes status.json at each of its stages, and result.json when it is done (its manual: "Boot status"). If
 * it has written nothing for ten minutes, it has failed, and must not block a run for ever.
 */
const FIRST_BOOT =
  '[ -e /run/cloud-init/status.json ] && [ ! -e /run/cloud-init/result.json ] && [ -n "$(find /run/cloud-init/status.json -mmin -10)" ]';

/** `_quit PID START`: ends an idle shell, which has no child processes. */
const QUIT =
  '_quit() { for _t in TERM TERM TERM TERM KILL KILL; do kill -$_t $1 2>/dev/null; sleep 0.2; _lives $1 $2 || break; done; }';

/** Removes the shell's files. The last shell of a run also removes the lock and the list of staged paths. */
const bye = (
  list: string,
): string => `_bye() { _o=; for _f in "$_d"/[0-9]*; do case \${_f##*/} in *[!0-9]* | $$) continue ;; esac
  { read -r _s _q _b <"$_f"; } 2>/dev/null && [ "$_q" = "\${_me#* }" ] && _lives "\${_f##*/}" "$_s" && _o=1; done
  { IFS='\t' read -r _r _w <"$_d/lock"; } 2>/dev/null
  set +f; set -- "$_d/$$-"* "$_d/$$"
  if [ -z "$_o" ] && [ "$_r" = "\${_me#* }" ]; then [ ! -e ${list} ] || _sweep; set -- "$@" "$_d/lock"; fi
  rm -f "$@"; }`;

/** Sets `_h` to a living shell of the run that holds the host. An idle shell that was silent for too long is ended. */
const HOLDER = `_holder() { _h=; for _f in "$_d"/[0-9]*; do case \${_f##*/} in *[!0-9]*) continue ;; esac
  { read -r _s _q _b <"$_f"; } 2>/dev/null && [ "$_q" = "$_r" ] && _lives "\${_f##*/}" "$_s" || continue
  if [ "$_b" = idle ] && [ -n "$(find "$_f" -mmin +${SILENT_MINUTES})" ]; then _quit "\${_f##*/}" $_s; else _h=$_f; break; fi
done; }`;

/** The list of paths that exist only while the run's scripts run. Root's list survives a power cut, as the paths do. */
function journal(isRoot: boolean): string {
  return isRoot ? '/var/lib/bringup/staged' : '"$_d/staged"';
}

/**
 * `_sweep` removes the listed paths that still exist, then the list. What cannot be removed, for example from a file
 * system that is read-only at the moment, stays listed. In another user's directory, a name may belong to something
 * else by now. Of directories, only an empty one is therefore removed, and a stage, which its owner alone can enter. It
 * has the setgid bit if the directory around it has.
 */
function sweep(list: string): string {
  return `_keep() { _q="$_q$_x
"; }
_sweep() { _q=; while IFS= read -r _x; do case $_x in */.bringup-*)
  if [ -L "$_x" ] || [ -f "$_x" ]; then rm -f -- "$_x" || _keep
  elif [ ! -d "$_x" ] || rmdir -- "$_x" 2>/dev/null; then :
  elif [ -z "$(ls -A -- "$_x")" ]; then _keep
  elif [ -O "$_x" ]; then case $(stat -c %a -- "$_x") in 700 | 2700) rm -rf --one-file-system -- "$_x" || _keep ;; esac; fi ;; esac; done <${list}
  if [ -n "$_q" ]; then printf %s "$_q" >${list}; else rm -f ${list}; _x=${list}; rmdir "\${_x%/*}" 2>/dev/null; fi; }`;
}

/** Adds paths to the list, before the scripts run that create them. */
export function noting(paths: readonly string[], isRoot: boolean): string {
  if (paths.length === 0) return ':';
  const list = journal(isRoot);
  return `${isRoot ? '[ -d /var/lib/bringup ] || mkdir -p /var/lib/bringup; ' : ''}printf '%s\\n' ${paths.map(quote).join(' ')} >>${list}`;
}
