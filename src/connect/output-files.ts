// Where pieces of a trip put what they print, as sh for the shell that runs them; and how the shell sends it on.

/** Of an output that is longer than twice this, its beginning and its end are kept. Bytes. */
export const KEPT = 8 * 1024 * 1024;

/** A folder of the shell's user, which nobody else can enter: `$_d`. Root's is the same for all of root's shells. */
export function userFolder(isRoot: boolean): string {
  if (isRoot) return `_d=/run/bringup; [ -d $_d ] || mkdir -m 700 -p $_d`;
  return `if [ -z "\${_d-}" ]; then
while read -r _k _u _x; do [ "$_k" != Uid: ] || break; done </proc/$$/status
_d=/run/user/$_u; if [ -d $_d ] && [ -O $_d ] && [ -w $_d ]; then _d=$_d/bringup; else _d=/tmp/bringup-$_u; fi
[ -d $_d ] || mkdir -m 700 $_d; { [ -O $_d ] && [ ! -L $_d ]; } || _d=$(mktemp -d /tmp/bringup-XXXXXXXXXX)
fi`;
}

/** From here on the shell only cleans up. A second signal (sudo hands on its own) must not cut that short. */
export const LAST = 'trap "" TERM HUP INT PIPE';
/**
 * What a script started ends first; then the shell, with its traps. SIGPIPE: nobody reads any more. No signal is ignored
 * before that: it would be handed down to what runs in the shell.
 */
export const ON_SIGNALS = `trap '${LAST}; exit 143' TERM HUP INT PIPE`;
/** `_bye` is there where the shell has claimed the host: see claim.ts. */
const ON_EXIT = `'${LAST}; rm -f "$_d/$$-"*; [ -z "\${_me-}" ] || _bye'`;

/**
 * Names the files of a trip: `$_p.I.o`, `$_p.I.e`. No two trips share a file: a process that a task left behind may still
 * hold one. They are emptied when they were sent, and removed when the shell ends.
 */
export const outputFiles = `_n=$((\${_n-0} + 1)); _p=$_d/$$-$_n
[ $_n -gt 1 ] || trap ${ON_EXIT} EXIT; ${ON_SIGNALS}`;

/** Sends what is in the files. The sizes are found out first, so that what somebody adds by then is not sent. */
export function collect(mark: string): string {
  return `set +f; set --; for _f in "$_p".*; do [ ! -s "$_f" ] || set -- "$@" "$_f"; done
if [ $# -gt 0 ]; then set -- $(LC_ALL=C wc -c -- "$@"); while [ $# -gt 1 ]; do [ "$2" != total ] || break
if [ $1 -le ${2 * KEPT} ]; then printf '\\n%s = %s %d %d\\n' ${mark} "\${2#"$_p".}" $1 $1; head -c $1 "$2"
else printf '\\n%s = %s %d %d\\n' ${mark} "\${2#"$_p".}" $1 ${2 * KEPT}; head -c ${KEPT} "$2"; tail -c ${KEPT} "$2"; fi
printf '\\n%s . %s\\n' ${mark} "\${2#"$_p".}"; : >"$2"; shift 2; done; fi`;
}
