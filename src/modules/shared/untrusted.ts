// Shell functions for working in a directory that another user can change.
import type { Context } from '../../core/module.ts';
import { library, lines, ROOM, type Script, sh, staged } from '../../core/sh.ts';
import { ancestors, dirname, join, stageName } from './paths.ts';

/**
 * Between a probe and a change, a user who can write to one of the directories on the way can put something else there:
 * a link to /etc in place of a directory, a link to /etc/shadow in place of a file. In such a place these functions
 * therefore never use a path of more than one component, and examine each component from inside its directory.
 *
 * - `walk PATH` changes to that directory. The directory that it enters is the one that it examined. `lead` covers the
 *   part of the path that nobody else can change, and examines the first component after it ($seen), which nobody else
 *   can swap: one process for both, two for each step after it. `$rest` is what is left of the path. `$here` identifies
 *   the present directory if that is known.
 * - A symbolic link that another user can swap is followed only to a directory of that user: it leads to no place that
 *   the user could not write to anyway, and no directory is created on the way. (Compare protected_symlinks in
 *   proc_sys_fs(5).)
 * - `enter PATH` changes to the directory that contains PATH, following links, and sets n to its name there. `beside
 *   PATH` does not follow the last link.
 * - `stage NAME` creates a directory that only the acting user can enter, and changes to it. Nobody else can move it to
 *   another directory, because only a directory's owner may change its `..`. So `../$n` stays the file that was
 *   examined.
 * - `newdir NAME` creates a directory and changes to it. `granted NAME` does the same, but the directory gets its name
 *   only after the function `grant` gave it its owner and mode. Until then it is called $v. With made=newdir or
 *   made=granted, `walk` creates missing directories.
 * - `$u` is a directory that is removed at the end: the place of an upload.
 * - `pin FORMAT SEEN` gives the file at `../$n` the name ./.pinned in the stage, without following a link. Nobody can
 *   swap it there. It has to be the file that the probe saw.
 * - `merge PATH` moves the entries of a directory below file descriptor 7, of the stage, to the current directory. A
 *   directory that already exists is entered and merged, and then passed to `$settle`.
 */
const FUNCTIONS = library(
  'untrusted',
  sh`set -e
ifs=$IFS; nl='
'; k=0; y=; z=; n=; w=; l=; made=; update=; settle=:; u=; q=; here=; seen=
${ROOM}
die() { q=1; printf '%s\n' "$1" >&2; exit 1; }
look() { e=$(stat -c '%f/%u %d:%i' -- . "./$1" 2>/dev/null) || return 1; h=\${e%%"$nl"*}; e=\${e#*"$nl"}; }
hop() {
  k=$((k + 1)); [ "$k" -lt 40 ] || die "$p: too many symbolic links"
  l=$(readlink -n -- "./$1" && echo .) || die "$p: $1 changed while bringup followed it"; l=\${l%.}
  o=\${h%% *}; o=\${o#*/}; q=\${e%% *}; q=\${q#*/}; w=
  case $o in
  0 | "$me")
    case \${h%%/*} in
    4?[02468ace][014589cd]) ;;
    4[2367abef]??) case $q in 0 | "$me") ;; *) w=$q ;; esac ;;
    *) refuse "$1" "who can write $(pwd -P)" ;;
    esac ;;
  *) w=$o ;;
  esac
}
refuse() { die "$p: $1 is a symbolic link that can be changed by $2, and leads out of their own directories; it is not followed
name the real path, or act as that user (become_user)"; }
owned() { [ -z "$2" ] || [ "$(stat -c %u .)" = "$2" ] || refuse "$1" "$(id -un "$2" 2>/dev/null || echo "user $2")"; }
into() {
  cd -P "./$1" 2>/dev/null || die "$p: $1 cannot be entered"
  here=\${e#* }
  [ "$(stat -c '%d:%i' .)" = "$here" ] || die "$p: $1 changed while bringup followed it"
}
step() {
  if [ -n "$seen" ]; then
    seen=; cd -P "./$1" 2>/dev/null || die "$p: $1 cannot be entered"
    here=\${e#* }; return 0
  elif ! look "$1"; then
    [ -n "$made" ] || die "$p: there is no $1 in $(pwd -P)"
    "$made" "$1"; return 0
  fi
  case $e in
  4*) into "$1" ;;
  a*) hop "$1"; set -- "$1" "$w" "$made"; [ -z "$w" ] || made=; walk "$l"; owned "$1" "$2"; made=$3 ;;
  *) die "$p: $1 in $(pwd -P) is not a directory" ;;
  esac
}
lead() {
  rest=\${1#/}; far=; set -f; IFS=/; set -- $rest; IFS=$ifs; set +f; set -- "$@" /
  for c; do
    case $c in '' | . | .. | /) break ;; esac
    far=$far/$c; set -- "$@" "$far"
  done
  while [ "$1" != / ]; do shift; done
  far=; here=; seen=; for c in $(stat -c %f/%u/%d:%i -- "$@" 2>/dev/null); do
    case $c in
    4?[02468ace][014589cd]/0/* | 4?[02468ace][014589cd]/"$me"/*) far=$1; here=\${c##*/}; shift ;;
    4*) e="\${c%/*} \${c##*/}"; seen=1; break ;;
    *) break ;;
    esac
  done
  case $far in '' | /) cd -P / ;; *) cd -P "$far"; rest=\${rest#"\${far#/}"} ;; esac
}
walk() {
  case $1 in /*) lead "$1"; set -- "$rest" ;; esac
  set -f; IFS=/; set -- $1; IFS=$ifs; set +f
  for c; do case $c in '' | .) ;; ..) cd -P ..; here= ;; *) step "$c" ;; esac; done
}
beside() { p=$1; case \${p%/*} in '') cd -P / ;; *) walk "\${p%/*}" ;; esac; n=\${p##*/}; }
enter() {
  beside "$1"
  while look "$n" && case $e in a*) ;; *) false ;; esac; do
    hop "$n"; set -- "$n" "$w" "$l"; [ -z "$w" ] || made=
    case $3 in */*) walk "\${3%/*}/" ;; esac
    n=\${3##*/}; case $n in '' | . | ..) die "$p: $1 leads to a directory" ;; esac
    owned "$1" "$2"
  done
}
stage() {
  i=\${here:-$(stat -c '%d:%i' .)}; here=
  mkdir -m 0700 -- "./$1" 2>/dev/null || { set -- "$1-$$"; mkdir -m 0700 -- "./$1" || exit 1; }
  z=$1; cd -P "./$1" || exit 1
  case $(stat -c '%u %a %d:%i' . ..) in "$me "*00" "*"$nl"*" $i") ;; *) z=; die "$p: somebody changed the staging directory" ;; esac
  set -- * .[!.]*; [ "$*" = '* .[!.]*' ] || { z=; die "$p: somebody changed the staging directory"; }
  exec 6<.; y=1
  case $(ls -ld .) in ??????????+*) setfacl -bk . || die "$p: the directory hands on access rights (ACLs) to what is made in it; install acl" ;; esac
}
leave() {
  [ -n "$y" ] || { [ -z "$z" ] || rmdir -- "./$z" || :; return 0; }
  here=; cd -P /proc/self/fd/6 || return 0
  set -- * .[!.]* ..?*; [ "$*" = '* .[!.]* ..?*' ] || find . -mindepth 1 -delete
  cd -P .. && rmdir -- "./$z"; y= z=
}
newdir() {
  mkdir -- "./$1" || exit 1
  look "$1" || exit 1
  case $e in 4*/"$me "*) into "$1" ;; *) die "$p: $1 changed while bringup made it" ;; esac
}
granted() {
  mkdir -- "./$v" || exit 1
  z=$v; look "$v" || exit 1
  case $e in 4*/"$me "*) ;; *) die "$p: somebody changed the directory $v" ;; esac
  set -- "$1" "\${e#* }"
  ( into "$v" && grant ) || exit 1
  mv -nT -- "./$v" "./$1" || :
  look "$1" && [ "\${e#* }" = "$2" ] || die "$p: somebody made $1 meanwhile; run again"
  z=; into "$1"
}
pin() {
  ln -P -- "../$n" ./.pinned 2>/dev/null || die "$p: it was removed, or it cannot be hard-linked"
  [ "$(stat -c "$1" -- ./.pinned)" = "$2" ] || die "$p: another file is there than the one that bringup read; run again"
}
merge() {
  [ "$(stat -c %d .)" = "$(stat -L -c %d /proc/self/fd/7)" ] || die "$p: $(pwd -P) is on another file system; name it as the destination"
  exec 8<.
  ( cd -P "/proc/self/fd/7/$1" && find . -mindepth 1 -maxdepth 1 ! -type d -exec mv -f $update -t /proc/self/fd/8 -- '{}' + ) || exit 1
  for c in "/proc/self/fd/7/$1"/* "/proc/self/fd/7/$1"/.[!.]* "/proc/self/fd/7/$1"/..?*; do
    [ -d "$c" ] && [ ! -L "$c" ] || continue
    b=\${c##*/}
    if ! look "$b" && mv -nT -- "$c" "./$b" && [ ! -e "$c" ]; then continue; fi
    ( step "$b"; merge "$1/$b"; "$settle" "/proc/self/fd/7/$1/$b" ) || exit 1
  done
}
trap 'x=$?; set +e; [ "$x$q" = 0 ] || [ -n "$q" ] || room .; leave; [ -z "$u" ] || rm -rf -- "$u"; exit $x' EXIT
trap 'exit 1' HUP INT TERM`,
);

/** The functions, for the user that the script runs as. */
export function untrusted({ user }: Pick<Context, 'user'>): Script {
  return sh`${FUNCTIONS}
me=${user === 'root' ? sh`0` : sh`$(id -u)`}`;
}

/**
 * Changes to a stage beside the path. \`../$n\` is the file that the path leads to or, with `follow: false`, the path
 * itself.
 */
export function stageBeside(
  path: string,
  name: string,
  ctx: Context,
  { follow = true, before = sh`` }: { follow?: boolean; before?: Script } = {},
): Script {
  return lines([
    untrusted(ctx),
    before,
    sh`${follow ? sh`enter` : sh`beside`} ${path.replace(/(.)\/+$/, '$1')}
: ${staged(join(dirname(path), name))}
stage ${name}`,
  ]);
}

/**
 * Lets `walk` create the missing directories of a path. If they get an owner or a mode, none can be found without them
 * after an interruption. A later run would take such a directory for one that existed before.
 */
export function making(path: string, grants: readonly Script[], ctx: Context): Script {
  if (grants.length === 0) return sh`made=newdir`;
  const name = stageName(path, ctx, 'directory');
  return sh`: ${ancestors(dirname(path)).map((folder) => staged(join(folder, name)))}
v=${name}
grant() {
${lines(grants.map((grant) => sh`${grant} || return 1`))}
}
made=granted`;
}

/** Changes to a stage in an existing directory. */
export function stageWithin(folder: string, name: string, ctx: Context, before = sh``): Script {
  return sh`${untrusted(ctx)}
${before}
p=${folder}; walk ${folder}
: ${staged(join(folder, name))}
stage ${name}`;
}
