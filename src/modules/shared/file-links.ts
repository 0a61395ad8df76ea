// A symbolic or a hard link is there, renamed into its place.
import type { Context, Steps } from '../../core/module.ts';
import { sh } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { attributeFix, fixAttributes, ownerWord } from './attributes.ts';
import type { Seen, Stat } from './look.ts';
import { dirname, join, stageOf } from './paths.ts';

type Link = Ownership & Readonly<{ path: string; src?: string; state?: string; force: boolean }>;

export type LinkSeen = Readonly<{
  now: Seen;
  /** The path itself, a symlink not followed. */
  self: Stat | undefined;
  source: Stat | undefined;
  /** It is a directory with nothing in it. */
  empty: boolean;
}>;

/** Where the link's source is on the host. */
export function sourceOf({ src = '', path, state }: Link): string {
  return src.startsWith('/') || state === 'hard' ? src : join(dirname(path), src);
}

export function link({ now, self, source, empty }: LinkSeen, given: Link, ctx: Context): Steps {
  const { path, src = '', force } = given;
  const isLink = self?.kind === 'link';
  const right = isLink && now.link !== undefined && now.link.replace(/\n$/, '') === src;
  if (source === undefined && !force) {
    return {
      blocked: `the link's target ${sourceOf(given)} does not exist`,
      mend: 'make it in an earlier task, or set `force: true`',
    };
  }
  if (!right && self !== undefined && !isLink) {
    if (!force)
      return {
        blocked: `${path} is a ${self.kind}, not a link`,
        mend: 'set `force: true` to put the link in its place',
      };
    if (self.kind === 'directory' && !empty)
      return {
        blocked: `${path} is a directory that is not empty`,
        mend: 'remove it in an earlier task (state: absent)',
      };
  }
  if (right) return linkOwner(self, now, given);
  const stage = stageOf(path, ctx.nonce);
  const chown = ownerWord(given);
  return [
    {
      what: `link ${path} → ${src}`,
      diff: {
        of: path,
        before: self === undefined ? null : isLink ? `→ ${now.link ?? ''}\n` : `${self.kind}\n`,
        after: `→ ${src}\n`,
      },
      run: sh`set -e
s=${stage}
trap 'rm -f -- "$s"' EXIT
ln -s -- ${src} ${stage}
${chown === undefined ? sh`:` : sh`chown -h -- ${chown} ${stage}`}
${self?.kind === 'directory' ? sh`rmdir -- ${path}` : sh`:`}
mv -fT -- ${stage} ${path}`,
    },
  ];
}

/** A link has no mode of its own. */
function linkOwner(self: Stat, now: Seen, { path, owner, group }: Link): Steps {
  const fix = attributeFix(now, self, { owner, group });
  return fix.chown === undefined
    ? []
    : [{ what: `${path}: owner ${fix.chown}`, run: sh`chown -h -- ${fix.chown} ${path}` }];
}

export function hard({ now, self, source }: LinkSeen, given: Link, ctx: Context): Steps {
  const { path, src = '', force } = given;
  if (source === undefined) return { blocked: `${src} does not exist`, mend: 'make it in an earlier task' };
  if (self !== undefined && self.inode === source.inode && self.device === source.device)
    return fixAttributes(now, path, given);
  if (self !== undefined && !force)
    return { blocked: `${path} is there and is not a hard link to ${src}`, mend: 'set `force: true`' };
  const stage = stageOf(path, ctx.nonce);
  return [
    {
      what: `hard link ${path} = ${src}`,
      run: sh`set -e
s=${stage}
trap 'rm -f -- "$s"' EXIT
ln -- ${src} ${stage}
mv -fT -- ${stage} ${path}`,
    },
    ...(now.stat === undefined ? [] : fixAttributes({ ...now, stat: source }, path, given)),
  ];
}
