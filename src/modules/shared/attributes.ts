// Owner and mode: compares them with what the task asks for, and plans the changes.
import type { Blocked, Change, Context } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { planLabels } from './labels.ts';
import { noSuch } from './missing.ts';
import { modeWord, octal, resolveMode } from './mode.ts';
import { behind, type Seen, type Stat } from './path-state.ts';
import { stageName } from './paths.ts';
import { stageBeside, untrusted } from './untrusted.ts';

/** The resources of a task that sets an owner. */
export function ownerNeeds({ owner, group }: Ownership): readonly string[] {
  return [...(owner === undefined ? [] : [`user:${owner}`]), ...(group === undefined ? [] : [`group:${group}`])];
}

/** Blocks if the wanted user or group does not exist on the host. */
export function unknownOwner(now: Seen, { owner, group }: Ownership): Blocked | undefined {
  if (owner !== undefined && now.owner === undefined) return noSuch('user', owner);
  if (group !== undefined && now.group === undefined) return noSuch('group', group);
  return undefined;
}

/** The owner in the form that chown accepts: 'app:www-data', 'app', ':www-data'. undefined if neither is given. */
export function ownerWord({ owner, group }: Ownership): string | undefined {
  if (owner === undefined && group === undefined) return undefined;
  return `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
}

/** The arguments for chown and chmod that set the wanted owner and mode. undefined if nothing has to change. */
export type Fix = Readonly<{ chown: string | undefined; chmod: string | undefined }>;

export function attributeFix(now: Seen, stat: Stat, { mode, owner, group }: Ownership): Fix {
  const isDirectory = stat.kind === 'directory';
  const wanted = mode === undefined ? stat.mode : resolveMode(mode, stat.mode, isDirectory, now.umask);
  const user = owner !== undefined && now.owner !== stat.uid ? owner : '';
  const team = group !== undefined && now.group !== stat.gid ? group : '';
  const chown = user === '' ? (team === '' ? undefined : `:${team}`) : team === '' ? user : `${user}:${team}`;
  const chmod =
    wanted !== stat.mode || (chown !== undefined && mode !== undefined) ? modeWord(wanted, isDirectory) : undefined;
  return { chown, chmod };
}

export function isFixed(fix: Fix): boolean {
  return fix.chown === undefined && fix.chmod === undefined;
}

export function fixScript(path: Script, { chown, chmod }: Fix, isLink = false): Script {
  const change = chown === undefined ? sh`:` : sh`chown ${isLink ? sh`-h` : sh``} -- ${chown} ${path}`;
  return chmod === undefined || isLink
    ? change
    : sh`${change}
chmod -- ${chmod} ${path}`;
}

/** Options with which `install -d` creates a directory with its owner and mode in one process instead of three. */
export function installOptions(mode: string, owner: string | undefined, group: string | undefined): readonly string[] {
  return ['-m', mode, ...(owner === undefined ? [] : ['-o', owner]), ...(group === undefined ? [] : ['-g', group])];
}

/** Describes the fix for the reader of a plan: 'mode 0644 → 0600, owner www-data'. */
export function fixWords(stat: Stat, { chown, chmod }: Fix): string {
  const words = [];
  if (chown !== undefined) words.push(`owner ${stat.user}:${stat.groupName} → ${chown}`);
  if (chmod !== undefined) words.push(`mode ${octal(stat.mode)} → ${chmod.slice(-4)}`);
  return words.join(', ');
}

/** Changes only owner, mode and labels, if the content is as wanted. */
export function fixAttributes(now: Seen, path: string, how: Ownership, ctx: Context, follow = true): readonly Change[] {
  if (now.stat === undefined) return [];
  const fix = attributeFix(now, now.stat, how);
  const marks = planLabels(now, path, how, ctx, { isNew: false, follow });
  if (isFixed(fix)) return marks;
  const run = fixRun(now, now.stat, path, fix, { ctx, follow });
  return [{ what: `${path}: ${fixWords(now.stat, fix)}`, ...behind(now, path), run }, ...marks];
}

type Following = Readonly<{ ctx: Context; follow: boolean }>;

/**
 * Sets owner and mode of the file that the probe saw at the path. `stat` is the file there, or the target if a link is
 * followed.
 */
export function fixRun(now: Seen, stat: Stat, path: string, fix: Fix, following: Following): Script {
  const { ctx } = following;
  const isSetuid = fix.chmod !== undefined && (Number.parseInt(fix.chmod, 8) & 0o6000) !== 0;
  const isRisky = isSetuid && stat.kind !== 'directory' && stat.uid !== 0 && ctx.user === 'root' && !now.trusted;
  const act = (target: Script): Script => fixScript(target, fix, stat.kind === 'link');
  if (!isRisky) return onSeen(now, stat, path, act, following);
  return sh`printf '%s: %s\n' ${path} ${SETUID} >&2; exit 1`;
}
const SETUID = 'setuid or setgid is not given to a file that another user can have put there; put it there with copy';

/**
 * Acts only on the file that the probe saw at the path, even if another user can change the directories on the way to
 * it.
 */
export function onSeen(
  now: Seen,
  stat: Stat,
  path: string,
  act: (target: Script) => Script,
  { ctx, follow }: Following,
): Script {
  if (now.trusted)
    return sh`set -e
${act(sh`${follow ? now.real : path}`)}`;
  const identity = `${stat.device}:${stat.inode}`;
  if (stat.kind === 'directory') {
    return sh`${untrusted(ctx)}
enter ${path.replace(/(.)\/+$/, '$1')}
look "$n" || die "$p: it was removed meanwhile"
[ "\${e#* }" = ${identity} ] || die "$p: another file is there than the one that bringup read; run again"
into "$n"
${act(sh`.`)}`;
  }
  return sh`${stageBeside(path, stageName(path, ctx, `${stat.inode} ${stat.ctime}`), ctx, { follow })}
pin '%d:%i %u:%g' ${`${identity} ${stat.uid}:${stat.gid}`}
${act(sh`./.pinned`)}`;
}
