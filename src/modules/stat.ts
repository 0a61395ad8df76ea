import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { absolutePath, args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { octal, permissionBits } from './shared/mode.ts';
import { statOf } from './shared/path-state.ts';

const ALGORITHMS = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const;

const Args = args({
  path: absolutePath('The path on the host.'),
  follow: flag('Follow a symlink and return its target instead of the link.'),
  get_checksum: flag('Return the checksum of a regular file.', true),
  checksum_algorithm: Type.Enum(ALGORITHMS, { default: 'sha1', description: "The checksum's algorithm." }),
  get_mime: flag('Return the MIME type and charset if the host has `file`.', true),
  get_attributes: flag('Return the attributes that lsattr shows, in attributes, attr_flags and version.', true),
});

export const stat = defineModule<typeof Args, Fields>({
  name: 'stat',
  summary: 'Returns the attributes of a file.',
  args: Args,
  aliases: {
    dest: 'path',
    name: 'path',
    checksum: 'checksum_algorithm',
    checksum_algo: 'checksum_algorithm',
    mime: 'get_mime',
    mime_type: 'get_mime',
    'mime-type': 'get_mime',
    attr: 'get_attributes',
    attributes: 'get_attributes',
  },
  examples: [
    { title: 'Check whether a file exists', args: { path: '/etc/haproxy/haproxy.cfg' } },
    { title: 'Return a sha256', args: { path: '/srv/app.tar.gz', checksum_algorithm: 'sha256' } },
  ],
  needs: ({ path }) => [`path:${path}`],
  probe: ({ path, follow, get_checksum, checksum_algorithm, get_mime, get_attributes }) => sh`p=${path}
st=$(stat ${follow ? sh`-L` : sh``} -c '%f/%u/%g/%s/%Y/%X/%Z/%h/%i/%d/%U/%G' -- "$p" 2>/dev/null) || exit 0
printf 'stat %s\n' "$st"
stat ${follow ? sh`-L` : sh``} -c 'blocks %b' -- "$p"
if [ -r "$p" ]; then echo readable; fi
if [ -w "$p" ]; then echo writeable; fi
if [ -x "$p" ]; then echo executable; fi
if [ -L "$p" ]; then
  printf 'target %s\n' "$(readlink -- "$p" | base64 -w0)"
  printf 'source %s\n' "$(readlink -f -- "$p" | base64 -w0)"
fi
${get_checksum ? checksum(checksum_algorithm, follow) : sh`:`}
${get_mime ? sh`if command -v file >/dev/null; then printf 'mime %s\n' "$(file --brief --mime -- "$p" 2>/dev/null)"; fi` : sh`:`}
${get_attributes ? sh`if a=$(lsattr -vd -- "$p" 2>/dev/null); then printf 'attr %s\n' "\${a% "$p"}"; fi` : sh`:`}`,
  parse: (stdout) => fields(stdout),
  plan: () => [],
  data: (f, { path, get_attributes }) => ({ stat: { ...statData(f, path), ...(get_attributes && attributeData(f)) } }),
});

function checksum(algorithm: string, follow: boolean): Script {
  return sh`if [ -f "$p" ] && [ -r "$p" ] ${follow ? sh`` : sh`&& [ ! -L "$p" ]`}; then s=$(${`${algorithm}sum`} <"$p"); printf 'sum %s\n' "\${s%% *}"; fi`;
}

/** The names of attributes that Ansible knows. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  A: 'noatime',
  a: 'append',
  c: 'compressed',
  C: 'nocow',
  d: 'nodump',
  D: 'dirsync',
  e: 'extents',
  E: 'encrypted',
  h: 'blocksize',
  i: 'immutable',
  I: 'indexed',
  j: 'journalled',
  N: 'inline',
  s: 'zero',
  S: 'synchronous',
  t: 'notail',
  T: 'blockroot',
  u: 'undelete',
  X: 'compressedraw',
  Z: 'compresseddirty',
};

function attributeData(f: Fields): Vars {
  if (f.get('stat') === undefined) return {};
  const [version, shown = ''] = f.get('attr')?.trim().split(/\s+/) ?? [];
  const flags = shown.replaceAll('-', '');
  return {
    version: version ?? null,
    attr_flags: flags,
    attributes: [...flags].flatMap((letter) => ATTRIBUTES[letter] ?? []),
  };
}

function statData(f: Fields, path: string): Vars {
  const found = statOf(f.get('stat'));
  if (found === undefined) return { exists: false };
  const { mode, kind } = found;
  const [target, source, sum, mime] = [f.text('target'), f.text('source'), f.get('sum'), f.get('mime')];
  const [type, charset] = mime?.split('; charset=') ?? [];
  return {
    exists: true,
    path,
    mode: octal(mode),
    isdir: kind === 'directory',
    ischr: kind === 'char',
    isblk: kind === 'block',
    isreg: kind === 'file',
    isfifo: kind === 'fifo',
    islnk: kind === 'link',
    issock: kind === 'socket',
    uid: found.uid,
    gid: found.gid,
    size: found.size,
    inode: found.inode,
    dev: Number(found.device),
    nlink: found.nlink,
    atime: found.atime,
    mtime: found.mtime,
    ctime: found.ctime,
    blocks: Number(f.get('blocks') ?? 0),
    pw_name: found.user,
    gr_name: found.groupName,
    ...permissionBits(mode),
    readable: f.get('readable') !== undefined,
    writeable: f.get('writeable') !== undefined,
    executable: f.get('executable') !== undefined,
    ...(target !== undefined && { lnk_target: target.replace(/\n$/, '') }),
    ...(source !== undefined && { lnk_source: source.replace(/\n$/, '') }),
    ...(sum !== undefined && { checksum: sum }),
    ...(type !== undefined && { mimetype: type, charset: charset ?? 'unknown' }),
  };
}
