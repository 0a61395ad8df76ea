import {
  type Blocked,
  blocked,
  type Context,
  type LocalFile,
  type Output,
  type Steps,
  type Upload,
} from '../../core/module.ts';
import { quote, ROOM, type Script, sh, staged, verbatim } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import type { Ownership } from './args.ts';
import { fixAttributes, ownerWord, unknownOwner } from './attributes.ts';
import { asText, byteLength, encodeBase64 } from './bytes.ts';
import { planLabels } from './labels.ts';
import { noFolder } from './missing.ts';
import { modeWord, octal, resolveMode } from './mode.ts';
import { behind, type Seen, SMALL } from './path-state.ts';
import { basename, dirname, join, spoolOf, stageName, stageOf } from './paths.ts';
import { making, stageBeside, untrusted } from './untrusted.ts';

/** `fill` writes "$s" on the host. The engine uploads `fetched`. */
export type Source = Readonly<
  | { text: string }
  | { file: LocalFile }
  | { copyOf: string }
  | { fill: Script }
  | { fetched: Readonly<{ url: string; headers?: Readonly<Record<string, string>> }>; finish: Script }
>;

export type Placing = Ownership &
  Readonly<{ backup?: boolean; validate?: string | undefined; unsafe_writes?: boolean }>;

/** The wanted file at `path` and its source. */
export type Wanted = Readonly<{
  path: string;
  source: Source;
  /** Whether the host already has this content. */
  same: boolean;
  /** Missing parent directories are created. */
  parents?: boolean;
  what?: string;
  /** Secret content is not shown. */
  before?: string | null;
  /** The content was computed from the content that the probe saw. */
  isEdit?: true;
  /** The file's directory is missing too, in another user's directory. It is created for this owner, with mode 0700. */
  inNew?: Readonly<{ owner: string; group: string }>;
  /** A link at the path is followed. Default: true. */
  follow?: boolean;
}>;

/**
 * The steps that replace a file: stage it beside the target with its final owner and mode, validate it, keep the old
 * one if asked, fsync, rename. Nothing changes before the rename, so a full disk leaves the old file intact.
 */
export function place(seen: Seen, wanted: Wanted, how: Placing, ctx: Context): Steps {
  // A link that is not followed is replaced, and the new file inherits nothing from it.
  const isReplaced = wanted.follow === false && seen.stat?.kind === 'link';
  const now = isReplaced ? { ...seen, stat: undefined, real: wanted.path } : seen;
  const { stat } = now;
  const inTheWay = obstacle(now, wanted, how);
  if (inTheWay !== undefined) return inTheWay;
  if (stat !== undefined && wanted.same) return fixAttributes(now, wanted.path, how, ctx, wanted.follow);
  const small = smallContent(wanted.source);
  const laid = wanted.inNew !== undefined ? inNewDirectory : now.trusted ? trusted : careful;
  const { run, to } = laid(now, wanted, how, small, ctx);
  const upload = uploads(wanted.source, small, to).map((one) =>
    now.trusted ? one : { ...one, isSpooled: true as const },
  );
  return [
    {
      what:
        wanted.what ?? `${isReplaced ? 'replace the link' : stat === undefined ? 'create' : 'update'} ${wanted.path}`,
      diff: diffOf(now, wanted),
      ...behind(now, wanted.path),
      ...(upload.length > 0 && { upload }),
      ...('text' in wanted.source && { leaves: wanted.source.text }),
      run,
    },
    ...planLabels(now, wanted.path, how, ctx, { isNew: true, follow: wanted.follow }),
  ];
}
/** The script, and the path to which an upload goes before the script runs. */
type Laid = Readonly<{ run: Script; to: string }>;
type Small = string | Uint8Array | undefined;

function uploads(source: Source, small: Small, to: string): readonly Upload[] {
  if ('fetched' in source) return [{ to, ...source.fetched }];
  return small === undefined && 'file' in source ? [{ to, content: [source.file] }] : [];
}

function obstacle(now: Seen, { path, parents }: Wanted, how: Placing): Blocked | undefined {
  if (now.stat?.kind === 'directory') {
    return blocked('E_PATH_KIND', { path: path, is: 'a directory', hint: 'name the file in it' });
  }
  if (now.stat === undefined && !now.parent && parents !== true) return noFolder(dirname(now.real));
  return unknownOwner(now, how);
}

/** The mode for chmod. undefined: no mode was given. */
function permissions(now: Seen, { mode }: Placing): string | undefined {
  if (mode === undefined) return undefined;
  return modeWord(resolveMode(mode, now.stat?.mode ?? 0o666 & ~now.umask, false, now.umask), false);
}

/** No other user can change the directory: stage beside the target and use its path. */
function trusted(now: Seen, wanted: Wanted, how: Placing, small: Small, ctx: Context): Laid {
  const { stat, real } = now;
  const chown = ownerWord(how);
  const perms = permissions(now, how);
  const stage = stageOf(real, ctx);
  const isUploaded = uploads(wanted.source, small, stage).length > 0;
  const run = sh`set -e
t=${real}
s=${staged(stage)}
q=
${ROOM}
trap 'x=$?; [ "$x$q" = 0 ] || [ -n "$q" ] || room "\${t%/*}/"; [ ! -e "$s" ] || rm -f -- "$s"; exit $x' EXIT
trap 'exit 1' HUP INT TERM
${wanted.parents === true && !now.parent ? sh`mkdir -p -- ${dirname(real)}` : sh`:`}
${isUploaded ? sh`:` : sh`[ ! -e "$s" ] || rm -f -- "$s"`}
${written(wanted.source, small, now)}
${kept(stat !== undefined, perms !== undefined)}
${chown === undefined ? sh`:` : ctx.user === 'root' && chown === 'root:root' ? sh`{ [ -O "$s" ] && [ -G "$s" ]; } || chown -- ${chown} "$s"` : sh`chown -- ${chown} "$s"`}
${perms === undefined ? (stat === undefined ? sh`chmod =rw "$s"` : sh`:`) : sh`chmod ${perms} "$s"`}
${how.validate === undefined ? sh`:` : judged(how.validate, stage)}
${how.backup === true && stat !== undefined ? sh`i=$$; d=$(date +%Y-%m-%d@%H:%M:%S); while b="$t.$i.$d~"; [ -e "$b" ]; do i=$((i + 1)); done; cp -p -- "$t" "$b"; printf 'backup_file %s\n' "$b"` : sh`:`}
sync -- "$s"
${how.unsafe_writes === true ? sh`mv -fT -- "$s" "$t" 2>/dev/null || cat -- "$s" >"$t"` : sh`mv -fT -- "$s" "$t"`}`;
  return { run, to: stage };
}

/** Another user can change the directory or the way to it: stage in a directory of the acting user. */
function careful(now: Seen, wanted: Wanted, how: Placing, small: Small, ctx: Context): Laid {
  const { stat } = now;
  const chown = ownerWord(how);
  const perms = permissions(now, how) ?? (stat === undefined ? '=rw' : undefined);
  const name = basename(wanted.path).slice(-200);
  const version = `${stat?.inode} ${stat?.ctime}`;
  const spool = spoolOf(wanted.path, version, ctx);
  const isUploaded = uploads(wanted.source, small, spool).length > 0;
  const before = sh`${wanted.parents === true ? sh`made=newdir` : sh`:`}
${isUploaded ? sh`u=${staged(dirname(spool))}` : sh`:`}`;
  const run = sh`${stageBeside(wanted.path, stageName(wanted.path, ctx, version), ctx, { before, follow: wanted.follow ?? true })}
s=./${name}
${isUploaded ? sh`mv -f -- ${spool} "$s"` : sh`:`}
${written(wanted.source, small, now)}
${stat === undefined ? sh`:` : old(now, wanted, how, ctx)}
${chown === undefined ? sh`:` : sh`chown -- ${chown} "$s"`}
${perms === undefined ? sh`:` : sh`chmod ${perms} "$s"`}
${how.validate === undefined ? sh`:` : judged(how.validate, `/proc/self/cwd/${name}`)}
${
  how.backup === true && stat !== undefined
    ? sh`cp -p -- ./.pinned ./.backup; i=$$; d=$(date +%Y-%m-%d@%H:%M:%S); j=$((i + 99))
until b=$n.$i.$d~; ln -P -- ./.backup "../$b" 2>/dev/null; do i=$((i + 1)); [ "$i" -lt "$j" ] || die "$p: its directory accepts no backup"; done; printf 'backup_file %s\n' ${dirname(now.real)}/"$b"`
    : sh`:`
}
sync -- "$s"
mv -fT -- "$s" "../$n"`;
  return { run, to: spool };
}

/**
 * The stage itself becomes the new directory, so that the directory appears with its file and costs few processes.
 * Missing directories above it get the same owner and mode.
 */
function inNewDirectory(now: Seen, wanted: Wanted, how: Placing, small: Small, ctx: Context): Laid {
  const { path, inNew = {} } = wanted;
  const folder = dirname(path);
  const stage = stageName(folder, ctx);
  const owner = ownerWord(inNew) ?? '';
  const chown = ownerWord(how);
  const perms = permissions(now, how) ?? '=rw';
  const run = sh`${untrusted(ctx)}
${making(dirname(folder), [sh`chown -- ${owner} .`, sh`chmod 00700 .`], ctx)}
beside ${folder}; made=
if [ -e "./$n" ] || [ -L "./$n" ]; then step "$n"; die "$p: somebody made it meanwhile; run again"; fi
: ${staged(join(dirname(folder), stage))}
stage ${stage}
s=./${basename(path)}
${written(wanted.source, small, now)}
${chown === undefined ? sh`:` : sh`chown -- ${chown} "$s"`}
${perms === '0600' ? sh`:` : sh`chmod ${perms} "$s"`}
sync -- "$s"
[ ! -g . ] || chmod 00700 .
mv -nT -- "../$z" "../$n" || :
[ . -ef "../$n" ] || die "$p: somebody made it meanwhile; run again"
y= z=; chown -- ${owner} .`;
  return { run, to: path };
}

/**
 * The file at the target's name supplies owner, mode and ACLs if it can be pinned; otherwise the values that the probe
 * saw are used. If the new content was computed from the old one, the file must still have that content. Setuid and
 * setgid bits are never taken over.
 */
function old({ stat, content }: Seen, { isEdit }: Wanted, how: Placing, ctx: Context): Script {
  if (stat === undefined) return sh`:`;
  const must = isEdit === true && content !== undefined ? ctx.sha256(content) : undefined;
  const unpinned =
    must !== undefined || how.backup === true
      ? sh`die "$p: it is not a regular file any more, or you may not hard-link it"`
      : sh`chown -- ${`${stat.uid}:${stat.gid}`} "$s" 2>/dev/null || [ "$me" != 0 ]
${how.mode === undefined ? sh`chmod ${octal(stat.mode & ~0o6000)} "$s"` : sh`:`}`;
  return sh`if ln -P -- "../$n" ./.pinned 2>/dev/null && [ -f ./.pinned ] && [ ! -L ./.pinned ]; then
${must === undefined ? sh`:` : sh`[ "$(sha256sum <./.pinned)" = ${`${must}  -`} ] || die "$p: it changed after bringup read it; run again"`}
cp --attributes-only ${how.mode === undefined ? sh`--preserve=mode,ownership` : sh`--preserve=ownership`} -- ./.pinned "$s"
${how.mode === undefined ? sh`chmod u-s,g-s "$s"` : sh`:`}
else
${unpinned}
fi`;
}

/** Writes "$s". Until it has its owner and mode, only its writer can read it. */
function written(source: Source, small: Small, { umask }: Seen): Script {
  if ('fill' in source) return sh`(set -C; umask 077; ${source.fill})`;
  if ('fetched' in source) return source.finish;
  // No subshell, because a process costs more than the rest of the script.
  const guarded = (write: Script): Script => sh`set -C; umask 077
${write}
set +C; umask ${octal(umask)}`;
  if ('copyOf' in source) return guarded(sh`cat -- ${source.copyOf} >"$s"`);
  if (small === undefined) return sh`:`;
  if (typeof small === 'string') return guarded(sh`printf %s ${small} >"$s"`);
  return guarded(sh`base64 -d >"$s" <<'END'
${verbatim(
  encodeBase64(small)
    .replace(/.{1,76}/g, '$&\n')
    .trimEnd(),
)}
END`);
}

/** Takes over owner, mode and ACLs of the old file unless the task sets them. */
function kept(exists: boolean, ownMode: boolean): Script {
  if (!exists) return sh`:`;
  return ownMode
    ? sh`cp --attributes-only --preserve=ownership -- "$t" "$s"`
    : sh`cp --attributes-only --preserve=mode,ownership -- "$t" "$s"`;
}

function judged(validate: string, stage: string): Script {
  const command = verbatim(validate.replaceAll('%s', () => quote(stage)));
  return sh`if v=$({ ${command}
} 2>&1); then :; else
  rc=$? q=1
  printf '%s\n' "$v" >&2
  printf 'invalid %s\n' "$rc"
  printf 'the new content is refused by: %s (exit code %s); nothing was changed\n' ${validate} "$rc" >&2
  exit 1
fi`;
}

/**
 * Content that can travel inside the script: text as it is, a small binary file as bytes. undefined: it has to be
 * uploaded.
 */
function smallContent(source: Source): Small {
  if ('copyOf' in source || 'fill' in source || 'fetched' in source) return undefined;
  if ('text' in source) return source.text.includes('\0') ? new TextEncoder().encode(source.text) : source.text;
  if (source.file.size > SMALL) return undefined;
  const bytes = source.file.read();
  return asText(bytes) ?? bytes;
}

function diffOf(
  now: Seen,
  { path, source, before: hidden }: Wanted,
): { of: string; before: string | null; after: string | null } {
  const small = smallContent(source);
  const size =
    'file' in source ? `${source.file.size} bytes` : 'fetched' in source ? source.fetched.url : 'of the host';
  const after = typeof small === 'string' && byteLength(small) <= SMALL ? small : `(binary or large: ${size})\n`;
  if (hidden !== undefined) return { of: path, before: hidden, after };
  if (now.stat === undefined) return { of: path, before: null, after };
  const old = now.content === undefined ? undefined : asText(now.content);
  return { of: path, before: old ?? `(binary or large: ${now.stat.size} bytes)\n`, after };
}

/** `backup_file` as the script printed it. */
export function backupData(stdout: string | undefined): Vars {
  const name = stdout?.match(/^backup_file (.*)$/m)?.[1];
  return name === undefined ? {} : { backup_file: name };
}

/** `backup_file`, or what Ansible returns if the validation failed. */
export function placedData(stdout: string | undefined): Vars {
  const code = stdout?.match(/^invalid (\d+)$/m)?.[1];
  if (code === undefined) return backupData(stdout);
  return { changed: false, msg: 'failed to validate', exit_status: Number(code), stdout: '' };
}

export type Sums = Readonly<{ sha256: string; sha1: string; md5: string }>;

export function contentSums(content: string | Uint8Array, { sha256, sha1, md5 }: Context): Sums {
  return { sha256: sha256(content), sha1: sha1(content), md5: md5(content) };
}

/**
 * `checksum`, and after a change `md5sum`, of a file that holds the wanted content. Nothing of a file that was left as
 * it is, because its hashes are not known here.
 */
export function sumData(now: Seen, ran: Output | undefined, wanted: () => Sums): Vars {
  if (now.sha256 === undefined) return {};
  const { sha256, sha1, md5 } = wanted();
  if (now.sha256 !== sha256) return {};
  return { checksum: sha1, ...(ran !== undefined && { md5sum: md5 }) };
}
