// `bringup install`: puts the roles and collections of requirements.yml into the project.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { type Files, openFiles } from '../config/files.ts';
import { dependenciesOf, type Requirement, readRequirements } from '../config/requirements.ts';
import { entry } from '../config/source.ts';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import { fetchSource, type Identity, isRole, replace } from '../install/fetch.ts';
import { type Locked, readLock, readNote, treeOf, writeLock, writeNote } from './install-lock.ts';
import { streams } from './output.ts';
import { loadSettings } from './settings.ts';

export type InstallOptions = Readonly<{
  file: string;
  rolesPath?: string | undefined;
  collectionsPath?: string | undefined;
  /** Replaces folders that others made or changed. */
  force: boolean;
  /** Ignores the lock file, and writes it anew. */
  update: boolean;
  signal: AbortSignal;
}>;

/** A requirement whose files are in a stage, or in place already. */
type Ready = Readonly<{
  locked: Locked;
  to: string;
  from: string | undefined;
  stage: string;
  requirement: Requirement;
}>;

/** How many sources are fetched at the same time. */
const SIDE_BY_SIDE = 4;

/** Fetches everything first, so that nothing is replaced if one source cannot be fetched. */
export async function install(options: InstallOptions): Promise<void> {
  const settings = loadSettings();
  const problems: Diagnostic[] = [];
  const files = openFiles(problems);
  const requirements = readRequirements(options.file, files);
  if (problems.length > 0) throw new Failure(problems);
  const roles = options.rolesPath ?? settings.rolesPath?.[0] ?? 'roles';
  const collections = options.collectionsPath ?? settings.collectionsPath?.[0] ?? 'collections';
  const [rolesDir, collectionsDir] = [atHome(roles), atHome(collections)];
  const lockFile = options.file.replace(/\.ya?ml$/, '').concat('.lock.json');
  const lock = options.update ? [] : readLock(lockFile);
  const stages: string[] = [];
  const prepare = async (requirement: Requirement): Promise<Ready> => {
    const base = requirement.kind === 'role' ? rolesDir : join(collectionsDir, 'ansible_collections');
    mkdirSync(base, { recursive: true });
    const stage = resolve(mkdtempSync(join(base, '.bringup-install-')));
    stages.push(stage);
    return await ready(requirement, { base, stage, lock, files, options });
  };
  try {
    const all = await closure(requirements, prepare, (one) => dependenciesOf(one.from ?? one.to, files).requirements);
    for (const one of all) problems.push(...lacking(one, all, files, rolesDir));
    if (!options.force) problems.push(...all.flatMap(occupied));
    if (problems.length > 0) throw new Failure(problems);
    for (const one of all) streams.out(`${put(one)}\n`);
    writeLock(
      lockFile,
      all.map(({ locked }) => locked),
    );
  } finally {
    for (const stage of stages) rmSync(stage, { recursive: true, force: true });
  }
}

/** The requirements and all that they need, each name once. Throws what went wrong with any of them. */
async function closure(
  first: readonly Requirement[],
  prepare: (requirement: Requirement) => Promise<Ready>,
  needs: (one: Ready) => readonly Requirement[],
): Promise<readonly Ready[]> {
  const limit = pLimit(SIDE_BY_SIDE);
  const all: Ready[] = [];
  let wave = first;
  while (wave.length > 0) {
    const settled = await Promise.allSettled(wave.map((one) => limit(() => prepare(one))));
    const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    const bug = reasons.find((reason) => !(reason instanceof Failure));
    if (bug !== undefined) throw bug;
    if (reasons.length > 0) throw new Failure(reasons.flatMap((reason) => (reason as Failure).diagnostics));
    const ready = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    all.push(...ready);
    const known = new Set(all.map(({ locked }) => `${locked.kind} ${locked.name}`));
    wave = ready.flatMap(needs).filter(({ kind, name }) => {
      const key = `${kind} ${name}`;
      if (name !== undefined && known.has(key)) return false;
      known.add(key);
      return true;
    });
  }
  return all;
}

type Place = Readonly<{
  base: string;
  stage: string;
  lock: readonly Locked[];
  files: Files;
  options: InstallOptions;
}>;

/** Fetches a requirement, unless its folder has exactly what the lock file says. */
async function ready(requirement: Requirement, { base, stage, lock, files, options }: Place): Promise<Ready> {
  const { kind, source, address, at } = requirement;
  const version = source.type === 'git' ? source.version : undefined;
  const old = lock.find((one) => one.kind === kind && one.source === address && one.version === version);
  const pinned: Identity | undefined = old;
  const known = requirement.name ?? old?.name;
  if (old !== undefined && known !== undefined && source.type !== 'folder') {
    const to = join(base, ...folderOf(kind, known));
    const note = readNote(to);
    const isSame = note !== undefined && note.commit === old.commit && note.sha256 === old.sha256;
    if (isSame && note.source === address && treeOf(to) === note.tree)
      return { locked: { ...old, name: known }, to, from: undefined, stage, requirement };
  }
  const { root, identity } = await fetchSource({ source, at, pinned, stage, signal: options.signal });
  const name = kind === 'role' ? requirement.name : collectionName(root, files);
  if (name === undefined || (kind === 'role' && !isRole(root)))
    throw failure('E_INSTALL_CONTENT', { url: address, kind }, at);
  if (requirement.name !== undefined && requirement.name !== name)
    throw failure('E_INSTALL_CONTENT', { url: address, kind: `${kind} ${requirement.name}` }, at);
  const locked = { kind, name, source: address, ...(version !== undefined && { version }), ...identity };
  return { locked, to: join(base, ...folderOf(kind, name)), from: root, stage, requirement };
}

const folderOf = (kind: Requirement['kind'], name: string): readonly string[] =>
  kind === 'role' ? [name] : name.split('.');

/** What MANIFEST.json or galaxy.yml calls a collection. */
function collectionName(root: string, files: Files): string | undefined {
  const file = ['MANIFEST.json', 'galaxy.yml', 'galaxy.yaml'].map((name) => join(root, name)).find(files.isFile);
  const whole = file === undefined ? undefined : files.yaml(file);
  const node = whole?.kind === 'map' ? (entry(whole, 'collection_info')?.value ?? whole) : undefined;
  const text = (key: string): string => {
    const value = node?.kind === 'map' ? entry(node, key)?.value : undefined;
    return value?.kind === 'scalar' ? value.source : '';
  };
  const name = `${text('namespace')}.${text('name')}`;
  return /^\w+\.\w+$/.test(name) ? name : undefined;
}

/** A folder that bringup has not installed, or that somebody has changed since. */
function occupied({ from, to, requirement }: Ready): readonly Diagnostic[] {
  if (from === undefined || !existsSync(to)) return [];
  const note = readNote(to);
  if (note !== undefined && treeOf(to) === note.tree) return [];
  const why = note === undefined ? 'bringup has not installed it' : 'its files were changed since they were installed';
  return [tell('E_INSTALL_OCCUPIED', { path: to, why }, requirement.at)];
}

/** Roles of a public name that a role depends on, and that are neither required nor in place. */
function lacking({ from, to, locked }: Ready, all: readonly Ready[], files: Files, dir: string): readonly Diagnostic[] {
  const names = locked.kind === 'role' ? dependenciesOf(from ?? to, files).names : [];
  return names
    .filter(
      (name) => name.includes('.') && !all.some((one) => one.locked.name === name) && !existsSync(join(dir, name)),
    )
    .map((name) => tell('E_INSTALL_DEPENDENCY', { role: locked.name, name }));
}

/** Puts the files into place. Returns the line that says so. */
function put({ locked, from, to, stage }: Ready): string {
  const what = `${locked.kind} ${locked.name}`;
  const id = locked.commit?.slice(0, 8) ?? locked.sha256?.slice(0, 8);
  const version = [locked.version, id === undefined ? undefined : `(${id})`]
    .filter((part) => part !== undefined)
    .join(' ');
  const line = (word: string): string => [word.padEnd(9), what, version].filter((part) => part !== '').join('  ');
  if (from === undefined) return line('ok');
  const tree = treeOf(from);
  const isSame = existsSync(to) && treeOf(to) === tree;
  writeNote(isSame ? to : from, { ...locked, tree });
  if (isSame) return line('ok');
  mkdirSync(dirname(to), { recursive: true });
  replace(from, to, stage);
  return line('installed');
}

const atHome = (path: string): string => path.replace(/^~(?=\/|$)/, homedir());
