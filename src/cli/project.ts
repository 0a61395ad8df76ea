import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve as absolute, dirname, join } from 'node:path';
import { openFiles, varsFile } from '../config/files.ts';
import { keyValues } from '../config/freeform.ts';
import { loadInventory } from '../config/inventory.ts';
import { select } from '../config/patterns.ts';
import { type LoadedPlaybook, loadPlaybook } from '../config/playbook.ts';
import type { ReadingPorts } from '../config/reading.ts';
import { NO_SETTINGS, type Settings } from '../config/settings.ts';
import { parseYaml, toVars } from '../config/source.ts';
import { openVault, openVaultBytes, type VaultPassword } from '../config/vault.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Inventory, Playbook } from '../core/playbook.ts';
import { type Redactor, redactor } from '../core/redact.ts';
import { THIS_MACHINE } from '../core/this-machine.ts';
import type { RawVars, Secret } from '../core/value.ts';
import type { FactsCache, LocalFiles, Templates } from '../engine/host/ports.ts';
import { modules } from '../modules/index.ts';
import { makeScope } from '../template/scope.ts';
import { compileExpression, compileTemplate, resolve, templatesIn } from '../template/template.ts';
import { localFiles } from './local-files.ts';
import { ownModules } from './own-modules.ts';
import { pinnedKeys } from './pins.ts';
import { templatePorts, templatesFor } from './templates.ts';

export type ProjectOptions = Readonly<{
  /** Files, scripts, directories or lists of hosts. Later ones override variables of earlier ones. */
  inventory: string | readonly string[];
  limit?: string | undefined;
  /** The `index`-th of `of` controllers, from 1. */
  shard?: Readonly<{ index: number; of: number }> | undefined;
  extraVars?: readonly string[] | undefined;
  vault?: readonly VaultPassword[] | undefined;
  /** Default: nothing is set. */
  settings?: Settings | undefined;
  /** Variables of connections that count where the inventory and the playbook set none. Default: of the settings. */
  connection?: RawVars | undefined;
  /** Keywords that every play has unless it sets them. They override those of the settings. */
  playDefaults?: RawVars | undefined;
  /** Whether lookup('password') may store new passwords. */
  writes: boolean;
}>;

/** An inventory that was read, and everything that is needed to read playbooks, checks and drills with it. */
export type Project = Readonly<{
  inventory: Inventory;
  /** The hosts that --limit leaves. */
  limit: ReadonlySet<string>;
  /** Reads its sources again, some with another text than the file has. Throws Failure. */
  rereadInventory: (texts?: ReadonlyMap<string, string>) => Pick<Project, 'inventory' | 'limit'>;
  extraVars: RawVars;
  problems: Diagnostic[];
  redactor: Redactor;
  templates: Templates;
  readPorts: ReadingPorts;
  localFiles: LocalFiles;
  files: ReturnType<typeof openFiles>;
  settings: Settings;
  playDefaults: RawVars;
  /** Variables of connections that count where the inventory and the playbook set none. */
  connection: RawVars;
}>;

/** Reads the inventory. Mistakes are collected in `problems`: see `stopOnProblems`. */
export function openProject(options: ProjectOptions, playbookDir?: string): Project {
  const problems: Diagnostic[] = [];
  const secrets = redactor();
  const passwords = options.vault ?? [];
  const settings = options.settings ?? NO_SETTINGS;
  const decrypt = (text: string, at: Pos): Secret => {
    const opened = openVault(text, at, passwords);
    secrets.add(opened.reveal());
    return opened;
  };
  const files = openFiles(problems, passwords.length > 0 ? decrypt : undefined);
  const extraVars = parseExtraVars(options.extraVars ?? [], problems, files);
  let inventory: Inventory | undefined; // what constructed groups are made of asks for no hosts
  const ports = templatePorts({
    onSecret: secrets.add,
    writes: options.writes,
    dir: playbookDir ?? '.',
    hosts(pattern, from) {
      const wrong: Diagnostic[] = [];
      const found = inventory === undefined ? [] : select(pattern, inventory, from, wrong);
      return wrong.length > 0 ? [] : found;
    },
    unvault: decrypt,
  });
  const readPorts: ReadingPorts = {
    modules: new Map(Object.entries(modules)),
    own: ownModules,
    namesIn: (text, where, kind) =>
      (kind === 'expression' ? compileExpression(text, where) : compileTemplate(text, where)).names,
    templatesIn,
    evaluate: (raw, vars) => {
      const scope = makeScope([vars], ports);
      return resolve(raw, { get: scope.get, ports });
    },
  };
  const paths = typeof options.inventory === 'string' ? [options.inventory] : options.inventory;
  const dirs = playbookDir === undefined ? [] : [playbookDir];
  const { evaluate } = readPorts;
  const read = (from: typeof files, problems: Diagnostic[]): Pick<Project, 'inventory' | 'limit'> => {
    const known = loadInventory(paths, from, dirs, { extraVars, evaluate });
    inventory = known;
    const at: Pos = { file: '--limit', line: 1, col: 1 };
    const all = [...known.hosts.keys()];
    const limited = options.limit === undefined ? all : select(limitOf(options.limit, from), known, at, problems);
    // Takes every n-th host in the inventory's order. Shards of the same inventory and limit share no host and together
    // include all.
    const { index, of } = options.shard ?? { index: 1, of: 1 };
    const limit = new Set(limited.filter((_, i) => i % of === index - 1));
    // This machine belongs to no inventory, so only --limit leaves it out.
    if (options.limit === undefined) for (const name of THIS_MACHINE) limit.add(name);
    return { inventory: known, limit };
  };
  const first = read(files, problems);
  return {
    ...first,
    rereadInventory(texts) {
      const again = openFiles([], passwords.length > 0 ? decrypt : undefined);
      const found = read({ ...again, read: (path, from) => texts?.get(path) ?? again.read(path, from) }, []); // a host of --limit may be gone
      stopOnProblems(again.problems);
      return found;
    },
    extraVars,
    problems,
    redactor: secrets,
    templates: templatesFor(ports),
    readPorts,
    localFiles: localFiles(
      (file, from) => varsInRun(file, files, from),
      (text, from) => {
        const clear = openVaultBytes(text, from, passwords);
        secrets.add(clear.toString('utf8'));
        return clear;
      },
    ),
    files,
    settings,
    playDefaults: { ...settings.play, ...options.playDefaults },
    connection: { ...pinnedKeys(first.inventory.dir), ...(options.connection ?? settings.connection) },
  };
}

/** Reads a playbook. It stops with all mistakes at once, before any host is contacted. */
export function openPlaybook(file: string, project: Project, tags: readonly string[]): Playbook {
  const { inventory, files, readPorts, extraVars, problems, settings } = project;
  const beside = [join(inventory.dir, 'roles'), 'roles', join('playbooks', 'roles')].filter((p) => existsSync(p));
  const usual = ['~/.ansible/roles', '/usr/share/ansible/roles', '/etc/ansible/roles'];
  const loaded = loadPlaybook(file, {
    files,
    inventory,
    ports: readPorts,
    extraVars,
    rolePaths: [...beside, ...directories(settings.rolesPath ?? usual)],
    collectionPaths: directories(
      settings.collectionsPath ?? ['collections', '~/.ansible/collections', '/usr/share/ansible/collections'],
    ),
    libraries: directories(settings.libraries ?? []),
    playDefaults: project.playDefaults,
  });
  for (const tag of tags) {
    if (loaded.tags.has(tag) || ['all', 'tagged', 'untagged', 'always', 'never'].includes(tag)) continue;
    problems.push(tell('E_UNKNOWN_TAG', { name: tag, known: loaded.tags }));
  }
  // One pattern that matches nothing is a warning. If no play has a host, the inventory or the pattern is wrong.
  const { plays } = loaded.playbook;
  if (plays.every((play) => play.hosts.length === 0)) problems.push(...plays.flatMap((play) => play.warnings));
  neverDefined(loaded, problems);
  checkInventoryTemplates(project);
  stopOnProblems(problems);
  return loaded.playbook;
}

/** Those that exist. */
function directories(paths: readonly string[]): readonly string[] {
  return paths.map((path) => path.replace(/^~(?=\/|$)/, homedir())).filter((path) => existsSync(path));
}

/** The pattern of --limit. As in Ansible, `@FILE` names a file with one term on each line. */
function limitOf(limit: string, files: ReturnType<typeof openFiles>): string {
  if (!limit.startsWith('@')) return limit;
  const lines = (files.read(limit.slice(1)) ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).join(',');
}

export function stopOnProblems(problems: readonly Diagnostic[]): void {
  if (problems.length === 0) return;
  const seen = new Set<string>();
  const once = problems.filter((p) => {
    const key = JSON.stringify([p.at, p.message]);
    return !seen.has(key) && seen.add(key);
  });
  throw new Failure(once);
}

/** A name that a play itself reads and that nothing defines. Names that its tasks read are checked on the hosts. */
function neverDefined({ used, defined, playbook }: LoadedPlaybook, problems: Diagnostic[]): void {
  for (const [name, at] of used) {
    if (!playbook.doubts.isNeverDefined(name)) continue;
    const hint = `define it in the inventory, in vars: or with -e ${name}=…`;
    problems.push(tell('E_UNDEFINED_VARIABLE', { name, known: defined, hint }, at));
  }
}

function checkInventoryTemplates({ inventory, readPorts, problems }: Project): void {
  for (const host of inventory.hosts.values()) {
    for (const { vars } of host.layers) {
      for (const { text, at } of readPorts.templatesIn(vars as never)) {
        try {
          readPorts.namesIn(text, at, 'template');
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          problems.push(...error.diagnostics);
        }
      }
    }
  }
}

/** Parses -e 'key=value key="two words"', -e '{"json": 1}' and -e @file.yml. The last value wins. */
function parseExtraVars(
  given: readonly string[],
  problems: Diagnostic[],
  files: ReturnType<typeof openFiles>,
): RawVars {
  const all: Record<string, RawVars[string]> = Object.create(null);
  for (const text of given) {
    if (text.startsWith('@')) Object.assign(all, varsFile(text.slice(1), files));
    else if (/^\s*[{[]/.test(text)) {
      const node = parseYaml(text, '-e', problems);
      if (node?.kind === 'map') Object.assign(all, toVars(node));
    } else {
      const vars = keyValues(text, { file: '-e', line: 1, col: 1 });
      const isWrong = vars === undefined || Object.keys(vars).some((name) => !/^[A-Za-z_]\w*$/.test(name));
      if (isWrong || text.trim() === '') problems.push(tell('E_EXTRA_VARS', { text }));
      else Object.assign(all, vars);
    }
  }
  return all;
}

/** Tells racks apart in .bringup/, because two may have hosts of the same names. */
export function rackKey(inventories: string | readonly string[]): string {
  const paths = [inventories].flat().map((one) => absolute(one));
  return createHash('sha256').update(paths.join('\n')).digest('hex').slice(0, 12);
}

/** Stored under .bringup/ in the working directory. The cache saves a round trip and can be deleted at any time. */
export function factsCache(
  inventories: string | readonly string[],
  isFlushed = false,
): FactsCache & Readonly<{ forget: (host: string) => void }> {
  const folder = join('.bringup', 'facts', rackKey(inventories));
  const file = (host: string): string => join(folder, `${encodeURIComponent(host)}.json`);
  if (isFlushed) rmSync(folder, { recursive: true, force: true });
  return {
    get(host) {
      try {
        return JSON.parse(readFileSync(file(host), 'utf8'));
      } catch {
        return undefined;
      }
    },
    set(host, facts) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(file(host), JSON.stringify(facts), { mode: 0o600 }); // facts contain root's environment
      } catch {
        // without a writable cache, facts are gathered each time
      }
    },
    forget: (host) => rmSync(file(host), { force: true }),
  };
}

/** Reads a file of variables during the run. A mistake in the file is a failure of the task. */
function varsInRun(file: string, files: ReturnType<typeof openFiles>, from: Pos): RawVars {
  const before = files.problems.length;
  const vars = varsFile(file, files, from);
  const wrong = files.problems.slice(before);
  if (wrong.length > 0) throw new Failure(wrong);
  return vars;
}

/**
 * The project of a playbook: the nearest directory above it that looks like a project, else the playbook's own
 * directory.
 */
export function projectDir(playbook: string): string {
  const own = dirname(absolute(playbook));
  for (let folder = own; ; folder = dirname(folder)) {
    if (['.git', 'ansible.cfg', 'inventory'].some((mark) => existsSync(join(folder, mark)))) return folder;
    if (folder === dirname(folder)) return own;
  }
}
