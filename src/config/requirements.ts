// Reads requirements.yml: the roles and collections that `bringup install` puts into the project.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Files } from './files.ts';
import { entry, type MapNode, type Node, wrongShape } from './source.ts';

/** Where a role or a collection comes from. `url` of an archive may be a path, `version` is a branch, tag or commit. */
export type Source =
  | Readonly<{ type: 'git'; url: string; version: string | undefined; folder: string | undefined }>
  | Readonly<{ type: 'archive'; url: string }>
  | Readonly<{ type: 'folder'; path: string }>;

export type Requirement = Readonly<{
  kind: 'role' | 'collection';
  /** The folder of a role, or `namespace.name`. undefined: a collection whose files tell it. */
  name: string | undefined;
  source: Source;
  /** The source as the file writes it, without its version. */
  address: string;
  at: Pos;
}>;

/** Keys of an item, by Ansible's names. */
const KEYS = {
  role: ['name', 'src', 'scm', 'version', 'include', 'role'],
  collection: ['name', 'source', 'type', 'version'],
} as const;
type Kind = keyof typeof KEYS;

/** The requirements of a file, those of files that it includes too. Mistakes are added to the problems of `files`. */
export function readRequirements(file: string, files: Files): readonly Requirement[] {
  const found = readFile(resolve(file), files, []);
  const { problems } = files;
  const first = new Map<string, Requirement>();
  for (const one of found) {
    if (one.name === undefined) continue;
    const key = `${one.kind} ${one.name}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, one);
    else problems.push(tell('E_REQUIREMENT_TWICE', { what: key, line: other.at.line, file: other.at.file }, one.at));
  }
  return found;
}

function readFile(file: string, files: Files, above: readonly string[], from?: Pos): readonly Requirement[] {
  const { problems } = files;
  if (above.includes(file)) {
    problems.push(tell('E_CYCLE', { what: `'${file}'`, verb: 'imports' }, from));
    return [];
  }
  const node = files.yaml(file, undefined, from);
  if (node === undefined) return [];
  const items = (list: Node | undefined, kind: Kind): readonly Requirement[] => {
    if (list === undefined || (list.kind === 'scalar' && list.value === null)) return [];
    if (list.kind === 'seq') return list.items.flatMap((item) => readItem(item, kind, file, files, [...above, file]));
    problems.push(wrongShape(list, `the list of ${kind}s`, 'a list', '- src: https://…'));
    return [];
  };
  // A file that is only a list has roles, as in Ansible's first versions.
  if (node.kind === 'seq') return items(node, 'role');
  if (node.kind === 'scalar') {
    problems.push(wrongShape(node, 'the requirements', 'a map with roles and collections, or a list of roles'));
    return [];
  }
  const known = ['roles', 'collections'];
  for (const { key, keyAt } of node.entries)
    if (!known.includes(key))
      problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: key, where: 'requirements', known }, keyAt));
  return [...items(entry(node, 'roles')?.value, 'role'), ...items(entry(node, 'collections')?.value, 'collection')];
}

function readItem(
  node: Node,
  kind: Kind,
  file: string,
  files: Files,
  above: readonly string[],
): readonly Requirement[] {
  const { problems } = files;
  if (node.kind === 'seq') {
    problems.push(wrongShape(node, `a ${kind}`, 'a map', '- src: https://…'));
    return [];
  }
  const fields = node.kind === 'scalar' ? fieldsOf(node.source) : readFields(node, kind, problems);
  const { include } = fields;
  if (include !== undefined) return readFile(resolve(dirname(file), include), files, above, node.at);
  const one = requirement(kind, fields, node.at, dirname(file));
  if (!('code' in one)) return [one];
  problems.push(one);
  return [];
}

/**
 * What a role needs: roles with an address, in `dependencies` of meta/main.yml or in meta/requirements.yml, and names of
 * roles without one. Roles of meta/main.yml may have variables, conditions and so on, which do not matter here.
 */
export function dependenciesOf(
  root: string,
  files: Files,
): Readonly<{ requirements: readonly Requirement[]; names: readonly string[] }> {
  const requirements: Requirement[] = [];
  const names: string[] = [];
  const more = ['meta/requirements.yml', 'meta/requirements.yaml'].map((name) => join(root, name)).find(files.isFile);
  if (more !== undefined) requirements.push(...readFile(more, files, []));
  const meta = ['meta/main.yml', 'meta/main.yaml'].map((name) => join(root, name)).find(files.isFile);
  const node = meta === undefined ? undefined : files.yaml(meta);
  const list = node?.kind === 'map' ? entry(node, 'dependencies')?.value : undefined;
  for (const item of list?.kind === 'seq' ? list.items : []) {
    const text = (key: string): string | undefined => {
      const value = item.kind === 'map' ? entry(item, key)?.value : undefined;
      return value?.kind === 'scalar' && value.value !== null ? value.source : undefined;
    };
    const fields: Fields =
      item.kind === 'scalar'
        ? fieldsOf(item.source)
        : { name: text('name') ?? text('role'), src: text('src'), scm: text('scm'), version: text('version') };
    const name = fields['name'] ?? fields['src'] ?? '';
    if (!/[/:]/.test(fields['src'] ?? name)) {
      names.push(name);
      continue;
    }
    const one = requirement('role', fields, item.at, root);
    if ('code' in one) files.problems.push(one);
    else requirements.push(one);
  }
  // What others wrote names no paths of this machine: they would become part of the project.
  const isOurs = ({ source }: Requirement): boolean =>
    source.type === 'folder' || (source.type === 'archive' && !/^https?:/.test(source.url));
  for (const { kind, address, at } of requirements.filter(isOurs))
    files.problems.push(tell('E_REQUIREMENT_SOURCE', { kind, src: address }, at));
  return { requirements: requirements.filter((one) => !isOurs(one)), names };
}

type Fields = Readonly<Record<string, string | undefined>>;

/** The form of one text: `SRC`, `SRC,VERSION` or `SRC,VERSION,NAME`. */
function fieldsOf(text: string): Fields {
  const [src, version, name] = text.split(',').map((part) => part.trim());
  return { src, version, name };
}

function readFields(node: MapNode, kind: Kind, problems: Diagnostic[]): Fields {
  const known: readonly string[] = KEYS[kind];
  const fields: Record<string, string> = {};
  for (const { key, keyAt, value } of node.entries) {
    if (!known.includes(key))
      problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: key, where: `a ${kind}`, known }, keyAt));
    else if (value.kind !== 'scalar') problems.push(wrongShape(value, `'${key}'`, 'a text'));
    else if (value.value !== null) fields[key] = value.source;
  }
  return fields;
}

function requirement(kind: Kind, given: Fields, at: Pos, dir: string): Requirement | Diagnostic {
  const src =
    kind === 'role'
      ? (given['src'] ?? given['role'] ?? given['name'])
      : (given['source'] ?? given['src'] ?? given['name']);
  if (src === undefined) return tell('E_REQUIREMENT_SOURCE', { kind, src: 'nothing' }, at);
  const named = given['name'] === src ? undefined : given['name'];
  const source = sourceOf(src, given, dir);
  if (source === 'galaxy') return tell('E_REQUIREMENT_GALAXY', { kind, name: given['name'] ?? src }, at);
  if (source === 'unknown')
    return tell('E_REQUIREMENT_SOURCE', { kind, src: given['scm'] ?? given['type'] ?? src }, at);
  // No position: the line would be shown.
  if (source.type !== 'folder' && /^https?:\/\/[^/]*@|^\w+:\/\/[^/@]*:[^/]*@/.test(source.url))
    return tell('E_REQUIREMENT_PASSWORD', { src: source.url.replace(/:\/\/.*@/, '://'), file: at.file, line: at.line });
  if (source.type === 'folder' && !existsSync(source.path)) return tell('E_FILE_MISSING', { path: source.path }, at);
  const name = kind === 'role' ? (named ?? nameOf(src)) : named;
  const isName = kind === 'role' ? /^\w[\w.-]*$/ : /^\w+\.\w+$/;
  if (name !== undefined && !isName.test(name)) return tell('E_REQUIREMENT_NAME', { kind, name }, at);
  const address = src.replace(/^git\+/, '');
  return { kind, name, source, address, at };
}

const ARCHIVE = /\.(tar|tar\.gz|tgz|tar\.bz2|tar\.xz)$/;

function sourceOf(src: string, given: Fields, dir: string): Source | 'galaxy' | 'unknown' {
  const { scm, type, version } = given;
  const [, plus, rest = ''] = /^(git\+)?(.*)$/s.exec(src) ?? [];
  // `#/path` is the folder of a collection in its repository.
  const [, address = '', fragment] = /^([^#]*)(?:#\/?(.*))?$/s.exec(rest) ?? [];
  const isRemote = /^(https?|ssh|git|file):\/\/|^[\w.-]+@[\w.-]+:/.test(address);
  const isArchive = ARCHIVE.test(address.replace(/\?.*$/, ''));
  const path = localPath(address, dir);
  const url = isRemote ? address : path;
  const folder = fragment === '' ? undefined : fragment;
  const git: Source = { type: 'git', url, version: version === '*' ? undefined : version, folder };

  if (/(^|\/)\.\.(\/|$)/.test(folder ?? '')) return 'unknown';
  if (/^$|^-|[,\s]/.test(address) || (scm ?? 'git') !== 'git') return 'unknown';
  if (scm === 'git' || type === 'git' || plus !== undefined) return git;
  switch (type) {
    case 'url':
    case 'file':
      return { type: 'archive', url };
    case 'dir':
      return { type: 'folder', path };
    case 'galaxy':
      return 'galaxy';
    case undefined:
      break;
    default:
      return 'unknown';
  }
  if (isArchive) return { type: 'archive', url };
  if (isRemote || address.endsWith('.git')) return git;
  const isPath = /[/~]/.test(address) || existsSync(path);
  return isPath ? { type: 'folder', path } : /^[\w-]+\.[\w-]+$/.test(address) ? 'galaxy' : 'unknown';
}

function localPath(text: string, dir: string): string {
  return text.startsWith('~/') ? join(homedir(), text.slice(2)) : resolve(dir, text);
}

/** The name of a role that sets none: the last part of its address. */
function nameOf(src: string): string {
  return basename(
    src
      .replace(/^git\+/, '')
      .replace(/[#,?].*$/, '')
      .replace(/\/+$/, '')
      .replace(/^.*:(?!\/)/, ''),
  )
    .replace(ARCHIVE, '')
    .replace(/\.git$/, '');
}
