import type { Change, Context, LocalFile, Steps } from '../../core/module.ts';
import { answer, type Script, sh, staged } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { fixAttributes, ownerWord, unknownOwner } from './attributes.ts';
import { fields } from './fields.ts';
import { type Seen, type Stat, seen, statOf } from './look.ts';
import { modeWord, octal, resolveMode } from './mode.ts';
import { dirname, isPlain, join, spoolOf, stageName } from './paths.ts';
import { CHAIN } from './questions.ts';
import { tar } from './tar.ts';
import { stageWithin, untrusted } from './untrusted.ts';

export type Leaf = Readonly<{ path: string; file: LocalFile }>;
export type TreeHow = Ownership &
  Readonly<{ directory_mode?: string | number | undefined; force?: boolean; preserve?: boolean }>;

/** What a host has of a tree: files and directories by their whole path. */
export type TreeSeen = Readonly<{ now: Seen; stats: ReadonlyMap<string, Stat>; sums: ReadonlyMap<string, string> }>;

/** One process for all files, however many: a tree of a thousand files is looked at in one go. */
export function lookAtTree(root: string, leaves: readonly Leaf[], { owner, group }: Ownership): Script {
  const files = leaves.map(({ path }) => join(root, path));
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
  const { trusted, ...now } = seen(f, root, how);
  const isClosed = (stat: Stat): boolean => stat.kind !== 'directory' || (stat.uid === 0 && (stat.mode & 0o022) === 0);
  const isTrusted = trusted && f.get('linked') !== 'yes' && [...stats.values()].every(isClosed);
  return { now: { ...now, trusted: isTrusted }, stats, sums };
}

/**
 * Lays down what differs: it travels as one archive, is unpacked where only the acting user can enter, and is renamed into its
 * place one by one.
 */
export function planTree(current: TreeSeen, root: string, leaves: readonly Leaf[], how: TreeHow, ctx: Context): Steps {
  const { now, stats, sums } = current;
  const unknown = unknownOwner(now, how);
  if (unknown !== undefined) return unknown;
  for (const { path } of leaves) {
    if (stats.get(join(root, path))?.kind === 'directory')
      return { blocked: `${join(root, path)} is a directory`, mend: 'remove it in an earlier task' };
  }
  const folders = foldersOf(root, leaves).filter((path) => !stats.has(path));
  const differ = leaves.filter(({ path, file }) => {
    const at = join(root, path);
    return !stats.has(at) || (how.force !== false && sums.get(at) !== file.sha256);
  });
  const settled = leaves.filter((leaf) => !differ.includes(leaf));
  return [
    ...(folders.length > 0 ? [makeFolders(folders, how, now, ctx)] : []),
    ...(differ.length > 0 ? [lay(differ, root, how, current, ctx)] : []),
    ...owners(settled, root, how, current, ctx),
  ];
}

function lay(differ: readonly Leaf[], root: string, how: TreeHow, { now, stats }: TreeSeen, ctx: Context): Change {
  const archive = spoolOf(root, 'tree', ctx);
  const entries = differ.map(({ path, file }) => {
    const old = stats.get(join(root, path));
    return {
      path,
      mode: wantedMode(how, file, old, now.umask),
      uid: now.owner ?? old?.uid ?? 0,
      gid: now.group ?? old?.gid ?? 0,
      file,
    };
  });
  const shown = differ.slice(0, 200).map(({ path, file }) => `${path} (${file.size} bytes)\n`);
  return {
    what: `copy ${differ.length === 1 ? (differ[0]?.path ?? '') : `${differ.length} files`} to ${root}`,
    diff: { of: root, before: null, after: shown.join('') },
    upload: [{ to: archive, content: tar(entries), isSpooled: true }],
    run: sh`${stageWithin(root, stageName(root, ctx), ctx, sh`u=${staged(dirname(archive))}`)}
tar -x -p --numeric-owner -m -f "$u/file"
sync -f .
${
  now.trusted
    ? sh`find . -type f -exec sh -c 'set -e; for f do mv -fT -- "$f" "../$f"; done' sh '{}' +`
    : sh`exec 7<.; cd -P ..; merge .`
}`,
  };
}

function wantedMode({ mode, preserve }: TreeHow, file: LocalFile, old: Stat | undefined, umask: number): number {
  if (preserve === true) return file.mode & 0o7777;
  const present = old?.mode ?? 0o666 & ~umask;
  return mode === undefined ? present : resolveMode(mode, present, false, umask);
}

function makeFolders(folders: readonly string[], how: TreeHow, now: Seen, ctx: Context): Change {
  const { directory_mode } = how;
  const mode =
    directory_mode === undefined
      ? undefined
      : modeWord(resolveMode(directory_mode, 0o777 & ~now.umask, true, now.umask), true);
  const chown = ownerWord(how);
  return {
    what:
      folders.length === 1
        ? `create directory ${folders[0]}`
        : `create ${folders.length} directories below ${dirname(folders[0] ?? '')}`,
    run: now.trusted
      ? sh`set -e
mkdir -p -- ${folders}
${chown === undefined ? sh`:` : sh`chown -- ${chown} ${folders}`}
${mode === undefined ? sh`:` : sh`chmod -- ${mode} ${folders}`}`
      : sh`${untrusted(ctx)}
own() {
  newdir "$1"
  ${chown === undefined ? sh`:` : sh`chown -- ${chown} .`}
  ${mode === undefined ? sh`:` : sh`chmod -- ${mode} .`}
}
made=own
for f in ${folders}; do ( p=$f; walk "$f" ) || exit 1; done`,
  };
}

/** Of the files whose content is right: those whose owner or mode is not. */
function owners(
  settled: readonly Leaf[],
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

/** The root and every folder between it and a file, parents first. */
function foldersOf(root: string, leaves: readonly Leaf[]): readonly string[] {
  const found = new Set<string>([root.replace(/(.)\/+$/, '$1')]);
  for (const { path } of leaves) {
    const parts = path.split('/').slice(0, -1);
    for (let at = 1; at <= parts.length; at++) found.add(join(root, parts.slice(0, at).join('/')));
  }
  return [...found];
}

function chunks(list: readonly string[]): readonly (readonly string[])[] {
  const out = [];
  for (let at = 0; at < list.length; at += 500) out.push(list.slice(at, at + 500));
  return out;
}
