import { type Static, Type } from 'typebox';
import { type Change, type Context, defineModule, type Steps } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { answer, type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, ownership, text } from './shared/args.ts';
import {
  attributeFix,
  type Fix,
  fixAttributes,
  fixScript,
  ownerNeeds,
  ownerWord,
  unknownOwner,
} from './shared/attributes.ts';
import { fields } from './shared/fields.ts';
import { fileData, look, type Seen, type Stat, seen, statOf } from './shared/look.ts';
import { noFolder } from './shared/missing.ts';
import { modeErrors, modeWord, octal, resolveMode } from './shared/mode.ts';
import { dirname, join, stageOf } from './shared/paths.ts';
import { STAT, STAT_FORMAT } from './shared/questions.ts';

const Args = args({
  path: absolutePath('The path on the host.'),
  state: Type.Optional(
    Type.Enum(['file', 'directory', 'link', 'hard', 'touch', 'absent'], {
      description:
        'file: only owner and mode, it must exist. directory: made with its parents. link, hard: to src. touch: an empty file, or a new time. absent: removed, with all below it. Default: what is there, or file (directory with recurse).',
    }),
  ),
  src: text('What a link points to; relative to the link.'),
  recurse: flag('Owner and mode for all below a directory too.'),
  follow: flag('A symlink at the path is followed.', true),
  force: flag('Links: even where src does not exist yet, and in place of a file that is there.'),
  access_time: text("touch: 'now', 'preserve', or YYYYMMDDHHMM.SS."),
  modification_time: text("touch: 'now', 'preserve', or YYYYMMDDHHMM.SS."),
  ...ownership,
});
type Args = Static<typeof Args>;

type Current = Readonly<{
  now: Seen;
  /** The path itself, a symlink not followed. */
  self: Stat | undefined;
  source: Stat | undefined;
  empty: boolean;
  /** Each combination of kind, mode, uid and gid below the directory. */
  below: readonly string[];
}>;

export const file = defineModule<typeof Args, Current>({
  name: 'file',
  summary: 'A file, directory or link is there, with its owner and mode; or is not.',
  args: Args,
  aliases: { dest: 'path', name: 'path' },
  examples: [
    {
      title: 'A directory',
      args: { path: '/srv/app', state: 'directory', owner: 'www-data', group: 'www-data', mode: '0750' },
    },
    { title: 'A link', args: { path: '/etc/nginx/sites-enabled/app', src: '../sites-available/app', state: 'link' } },
    { title: 'Gone', args: { path: '/etc/nginx/sites-enabled/default', state: 'absent' } },
    { title: 'A whole tree', args: { path: '/srv/app', recurse: true, state: 'directory', mode: 'u=rwX,g=rX,o=' } },
    {
      title: 'An empty file that is not touched again',
      args: { path: '/srv/app/.keep', state: 'touch', access_time: 'preserve', modification_time: 'preserve' },
    },
  ],
  verify(given) {
    const wrong = [...modeErrors(given.mode)];
    const { state, src, recurse, path } = given;
    if ((state === 'link' || state === 'hard') && src === undefined)
      wrong.push({ path: [], message: `argument 'src' is missing: what the ${state} points to` });
    if (src !== undefined && state !== 'link' && state !== 'hard')
      wrong.push({ path: ['src'], message: "'src' is for state: link and hard", mend: 'use copy to put a file' });
    if (recurse && state !== undefined && state !== 'directory')
      wrong.push({ path: ['recurse'], message: "'recurse' is for state: directory" });
    if (state === 'absent' && /^(\/+\.{0,2})+$/.test(path))
      wrong.push({ path: ['path'], message: 'the root of the file system is not removed' });
    return wrong;
  },
  needs: (given) => [
    `path:${given.path}`,
    ...(given.src === undefined ? [] : [`path:${sourceOf(given)}`]),
    ...ownerNeeds(given),
  ],
  touches: ({ path, state }) => [`path:${path}`, ...(state === 'directory' ? parentsOf(path) : [])],
  probe(given) {
    const { path, recurse, state } = given;
    return sh`${look(path, given, { content: 'none' }, { follow: follows(given) })}
${follows(given) ? sh`if [ -L ${path} ]; then self=$(stat -c ${STAT_FORMAT} -- ${path}); else self=$st; fi` : sh`self=$st`}; [ -z "$self" ] || printf 'self %s\n' "$self"
${
  state === 'link' || state === 'hard'
    ? sh`src=${answer(STAT, sourceOf(given))}; [ -n "$src" ] || src=$(stat -L -c ${STAT_FORMAT} -- ${sourceOf(given)} 2>/dev/null) && printf 'src %s\n' "$src"
if [ -d ${path} ] && [ ! -L ${path} ] && [ -z "$(ls -A -- ${path})" ]; then echo 'empty yes'; fi`
    : sh`:`
}
${recurse ? sh`if [ -d "$r" ]; then find "$r" ! -type l -printf 'below %y/%m/%U/%G\n' 2>/dev/null | sort -u; fi` : sh`:`}
:`;
  },
  parse(stdout, given) {
    const f = fields(stdout);
    return {
      now: seen(f, given.path, given),
      self: statOf(f.get('self')),
      source: statOf(f.get('src')),
      empty: f.get('empty') === 'yes',
      below: f.all('below'),
    };
  },
  plan(current, given, ctx) {
    const { now, self } = current;
    const state = given.state ?? (given.recurse ? 'directory' : 'file');
    if (state === 'absent') return self === undefined ? [] : [remove(given.path, self)];
    const unknown = unknownOwner(now, given);
    if (unknown !== undefined) return unknown;
    switch (state) {
      case 'directory':
        return directory(current, given);
      case 'link':
        return link(current, given, ctx);
      case 'hard':
        return hard(current, given, ctx);
      case 'touch':
        return touch(current, given);
      default:
        if (now.stat === undefined) {
          return {
            blocked: `${given.path} does not exist`,
            mend: 'make it in an earlier task, or say what it is to be with `state`',
          };
        }
        if (given.state === 'file' && now.stat.kind === 'directory')
          return { blocked: `${given.path} is a directory`, mend: 'say `state: directory`' };
        return fixAttributes(now, given.path, given, given.follow);
    }
  },
  data: ({ now }, given) => ({
    ...fileData(given.path, now),
    dest: given.path,
    ...(given.src !== undefined && { src: given.src }),
  }),
});

function follows({ follow, state }: Args): boolean {
  return follow && state !== 'link';
}

function sourceOf({ src = '', path, state }: Args): string {
  return src.startsWith('/') || state === 'hard' ? src : join(dirname(path), src);
}

function remove(path: string, self: Stat): Change {
  const what = self.kind === 'directory' ? `remove ${path} and all below it` : `remove ${path}`;
  return {
    what,
    diff: { of: path, before: `${self.kind}\n`, after: null },
    run: sh`rm -rf --one-file-system -- ${path}`,
  };
}

function directory({ now, below }: Current, given: Args): Steps {
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
        run: makeDirectory(now.link === undefined ? path : now.real, {
          chown: ownerWord(given),
          chmod: fresh === undefined ? undefined : modeWord(fresh, true),
        }),
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

/** `y/mode/uid/gid`: whether something of that kind below a directory is not as wanted. */
function isWrong(combination: string, now: Seen, { mode, owner, group }: Args): boolean {
  const [kind, octalMode = '0', uid, gid] = combination.split('/');
  const present = Number.parseInt(octalMode, 8);
  if (owner !== undefined && Number(uid) !== now.owner) return true;
  if (group !== undefined && Number(gid) !== now.group) return true;
  return mode !== undefined && resolveMode(mode, present, kind === 'd', now.umask) !== present;
}

/** Each missing parent too gets the owner and mode. */
function makeDirectory(path: string, fix: Fix): Script {
  return sh`set -e
make() {
  if [ -z "$1" ] || [ -d "$1" ]; then return 0; fi
  case $1 in */*) make "\${1%/*}" ;; esac
  mkdir -- "$1"
  ${fixScript(sh`"$1"`, fix)}
}
make ${path.replace(/(.)\/+$/, '$1')}`;
}

function link({ now, self, source, empty }: Current, given: Args, ctx: Context): Steps {
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
function linkOwner(self: Stat, now: Seen, { path, owner, group }: Args): Steps {
  const fix = attributeFix(now, self, { owner, group });
  return fix.chown === undefined
    ? []
    : [{ what: `${path}: owner ${fix.chown}`, run: sh`chown -h -- ${fix.chown} ${path}` }];
}

function hard({ now, self, source }: Current, given: Args, ctx: Context): Steps {
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

function touch({ now }: Current, given: Args): Steps {
  const { path, access_time = 'now', modification_time = 'now', mode } = given;
  if (now.stat !== undefined && access_time === 'preserve' && modification_time === 'preserve')
    return fixAttributes(now, path, given);
  if (now.stat === undefined && !now.parent) return noFolder(dirname(now.real));
  const time = (value: string, which: Script): Script =>
    value === 'preserve' && now.stat !== undefined
      ? sh`:`
      : sh`touch ${which} ${/^(now|preserve)$/.test(value) ? [] : ['-t', value]} -- "$t"`;
  const fix = {
    chown: ownerWord(given),
    chmod:
      mode === undefined ? undefined : octal(resolveMode(mode, now.stat?.mode ?? 0o666 & ~now.umask, false, now.umask)),
  };
  const settles = access_time === 'preserve' && modification_time === 'preserve';
  return [
    {
      what: now.stat === undefined ? `create ${path}` : `touch ${path}`,
      run: sh`set -e
t=${now.real}
${time(access_time, sh`-a`)}
${time(modification_time, sh`-m`)}
${fixScript(sh`"$t"`, fix)}`,
      ...(!settles && { action: true as const }),
    },
  ];
}
