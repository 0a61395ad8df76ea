import type { Resource } from '../../core/resource.ts';
import { answer, asName, type Question, type Script, sh, verbatim } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import type { Ownership } from './args.ts';
import { asText, decodeBytes } from './bytes.ts';
import type { Fields } from './fields.ts';
import { hasLabels, type LabelsSeen, labelsSeen, probeLabels } from './labels.ts';
import { octal } from './mode.ts';
import { dirname, isPlain } from './paths.ts';
import { CHAIN, CONTENT, STAT, STAT_FORMAT, SUM } from './questions.ts';

/** The largest content that a probe sends or a script carries, in bytes. */
export const SMALL = 65_536;

type Kind = 'file' | 'directory' | 'link' | 'char' | 'block' | 'fifo' | 'socket';

/** What a probe saw at a path. For a symlink: the link's target, and in the other fields the file that it leads to. */
export type Seen = Readonly<{
  /** The stat of the file that the path leads to. undefined if nothing is there or the link dangles. */
  stat: Stat | undefined;
  /** The target of the symlink at the path. */
  link: string | undefined;
  /** The path with symlinks followed: where new content has to be written. */
  real: string;
  /** Whether the parent directory of `real` exists. */
  parent: boolean;
  /** Whether it is certain that only root and the acting user can change the directories on the way. */
  trusted: boolean;
  /** Ids of the wanted owner and group if they were asked for. undefined: the name does not exist. */
  owner: number | undefined;
  group: number | undefined;
  sha256: string | undefined;
  /** The content if it was asked for and is small. */
  content: Uint8Array | undefined;
  umask: number;
  /** If labels were asked for. */
  labels?: LabelsSeen;
}>;

export type Stat = Readonly<{
  kind: Kind;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  atime: number;
  ctime: number;
  nlink: number;
  inode: number;
  device: string;
  user: string;
  groupName: string;
}>;

/** What a probe sends of the content: nothing, its sha256, the text if it differs from `unless`, or always the text. */
export type Want = Readonly<
  { content: 'none' | 'sum' } | { content: 'always'; limit?: number } | { content: 'differs'; unless: string }
>;

/** `mayBeIn`: the path is either `likely` or directly inside of it. */
type ProbeOptions = Readonly<{ follow?: boolean; likely?: string; mayBeIn?: boolean }>;

/**
 * Prints what `fields` and `seen` parse. `$p` is the path; `follow: false` examines a link itself. The script uses
 * shell builtins where it can, and asks shared questions once for a round trip.
 *
 * @param path the path, or a script that finds it; it may then turn out to be `likely`
 */
export function probePath(
  path: string | Script,
  { owner, group, ...how }: Ownership,
  want: Want,
  { follow = true, likely, mayBeIn = false }: ProbeOptions = {},
): Script {
  const known = typeof path === 'string' ? path : likely;
  /** An answer for the likely path is used only if the path is that one. */
  const answerFor = (variable: Script, question: Question): Script => {
    if (known === undefined) return sh`${variable}=`;
    const set = sh`${variable}=${answer(question, known)}`;
    return typeof path === 'string' ? set : sh`if [ "$p" = ${known} ]; then ${set}; else ${variable}=; fi`;
  };
  return sh`
p=${path}; r=$p; st=; ${trust(path, likely, mayBeIn)}
if [ -L "$p" ]; then
  l=$(readlink -n -- "$p"; echo .); l=\${l%.}; ${sendPath('link', sh`l`)}
  ${follow ? sh`r=$(readlink -f -- "$p") || r=$p; ${sendPath('real', sh`r`)}; t=` : sh`:`}
fi
${statOfPath(answerFor, follow)}
case $r in */*) d=\${r%/*} ;; *) d=. ;; esac
if [ -d "\${d:-/}" ]; then d=yes; else d=no; fi; echo "parent $d$t"
printf 'umask '; umask
${id('owner', owner, sh`u`, sh`passwd`)}
${id('group', group, sh`g`, sh`group`)}
${contentOf(want, answerFor)}
${hasLabels(how) ? probeLabels(how, follow) : sh``}`;
}

/** Sets t to CHAIN's answer for the path's directory. */
function trust(path: string | Script, likely: string | undefined, mayBeIn: boolean): Script {
  const chain = (folder: string): Script => (isPlain(folder) ? answer(CHAIN, folder) : sh`''`);
  if (typeof path === 'string') return sh`t=${chain(dirname(path))}`;
  if (likely === undefined) return sh`t=`;
  const elsewhere = mayBeIn ? chain(likely) : sh``;
  return sh`case $p in ${likely}) t=${chain(dirname(likely))} ;; *) t=${elsewhere} ;; esac`;
}

/** Prints a path, unencoded if it is harmless. */
function sendPath(key: string, variable: Script): Script {
  return sh`case $${variable} in *[!A-Za-z0-9/._+-]*) printf ${`${key} %s\n`} "$(printf %s "$${variable}" | base64 -w0)" ;; *) printf ${`${key}_is %s\n`} "$${variable}" ;; esac`;
}

type AnswerFor = (variable: Script, question: Question) => Script;

function statOfPath(answerFor: AnswerFor, follow: boolean): Script {
  const own = sh`st=$(stat ${follow ? sh`-L` : sh``} -c ${STAT_FORMAT} -- "$r" 2>/dev/null)`;
  const print = sh`printf 'stat %s\n' "$st"`;
  const shared = sh`if [ -e "$r" ]; then ${answerFor(sh`st`, STAT)}; [ -n "$st" ] || ${own}; ${print}; fi`;
  return follow ? shared : sh`if [ -L "$p" ]; then ${own}; ${print}; else ${shared}; fi`;
}

/**
 * Looks up the id of a wanted owner, unless the file already shows it. Probes that share a subshell look up each name
 * once, because many new files have few owners.
 */
function id(key: string, name: string | undefined, letter: Script, database: Script): Script {
  if (name === undefined || ownId(name) !== undefined) return sh`:`;
  const field = letter.text === 'u' ? sh`*/${name}/*` : sh`*/${name}`;
  const kept = verbatim(`i${letter.text}_${asName(name)}`);
  return sh`case $st in ${field}) ;; *) if [ -z "\${${kept}-}" ]; then e=$(getent ${database} ${name}); e=\${e#*:*:}; ${kept}=\${e%%:*}.; fi
printf ${`${key} %s\n`} "\${${kept}%.}" ;; esac`;
}

/** The id, if the name is a number or has the same id on every host. */
function ownId(name: string): number | undefined {
  if (name === 'root') return 0;
  return /^\d+$/.test(name) ? Number(name) : undefined;
}

function contentOf(want: Want, answerFor: AnswerFor): Script {
  const limit = want.content === 'always' ? (want.limit ?? SMALL) : SMALL;
  // stat has already told the size
  const send = (known: Script): Script =>
    sh`z=\${st#*/*/*/}; z=\${z%%/*}; if [ "$z" -le ${limit} ]; then ${known}; [ -n "$c" ] || c=$(base64 -w0 <"$r"); printf 'content %s\n' "$c"; fi`;
  const sum = sh`${answerFor(sh`s`, SUM)}; [ -n "$s" ] || { s=$(sha256sum <"$r"); s=\${s%% *}; }; printf 'sum %s\n' "$s"`;
  if (want.content === 'none') return sh`:`;
  if (want.content === 'sum') return sh`if [ -f "$r" ]; then ${sum}; fi`;
  if (want.content === 'always') return sh`if [ -f "$r" ]; then ${send(answerFor(sh`c`, CONTENT))}; fi`;
  if (!('unless' in want)) return sh`:`;
  return sh`if [ -f "$r" ]; then ${sum}; if [ "$s" != ${want.unless} ]; then ${send(sh`c=`)}; fi; fi`;
}

export function seen(f: Fields, path: string, { owner, group }: Ownership): Seen {
  const stat = statOf(f.get('stat'));
  const link = f.get('link_is') ?? f.text('link');
  const content = f.get('content');
  const idOf = (name: string | undefined, key: string, shown: string | undefined, own: number | undefined) => {
    if (name === undefined) return undefined;
    const known = ownId(name);
    if (known !== undefined) return known;
    if (shown === name) return own;
    const found = f.get(key);
    return found === undefined || found === '' ? undefined : Number(found);
  };
  return {
    stat,
    link,
    real: f.get('real_is') ?? f.text('real') ?? path,
    parent: f.get('parent')?.startsWith('yes') ?? false,
    trusted: f.get('parent')?.endsWith('!') ?? false,
    owner: idOf(owner, 'owner', stat?.user, stat?.uid),
    group: idOf(group, 'group', stat?.groupName, stat?.gid),
    sha256: f.get('sum'),
    content: content === undefined ? undefined : decodeBytes(content),
    umask: Number.parseInt(f.get('umask') ?? '0022', 8),
    labels: labelsSeen(f),
  };
}

export function statOf(line: string | undefined): Stat | undefined {
  if (line === undefined) return undefined;
  const [raw = '0', uid, gid, size, mtime, atime, ctime, nlink, inode, device = '', user = '', groupName = ''] =
    line.split('/');
  const bits = Number.parseInt(raw, 16);
  return {
    kind: KINDS[bits >> 12] ?? 'file',
    mode: bits & 0o7777,
    uid: Number(uid),
    gid: Number(gid),
    size: Number(size),
    mtime: Number(mtime),
    atime: Number(atime),
    ctime: Number(ctime),
    nlink: Number(nlink),
    inode: Number(inode),
    device,
    user,
    groupName,
  };
}
/** By the first octal digits of st_mode. */
const KINDS: Readonly<Record<number, Kind>> = {
  1: 'fifo',
  2: 'char',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'link',
  12: 'socket',
};

/** The content as text. '' if the file does not exist; undefined if it is binary or too large to send. */
export function textOf(now: Seen): string | undefined {
  if (now.stat === undefined) return '';
  return now.content === undefined ? undefined : asText(now.content);
}

/** The additional resource that a change alters if the path is a link: the file then has two names. */
export function behind({ link, real }: Seen, path: string): Readonly<{ touches?: readonly Resource[] }> {
  return link === undefined || real === path ? {} : { touches: [`path:${path}`, `path:${real}`] };
}

/** The registered result about a file, with Ansible's names. */
export function fileData(path: string, now: Pick<Seen, 'stat'>): Vars {
  if (now.stat === undefined) return { path, state: 'absent' };
  const { mode, uid, gid, user, groupName, size, kind } = now.stat;
  return {
    path,
    mode: octal(mode),
    uid,
    gid,
    owner: user,
    group: groupName,
    size,
    state: kind === 'directory' ? 'directory' : kind === 'link' ? 'link' : 'file',
  };
}
