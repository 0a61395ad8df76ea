import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve as resolvePath } from 'node:path';
import { readRegular, unreadable } from '../config/files.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Value } from '../core/value.ts';
import type { Templates } from '../engine/host/ports.ts';
import type { TemplatePorts } from '../template/env.ts';
import { print } from '../template/print.ts';
import { makeScope } from '../template/scope.ts';
import {
  compileExpression,
  compileTemplate,
  findUnknown,
  resolve,
  sealed,
  toPlain,
  truthy,
} from '../template/template.ts';
import { notHere } from './local-files.ts';
import { fetched, filesMatching, lookAt, outputOf, valueOfYaml } from './lookups.ts';
import { listTree } from './tree.ts';

/** The most milliseconds that a program of lookup('pipe', …) may take. */
const PIPE = 300_000;

/** The ports of template/ on the controller. */
export function templatePorts(
  options: Readonly<{
    onSecret: (secret: string) => void;
    writes: boolean;
    dir: string;
    hosts?: (pattern: string, from: Pos) => readonly string[];
    unvault?: (text: string, from: Pos) => Value;
  }>,
): TemplatePorts {
  const fresh = new Map<string, string>();
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolvePath(options.dir, path));
  const placesOf = (path: string, from: Pos, folders: readonly string[]): readonly string[] => {
    const here = dirname(from.file);
    const home = path.replace(/^~(?=\/)/, homedir());
    if (isAbsolute(home)) return [home];
    const role = roleAbove(here);
    const roots = [...(role === undefined ? [] : [role]), here, options.dir];
    return [
      ...new Set(roots.flatMap((root) => [...folders.map((folder) => join(root, folder, path)), join(root, path)])),
    ];
  };
  const find = (path: string, from: Pos, folder: 'files' | 'templates' = 'files'): string => {
    const tried = placesOf(path, from, [folder]);
    const found = tried.find((p) => existsSync(p));
    if (found !== undefined) return found;
    throw notHere(path, tried, from);
  };
  let effects = 0;
  const counted = <A extends readonly unknown[], T>(reach: (...given: A) => T) => {
    return (...given: A): T => {
      effects++;
      return reach(...given);
    };
  };
  return {
    effects: () => effects,
    onSecret: options.onSecret,
    readFile: counted((path: string, from: Pos, folder?: 'files' | 'templates', encoding?: string) =>
      textOf(find(path, from, folder), from, encoding),
    ),
    listTree: counted((path, exclude, from) => listTree(find(path, from), exclude)),
    env: counted((name) => process.env[name]),
    now: counted(() => new Date()),
    find: counted((path, from, folder) => {
      const folders = folder === undefined ? ['files', 'vars', 'templates', 'tasks'] : [folder];
      return placesOf(path, from, folders).find((p) => existsSync(p));
    }),
    glob: counted((pattern, from) => {
      const tried = placesOf(pattern, from, ['files']);
      return tried.map((one) => filesMatching(absolute(one))).find((files) => files.length > 0) ?? [];
    }),
    look: counted((path) => lookAt(absolute(path))),
    run: counted((command, from) =>
      turn.isAhead
        ? undefined
        : outputOf('/bin/sh', ['-c', command], { cwd: options.dir, from, what: command, timeout: PIPE }),
    ),
    fetch: counted((url, given, from) => (turn.isAhead ? undefined : fetched(url, given, from))),
    hosts: (pattern, from) => options.hosts?.(pattern, from) ?? [],
    unvault: (text, from) => options.unvault?.(text, from) ?? text,
    parseYaml: valueOfYaml,
    /**
     * A password is created once and stored beside the inventory. A plan creates a temporary one and stores nothing.
     */
    password: counted((path, make) => {
      if (path === '/dev/null') {
        const password = make(); // a new one each time, stored nowhere
        options.onSecret(password);
        return password;
      }
      const file = absolute(path);
      const known =
        fresh.get(file) ??
        (existsSync(file) ? (textOf(file, { file, line: 1, col: 1 }).split(' salt=')[0] ?? '').trim() : undefined);
      const password = known ?? make();
      fresh.set(file, password);
      options.onSecret(password);
      if (known === undefined && options.writes) {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, `${password}\n`, { mode: 0o600 });
      }
      return password;
    }),
  };
}

/** The directory of the role that a directory belongs to. */
function roleAbove(dir: string): string | undefined {
  for (let at = dir; dirname(at) !== at; at = dirname(at)) if (ROLE_FOLDERS.has(basename(at))) return dirname(at);
  return undefined;
}
const ROLE_FOLDERS = new Set(['tasks', 'handlers', 'vars', 'defaults', 'templates', 'files', 'meta']);

function textOf(path: string, at: Pos, encoding = 'utf-8'): string {
  try {
    return new TextDecoder(encoding).decode(readRegular(path));
  } catch (error) {
    if (error instanceof RangeError)
      throw failure('E_TEMPLATE_VALUE', { problem: `unknown encoding '${encoding}'` }, at);
    throw new Failure(unreadable(path, error, at));
  }
}

/** Whether templates are evaluated for tasks whose turn has not come. */
const turn = { isAhead: false };
function ahead<T>(work: () => T): T {
  const before = turn.isAhead;
  turn.isAhead = true;
  try {
    return work();
  } finally {
    turn.isAhead = before;
  }
}

/** Ports for an expression that is itself a value: it reaches nothing but variables. */
function closedPorts({ now, parseYaml, onSecret, effects }: TemplatePorts): TemplatePorts {
  const refuse = (): never => {
    const problem = 'an expression that comes out of a template must not use lookups or files';
    throw failure('E_TEMPLATE_VALUE', { problem, hint: 'write the lookup itself into the playbook' });
  };
  return {
    now,
    ...(parseYaml !== undefined && { parseYaml }),
    ...(onSecret !== undefined && { onSecret }),
    ...(effects !== undefined && { effects }),
    readFile: refuse,
    env: refuse,
    password: refuse,
    listTree: refuse,
    run: refuse,
    fetch: refuse,
    glob: refuse,
    find: refuse,
    look: refuse,
    hosts: refuse,
    unvault: refuse,
  };
}

/** Adapts template/ to the engine's port. */
export function templatesFor(ports: TemplatePorts): Templates {
  const closed = closedPorts(ports);
  return {
    scope: (layers) => makeScope(layers, ports),
    resolve: (raw, scope) => resolve(raw, { get: scope.get, ports, names: scope.names }),
    evaluate: (expression, at, scope) =>
      compileExpression(expression, at).evaluate({ get: scope.get, ports, names: scope.names }),
    evaluateClosed: (expression, at, scope) =>
      compileExpression(expression, at).evaluate({ get: scope.get, ports: closed, names: scope.names }),
    truthy,
    render: (text, at, scope, options) =>
      compileTemplate(text, at, options).evaluate({ get: scope.get, ports, names: scope.names }),
    namesIn: (text, at) => compileTemplate(text, at).names,
    ahead,
    findUnknown,
    toPlain,
    seal: sealed,
    print,
    effects: () => ports.effects?.() ?? Number.NaN,
  };
}

export function nonce(bytes = 4): string {
  return randomBytes(bytes).toString('hex');
}
