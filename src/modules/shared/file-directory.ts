// Plans a directory with its owner and mode, and with `recurse` those of everything below it.
import { blocked, type Context, type Steps } from '../../core/module.ts';
import { type Script, sh, staged } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { fixAttributes, installOptions, ownerWord } from './attributes.ts';
import { planLabels } from './labels.ts';
import { modeWord, octal, resolveMode } from './mode.ts';
import { behind, type Seen } from './path-state.ts';
import { ancestors, dirname, join, stageName } from './paths.ts';
import { making, untrusted } from './untrusted.ts';

type Wanted = Ownership & Readonly<{ path: string; recurse: boolean }>;

/** `below` lists each combination of kind, mode, uid and gid below the directory, as `y/mode/uid/gid`. */
export function directory(now: Seen, below: readonly string[], given: Wanted, ctx: Context): Steps {
  const { path, recurse, mode, owner, group } = given;
  if (now.stat !== undefined && now.stat.kind !== 'directory') {
    return blocked('E_PATH_KIND', {
      path,
      is: `a ${now.stat.kind}`,
      wanted: 'a directory',
      hint: 'remove it in an earlier task (state: absent)',
    });
  }
  if (now.stat === undefined) {
    const fresh = mode === undefined ? undefined : resolveMode(mode, 0o777 & ~now.umask, true, now.umask);
    return [
      {
        what: `create directory ${path}`,
        // no parent directory is created, so files beside this one are unaffected
        ...(now.parent && now.link === undefined && { touches: [`path:${path}`] }),
        diff: { of: path, before: null, after: `directory${fresh === undefined ? '' : ` ${octal(fresh)}`}\n` },
        run: makeDirectory(now, path, given, fresh === undefined ? undefined : modeWord(fresh, true), ctx),
      },
      ...planLabels(now, path, given, ctx, { isNew: true }),
    ];
  }
  if (!recurse) return fixAttributes(now, path, given, ctx);
  const wrong = below.filter((combination) => isWrong(combination, now, given));
  if (wrong.length === 0) return [];
  return [
    {
      what: `${path}: owner and mode of all below it`,
      ...behind(now, path),
      diff: {
        of: path,
        before: `${wrong.join('\n')}\n`,
        after: `${[owner, group, mode].filter((v) => v !== undefined).join(' ')}\n`,
      },
      run:
        now.trusted && below.every(isClosed) && staysClosed(given)
          ? allBelow(now.real, given)
          : allBelowCarefully(path, given, ctx),
    },
  ];
}

/** Whether only root can change what the directory contains. */
function isClosed(combination: string): boolean {
  const [kind, mode = '0', uid] = combination.split('/');
  return kind !== 'd' || (uid === '0' && (Number.parseInt(mode, 8) & 0o022) === 0);
}

/** Whether the new mode opens no directory to other users and survives the change of owner. */
function staysClosed({ mode, owner, group }: Wanted): boolean {
  if (mode === undefined) return true;
  const given = owner !== undefined || group !== undefined;
  return (resolveMode(mode, 0o755, true) & 0o022) === 0 && !(given && (resolveMode(mode, 0, false) & 0o6000) !== 0);
}

/** Sets the mode first: a new owner could swap the files in between. */
function allBelow(target: string, { mode, ...how }: Wanted): Script {
  const chown = ownerWord(how);
  return sh`set -e
${mode === undefined ? sh`:` : sh`chmod -R -- ${modeArgument(mode)} ${target}`}
${chown === undefined ? sh`:` : sh`chown -hR -- ${chown} ${target}`}`;
}

function modeArgument(mode: string | number): string {
  return typeof mode === 'number' ? octal(mode) : mode.trim();
}

/**
 * Works directory by directory, from the innermost one. Each entry gets a second name in a place where no other user
 * can swap it.
 */
function allBelowCarefully(path: string, { mode, ...how }: Wanted, ctx: Context): Script {
  const chown = ownerWord(how);
  const chmod = mode === undefined ? undefined : modeArgument(mode);
  return sh`${untrusted(ctx)}
all() {
  ${chown === undefined ? sh`:` : sh`chown -- ${chown} .`}
  ${chmod === undefined ? sh`:` : sh`chmod -- ${chmod} .`}
  stage ${stageName(path, ctx)}
  find .. -mindepth 1 -maxdepth 1 ! -type d -exec ln -P -t . -- '{}' +
  ${chown === undefined ? sh`:` : sh`find . -mindepth 1 -exec chown -h -- ${chown} '{}' +`}
  ${chmod === undefined ? sh`:` : sh`find . -mindepth 1 ! -type l -exec chmod -- ${chmod} '{}' +`}
  leave
  for c in ./* ./.[!.]* ./..?*; do
    [ -d "$c" ] && [ ! -L "$c" ] || continue
    ( trap 'x=$?; set +e; leave; exit $x' EXIT; y=; z=; look "$c" || exit 0; case $e in 4*) ;; *) exit 0 ;; esac; into "$c"; all )
  done
}
enter ${path.replace(/(.)\/+$/, '$1')}
look "$n" || die "$p: it was removed meanwhile"
into "$n"
all`;
}

/** Whether an entry of this combination is not as wanted. */
function isWrong(combination: string, now: Seen, { mode, owner, group }: Ownership): boolean {
  const [kind, octalMode = '0', uid, gid] = combination.split('/');
  const present = Number.parseInt(octalMode, 8);
  if (owner !== undefined && Number(uid) !== now.owner) return true;
  if (group !== undefined && Number(gid) !== now.group) return true;
  return mode !== undefined && resolveMode(mode, present, kind === 'd', now.umask) !== present;
}

/**
 * Each missing parent also gets the owner and mode. An earlier task of the same round trip may have given away a
 * directory above this one since the probe, so what the probe saw of them is checked again.
 */
export function makeDirectory(now: Seen, path: string, how: Ownership, mode: string | undefined, ctx: Context): Script {
  const plain = path.replace(/(.)\/+$/, '$1');
  const careful = makeCarefully(plain, how, mode, ctx);
  if (!now.trusted || now.link !== undefined || ctx.user !== 'root') return careful;
  return sh`t=1; for x in $(stat -c %f/%u -- ${ancestors(dirname(plain))} 2>/dev/null); do case $x in 4?[02468ace][014589cd]/0) ;; *) t= ;; esac; done
if [ -n "$t" ]; then
${makeByPath(plain, how, mode, ctx)}
else
${careful}
fi`;
}

/** The last process takes the place of the shell, because nothing comes after it. */
function makeByPath(path: string, how: Ownership, mode: string | undefined, ctx: Context): Script {
  const chown = ownerWord(how);
  const one = (target: Script): Script =>
    mode === undefined
      ? sh`mkdir -- ${target}`
      : sh`install -d ${installOptions(mode, how.owner, how.group)} -- ${target}`;
  const own = mode === undefined && chown !== undefined;
  const isGranted = mode !== undefined || own;
  const name = stageName(path, ctx, 'directory');
  return sh`set -e
: ${isGranted ? ancestors(dirname(path)).map((folder) => staged(join(folder, name))) : []}
make() {
  if [ -z "$1" ] || [ -d "$1" ]; then return 0; fi
  case $1 in */*) make "\${1%/*}" ;; esac
  ${isGranted ? sh`s=\${1%/*}/${name}` : sh`s=$1`}
  ${one(sh`"$s"`)}
  ${own ? sh`chown -- ${chown} "$s"` : sh`:`}
  ${isGranted ? sh`mv -T -- "$s" "$1"` : sh`:`}
}
${own ? sh`make ${path}` : sh`make ${dirname(path)}; [ -d ${path} ] || exec ${one(sh`${path}`)}`}`;
}

function makeCarefully(path: string, how: Ownership, mode: string | undefined, ctx: Context): Script {
  const chown = ownerWord(how);
  const grants = [
    ...(chown === undefined ? [] : [sh`chown -- ${chown} .`]),
    ...(mode === undefined ? [] : [sh`chmod -- ${mode} .`]),
  ];
  return sh`${untrusted(ctx)}
${making(path, grants, ctx)}
p=${path}; walk ${path}`;
}
