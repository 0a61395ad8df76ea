// Plans a symbolic or hard link that is renamed into place.
import { blocked, type Change, type Context, type Steps } from '../../core/module.ts';
import { type Script, sh, staged } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { attributeFix, fixAttributes, fixRun, isFixed, ownerWord } from './attributes.ts';
import { planLabels } from './labels.ts';
import type { Seen, Stat } from './path-state.ts';
import { basename, dirname, join, stageName, stageOf } from './paths.ts';
import { stageBeside } from './untrusted.ts';

type Link = Ownership & Readonly<{ path: string; src?: string; state?: string; force: boolean }>;

export type LinkSeen = Readonly<{
  now: Seen;
  /** The path itself; a symlink is not followed. */
  self: Stat | undefined;
  source: Stat | undefined;
  /** The path is an empty directory. */
  empty: boolean;
}>;

/** The path of the link's source on the host. */
export function sourceOf({ src = '', path, state }: Link): string {
  return src.startsWith('/') || state === 'hard' ? src : join(dirname(path), src);
}

export function link({ now, self, source, empty }: LinkSeen, given: Link, ctx: Context): Steps {
  const { path, src = '', force } = given;
  const isLink = self?.kind === 'link';
  const right = isLink && now.link !== undefined && now.link.replace(/\n$/, '') === src;
  if (source === undefined && !force) {
    return blocked('E_PATH_MISSING', {
      path: sourceOf(given),
      what: "the link's target ",
      hint: 'create it in an earlier task, or set `force: true`',
    });
  }
  if (!right && self !== undefined && !isLink) {
    if (!force)
      return blocked('E_PATH_KIND', {
        path,
        is: `a ${self.kind}`,
        wanted: 'a link',
        hint: 'set `force: true` to put the link in its place',
      });
    if (self.kind === 'directory' && !empty)
      return blocked('E_PATH_KIND', {
        path,
        is: 'a directory that is not empty',
        hint: 'remove it in an earlier task (state: absent)',
      });
  }
  if (right) return linkOwner(self, now, given, ctx);
  const chown = ownerWord(given);
  return [
    {
      what: `link ${path} → ${src}`,
      diff: {
        of: path,
        before: self === undefined ? null : isLink ? `→ ${now.link ?? ''}\n` : `${self.kind}\n`,
        after: `→ ${src}\n`,
      },
      run: inPlace(now, path, ctx, {
        make: sh`ln -s -- ${src} "$s"
${chown === undefined ? sh`:` : sh`chown -h -- ${chown} "$s"`}`,
        isDirectory: self?.kind === 'directory',
      }),
    },
    ...planLabels(now, path, given, ctx, { isNew: true, follow: false }),
  ];
}

/** Renames what `make` creates at "$s" to the path. */
function inPlace(
  now: Seen,
  path: string,
  ctx: Context,
  { make, isDirectory = false, before = sh`` }: { make: Script; isDirectory?: boolean; before?: Script },
): Script {
  if (now.trusted) {
    const stage = stageOf(path, ctx);
    return sh`set -e
s=${staged(stage)}
trap 'rm -f -- "$s"' EXIT
trap 'exit 1' HUP INT TERM
${before}
${make}
${isDirectory ? sh`rmdir -- ${path}` : sh`:`}
mv -fT -- "$s" ${path}`;
  }
  const version = `${now.stat?.inode} ${now.link}`;
  return sh`${stageBeside(path, stageName(path, ctx, version), ctx, { follow: false, before })}
s=./made
${make}
${isDirectory ? sh`rmdir -- "../$n"` : sh`:`}
mv -fT -- "$s" "../$n"`;
}

/** A link has no mode of its own. */
function linkOwner(self: Stat, now: Seen, given: Link, ctx: Context): readonly Change[] {
  const { path, owner, group } = given;
  const fix = attributeFix(now, self, { owner, group });
  const marks = planLabels(now, path, given, ctx, { isNew: false, follow: false });
  if (isFixed(fix)) return marks;
  return [{ what: `${path}: owner ${fix.chown}`, run: fixRun(now, self, path, fix, { ctx, follow: false }) }, ...marks];
}

export function hard({ now, self, source }: LinkSeen, given: Link, ctx: Context): Steps {
  const { path, src = '', force } = given;
  if (source === undefined) return blocked('E_PATH_MISSING', { path: src, hint: 'make it in an earlier task' });
  if (self !== undefined && self.inode === source.inode && self.device === source.device)
    return fixAttributes(now, path, given, ctx);
  if (self !== undefined && !force)
    return blocked('E_PATH_KIND', {
      path,
      is: 'another file',
      wanted: `a hard link to ${src}`,
      hint: 'set `force: true` to replace it',
    });
  const careful = { ...now, trusted: false };
  return [
    {
      what: `hard link ${path} = ${src}`,
      // A user who can change the directories on the way to the source could redirect it to a file of root. The script
      // therefore walks to the source's directory and holds it open.
      run: inPlace(careful, path, ctx, {
        before: sh`beside ${src}
exec 8<.`,
        make: sh`ln -P -- "/proc/self/fd/8/"${basename(src)} "$s"
[ "$(stat -c '%d:%i' -- "$s")" = ${`${source.device}:${source.inode}`} ] || die "$p: its source is another file than the one that bringup read; run again"`,
      }),
    },
    ...(now.stat === undefined ? [] : fixAttributes({ ...careful, stat: source }, path, given, ctx)),
  ];
}
