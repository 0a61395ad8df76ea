// A project's own modules: library/ beside the playbook, in a role, or in a directory of the setting `library`.
import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { fullNameOf } from '../core/language/ansible-modules.ts';
import type { Module } from '../core/module.ts';
import type { Vars } from '../core/value.ts';
import type { Files } from './files.ts';
import type { Reading } from './reading.ts';
import { entry, type MapNode, placeOf, toRaw, wrongShape } from './source.ts';

/** Makes modules of files. cli/ provides it. */
export type OwnModulePorts = Readonly<{
  /** From a shell script. A wrong declaration gives problems with the path to the place. Throws Failure. */
  script: (own: OwnFile) => Module | readonly WrongDeclaration[];
  /** From TypeScript. Throws Failure. */
  typescript: (name: string, file: string) => Module;
}>;
export type OwnFile = Readonly<{
  name: string;
  file: string;
  text: string;
  summary: string;
  options: Vars | undefined;
  facts: readonly string[] | undefined;
}>;
export type WrongDeclaration = Readonly<{ path: readonly string[]; problem: string; expected?: string }>;

/** The directories in which modules are searched, in this order, and what was read there. */
export type Library = Readonly<{
  /** Of playbooks and roles, as they were read. */
  found: string[];
  /** Of the setting. */
  set: readonly string[];
  names: Map<string, readonly string[]>;
  read: Map<string, Found>;
  /** Modules of bringup that a file replaces. */
  notes: Diagnostic[];
}>;
type Found = Readonly<{ module: Module | undefined; problems: readonly Diagnostic[] }>;

export function openLibrary(set: readonly string[]): Library {
  return { found: [], set, names: new Map(), read: new Map(), notes: [] };
}

/** From now on, modules are searched in this directory too. As in Ansible, those that were found first come first. */
export function addLibrary({ library }: Pick<Reading, 'library'>, folder: string): void {
  if (!library.found.includes(folder) && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true)
    library.found.push(folder);
}

function namesIn(folder: string, { names }: Library): readonly string[] {
  const known = names.get(folder) ?? readdirSync(folder).filter((name) => !IGNORED.test(name));
  names.set(folder, known);
  return known;
}
/** Files that Ansible takes for no modules. */
const IGNORED = /^\.|^__|~$|\.(pyc|swp|bak|rpm|md|txt|rst|ya?ml|ini|json)$/;

/**
 * The project's own module of this name. As in Ansible, it wins over a module of bringup, unless the task names a
 * collection. `problems` say why it cannot be used. undefined: there is no such file.
 */
export function ownModule(key: string, reading: Pick<Reading, 'library' | 'files' | 'ports'>): Found | undefined {
  const name = key.replace(/^ansible\.legacy\./, '');
  const { library } = reading;
  if (name.includes('.')) return undefined;
  for (const folder of [...library.found, ...library.set]) {
    const all = namesIn(folder, library).filter((one) => one.replace(/\.[^.]*$/, '') === name);
    const file = all.find((one) => /\.(sh|ts)$/.test(one)) ?? all[0];
    if (file === undefined) continue;
    const path = join(folder, file);
    const known = library.read.get(path);
    if (known !== undefined) return known;
    const found = open(name, path, reading);
    library.read.set(path, found);
    if (found.module !== undefined && reading.ports.modules.has(name))
      library.notes.push(tell('E_MODULE_REPLACED', { file: path, name }));
    return found;
  }
  return undefined;
}

function open(name: string, file: string, { files, ports }: Pick<Reading, 'files' | 'ports'>): Found {
  const kind = extname(file);
  const problems: Diagnostic[] = [];
  if (kind === '.ts') return { module: tried(() => ports.own.typescript(name, file), problems), problems };
  if (kind !== '.sh') {
    const full = ports.modules.has(name) ? fullNameOf(name) : undefined;
    return { module: undefined, problems: [tell('E_FOREIGN_MODULE', { file, name, full })] };
  }
  const before = files.problems.length;
  const text = files.read(file);
  const declaration = declarationOf(file, files, problems);
  problems.push(...files.problems.splice(before));
  if (text === undefined || problems.length > 0) return { module: undefined, problems };
  const made = tried(() => ports.own.script({ name, file, text, ...declaration.own }), problems);
  if (made === undefined || 'bind' in made) return { module: made, problems };
  return {
    module: undefined,
    problems: made.map(({ path, ...more }) => {
      const at = declaration.node === undefined ? start(file) : placeOf(declaration.node, ['options', ...path], 'key');
      return tell('E_OWN_MODULE', { file: at.file, ...more }, at);
    }),
  };
}

function tried<T>(work: () => T, problems: Diagnostic[]): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics);
    return undefined;
  }
}

const KEYS = ['short_description', 'description', 'author', 'version_added', 'options', 'facts'];
type Declaration = Readonly<{ node: MapNode | undefined; own: Pick<OwnFile, 'summary' | 'options' | 'facts'> }>;

/** What NAME.yml beside a script declares. Only `options` and `facts` have an effect. */
function declarationOf(file: string, files: Files, problems: Diagnostic[]): Declaration {
  const path = ['.yml', '.yaml'].map((end) => file.replace(/\.sh$/, end)).find((one) => files.isFile(one));
  const none = { node: undefined, own: { summary: '', options: undefined, facts: undefined } };
  const node = path === undefined ? undefined : files.yaml(path);
  if (path === undefined || node === undefined) return none;
  if (node.kind !== 'map') {
    problems.push(wrongShape(node, 'the declaration of a module', 'a map', 'options: {NAME: {type: str}}'));
    return none;
  }
  const wrong = (at: Pos, problem: string, expected: string): void => {
    problems.push(tell('E_OWN_MODULE', { file: path, problem, expected }, at));
  };
  for (const { key, keyAt } of node.entries)
    if (!KEYS.includes(key)) wrong(keyAt, `the declaration has an unknown key '${key}'`, KEYS.join(', '));
  const options = entry(node, 'options')?.value;
  if (options !== undefined && options.kind !== 'map')
    wrong(options.at, "'options' is no map", 'options: {NAME: {type: str}}');
  const facts = entry(node, 'facts')?.value;
  const named =
    facts?.kind === 'seq' ? facts.items.map((item) => (item.kind === 'scalar' ? item.source : '')) : undefined;
  if (facts !== undefined && (named === undefined || !named.every((one) => /^[A-Za-z_]\w*$/.test(one))))
    wrong(facts.at, "'facts' is no list of names", 'facts: [one, two]');
  const short = entry(node, 'short_description')?.value;
  return {
    node,
    own: {
      summary: short?.kind === 'scalar' ? short.source : '',
      options: options?.kind === 'map' ? (toRaw(options) as Vars) : undefined,
      facts: named,
    },
  };
}

const start = (file: string): Pos => ({ file, line: 1, col: 1 });
