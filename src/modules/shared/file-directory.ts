// A directory is there, with its owner and mode, or those of all below it.
import type { Steps } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { fixAttributes, installOptions, ownerWord } from './attributes.ts';
import type { Seen } from './look.ts';
import { modeWord, octal, resolveMode } from './mode.ts';

type Wanted = Ownership & Readonly<{ path: string; recurse: boolean }>;

/** `below`: each combination of kind, mode, uid and gid below the directory, as `y/mode/uid/gid`. */
export function directory(now: Seen, below: readonly string[], given: Wanted): Steps {
  const { path, recurse, mode, owner, group } = given;
  if (now.stat !== undefined && now.stat.kind !== 'directory') {
    return {
      blocked: `${path} is a ${now.stat.kind}, not a directory`,
      mend: 'remove it in an earlier task (state: absent)',
    };
  }
  if (now.stat === undefined) {
    const fresh = mode === undefined ? undefined : resolveMode(mode, 0o777 & ~now.umask, true, now.umask);
    return [
      {
        what: `create directory ${path}`,
        // nothing above it is made: what is beside it stays as it was seen
        ...(now.parent && now.link === undefined && { touches: [`path:${path}`] }),
        diff: { of: path, before: null, after: `directory${fresh === undefined ? '' : ` ${octal(fresh)}`}\n` },
        run: makeDirectory(
          now.link === undefined ? path : now.real,
          given,
          fresh === undefined ? undefined : modeWord(fresh, true),
        ),
      },
    ];
  }
  if (!recurse) return fixAttributes(now, path, given);
  const wrong = below.filter((combination) => isWrong(combination, now, given));
  if (wrong.length === 0) return [];
  const target = now.real;
  const chown = ownerWord(given);
  return [
    {
      what: `${path}: owner and mode of all below it`,
      diff: {
        of: path,
        before: `${wrong.join('\n')}\n`,
        after: `${[owner, group, mode].filter((v) => v !== undefined).join(' ')}\n`,
      },
      run: sh`set -e
${chown === undefined ? sh`:` : sh`chown -hR -- ${chown} ${target}`}
${mode === undefined ? sh`:` : sh`chmod -R -- ${typeof mode === 'number' ? octal(mode) : mode.trim()} ${target}`}`,
    },
  ];
}

/** Whether something of that kind is not as wanted. */
function isWrong(combination: string, now: Seen, { mode, owner, group }: Ownership): boolean {
  const [kind, octalMode = '0', uid, gid] = combination.split('/');
  const present = Number.parseInt(octalMode, 8);
  if (owner !== undefined && Number(uid) !== now.owner) return true;
  if (group !== undefined && Number(gid) !== now.group) return true;
  return mode !== undefined && resolveMode(mode, present, kind === 'd', now.umask) !== present;
}

/** Each missing parent too gets the owner and mode. */
function makeDirectory(path: string, how: Ownership, mode: string | undefined): Script {
  const chown = ownerWord(how);
  const make =
    mode === undefined
      ? sh`mkdir -- "$1"
  ${chown === undefined ? sh`:` : sh`chown -- ${chown} "$1"`}`
      : sh`install -d ${installOptions(mode, how.owner, how.group)} -- "$1"`;
  return sh`set -e
make() {
  if [ -z "$1" ] || [ -d "$1" ]; then return 0; fi
  case $1 in */*) make "\${1%/*}" ;; esac
  ${make}
}
make ${path.replace(/(.)\/+$/, '$1')}`;
}
