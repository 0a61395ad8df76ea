import { type Static, Type } from 'typebox';
import { type Context, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, exclude, flag, ownership, text } from './shared/args.ts';
import { ownerNeeds, ownerWord } from './shared/attributes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { noFolder } from './shared/missing.ts';
import { modeErrors, octal } from './shared/mode.ts';
import { basename, join } from './shared/paths.ts';

const Args = args({
  src: Type.String({
    minLength: 1,
    description:
      "The archive: .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst or .zip. On the controller (the role's files/), unless remote_src; an address with remote_src.",
  }),
  dest: absolutePath('The directory that it is unpacked in.'),
  remote_src: flag('src is on the host, or an address.'),
  creates: text('Nothing is done where this path is there already.'),
  extra_opts: Type.Array(Type.String(), {
    default: [],
    description: 'More options for tar or unzip: --strip-components=1.',
  }),
  include: Type.Array(Type.String(), { default: [], description: 'Only these paths of the archive.' }),
  exclude: Type.Array(Type.String(), { default: [], description: 'Not these paths of the archive.' }),
  list_files: flag('The names of the files are returned in `files`.'),
  keep_newer: flag('Ignored: what is unpacked is what is in the archive.'),
  validate_certs: flag('Ignored: certificates must be good.', true),
  ...ownership,
});
type Args = Static<typeof Args>;

export const unarchive = defineModule<typeof Args, Fields>({
  name: 'unarchive',
  summary: 'An archive is unpacked on the host, once for each of its versions.',
  args: Args,
  examples: [
    {
      title: 'Of the controller',
      args: { src: 'app-1.2.tar.gz', dest: '/srv/app', owner: 'app', extra_opts: ['--strip-components=1'] },
    },
    { title: 'Of the host', args: { src: '/var/backups/site.tar.zst', dest: '/srv/www', remote_src: true } },
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
    ...(given.remote_src && given.src.startsWith('/') ? [`path:${given.src}`] : []),
    ...ownerNeeds(given),
    'package:*',
  ],
  touches: ({ dest }) => [`path:${dest}`, 'live:*'],
  probe(given, ctx) {
    const { src, dest, creates, remote_src } = given;
    // what was unpacked is remembered with size, time, mode and owner of each file: any that differs is seen
    return sh`${creates === undefined ? sh`:` : sh`if [ -e ${creates} ]; then echo 'created yes'; fi`}
if [ -d ${dest} ]; then echo 'dest yes'; fi
${remote_src && !isAddress(src) ? sh`if [ -f ${src} ]; then s=$(sha256sum <${src}); printf 'sum %s\n' "\${s%% *}"; fi` : sh`:`}
m=${memory(given, ctx)}
if [ -r "$m/sum" ]; then
  read -r was <"$m/sum"; printf 'was %s\n' "$was"
  if (cd -- ${dest} && xargs -0 -r stat -c '%s %Y %f %u %g %n' -- <"$m/names" | cmp -s - "$m/stats"); then echo 'intact yes'; fi
  ${given.list_files ? sh`tr '\0' '\n' <"$m/names" | sed 's/^\.\//file /'` : sh`:`}
fi 2>/dev/null
for c in tar unzip zstd xz bzip2 gzip curl wget; do if command -v "$c" >/dev/null; then printf 'has %s\n' "$c"; fi; done`;
  },
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const { src, dest, remote_src, owner, group, mode } = given;
    if (f.get('created') === 'yes') return [];
    if (f.get('dest') !== 'yes') return noFolder(dest);
    const local = remote_src ? undefined : ctx.file(src, 'files');
    const sum = isAddress(src) ? src : (local?.sha256 ?? f.get('sum'));
    if (sum === undefined)
      return {
        blocked: `${src} does not exist on the host`,
        mend: 'put it there in an earlier task, or drop `remote_src`',
      };
    const key = ctx.sha256(
      [sum, owner, group, mode, ...given.extra_opts, '-', ...given.include, '-', ...given.exclude].join('\0'),
    );
    if (f.get('was') === key && f.get('intact') === 'yes') return [];
    const tool = packer(src);
    if (!f.all('has').includes(tool))
      return { blocked: `the host has no ${tool}`, mend: `install ${PACKAGES[tool] ?? tool} in an earlier task` };
    const at = remote_src && !isAddress(src) ? src : join(dest, `.bringup-${ctx.nonce}-archive`);
    return [
      {
        what: `unpack ${basename(src)} in ${dest}`,
        ...(local !== undefined && { upload: [{ to: at, content: [local] }] }),
        ...(isAddress(src) && { upload: [{ to: at, url: src }] }),
        run: unpack(given, at, key, at !== src, ctx),
      },
    ];
  },
  data: (f, { src, dest, list_files }) => ({ dest, src, ...(list_files && { files: f.all('file') }) }),
});

function isAddress(src: string): boolean {
  return /^(https?|ftp):\/\//.test(src);
}

/** Where it is remembered what was unpacked. */
function memory({ src, dest }: Args, ctx: Context): Script {
  const name = ctx.sha256(`${dest}\0${basename(src)}`).slice(0, 16);
  const folder = ctx.user === 'root' ? sh`/var/lib` : sh`"\${HOME:-/tmp}"/.local/state`;
  return sh`${folder}/bringup/unarchive/${name}`;
}

const PACKAGES: Readonly<Record<string, string>> = { xz: 'xz-utils' };

function packer(src: string): string {
  if (/\.zip$/i.test(src)) return 'unzip';
  if (/\.(zst|tzst)$/i.test(src)) return 'zstd';
  if (/\.(xz|txz)$/i.test(src)) return 'xz';
  if (/\.(bz2|tbz2?)$/i.test(src)) return 'bzip2';
  return /\.(gz|tgz)$/i.test(src) ? 'gzip' : 'tar';
}

/** Into a directory beside the target first: an archive that is damaged leaves no trace. */
function unpack(given: Args, at: string, key: string, isOurs: boolean, ctx: Context): Script {
  const { src, dest, mode, extra_opts, include, exclude: left } = given;
  const tool = packer(src);
  const extract =
    tool === 'unzip'
      ? sh`unzip -q -o ${extra_opts} ${at} ${include} ${left.length > 0 ? ['-x', ...left] : []} -d "$s"`
      : sh`tar -x -f ${at} ${tool === 'tar' ? [] : [`--use-compress-program=${tool}`]} -C "$s" ${left.map((one) => `--exclude=${one}`)} ${extra_opts} ${include.length > 0 ? ['--', ...include] : []}`;
  const chown = ownerWord(given);
  return sh`set -e
s=${join(dest, `.bringup-${ctx.nonce}-unpacked`)}
m=${memory(given, ctx)}
a=${isOurs ? at : ''}
trap 'rm -rf -- "$s" \${a:+"$a"}' EXIT
trap 'exit 1' HUP INT TERM
mkdir -m 0700 -- "$s"
${extract}
cd -- "$s"
${chown === undefined ? sh`:` : sh`chown -hR -- ${chown} .`}
${mode === undefined ? sh`:` : sh`find . -mindepth 1 ! -type l -exec chmod -- ${typeof mode === 'number' ? octal(mode) : mode.trim()} '{}' +`}
[ -d "$m" ] || mkdir -p -- "$m"
[ ! -e "$m/sum" ] || rm -f -- "$m/sum"
find . ! -type d -print0 | sort -z >"$m/names"
find . -mindepth 1 -maxdepth 1 -exec cp -al --remove-destination -t ${dest} -- '{}' +
cd -- ${dest}
xargs -0 -r stat -c '%s %Y %f %u %g %n' -- <"$m/names" >"$m/stats"
sync -f -- ${dest}
printf '%s\n' ${key} >"$m/sum"`;
}
