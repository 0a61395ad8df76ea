import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, type Context, defineModule, isBlocked, type Steps } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { type Script, sh, staged } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { joinLines, splitLines } from './shared/edit.ts';
import { type Fields, fields } from './shared/fields.ts';
import { probePath, type Seen, seen, textOf } from './shared/path-state.ts';
import { backupData, place } from './shared/place.ts';

const NUMBER = { pattern: '^\\d$', expected: 'one digit' } as const;

const Args = args({
  path: Type.String({
    pattern: '^(/[^\\u0000]*|none|swap|-)$',
    expected: 'a path on the host that begins with /; none for swap',
    description: 'The mount point.',
  }),
  state: Type.Enum(['mounted', 'unmounted', 'present', 'absent', 'absent_from_fstab', 'remounted', 'ephemeral'], {
    description:
      'mounted: in fstab and mounted. present: only in fstab. unmounted: not mounted; fstab stays. absent: neither, and without its directory. absent_from_fstab: not in fstab; a mount stays. remounted: mount it again. ephemeral: mounted without an entry in fstab.',
  }),
  src: text('The device, the remote file system or the directory to mount.'),
  fstype: text('The type of the file system: ext4, nfs, tmpfs, none.'),
  opts: text('The mount options. Default: defaults.'),
  dump: Type.String({ ...NUMBER, default: '0', description: 'The fifth field of fstab.' }),
  passno: Type.String({ ...NUMBER, default: '0', description: 'The sixth field of fstab: the order of fsck.' }),
  boot: flag('Mount it at boot. false: add the option noauto.', true),
  fstab: Type.String({
    default: '/etc/fstab',
    pattern: '^/',
    expected: 'a path on the host',
    description: 'The file with the entries.',
  }),
  backup: flag('Keep the old fstab beside the new one, under a name with the date.'),
});
type Args = Static<typeof Args>;
type Current = Readonly<{ fields: Fields; now: Seen }>;

export const mount = defineModule<typeof Args, Current>({
  name: 'mount',
  summary: 'A file system is mounted, now and at boot, or is not.',
  args: Args,
  aliases: { name: 'path' },
  examples: [
    {
      title: 'Now and at boot',
      args: {
        path: '/srv/data',
        src: 'UUID=6f1c2b1e-53b5-4a5e-9a63-0a1f6ad0b1d1',
        fstype: 'ext4',
        opts: 'noatime',
        state: 'mounted',
      },
    },
    {
      title: 'A directory in another place',
      args: { path: '/srv/www', src: '/home/www', fstype: 'none', opts: 'bind', state: 'mounted' },
    },
    { title: 'No swap at boot', args: { path: 'none', src: '/swapfile', fstype: 'swap', state: 'absent_from_fstab' } },
  ],
  verify: ({ path, state, src, fstype }) => {
    const needsSource = ['mounted', 'present', 'ephemeral'].includes(state);
    const isMount = !['present', 'absent_from_fstab', 'absent'].includes(state);
    return [
      ...(needsSource && src === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'src'" })] : []),
      ...(needsSource && fstype === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'fstype'" })] : []),
      ...(isMount && !path.startsWith('/')
        ? [
            argError(['path'], 'E_ARGUMENT_VALUE', {
              problem: `swap is not mounted on '${path}'`,
              hint: 'use state: present or absent_from_fstab',
            }),
          ]
        : []),
    ];
  },
  needs: (given) => [
    `path:${given.fstab}`,
    ...[given.path, given.src].flatMap((one) => (one?.startsWith('/') === true ? [`path:${one}`] : [])),
    'package:*',
    'live:*',
  ],
  touches: ({ fstab, path }) => [
    `path:${fstab}`,
    ...(path.startsWith('/') ? [`path:${path}`, ...parentsOf(path)] : []),
    'live:*',
  ],
  probe,
  parse: (stdout, { fstab }) => {
    const f = fields(stdout);
    return { fields: f, now: seen(f, fstab, {}) };
  },
  plan,
  data: (_, given, _ctx, ran) => ({
    name: given.path,
    src: given.src ?? null,
    fstype: given.fstype ?? null,
    opts: optionsOf(given),
    dump: given.dump,
    passno: given.passno,
    fstab: given.fstab,
    boot: given.boot ? 'yes' : 'no',
    ...backupData(ran?.stdout),
  }),
});

const SWAP = (path: string): boolean => !path.startsWith('/');
const plainPath = (path: string): string => path.replace(/(.)\/+$/, '$1');

function optionsOf({ opts = 'defaults', boot }: Args): string {
  return boot || opts.split(',').includes('noauto') ? opts : `${opts},noauto`;
}

/** As fstab(5) has it. */
function escaped(word: string): string {
  return word.replaceAll('\\', '\\134').replaceAll(' ', '\\040').replaceAll('\t', '\\011');
}

function lineOf(given: Args): string {
  const { src = '', path, fstype = '', dump, passno } = given;
  return [src, SWAP(path) ? path : plainPath(path), fstype, optionsOf(given), dump, passno].map(escaped).join(' ');
}

function probe(given: Args): Script {
  const { path, src, fstab, state, opts = '', fstype = '' } = given;
  const isBind = /(^|,)r?bind(,|$)/.test(opts);
  return sh`${
    SWAP(path)
      ? sh`:`
      : sh`if [ -e ${path} ]; then echo 'there yes'; fi
m=$(readlink -f -- ${path} 2>/dev/null) || m=${plainPath(path)}
while read -r i i i i at rest; do
  case $at in *\\*) at=$(printf '%b' "$at") ;; esac
  if [ "$at" = "$m" ]; then rest=\${rest#* - }; rest=\${rest#* }; printf 'mounted %s\n' "\${rest%% *}"; fi
done </proc/self/mountinfo
${
  state === 'ephemeral' && src !== undefined
    ? isBind
      ? sh`if [ "$(stat -c %d:%i -- ${src} 2>/dev/null)" = "$(stat -c %d:%i -- ${path} 2>/dev/null)" ]; then echo 'same yes'; fi`
      : sh`case ${src} in [A-Z]*=*) printf 'source %s\n' "$(findfs ${src} 2>/dev/null)" ;; /*) printf 'source %s\n' "$(readlink -f -- ${src})" ;; *) printf 'source %s\n' ${src} ;; esac`
    : sh`:`
}
${helperOf(fstype) === undefined ? sh`:` : sh`PATH=$PATH:/usr/sbin:/sbin; if ! command -v ${`mount.${fstype}`} >/dev/null; then echo 'helper missing'; fi`}`
  }
${probePath(fstab, {}, { content: 'always', limit: 1_048_576 })}`;
}

/** File systems that mount(8) cannot mount without a program of their own: the package that has it. */
function helperOf(fstype: string): string | undefined {
  return { nfs: 'nfs-common', nfs4: 'nfs-common', cifs: 'cifs-utils', glusterfs: 'glusterfs-client' }[fstype];
}

function plan({ fields: f, now }: Current, given: Args, ctx: Context): Steps {
  const { path, state, src, fstab, fstype = '', backup } = given;
  const before = textOf(now);
  if (before === undefined) return blocked('E_NOT_TEXT', { path: fstab });
  const isMounted = f.get('mounted') !== undefined;
  const isWanted = state === 'mounted' || state === 'ephemeral';
  if (isWanted && !isMounted && f.get('helper') !== undefined) {
    return blocked('E_TOOL_MISSING', {
      tool: `mount.${fstype}`,
      hint: `install the package ${helperOf(fstype)} in an earlier task`,
    });
  }
  const after = edit(before, given);
  const entry =
    after === before
      ? []
      : place(
          now,
          { path: fstab, source: { text: after }, same: false, isEdit: true },
          { backup, ...(now.stat === undefined && { mode: '0644' }) },
          ctx,
        );
  if (isBlocked(entry)) return entry;
  const line = lineOf(given);
  switch (state) {
    case 'present':
    case 'absent_from_fstab':
      return entry;
    case 'mounted':
      if (!isMounted) return [mounting(f, given, line, ctx), ...entry];
      return entry.length === 0 ? [] : [...entry, remounting(path, line, ctx)];
    case 'unmounted':
      return isMounted ? [unmounting(path)] : [];
    case 'absent':
      if (!isMounted)
        return entry.length === 0 ? [] : [...entry, ...(f.get('there') === undefined ? [] : [emptied(path)])];
      return [unmounting(path), ...entry, emptied(path)];
    case 'remounted':
      if (!isMounted) return blocked('E_NOT_MOUNTED', { path });
      return [{ ...remounting(path, undefined, ctx), action: true }];
    case 'ephemeral': {
      if (!isMounted) return [mounting(f, given, line, ctx)];
      if (f.get('same') === undefined && !f.all('mounted').includes(f.get('source') ?? src ?? '')) {
        return blocked('E_MOUNTED_OTHER', { path, is: f.all('mounted').at(-1) ?? '', wanted: src ?? '' });
      }
      return [{ ...remounting(path, line, ctx), action: true }];
    }
  }
}

/** An entry that is there with fewer fields has the default ones. */
export function edit(before: string, given: Args): string {
  const { state, path, src } = given;
  if (state === 'unmounted' || state === 'remounted' || state === 'ephemeral') return before;
  const was = splitLines(before);
  const isMeant = (line: string): boolean => {
    const [source = '', at = ''] = fieldsOf(line);
    if (!SWAP(path)) return plainPath(at) === escaped(plainPath(path));
    return SWAP(at) && (src === undefined ? at === path : source === escaped(src));
  };
  const isGone = state === 'absent' || state === 'absent_from_fstab';
  if (isGone) {
    const kept = was.list.filter((line) => !isMeant(line));
    return kept.length === was.list.length ? before : joinLines(kept, { eol: was.eol, final: true });
  }
  const line = lineOf(given);
  const isSame = (one: string): boolean => {
    const [a = '', b = '', c = '', d = 'defaults', e = '0', g = '0'] = fieldsOf(one);
    return [a, SWAP(b) ? b : plainPath(b), c, d, e, g].join(' ') === line;
  };
  const at = was.list.findIndex(isMeant);
  if (at < 0) return joinLines([...was.list, line], { eol: was.eol, final: true });
  // Of two entries with one mount point, Ansible makes two of the new one; a single one is meant.
  const kept = was.list.flatMap((one, i) => (i === at ? [isSame(one) ? one : line] : isMeant(one) ? [] : [one]));
  const isUnchanged = kept.length === was.list.length && kept.every((one, i) => one === was.list[i]);
  return isUnchanged ? before : joinLines(kept, { eol: was.eol, final: true });
}

function fieldsOf(line: string): readonly string[] {
  const words = line.trim().split(/\s+/);
  return line.trim().startsWith('#') || words.length < 3 ? [] : words;
}

/** mount(8) reads the entry from a file, because its options may hold a password. A pipe is no such file. */
function byEntry(line: string, ctx: Context): Script {
  return sh`set -e
e=${staged(`/run/bringup-fstab-${ctx.sha256(`${ctx.nonce}\0${line}`).slice(0, 20)}`)}
trap 'rm -f -- "$e"' EXIT
rm -f -- "$e"
(set -C; umask 077; printf '%s\n' ${line} >"$e")`;
}

/** Before the entry is written: one that cannot be mounted would keep the host from booting. */
function mounting(f: Fields, { path, src = '', fstype }: Args, line: string, ctx: Context): Change {
  const isNew = f.get('there') === undefined;
  return {
    what: `mount ${src} on ${path}`,
    diff: { of: path, before: null, after: `${src} (${fstype})\n` },
    run: sh`${byEntry(line, ctx)}
${isNew ? sh`mkdir -p -- ${path}` : sh`:`}
mount -T "$e" -- ${plainPath(path)} || { rc=$?; ${isNew ? sh`rmdir -- ${path} 2>/dev/null || :` : sh`:`}; exit "$rc"; }`,
  };
}

/** Not every file system can change its options while it is mounted. */
function remounting(path: string, line: string | undefined, ctx: Context): Change {
  const at = plainPath(path);
  const mount = line === undefined ? sh`mount` : sh`mount -T "$e"`;
  return {
    what: `remount ${path}`,
    run: sh`${line === undefined ? sh`set -e` : byEntry(line, ctx)}
${mount} -o remount -- ${at} 2>/dev/null || { umount -- ${at}; ${mount} -- ${at}; }`,
  };
}

function unmounting(path: string): Change {
  return {
    what: `unmount ${path}`,
    diff: { of: path, before: 'mounted\n', after: null },
    run: sh`umount -- ${plainPath(path)}`,
  };
}

function emptied(path: string): Change {
  return {
    what: `remove the directory ${path}`,
    run: sh`if [ -d ${path} ] && [ ! -L ${path} ]; then rmdir -- ${path}; fi`,
  };
}
