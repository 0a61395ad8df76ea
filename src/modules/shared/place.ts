import type { Blocked, Context, LocalFile, Steps, Upload } from '../../core/module.ts';
import { quote, type Script, sh, staged, verbatim } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import type { Ownership } from './args.ts';
import { fixAttributes, ownerWord, unknownOwner } from './attributes.ts';
import { asText, byteLength, encodeBase64 } from './bytes.ts';
import { type Seen, SMALL } from './look.ts';
import { noFolder } from './missing.ts';
import { modeWord, resolveMode } from './mode.ts';
import { dirname, stageOf } from './paths.ts';

/** `fill` writes "$s" on the host; `fetched` is put there by the engine. */
export type Source = Readonly<
  | { text: string }
  | { file: LocalFile }
  | { copyOf: string }
  | { fill: Script }
  | { fetched: Readonly<{ url: string; headers?: Readonly<Record<string, string>> }>; finish: Script }
>;

export type Placing = Ownership &
  Readonly<{ backup?: boolean; validate?: string | undefined; unsafe_writes?: boolean }>;

/** What is to be at `path`, and how it gets there. */
export type Wanted = Readonly<{
  path: string;
  source: Source;
  /** Whether the content on the host is already this one. */
  same: boolean;
  /** Missing parents are made. */
  parents?: boolean;
  what?: string;
  /** Secret content is not shown. */
  before?: string | null;
}>;

/**
 * The steps that put a file in its place: staged beside the target with its final owner and mode, validated, the old
 * one kept where asked, fsynced, renamed. Until the rename nothing is touched, and a full disk leaves the old file.
 */
export function place(now: Seen, wanted: Wanted, how: Placing, ctx: Context): Steps {
  const { stat, real } = now;
  const blocked = obstacle(now, wanted, how);
  if (blocked !== undefined) return blocked;
  if (stat !== undefined && wanted.same) return fixAttributes(now, wanted.path, how);
  const small = smallContent(wanted.source);
  const stage = stageOf(real, ctx.nonce);
  const upload = uploads(wanted.source, small, stage);
  return [
    {
      what: wanted.what ?? `${stat === undefined ? 'create' : 'update'} ${wanted.path}`,
      diff: diffOf(now, wanted),
      ...(upload.length > 0 && { upload }),
      ...('text' in wanted.source && { leaves: wanted.source.text }),
      run: lay(now, wanted, how, stage, small, ctx.user === 'root'),
    },
  ];
}

function uploads(source: Source, small: string | Uint8Array | undefined, to: string): readonly Upload[] {
  if ('fetched' in source) return [{ to, ...source.fetched }];
  return small === undefined && 'file' in source ? [{ to, content: [source.file] }] : [];
}

function obstacle(now: Seen, { path, parents }: Wanted, how: Placing): Blocked | undefined {
  if (now.stat?.kind === 'directory') {
    return { blocked: `${path} is a directory`, mend: 'name the file in it' };
  }
  if (now.stat === undefined && !now.parent && parents !== true) return noFolder(dirname(now.real));
  return unknownOwner(now, how);
}

function lay(
  now: Seen,
  wanted: Wanted,
  how: Placing,
  stage: string,
  small: string | Uint8Array | undefined,
  isRoot: boolean,
): Script {
  const { stat, real } = now;
  const { mode } = how;
  const chown = ownerWord(how);
  const perms =
    mode === undefined
      ? undefined
      : modeWord(resolveMode(mode, stat?.mode ?? 0o666 & ~now.umask, false, now.umask), false);
  return sh`set -e
t=${real}
s=${staged(stage)}
trap '[ ! -e "$s" ] || rm -f -- "$s"' EXIT
trap 'exit 1' HUP INT TERM
${wanted.parents === true && !now.parent ? sh`mkdir -p -- ${dirname(real)}` : sh`:`}
${written(wanted.source, small)}
${kept(stat !== undefined, perms !== undefined)}
${chown === undefined ? sh`:` : isRoot && chown === 'root:root' ? sh`{ [ -O "$s" ] && [ -G "$s" ]; } || chown -- ${chown} "$s"` : sh`chown -- ${chown} "$s"`}
${perms === undefined ? (stat === undefined ? sh`chmod =rw "$s"` : sh`:`) : sh`chmod ${perms} "$s"`}
${how.validate === undefined ? sh`:` : judged(how.validate, stage)}
${how.backup === true && stat !== undefined ? sh`i=$$; d=$(date +%Y-%m-%d@%H:%M:%S); while b="$t.$i.$d~"; [ -e "$b" ]; do i=$((i + 1)); done; cp -p -- "$t" "$b"; printf 'backup_file %s\n' "$b"` : sh`:`}
sync -- "$s"
${how.unsafe_writes === true ? sh`mv -fT -- "$s" "$t" 2>/dev/null || cat -- "$s" >"$t"` : sh`mv -fT -- "$s" "$t"`}`;
}

/** The content goes in while only its writer may read it. */
function written(source: Source, small: string | Uint8Array | undefined): Script {
  if ('fill' in source) return sh`(umask 077; ${source.fill})`;
  if ('fetched' in source) return source.finish;
  if ('copyOf' in source) return sh`(umask 077; cat -- ${source.copyOf} >"$s")`;
  if (small === undefined) return sh`:`;
  if (typeof small === 'string') return sh`(umask 077; printf %s ${small} >"$s")`;
  return sh`(umask 077; base64 -d >"$s" <<'END'
${verbatim(
  encodeBase64(small)
    .replace(/.{1,76}/g, '$&\n')
    .trimEnd(),
)}
END
)`;
}

/** Owner, mode and ACLs of the old file, as far as nothing else is asked for. */
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
  rc=$?
  printf '%s\n' "$v" >&2
  printf 'the new content is refused by: %s (exit code %s); nothing was changed\n' ${validate} "$rc" >&2
  exit 1
fi`;
}

/** What can travel inside the script: text as it is, a small binary file as bytes. Undefined: it has to be uploaded. */
function smallContent(source: Source): string | Uint8Array | undefined {
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

/** `backup_file`, as the script printed it. */
export function backupData(stdout: string | undefined): Vars {
  const name = stdout?.match(/^backup_file (.*)$/m)?.[1];
  return name === undefined ? {} : { backup_file: name };
}
