// The files into which the pieces of a round trip print, as sh for the shell that runs them, and how the shell sends
// them.

/** In bytes. An output that is longer than twice this is cut to its beginning and its end. */
export const KEPT = 8 * 1024 * 1024;

/** Sets `$_d` to a directory of the shell's user that nobody else can enter. All shells of root share one. */
export function userFolder(isRoot: boolean): string {
  if (isRoot) return `_d=/run/bringup; [ -d $_d ] || mkdir -m 700 -p $_d`;
  return `if [ -z "\${_d-}" ]; then
while read -r _k _u _x; do [ "$_k" != Uid: ] || break; done </proc/$$/status
_d=/run/user/$_u; if [ -d $_d ] && [ -O $_d ] && [ -w $_d ]; then _d=$_d/bringup; else _d=/tmp/bringup-$_u; fi
[ -d $_d ] || mkdir -m 700 $_d; { [ -O $_d ] && [ ! -L $_d ]; } || _d=$(mktemp -d /tmp/bringup-XXXXXXXXXX)
fi`;
}

/** From here on the shell only cleans up. A second signal (sudo forwards its own) must not interrupt that. */
export const LAST = 'trap "" TERM HUP INT PIPE';
/**
 * On a signal, the processes of a script end first, then the shell with its traps. SIGPIPE means that nobody reads any
 * more. No signal is ignored before that, because processes in the shell would inherit it.
 */
export const ON_SIGNALS = `trap '${LAST}; exit 143' TERM HUP INT PIPE`;
/** `_bye` exists if the shell has locked the host: see claim.ts. */
const ON_EXIT = `'${LAST}; if [ -n "\${_me-}" ]; then _bye; else rm -f "$_d/$$-"*; fi'`;

/**
 * Sets the names of a round trip's files: `$_p.I.o`, `$_p.I.e`. No two round trips share a file, because a background
 * process of a task may still hold one. The files are emptied after they were sent, and removed when the shell ends.
 */
export const outputFiles = `_n=$((\${_n-0} + 1)); _p=$_d/$$-$_n
[ $_n -gt 1 ] || trap ${ON_EXIT} EXIT; ${ON_SIGNALS}`;

/** Sends the content of the files. Their sizes are read first, so that bytes added meanwhile are not sent. */
export function collect(mark: string): string {
  return `set +f; set --; for _f in "$_p".*; do [ ! -s "$_f" ] || set -- "$@" "$_f"; done
if [ $# -gt 0 ]; then set -- $(LC_ALL=C wc -c -- "$@"); while [ $# -gt 1 ]; do [ "$2" != total ] || break
if [ $1 -le ${2 * KEPT} ]; then printf '\\n%s = %s %d %d\\n' ${mark} "\${2#"$_p".}" $1 $1; head -c $1 "$2"
else printf '\\n%s = %s %d %d\\n' ${mark} "\${2#"$_p".}" $1 ${2 * KEPT}; head -c ${KEPT} "$2"; tail -c ${KEPT} "$2"; fi
printf '\\n%s . %s\\n' ${mark} "\${2#"$_p".}"; : >"$2"; shift 2; done; fi`;
}
