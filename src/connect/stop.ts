// Shell code that ends what runs on a host.

/** `_lives PID START`: whether this very process still exists. */
export const LIVES = `_lives() { { read -r _x </proc/$1/stat; } 2>/dev/null || return 1; _x=\${_x##*) }; set -- "$2" $_x; [ "$2" != Z ] && [ "$1" = "\${21}" ]; }`;

/**
 * `_end_tree PID` ends a shell and everything that runs in it: its descendants, and processes of its process group or
 * session (background processes whose parent is gone). It sends SIGTERM first, so that scripts can clean up, and
 * SIGKILL after five seconds. It sets `_left` to the ids of processes that could not be ended.
 */
const END_TREE = `_tree() { while :; do _more=; for _s in /proc/[0-9]*/stat; do
  { read -r _x <$_s; } 2>/dev/null || continue
  _y=\${_x%% *}; _x=\${_x##*) }; case $_all in *" $_y "*) continue ;; esac; [ $_y != $$ ] || continue
  set -- $_x; [ "$1" != Z ] || continue
  case $_all in *" $2 "*) ;; *) [ "$3" = "$_group" ] || [ "$4" = "$_group" ] || continue ;; esac
  _all="$_all$_y "; _more=1
done; [ -n "$_more" ] || break; done; }
_alive() { _left=; for _y in $_all; do { read -r _x </proc/$_y/stat; } 2>/dev/null || continue
  _x=\${_x##*) }; case $_x in Z*) ;; *) _left="$_left$_y " ;; esac; done; }
_end_tree() { _all=" $1 "; _left=; { read -r _x </proc/$1/stat; } 2>/dev/null || return 0
  _x=\${_x##*) }; set -- "$1" $_x; _group=$4; [ "$_group" -gt 1 ] || _group=none; _tree
  _t=0; for _signal in TERM KILL; do for _y in $_all; do kill -$_signal $_y 2>/dev/null; done
  while [ $_t -lt 50 ]; do _tree; _alive; [ -n "$_left" ] || return 0; sleep 0.1; _t=$((_t + 1)); done
  _t=0; done; return 1; }`;

/** A program that ends the shell with this process id and prints which processes are left. */
export function stopping(pid: number): string {
  return `${END_TREE}
_end_tree ${pid}; printf 'left %s\\n' "$_left"`;
}
