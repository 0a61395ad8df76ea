// Inventories that a program prints, as Ansible's script plugin reads them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import type { RawVars } from '../core/value.ts';
import { addHost, type Draft, group } from './draft.ts';
import { readRegular } from './files.ts';
import { entry, type MapNode, type Node, parseYaml, toVars, wrongShape } from './source.ts';

/** The longest that a script may take, in milliseconds. */
const PATIENCE = 300_000;
const MOST = 64 * 1024 * 1024;

/**
 * Whether the file is a program: it begins with `#!`, or is an executable of the system. A text that only happens to be
 * executable, as on file systems without modes, is none.
 */
export function isScript(path: string): boolean {
  const start = firstBytes(path);
  return start === '#!' || (start === '\x7fELF' && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function firstBytes(path: string): string {
  try {
    const text = Buffer.from(readRegular(path).subarray(0, 4)).toString('latin1');
    return text.startsWith('#!') ? '#!' : text;
  } catch {
    return ''; // who reads the file next reports it
  }
}

/**
 * Adds what `PATH --list` prints: groups, each a list of hosts or a map with `hosts`, `vars` and `children`, and
 * `_meta.hostvars`. Without `_meta`, `PATH --host NAME` prints the variables of each host.
 */
export function readScript(path: string, draft: Draft, problems: Diagnostic[]): void {
  if (!isExecutable(path)) {
    problems.push(tell('E_INVENTORY_SCRIPT_MODE', { path }, { file: path, line: 1, col: 1 }));
    return;
  }
  try {
    const list = printed(path, ['--list'], problems);
    if (list === undefined) return;
    const meta = entry(list, '_meta')?.value;
    for (const { key, keyAt, value } of list.entries) {
      if (key !== '_meta') readGroup(draft, key, keyAt, value, problems);
    }
    if (meta?.kind === 'map') {
      const vars = entry(meta, 'hostvars')?.value;
      if (vars?.kind !== 'map') return;
      // As in Ansible, variables of a host that is in no group do not make it a host.
      for (const { key, keyAt, value } of vars.entries)
        if (draft.hosts.has(key)) addHost(draft, 'all', key, keyAt, varsOf(value, key, problems));
      return;
    }
    for (const name of hostsOf(list)) {
      const own = printed(path, ['--host', name], problems);
      if (own !== undefined) addHost(draft, 'all', name, own.at, toVars(own));
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics);
  }
}

/** The map that a call of the script prints. Throws Failure. */
function printed(path: string, args: readonly string[], problems: Diagnostic[]): MapNode | undefined {
  const at: Pos = { file: path, line: 1, col: 1 };
  const call = `${path} ${args.join(' ')}`;
  const { status, stdout, stderr, error } = spawnSync(resolve(path), args, {
    cwd: dirname(resolve(path)),
    encoding: 'utf8',
    maxBuffer: MOST,
    timeout: PATIENCE,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined) throw failure('E_INVENTORY_SCRIPT', { call, why: error.message }, at);
  if (status !== 0) {
    const detail = stderr.trim();
    throw failure('E_INVENTORY_SCRIPT', { call, why: `it failed with exit code ${status}`, detail }, at);
  }
  const wrong: Diagnostic[] = [];
  const node = stdout.trim() === '' ? undefined : parseYaml(stdout, call, wrong);
  if (wrong.length === 0 && node?.kind === 'map') return node;
  if (args[0] === '--host' && node === undefined && wrong.length === 0) return undefined; // it has no variables
  const why = wrong[0] === undefined ? 'it printed no JSON object' : `it printed no JSON: ${wrong[0].message}`;
  problems.push(tell('E_INVENTORY_SCRIPT', { call, why }, at));
  return undefined;
}

function readGroup(draft: Draft, name: string, at: Pos, node: Node, problems: Diagnostic[]): void {
  const target = group(draft, name, at);
  const part = (key: string): Node | undefined => (node.kind === 'map' ? entry(node, key)?.value : undefined);
  if (node.kind !== 'map' && node.kind !== 'seq') {
    problems.push(wrongShape(node, `group '${name}'`, 'a list of hosts or a map', '{"hosts": ["web1"]}'));
    return;
  }
  // As in Ansible, a map with none of these words is a host of its own group, with its variables.
  if (node.kind === 'map' && !['hosts', 'vars', 'children'].some((key) => part(key) !== undefined)) {
    addHost(draft, name, name, at, toVars(node));
    return;
  }
  for (const host of words(node.kind === 'seq' ? node : part('hosts'), `the hosts of group '${name}'`, problems))
    addHost(draft, name, host.text, host.at, {});
  for (const child of words(part('children'), `the children of group '${name}'`, problems)) {
    group(draft, child.text, child.at);
    target.children.set(child.text, child.at);
  }
  const vars = part('vars');
  if (vars !== undefined) Object.assign(target.vars, varsOf(vars, name, problems));
}

function varsOf(node: Node, name: string, problems: Diagnostic[]): RawVars {
  if (node.kind === 'map') return toVars(node);
  if (!(node.kind === 'scalar' && node.value === null))
    problems.push(wrongShape(node, `the vars of '${name}'`, 'a map of variables', '{"name": "value"}'));
  return {};
}

type Word = Readonly<{ text: string; at: Pos }>;
function words(node: Node | undefined, what: string, problems: Diagnostic[]): readonly Word[] {
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return [];
  if (node.kind !== 'seq') {
    problems.push(wrongShape(node, what, 'a list of names', '["web1", "web2"]'));
    return [];
  }
  return node.items.flatMap((one) => (one.kind === 'scalar' ? [{ text: one.source, at: one.at }] : []));
}

function hostsOf(list: MapNode): ReadonlySet<string> {
  const all = new Set<string>();
  for (const { key, value } of list.entries) {
    const hosts = value.kind === 'map' ? entry(value, 'hosts')?.value : value;
    if (key !== '_meta' && hosts?.kind === 'seq')
      for (const one of hosts.items) if (one.kind === 'scalar') all.add(one.source);
  }
  return all;
}
