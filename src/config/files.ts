import { readFileSync, statSync } from 'node:fs';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { Float, type Raw, type RawVars, Ready, Secret, TemplateText, Unknown, type Value } from '../core/value.ts';
import { type Node, parseYaml, toVars, wrongShape } from './source.ts';

/** Reads files, each once. Errors are collected as problems instead of thrown. */
export type Files = Readonly<{
  problems: Diagnostic[];
  read: (path: string, from?: Pos) => string | undefined;
  yaml: (path: string, text?: string, from?: Pos) => Node | undefined;
  /** Whether the whole file is encrypted. */
  isSecret: (path: string) => boolean;
  isFile: (path: string) => boolean;
}>;

export function openFiles(problems: Diagnostic[], decrypt?: (text: string, at: Pos) => Value): Files {
  const texts = new Map<string, string | undefined>();
  const nodes = new Map<string, Node | undefined>();
  const secret = new Set<string>();
  const read = (path: string, from?: Pos): string | undefined => {
    if (!texts.has(path)) texts.set(path, readText(path, problems, from));
    return texts.get(path);
  };
  return {
    problems,
    read,
    isSecret: (path) => secret.has(path),
    isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
    yaml(path, given, from) {
      if (nodes.has(path)) return nodes.get(path);
      const raw = given ?? read(path, from);
      if (raw?.startsWith('$ANSIBLE_VAULT;')) secret.add(path);
      const text = secret.has(path) && raw !== undefined ? opened(raw, path, problems, decrypt) : raw;
      const node =
        text === undefined ? undefined : parseYaml(text, path, problems, decrypt === undefined ? {} : { decrypt });
      nodes.set(path, node);
      return node;
    },
  };
}

function opened(
  text: string,
  path: string,
  problems: Diagnostic[],
  decrypt?: (text: string, at: Pos) => Value,
): string | undefined {
  const at: Pos = { file: path, line: 1, col: 1 };
  if (decrypt === undefined) {
    problems.push(tell('E_VAULT_LOCKED', { what: 'file' }, at));
    return undefined;
  }
  const value = decrypt(text, at);
  return value !== null && typeof value === 'object' && 'reveal' in value
    ? (value as { reveal: () => string }).reveal()
    : undefined;
}

/**
 * A file's bytes. Reading a pipe, a socket or a device may never end, so they are rejected, except for /dev/null.
 * Throws the system's error, or an error with a code of our own.
 */
export function readRegular(path: string): Uint8Array {
  if (path === '/dev/null') return new Uint8Array();
  const stat = statSync(path);
  if (!stat.isFile() && !stat.isDirectory()) throw Object.assign(new Error('not a regular file'), { code: 'NOFILE' });
  return readFileSync(path);
}

function readText(path: string, problems: Diagnostic[], from?: Pos): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readRegular(path));
  } catch (error) {
    problems.push(unreadable(path, error, from));
    return undefined;
  }
}

/** The diagnostic for a file of this machine that could not be read. */
export function unreadable(path: string, error: unknown, at?: Pos): Diagnostic {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return tell('E_FILE_MISSING', { path }, at);
    case 'EISDIR':
      return tell('E_NOT_A_FILE', { path, is: 'a directory' }, at);
    case 'NOFILE':
      return tell('E_NOT_A_FILE', { path, is: 'not a regular file' }, at);
    case 'EACCES':
      return tell('E_FILE_UNREADABLE', { path, why: 'permission denied', hint: `run: chmod u+r ${path}` }, at);
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return tell('E_NOT_UTF8', { path }, at);
    default:
      return tell('E_FILE_UNREADABLE', { path, why: message }, at);
  }
}

/** Reads a file of variables: a map, or empty. */
export function varsFile(path: string, files: Files, from?: Pos): RawVars {
  const node = files.yaml(path, undefined, from);
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return {};
  if (node.kind === 'map') return files.isSecret(path) ? secretVars(toVars(node)) : toVars(node);
  files.problems.push(wrongShape(node, 'a file of variables', 'a map', 'name: value'));
  return {};
}

/** Makes every text and number of an encrypted file a secret, at any depth. */
function secretVars(vars: RawVars): RawVars {
  return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, hidden(value)]));
}

function hidden(raw: Raw): Raw {
  if (typeof raw === 'string') return new Secret(raw);
  if (typeof raw === 'number') return new Secret(String(raw), raw);
  if (raw instanceof Float) return new Secret(String(raw.value), raw);
  if (raw instanceof TemplateText) return new TemplateText(raw.text, raw.at, true);
  if (
    typeof raw !== 'object' ||
    raw === null ||
    raw instanceof Secret ||
    raw instanceof Unknown ||
    raw instanceof Ready
  )
    return raw;
  if (Array.isArray(raw)) return (raw as readonly Raw[]).map(hidden);
  if (raw instanceof Map) return new Map([...(raw as ReadonlyMap<Value, Raw>)].map(([key, one]) => [key, hidden(one)]));
  return secretVars(raw as RawVars);
}
