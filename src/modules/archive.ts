import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, isBlocked, type Steps } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { lines, type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, ownership } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { decodeText } from './shared/bytes.ts';
import { glob } from './shared/exec.ts';
import { type Fields, fields } from './shared/fields.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData, probePath, type Seen, seen } from './shared/path-state.ts';
import { dirname } from './shared/paths.ts';
import { place } from './shared/place.ts';

const paths = (description: string) => Type.Array(absolutePath('A path on the host.'), { description });

const Args = args({
  path: Type.Array(absolutePath('A path on the host.'), {
    minItems: 1,
    description: 'What is packed: paths on the host, or patterns with * and ?.',
  }),
  dest: Type.Optional(
    absolutePath(
      'The archive. Needed for a directory or several files; default for one file: its path and the format.',
    ),
  ),
  format: Type.Enum(['bz2', 'gz', 'tar', 'xz', 'zip'], {
    default: 'gz',
    description: 'How it is packed. One file is only compressed with bz2, gz and xz; everything else goes into a tar.',
  }),
  exclude_path: Type.Optional(paths('Paths or patterns that are left out of what `path` names.')),
  exclusion_patterns: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description: 'Patterns of what is left out, by the path in the archive. * also stands for a slash.',
    }),
  ),
  force_archive: flag('Make a tar of a single file too.'),
  remove: flag('Remove what was packed.'),
  ...ownership,
});
type Args = Static<typeof Args>;
type Current = Readonly<{ f: Fields; now: Seen }>;

/** By format: what packs, what unpacks, and the package of both. */
const PACKERS: Readonly<Record<string, readonly [Script, Script, string]>> = {
  gz: [sh`gzip -nc`, sh`gzip -dc`, 'gzip'],
  bz2: [sh`bzip2 -c`, sh`bzip2 -dc`, 'bzip2'],
  xz: [sh`xz -c`, sh`xz -dc`, 'xz-utils'],
  tar: [sh`cat`, sh`cat`, 'tar'],
  zip: [sh`cat`, sh`cat`, 'zip'],
};

export const archive = defineModule<typeof Args, Current>({
  name: 'archive',
  summary: 'Packs files of the host into an archive on the host, or compresses one file.',
  args: Args,
  examples: [
    { title: 'A directory', args: { path: '/srv/app', dest: '/var/backups/app.tgz' } },
    {
      title: 'Some files',
      args: { path: ['/var/log/*.log'], exclude_path: ['/var/log/boot.log'], dest: '/root/logs.zip', format: 'zip' },
    },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...(given.dest === undefined && (given.path.length > 1 || isPattern(given.path[0]))
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'dest'" })]
      : []),
  ],
  needs: (given) => [
    'package:*',
    `path:${target(given)}`,
    ...ownerNeeds(given),
    ...given.path.map((one) => `path:${fixed(one)}`),
  ],
  touches: (given) => [
    `path:${target(given)}`,
    ...(given.remove ? given.path.flatMap((one) => [`path:${fixed(one)}`, ...parentsOf(fixed(one))]) : []),
  ],
  probe: (given) => sh`${probePath(target(given), given, { content: 'none' })}
( ${collect(given)}
send() { k=$1; shift; [ "$#" = 0 ] || printf '%s %s\n' "$k" "$(printf '%s\0' "$@" | base64 -w0)"; }
send found "$@"
printf 'missing %s\n' "$(printf %s "$missing" | base64 -w0)"
printf 'excluded %s\n' "$(printf %s "$excluded" | base64 -w0)"
[ "$#" = 0 ] && exit 0
printf 'root %s\nkind %s\n' "$(printf %s "$root" | base64 -w0)" "$kind"
for one in "$@"; do case $dest in "\${one%/}"/*) echo 'inside yes' ;; esac; done
command -v ${tool(given)} >/dev/null || { echo 'tool missing'; exit 0; }
[ "$kind" = one ] || printf 'archived %s\n' "$(members "$@" | base64 -w0)"
[ -f "$dest" ] && [ "$(packed "$@" 2>/dev/null | sha256sum)" = "$(${PACKERS[given.format]?.[1] ?? sh`cat`} <"$dest" 2>/dev/null | sha256sum)" ] && echo 'same yes'
: )`,
  parse(stdout, given) {
    const f = fields(stdout);
    return { f, now: seen(f, target(given), given) };
  },
  plan({ f, now }, given, ctx): Steps {
    const dest = target(given);
    const found = list(f, 'found');
    if (found.length === 0 && now.stat === undefined) {
      return blocked('E_PATH_MISSING', { path: given.path.join(', '), hint: 'create it in an earlier task' });
    }
    if (f.get('tool') !== undefined) {
      const name = PACKERS[given.format]?.[2] ?? '';
      return blocked('E_TOOL_MISSING', { tool: tool(given), hint: `install the package ${name} in an earlier task` });
    }
    if (given.dest === undefined && f.get('kind') === 'folder') {
      return blocked('E_PATH_KIND', { path: found[0] ?? '', is: 'a directory', hint: 'set `dest`' });
    }
    if (given.remove && f.get('inside') !== undefined) {
      return blocked('E_PATH_KIND', {
        path: dest,
        is: 'in a directory that the task removes',
        hint: 'choose another dest, or leave out `remove`',
      });
    }
    const steps = place(
      now,
      {
        path: dest,
        same: found.length === 0 || f.get('same') !== undefined,
        what: `pack ${found.length === 1 ? found[0] : `${found.length} paths`} into ${dest}`,
        source: {
          fill: sh`${collect(given)}
bad=$( { { packed "$@" || echo "$?" >&4; } | ${PACKERS[given.format]?.[0] ?? sh`cat`} >"$s"; } 4>&1 )
[ -z "$bad" ]`,
        },
        before: now.stat === undefined ? null : `(another content: ${now.stat.size} bytes)\n`,
      },
      given,
      ctx,
    );
    if (isBlocked(steps) || !given.remove || found.length === 0) return steps;
    return [
      ...steps,
      {
        what: `remove ${found.join(', ')}`,
        diff: { of: given.path.join(', '), before: `${found.join('\n')}\n`, after: null },
        run: sh`set -e
rm -rf -- ${found.filter((one) => one !== dest)}`,
      },
    ];
  },
  data({ f, now }, given) {
    const { path, state: _, ...file } = fileData(target(given), now);
    const found = list(f, 'found');
    const missing = lined(f, 'missing');
    const root = f.text('root') ?? '';
    const archived = f.get('kind') === 'one' ? found : list(f, 'archived').map((name) => `${root}${name}`);
    const is = now.stat === undefined ? 'absent' : f.get('kind') === 'one' ? 'compress' : 'archive';
    const state = is === 'archive' && found.length > 0 && missing.length > 0 ? 'incomplete' : is;
    return {
      ...file,
      dest: path ?? null,
      dest_state: state,
      state,
      arcroot: root,
      archived,
      missing,
      expanded_paths: found,
      expanded_exclude_paths: lined(f, 'excluded'),
    };
  },
});

function target({ path: [first = ''], dest, format }: Args): string {
  return dest ?? `${first}.${format}`;
}

function isPattern(path: string | undefined): boolean {
  return /[*?[]/.test(path ?? '');
}

/** The path, or of a pattern the directory that holds all that it may stand for. */
function fixed(path: string): string {
  return isPattern(path) ? dirname(`${path.split(/[*?[]/)[0]}x`) : path.replace(/(?<=.)\/+$/, '');
}

function tool({ format }: Args): string {
  return { gz: 'gzip', bz2: 'bzip2', xz: 'xz', tar: 'tar', zip: 'zip' }[format];
}

function list(f: Fields, key: string): readonly string[] {
  return decodeText(f.get(key) ?? '')
    .split('\0')
    .filter((one) => one !== '');
}

function lined(f: Fields, key: string): readonly string[] {
  return decodeText(f.get(key) ?? '')
    .split('\n')
    .filter((one) => one !== '');
}

/**
 * Sets "$@" to the paths, `root` to the directory that they share, `kind` to whether there is one plain file, and
 * defines `packed`, which prints what the archive holds. The same files give the same bytes.
 */
function collect(given: Args): Script {
  const { path, exclude_path = [], exclusion_patterns = [], force_archive, format } = given;
  const dest = target(given);
  const isMany = force_archive || path.length > 1 || path.some(isPattern) || format === 'tar' || format === 'zip';
  const without = [
    // Not the archive itself, nor what is written beside it until it is complete.
    ...['./*.bringup-????????????????????*', ...exclusion_patterns.map((one) => `./${one}`)].map(
      (one) => sh`! -path ${one}`,
    ),
  ];
  return sh`dest=${dest}; excluded=; missing=; nl='
'
${lines(exclude_path.map((one) => sh`for one in ${glob(one)}; do if [ -e "$one" ] || [ -L "$one" ]; then excluded=$excluded$one$nl; fi; done`))}
add() { case $nl$excluded in *"$nl$one$nl"*) return 1 ;; esac; [ -e "$one" ] || [ -L "$one" ] || { missing=$missing$one$nl; return 1; }; }
set --
${lines(path.map((one) => sh`for one in ${glob(one)}; do if add; then set -- "$@" "$one"; fi; done`))}
root=; for one in "$@"; do
  d=\${one%/*}/
  root=\${root:-$d}
  until case $d in "$root"*) : ;; *) false ;; esac; do root=\${root%/}; root=\${root%/*}/; done
done
kind=${isMany ? 'many' : 'one'}; if [ -d "\${1:-}" ]; then kind=folder; fi
members() (
  cd -- "$root" || exit 1
  for one in "$@"; do
    one=./\${one#"$root"}
    if [ -d "$one" ]; then set -- -mindepth 1; else set -- -maxdepth 0; fi
    find -H "$one" "$@" ! -path "./\${dest#"$root"}" ${without} -print0
  done | LC_ALL=C sort -zu | sed -z 's,^\./*,,'
)
packed() {
  if [ "$kind" = one ]; then cat -- "$1"; return; fi
  ${format === 'zip' ? sh`members "$@" | tr '\0' '\n' | ( cd -- "$root" && zip -q -X - -@ )` : sh`members "$@" | tar -C "$root" --no-recursion --null -T - -cf -`}
}`;
}
