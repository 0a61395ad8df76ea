import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, type Context, defineModule, type Steps } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { answer, type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, ownership, text } from './shared/args.ts';
import { fixAttributes, fixScript, onSeen, ownerNeeds, ownerWord, unknownOwner } from './shared/attributes.ts';
import { fields } from './shared/fields.ts';
import { directory } from './shared/file-directory.ts';
import { hard, type LinkSeen, link, sourceOf } from './shared/file-links.ts';
import { hasLabels, LABEL_ALIASES, labels, planLabels } from './shared/labels.ts';
import { noFolder } from './shared/missing.ts';
import { modeErrors, octal, resolveMode } from './shared/mode.ts';
import { behind, fileData, probePath, type Seen, type Stat, seen, statOf } from './shared/path-state.ts';
import { dirname, stageName } from './shared/paths.ts';
import { STAT, STAT_FORMAT } from './shared/questions.ts';
import { stageBeside, untrusted } from './shared/untrusted.ts';

const Args = args({
  path: absolutePath('The path on the host.'),
  state: Type.Optional(
    Type.Enum(['file', 'directory', 'link', 'hard', 'touch', 'absent'], {
      description:
        'file: set owner and mode of an existing file. directory: create it with its parents. link, hard: create a link to src. touch: create an empty file or update its times. absent: remove it with everything below. Default: what exists, or file (directory with recurse).',
    }),
  ),
  src: text('The target of a link, relative to the link.'),
  recurse: flag('Set owner and mode of everything below a directory too.'),
  follow: flag('Follow a symlink at the path.', true),
  force: flag('For links: create one even if src does not exist, and replace an existing file.'),
  access_time: text("With touch: 'now', 'preserve', or YYYYMMDDHHMM.SS."),
  modification_time: text("With touch: 'now', 'preserve', or YYYYMMDDHHMM.SS."),
  ...ownership,
  ...labels,
});
type Args = Static<typeof Args>;

type Current = LinkSeen &
  Readonly<{
    /** Each combination of kind, mode, uid and gid below the directory. */
    below: readonly string[];
  }>;

export const file = defineModule<typeof Args, Current>({
  name: 'file',
  summary: 'Manages a file, directory or link with its owner and mode.',
  args: Args,
  aliases: { dest: 'path', name: 'path', ...LABEL_ALIASES },
  examples: [
    {
      title: 'Create a directory',
      args: { path: '/srv/app', state: 'directory', owner: 'www-data', group: 'www-data', mode: '0750' },
    },
    {
      title: 'Create a link',
      args: { path: '/etc/nginx/sites-enabled/app', src: '../sites-available/app', state: 'link' },
    },
    { title: 'Remove a path', args: { path: '/etc/nginx/sites-enabled/default', state: 'absent' } },
    {
      title: 'Set owner and mode of a whole tree',
      args: { path: '/srv/app', recurse: true, state: 'directory', mode: 'u=rwX,g=rX,o=' },
    },
    {
      title: 'Create an empty file once',
      args: { path: '/srv/app/.keep', state: 'touch', access_time: 'preserve', modification_time: 'preserve' },
    },
  ],
  verify(given) {
    const wrong = [...modeErrors(given.mode)];
    const { state, src, recurse, path } = given;
    if ((state === 'link' || state === 'hard') && src === undefined)
      wrong.push(argError([], 'E_MISSING_ARGUMENT', { name: `'src'`, hint: `what the ${state} points to` }));
    if (src !== undefined && state !== 'link' && state !== 'hard')
      wrong.push(
        argError(['src'], 'E_ARGUMENT_CONFLICT', {
          problem: "'src' is for state: link and hard",
          hint: 'use copy to put a file',
        }),
      );
    if (recurse && state !== undefined && state !== 'directory')
      wrong.push(argError(['recurse'], 'E_ARGUMENT_CONFLICT', { problem: "'recurse' is for state: directory" }));
    if (recurse && hasLabels(given))
      wrong.push(
        argError(['recurse'], 'E_ARGUMENT_CONFLICT', {
          problem: "'recurse' sets owner and mode only",
          hint: 'run chattr -R or chcon -R with the module command',
        }),
      );
    if (state === 'link' && given.attributes !== undefined)
      wrong.push(argError(['attributes'], 'E_ARGUMENT_CONFLICT', { problem: 'a link has no attributes' }));
    if (state === 'absent' && /^(\/+\.{0,2})+$/.test(path))
      wrong.push(
        argError(['path'], 'E_ARGUMENT_VALUE', {
          problem: "'path' is the root of the file system, which is never removed",
        }),
      );
    return wrong;
  },
  needs: (given) => [
    `path:${given.path}`,
    ...(given.src === undefined ? [] : [`path:${sourceOf(given)}`]),
    ...ownerNeeds(given),
  ],
  touches: ({ path, state }) => [`path:${path}`, ...(state === 'directory' ? parentsOf(path) : [])],
  // Tasks that create directories form a series: it makes no difference whether this script or an earlier one creates
  // the parents.
  series: (given) => (given.state === 'directory' && !given.recurse && !hasLabels(given) ? 'directory' : undefined),
  probe(given) {
    const { path, recurse, state } = given;
    return sh`${probePath(path, given, { content: 'none' }, { follow: follows(given) })}
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
    if (state === 'absent') return self === undefined ? [] : [remove(given.path, current, self, ctx)];
    const unknown = unknownOwner(now, given);
    if (unknown !== undefined) return unknown;
    switch (state) {
      case 'directory':
        return directory(now, current.below, given, ctx);
      case 'link':
        return link(current, given, ctx);
      case 'hard':
        return hard(current, given, ctx);
      case 'touch':
        return touch(current, given, ctx);
      default:
        if (now.stat === undefined) {
          return blocked('E_PATH_MISSING', {
            path: given.path,
            hint: 'make it in an earlier task, or say what it is to be with `state`',
          });
        }
        if (given.state === 'file' && now.stat.kind === 'directory')
          return blocked('E_PATH_KIND', { path: given.path, is: 'a directory', hint: 'say `state: directory`' });
        return fixAttributes(now, given.path, given, ctx, given.follow);
    }
  },
  data: ({ now }, given, _ctx, ran) => ({
    // Nothing is probed after an action: its script prints the new state.
    ...fileData(given.path, { ...now, stat: statOf(/^stat (.*)$/m.exec(ran?.stdout ?? '')?.[1]) ?? now.stat }),
    dest: given.path,
    ...(given.src !== undefined && { src: given.src }),
  }),
});

function follows({ follow, state }: Args): boolean {
  return follow && state !== 'link';
}

function remove(path: string, { now }: Current, self: Stat, ctx: Context): Change {
  const what = self.kind === 'directory' ? `remove ${path} and all below it` : `remove ${path}`;
  return {
    what,
    diff: { of: path, before: `${self.kind}\n`, after: null },
    // rm follows no link below the path that it gets. The path itself is checked for links here.
    run: now.trusted
      ? sh`rm -rf --one-file-system -- ${path}`
      : sh`${untrusted(ctx)}
beside ${path.replace(/(.)\/+$/, '$1')}
rm -rf --one-file-system -- "./$n"`,
  };
}

function touch({ now }: Current, given: Args, ctx: Context): Steps {
  const { path, access_time = 'now', modification_time = 'now', mode, follow } = given;
  if (now.stat !== undefined && access_time === 'preserve' && modification_time === 'preserve')
    return fixAttributes(now, path, given, ctx);
  if (now.stat === undefined && !now.parent) return noFolder(dirname(now.real));
  const fix = {
    chown: ownerWord(given),
    chmod:
      mode === undefined ? undefined : octal(resolveMode(mode, now.stat?.mode ?? 0o666 & ~now.umask, false, now.umask)),
  };
  const times = (target: Script): Script => {
    const time = (value: string, which: Script): Script =>
      value === 'preserve' && now.stat !== undefined
        ? sh`:`
        : sh`touch ${which} ${/^(now|preserve)$/.test(value) ? [] : ['-t', value]} -- ${target}`;
    return sh`${time(access_time, sh`-a`)}
${time(modification_time, sh`-m`)}
${fixScript(target, fix)}`;
  };
  const settles = access_time === 'preserve' && modification_time === 'preserve';
  return [
    {
      what: now.stat === undefined ? `create ${path}` : `touch ${path}`,
      ...behind(now, path),
      run: sh`${
        now.stat === undefined && !now.trusted
          ? sh`${stageBeside(path, stageName(path, ctx), ctx, { follow })}
${times(sh`./made`)}
ln -P -- ./made "../$n"`
          : touched(now, times, path, ctx)
      }
printf 'stat %s\n' "$(stat -L -c ${STAT_FORMAT} -- ${path})"`,
      ...(!settles && { action: true as const }),
    },
    ...planLabels(now, path, given, ctx, { isNew: now.stat === undefined }),
  ];
}

function touched(now: Seen, times: (target: Script) => Script, path: string, ctx: Context): Script {
  if (now.stat !== undefined) return onSeen(now, now.stat, path, times, { ctx, follow: true });
  return sh`set -e
${times(sh`${now.real}`)}`;
}
