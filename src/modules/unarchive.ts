import { type Static, Type } from 'typebox';
import { blocked, type Context, defineModule, type Steps } from '../core/module.ts';
import { answer, type Script, sh, staged } from '../core/sh.ts';
import { absolutePath, args, exclude, flag, optionalFlag, ownership, text } from './shared/args.ts';
import { ownerNeeds, ownerWord } from './shared/attributes.ts';
import { type Download, download } from './shared/download.ts';
import { type Fields, fields } from './shared/fields.ts';
import { getRequest, probeClient } from './shared/http.ts';
import { noFolder } from './shared/missing.ts';
import { modeErrors, octal } from './shared/mode.ts';
import { basename, dirname, isPlain, spoolOf, stageName } from './shared/paths.ts';
import { CHAIN } from './shared/questions.ts';
import { stageWithin } from './shared/untrusted.ts';

const Args = args({
  src: Type.String({
    minLength: 1,
    description:
      "The archive: .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst or .zip. It is on the controller (in the role's files/). With remote_src, it is on the host or a URL.",
  }),
  dest: absolutePath('The directory to unpack into.'),
  remote_src: flag('src is on the host, or a URL.'),
  copy: optionalFlag('The old form: false is the same as remote_src: true.'),
  creates: text('A path. If it exists, nothing is unpacked.'),
  extra_opts: Type.Array(Type.String(), {
    default: [],
    description: 'Additional options for tar or unzip: --strip-components=1.',
  }),
  include: Type.Array(Type.String(), { default: [], description: 'Unpack only these paths of the archive.' }),
  exclude: Type.Array(Type.String(), { default: [], description: 'Do not unpack these paths of the archive.' }),
  list_files: flag('Return the names of the files in `files`.'),
  decrypt: flag('Decrypt an archive of the controller that is encrypted with ansible-vault.', true),
  io_buffer_size: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'No effect: no Python reads the archive, so there is no buffer of this size.',
    }),
  ),
  keep_newer: flag('Keep a file on the host that is newer than the one in the archive.'),
  validate_certs: flag("Verify the server's certificate if src is a URL.", true),
  ...ownership,
});
type Args = Static<typeof Args>;

export const unarchive = defineModule<typeof Args, Fields>({
  name: 'unarchive',
  summary: 'Unpacks an archive on the host, once for each version of it.',
  args: Args,
  sources: ({ src, remote_src, copy }) =>
    remote_src === undefined && copy === undefined && typeof src === 'string' && !isAddress(src)
      ? [{ path: src, folder: 'files' }]
      : [],
  examples: [
    {
      title: 'Unpack an archive of the controller',
      args: { src: 'app-1.2.tar.gz', dest: '/srv/app', owner: 'app', extra_opts: ['--strip-components=1'] },
    },
    {
      title: 'Unpack an archive on the host',
      args: { src: '/var/backups/site.tar.zst', dest: '/srv/www', remote_src: true },
    },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...exclude(
      { include: given.include.length > 0 || undefined, exclude: given.exclude.length > 0 || undefined },
      'include',
      'exclude',
    ),
  ],
  needs: (given) => [
    `path:${given.dest}`,
    ...(isRemote(given) && given.src.startsWith('/') ? [`path:${given.src}`] : []),
    ...ownerNeeds(given),
    'package:*',
  ],
  touches: ({ dest }) => [`path:${dest}`, 'live:*'],
  probe(given, ctx) {
    const { src, dest, creates } = given;
    const remote_src = isRemote(given);
    // The record of the unpacked files has the size, time, mode and owner of each, so that every difference is found.
    return sh`${creates === undefined ? sh`:` : sh`if [ -e ${creates} ]; then echo 'created yes'; fi`}
if [ -d ${dest} ]; then echo 'dest yes'; fi
if [ -L ${dest} ]; then printf 'real %s\n' "$(readlink -f -- ${dest})"; fi
printf 'trusted %s\n' ${isPlain(dest) ? answer(CHAIN, dest) : sh`''`}
${remote_src && !isAddress(src) ? sh`if [ -f ${src} ]; then s=$(sha256sum <${src}); printf 'sum %s\n' "\${s%% *}"; fi` : sh`:`}
m=${memory(given, ctx)}
if [ -r "$m/sum" ] && [ -O ${memoryRoot(ctx)} ]; then
  read -r was <"$m/sum"; printf 'was %s\n' "$was"
  if (cd -- ${dest} && xargs -0 -r stat -c '%s %Y %f %u %g %n' -- <"$m/names" | cmp -s - "$m/stats"); then echo 'intact yes'; fi
  ${given.list_files ? sh`tr '\0' '\n' <"$m/names" | sed 's/^\.\//file /'` : sh`:`}
fi 2>/dev/null
${isAddress(src) ? probeClient() : sh`:`}
for c in tar unzip zstd xz bzip2 gzip; do if command -v "$c" >/dev/null; then printf 'has %s\n' "$c"; fi; done`;
  },
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const { src, dest, owner, group, mode } = given;
    const remote_src = isRemote(given);
    if (f.get('created') === 'yes') return [];
    if (f.get('dest') !== 'yes') return noFolder(dest);
    const found = remote_src ? undefined : ctx.file(src, 'files');
    const local = given.decrypt ? found : (found?.sealed ?? found);
    const sum = isAddress(src) ? src : (local?.sha256 ?? f.get('sum'));
    if (sum === undefined)
      return blocked('E_PATH_MISSING', { path: src, hint: 'create it in an earlier task, or remove `remote_src`' });
    const key = ctx.sha256(
      [sum, owner, group, mode, ...given.extra_opts, '-', ...given.include, '-', ...given.exclude].join('\0'),
    );
    if (f.get('was') === key && f.get('intact') === 'yes') return [];
    const tool = packer(src);
    if (!f.all('has').includes(tool))
      return blocked('E_TOOL_MISSING', { tool, hint: `install ${PACKAGES[tool] ?? tool} in an earlier task` });
    const from = isAddress(src) ? download(getRequest(src, given.validate_certs), CONNECT, f) : undefined;
    if (from !== undefined && 'blocked' in from) return from;
    const spool = spoolOf(dest, sum, ctx);
    const way: Way =
      from === undefined ? (remote_src ? { onHost: src, sum } : { spool }) : 'fill' in from ? from : { spool };
    return [
      {
        what: `unpack ${basename(src)} in ${dest}`,
        ...(f.get('real') !== undefined && { touches: [`path:${dest}`, `path:${f.get('real')}`, 'live:*'] }),
        ...(local !== undefined && { upload: [{ to: spool, content: [local], isSpooled: true }] }),
        ...(from !== undefined && 'fetched' in from && { upload: [{ to: spool, ...from.fetched, isSpooled: true }] }),
        run: unpack(given, { way, key, trusted: f.get('trusted') === '!' }, ctx),
      },
    ];
  },
  data: (f, { src, dest, list_files }) => ({ dest, src, ...(list_files && { files: f.all('file') }) }),
});

function isRemote({ remote_src, copy }: Args): boolean {
  return remote_src || copy === false;
}

function isAddress(src: string): boolean {
  return /^(https?|ftp):\/\//.test(src);
}

/** The path of the record. It is not in a user's home directory. */
function memory({ src, dest }: Args, ctx: Context): Script {
  const name = ctx.sha256(`${dest}\0${basename(src)}`).slice(0, 16);
  return sh`${memoryRoot(ctx)}/unarchive/${name}`;
}

/**
 * A user's record lies in a directory of that user. If another user created the directory first, its content is not
 * trusted.
 */
function memoryRoot({ user }: Context): Script {
  if (user === 'root') return sh`/var/lib/bringup`;
  return user === 'login' ? sh`/var/tmp/bringup-"\${LOGNAME:-login}"` : sh`${`/var/tmp/bringup-${user}`}`;
}

const PACKAGES: Readonly<Record<string, string>> = { xz: 'xz-utils' };

function packer(src: string): string {
  if (/\.zip$/i.test(src)) return 'unzip';
  if (/\.(zst|tzst)$/i.test(src)) return 'zstd';
  if (/\.(xz|txz)$/i.test(src)) return 'xz';
  if (/\.(bz2|tbz2?)$/i.test(src)) return 'bzip2';
  return /\.(gz|tgz)$/i.test(src) ? 'gzip' : 'tar';
}

/** In seconds. */
const CONNECT = 10;

/** Where the archive comes from: an upload, a file of the host with this checksum, or a download on the host. */
type Way = Readonly<{ spool: string } | { onHost: string; sum: string } | Extract<Download, { fill: Script }>>;
type Archive = Readonly<{
  way: Way;
  /** The key of the record of the unpacked files. */
  key: string;
  /** Whether no other user can change the way to the destination. */
  trusted: boolean;
}>;

/**
 * Unpacks where only the acting user has access, so that a damaged archive leaves nothing behind and nobody sees a
 * partial result.
 */
function unpack(given: Args, { way, key, trusted }: Archive, ctx: Context): Script {
  const { dest, mode, keep_newer } = given;
  const chown = ownerWord(given);
  const before = 'spool' in way ? sh`u=${staged(dirname(way.spool))}` : sh`:`;
  return sh`${stageWithin(dest, stageName(dest, ctx, key), ctx, before)}
m=${memory(given, ctx)}
${archive(way)}
mkdir -m 0700 ./in
${extracted(given)}
cd -P ./in; exec 7<.
${chown === undefined ? sh`:` : sh`chown -hR -- ${chown} .`}
${mode === undefined ? sh`:` : sh`find . -mindepth 1 ! -type l -exec chmod -- ${typeof mode === 'number' ? octal(mode) : mode.trim()} '{}' +`}
${ctx.user === 'root' ? sh`:` : sh`r=${memoryRoot(ctx)}; mkdir -m 0700 -- "$r" 2>/dev/null || { [ -O "$r" ] && [ ! -L "$r" ]; } || die "$r: it belongs to somebody else; remove it"`}
[ -d "$m" ] || mkdir -p -- "$m"
[ ! -e "$m/sum" ] || rm -f -- "$m/sum"
find . ! -type d -print0 | sort -z >"$m/names"
update=${keep_newer ? '-u' : ''}
settle() { chown --reference="$1" . 2>/dev/null || [ "$me" != 0 ]; chmod --reference="$1" . 2>/dev/null || [ "$me" != 0 ]; }
settle=settle
cd -P ../..
${
  trusted && ctx.user === 'root'
    ? sh`if [ -z "$(find . -type d '(' ! -uid 0 -o -perm /022 ')' ! -path "./$z*" -print -quit)" ]; then
  find "./$z/in" -mindepth 1 -maxdepth 1 -exec cp -al $update --remove-destination -t . -- '{}' +
else merge .; fi`
    : sh`merge .`
}
xargs -0 -r stat -c '%s %Y %f %u %g %n' -- <"$m/names" >"$m/stats"
sync -f .
printf '%s\n' ${key} >"$m/sum"`;
}

/** Sets $a to the archive. */
function archive(way: Way): Script {
  if ('spool' in way) return sh`a=${way.spool}`;
  if ('fill' in way)
    return sh`s=$PWD/archive; a=$s
${way.fill}`;
  return sh`cat -- ${way.onHost} >./archive; [ "$(sha256sum <./archive)" = ${`${way.sum}  -`} ] || die "$p: the archive changed after bringup read it; run again"; a=$PWD/archive`;
}

/**
 * Unpacks "$a" into ./in. tar accepts a plain archive that was cut off between two blocks, so the end of the archive is
 * checked.
 */
function extracted({ src, extra_opts, include, exclude: left }: Args): Script {
  const tool = packer(src);
  if (tool === 'unzip')
    return sh`unzip -q -o ${extra_opts} "$a" ${include} ${left.length > 0 ? ['-x', ...left] : []} -d ./in`;
  const end = sh`if [ "$(dd if="$a" bs=1 skip=257 count=5 2>/dev/null)" = ustar ] && [ "$(tail -c 1024 -- "$a" | tr -d '\0' | wc -c)" != 0 ]; then
die "$p: the archive is cut off: its end is missing; nothing was unpacked"; fi`;
  return sh`${tool === 'tar' ? end : sh`:`}
tar -x -f "$a" ${tool === 'tar' ? [] : [`--use-compress-program=${tool}`]} -C ./in ${left.map((one) => `--exclude=${one}`)} ${extra_opts} ${include.length > 0 ? ['--', ...include] : []}`;
}
