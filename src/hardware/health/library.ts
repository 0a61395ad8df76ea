import { sh } from '../../core/sh.ts';

/** Functions that the scripts of all probes use. Their own variables end with an underscore. */
export const LIBRARY = sh`
PATH=$PATH:/usr/sbin:/sbin:/opt/vc/bin
LC_ALL=C
R=\${R-}
# read_ FILE: sets REPLY to the first line of a file, without spaces around it; fails if there is none
read_() { REPLY=; [ -r "$1" ] && { IFS= read -r REPLY <"$1" || [ -n "$REPLY" ]; } 2>/dev/null; }
# text FILE: sets REPLY to a short text that ends with a NUL byte or a line end
text() { REPLY=; [ -r "$1" ] || return 1; REPLY=$(tr '\000' '\n' <"$1" 2>/dev/null | head -n 1); [ -n "$REPLY" ]; }
# label TEXT: sets REPLY to the text as the value of a label, without what would have to be escaped
label() {
  REPLY=$1
  case $REPLY in *[\\\"]*) REPLY=$(printf '%s' "$REPLY" | tr '\\"' '__') ;; esac
}
# put NAME VALUE [LABEL TEXT]...: prints a sample; a value that is no number is left out
put() {
  case $2 in '' | *[!0-9.eE+-]*) return 0 ;; esac
  n_=$1 v_=$2 l_=
  shift 2
  while [ $# -gt 1 ]; do label "$2"; l_=$l_\${l_:+,}$1=\"$REPLY\"; shift 2; done
  [ -z "$l_" ] || l_="{$l_}"
  printf 'bringup_health_%s%s %s\n' "$n_" "$l_" "$v_"
}
# milli NUMBER: sets REPLY to a thousandth of a whole number
milli() {
  case $1 in '' | *[!0-9-]*) REPLY=; return ;; esac
  case $1 in -*) REPLY=-; set -- "\${1#-}" ;; *) REPLY= ;; esac
  f_=$(($1 % 1000))
  case $f_ in ?) f_=00$f_ ;; ??) f_=0$f_ ;; esac
  REPLY=$REPLY$(($1 / 1000)).$f_
}
why() { printf '!%s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }
`;
