import { blocked, type Change, type Context, type LocalFile, type Steps, type TreeNode } from '../../core/module.ts';
import { answer, type Script, sh, staged } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { fixAttributes, ownerWord, unknownOwner } from './attributes.ts';
import { fields } from './fields.ts';
import { modeWord, octal, resolveMode } from './mode.ts';
import { type Seen, type Stat, seen, statOf } from './path-state.ts';
import { dirname, isPlain, join, spoolOf, stageName } from './paths.ts';
import { CHAIN } from './questions.ts';
import { tar } from './tar.ts';
import { making, stageWithin } from './untrusted.ts';

type FileNode = Extract<TreeNode, Readonly<{ file: LocalFile }>>;
export type TreeHow = Ownership &
  Readonly<{ directory_mode?: string | number | undefined; force?: boolean; preserve?: boolean }>;

/** What a host has of a tree: files and directories by their full paths. */
export type TreeSeen = Readonly<{
  now: Seen;
  stats: ReadonlyMap<string, Stat>;
  sums: ReadonlyMap<string, string>;
  links: ReadonlyMap<string, string>;
}>;

/** One process examines all files, so that a tree of a thousand files costs one. */
export function probeTree(root: string, leaves: readonly TreeNode[], { owner, group }: Ownership): Script {
  const files = leaves.filter(isFile).map(({ path }) => join(root, path));
  const links = leaves.filter((leaf) => 'link' in leaf).map(({ path }) => join(root, path));
  const all = [...foldersOf(root, leaves), ...files];
  const id = (key: string, name: string | undefined, database: string): Script =>
    name === undefined || /^\d+$/.test(name)
      ? sh`:`
      : sh`printf ${`${key} %s\n`} "$(getent ${database} ${name} | cut -d: -f3)"`;
  const folders = foldersOf(root, leaves);
  return sh`printf 'umask '; umask
t=${isPlain(root) ? answer(CHAIN, root) : sh`''`}; echo "parent yes$t"
for f in ${folders}; do if [ -L "$f" ]; then echo 'linked yes'; fi; done
${id('owner', owner, 'passwd')}
${id('group', group, 'group')}
${chunks(all).map((some) => sh`stat -L -c 'at %f/%u/%g/%s/%Y/%X/%Z/%h/%i/%d/%U/%G//%n' -- ${some} 2>/dev/null;`)}
${chunks(files).map((some) => sh`sha256sum -- ${some} 2>/dev/null | sed 's/^/sha /';`)}
${chunks(links).map((some) => sh`find ${some} -maxdepth 0 -printf 'to %y/%l//%p\n' 2>/dev/null;`)}
:`;
}

export function parseTree(stdout: string, root: string, how: Ownership): TreeSeen {
  const f = fields(stdout);
  const stats = new Map<string, Stat>();
  for (const line of f.all('at')) {
    const at = line.indexOf('//');
    const stat = statOf(line.slice(0, at));
    if (stat !== undefined) stats.set(line.slice(at + 2), stat);
  }
  const sums = new Map<string, string>();
  for (const line of f.all('sha')) {
    const [, escaped, sum = '', name = ''] = /^(\\?)([0-9a-f]{64})[ *]+(.*)$/.exec(line) ?? [];
    sums.set(escaped === '\\' ? name.replaceAll('\\\\', '\\') : name, sum);
  }
  const links = new Map(f.all('to').map((line) => [line.replace(/^.*?\/\//, ''), line.slice(0, line.indexOf('//'))]));
  const { trusted, ...now } = seen(f, root, how);
  const isClosed = (stat: Stat): boolean => stat.kind !== 'directory' || (stat.uid === 0 && (stat.mode & 0o022) === 0);
  const isTrusted = trusted && f.get('linked') !== 'yes' && [...stats.values()].every(isClosed);
  return { now: { ...now, trusted: isTrusted }, stats, sums, links };
}

function isFile(node: TreeNode): node is FileNode {
  return 'file' in node;
}

/**
 * Updates what differs. The files travel as one archive, are unpacked where only the acting user has access, and are
 * renamed into place one by one.
 */
export function planTree(
  current: TreeSeen,
  root: string,
  leaves: readonly TreeNode[],
  how: TreeHow,
  ctx: Context,
): Steps {
  const { now, stats, sums, links } = current;
  const unknown = unknownOwner(now, how);
  if (unknown !== undefined) return unknown;
  for (const { path } of leaves.filter((leaf) => !('isFolder' in leaf))) {
    if (stats.get(join(root, path))?.kind === 'directory' || links.get(join(root, path))?.startsWith('d/'))
      return blocked('E_PATH_KIND', {
        path: join(root, path),
        is: 'a directory',
        hint: 'remove it in an earlier task',
      });
  }
  const folders = foldersOf(root, leaves).filter((path) => !stats.has(path));
  const differ = leaves.filter((leaf) => {
    const at = join(root, leaf.path);
    if ('isFolder' in leaf) return false;
    if ('link' in leaf) return how.force === false ? !links.has(at) : links.get(at) !== `l/${leaf.link}`;
    return !stats.has(at) || (how.force !== false && sums.get(at) !== leaf.file.sha256);
  });
  const settled = leaves.filter(isFile).filter((leaf) => !differ.includes(leaf));
  const laid = differ.length + folders.length > 0 ? [lay(folders, differ, root, how, current, ctx)] : [];
  return [...laid, ...owners(settled, root, how, current, ctx)];
}

/**
 * Missing directories are part of the archive and are renamed as a whole. The root and the directories above it are
 * created first.
 */
function lay(
  folders: readonly string[],
  differ: readonly TreeNode[],
  root: string,
  how: TreeHow,
  { now, stats }: TreeSeen,
  ctx: Context,
): Change {
  const archive = spoolOf(root, 'tree', ctx);
  const folderMode = directoryMode(how, now);
  const owner = { uid: now.owner ?? 0, gid: now.group ?? 0 };
  const bare = root.replace(/(.)\/+$/, '$1');
  const below = folders
    .filter((path) => path !== bare)
    .map((path) => ({ path: path.slice(join(bare, '').length), mode: folderMode, ...owner, isFolder: true as const }));
  const entries = differ.map((leaf) => {
    const old = stats.get(join(root, leaf.path));
    return {
      ...leaf,
      mode: isFile(leaf) ? wantedMode(how, leaf.file, old, now.umask) : 0o777,
      uid: now.owner ?? old?.uid ?? 0,
      gid: now.group ?? old?.gid ?? 0,
    };
  });
  const shown = differ
    .slice(0, 200)
    .map((leaf) => `${leaf.path} (${'file' in leaf ? `${leaf.file.size} bytes` : 'link'})\n`);
  const chown = ownerWord(how);
  const grants = [
    ...(chown === undefined ? [] : [sh`chown -- ${chown} .`]),
    ...(how.directory_mode === undefined ? [] : [sh`chmod -- ${modeWord(folderMode, true)} .`]),
  ];
  const before = sh`u=${staged(dirname(archive))}
${making(bare, grants, ctx)}`;
  return {
    what: words(differ, folders, root),
    diff: { of: root, before: null, after: shown.join('') },
    upload: [{ to: archive, content: tar([...below, ...entries]), isSpooled: true }],
    run: sh`${stageWithin(bare, stageName(root, ctx), ctx, before)}
tar -x -p --numeric-owner -m -f "$u/file"
sync -f .
exec 7<.; cd -P ..; merge .`,
  };
}

function words(differ: readonly TreeNode[], folders: readonly string[], root: string): string {
  if (differ.length === 0)
    return folders.length === 1 ? `create directory ${folders[0]}` : `create ${folders.length} directories in ${root}`;
  return `copy ${differ.length === 1 ? (differ[0]?.path ?? '') : `${differ.length} files`} to ${root}`;
}

function directoryMode({ directory_mode }: TreeHow, { umask }: Seen): number {
  const plain = 0o777 & ~umask;
  return directory_mode === undefined ? plain : resolveMode(directory_mode, plain, true, umask);
}

function wantedMode({ mode, preserve }: TreeHow, file: LocalFile, old: Stat | undefined, umask: number): number {
  if (preserve === true) return file.mode & 0o7777;
  const present = old?.mode ?? 0o666 & ~umask;
  return mode === undefined ? present : resolveMode(mode, present, false, umask);
}

/** Fixes owner or mode of the files whose content is right. */
function owners(
  settled: readonly FileNode[],
  root: string,
  how: TreeHow,
  { now, stats }: TreeSeen,
  ctx: Context,
): readonly Change[] {
  if (!now.trusted)
    return settled.flatMap(({ path, file }) => {
      const at = join(root, path);
      const stat = stats.get(at);
      if (stat === undefined) return [];
      const mode = octal(wantedMode(how, file, stat, now.umask));
      return fixAttributes({ ...now, stat }, at, { ...how, mode }, ctx);
    });
  const byMode = new Map<string, string[]>();
  const wrongOwner: string[] = [];
  for (const { path, file } of settled) {
    const at = join(root, path);
    const stat = stats.get(at);
    if (stat === undefined) continue;
    const mode = wantedMode(how, file, stat, now.umask);
    const strange = (now.owner ?? stat.uid) !== stat.uid || (now.group ?? stat.gid) !== stat.gid;
    if (strange) wrongOwner.push(at);
    if (mode !== stat.mode) byMode.set(octal(mode), [...(byMode.get(octal(mode)) ?? []), at]);
  }
  const word = ownerWord(how) ?? '';
  return [
    ...(wrongOwner.length > 0
      ? [{ what: `owner ${word} of ${wrongOwner.length} files in ${root}`, run: sh`chown -- ${word} ${wrongOwner}` }]
      : []),
    ...[...byMode].map(([mode, paths]) => ({
      what: `mode ${mode} of ${paths.length} files in ${root}`,
      run: sh`chmod -- ${mode} ${paths}`,
    })),
  ];
}

/** The root and every directory between it and a file, parents first. */
function foldersOf(root: string, leaves: readonly TreeNode[]): readonly string[] {
  const found = new Set<string>([root.replace(/(.)\/+$/, '$1')]);
  for (const leaf of leaves) {
    const parts = leaf.path.split('/').slice(0, 'isFolder' in leaf ? undefined : -1);
    for (let at = 1; at <= parts.length; at++) found.add(join(root, parts.slice(0, at).join('/')));
  }
  return [...found];
}

function chunks(list: readonly string[]): readonly (readonly string[])[] {
  const out = [];
  for (let at = 0; at < list.length; at += 500) out.push(list.slice(at, at + 500));
  return out;
}
