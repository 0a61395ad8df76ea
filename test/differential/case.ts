import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * A case is a small playbook that shows one thing. Ansible's outcome is recorded beside it, so that the comparison needs
 * no Ansible. A case is one text file. Lines of it that begin with `#:` are instructions:
 *
 * - `#: file roles/r/tasks/main.yml` begins another file of the case;
 * - `#: tags deploy`, `#: skip-tags x,y`, `#: extra x=1`, `#: limit a`, `#: check`, `#: diff` are options of the run;
 * - `#: runs 1` asks for one run instead of two;
 * - `#: differs REASON` marks a deliberate difference, which docs/ansible.md explains.
 *
 * In all files, {T} stands for a directory whose content is compared after the first run, and {P} for the directory of
 * the playbook.
 */
export type Case = Readonly<{
  name: string;
  files: Readonly<Record<string, string>>;
  options: Options;
  runs: number;
  differs: string | undefined;
}>;

export type Options = Readonly<{
  tags: readonly string[];
  skipTags: readonly string[];
  extraVars: readonly string[];
  limit: string | undefined;
  check: boolean;
  diff: boolean;
}>;

/** What a run of a case does. Error messages are not compared. */
export type Outcome = Readonly<{ runs: readonly RunOutcome[]; files: Readonly<Record<string, FileOutcome>> }>;
export type RunOutcome = Readonly<{
  /** `refused`: nothing ran. */
  exit: 'done' | 'failed' | 'refused';
  hosts: Readonly<Record<string, Readonly<Record<(typeof COUNTS)[number], number>>>>;
  /** What `debug` prints on each host, in order. */
  said: Readonly<Record<string, readonly string[]>>;
}>;
export type FileOutcome = Readonly<{
  mode?: string;
  owner?: string;
  link?: string;
  content?: string;
  base64?: string;
}>;

export const COUNTS = ['ok', 'changed', 'skipped', 'failed', 'rescued', 'ignored'] as const;

export const KNOWN = 'test/differential/known-differences.txt';
const FOLDER = 'test/differential/cases';

/** Three hosts, all of them this machine. A case may bring a `hosts.yml` of its own. */
const HOSTS = `all:
  vars: {ansible_connection: local}
  children:
    g1: {hosts: {a: , b: }}
    g2: {hosts: {c: }}
`;

export function readCases(filter = ''): readonly Case[] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yml') && path.includes(filter))
    .sort()
    .map((path) => parseCase(path.replace(/\.yml$/, ''), readFileSync(join(FOLDER, path), 'utf8')));
}

export const readOutcome = (name: string): Outcome => withoutIdle(JSON.parse(readFileSync(outcomeFile(name), 'utf8')));

export const hasOutcome = (name: string): boolean => existsSync(outcomeFile(name));

export function writeOutcome(name: string, outcome: Outcome): void {
  writeFileSync(outcomeFile(name), `${JSON.stringify(outcome, undefined, 1)}\n`);
}

/** Without hosts that ran no task: only one of the two programs may list them. */
export function withoutIdle({ runs, files }: Outcome): Outcome {
  const busy = (hosts: RunOutcome['hosts']): RunOutcome['hosts'] =>
    Object.fromEntries(Object.entries(hosts).filter(([, counts]) => Object.values(counts).some((n) => n > 0)));
  return { runs: runs.map((one) => ({ ...one, hosts: busy(one.hosts) })), files };
}

/** The names of the cases that bringup gets wrong so far, each with what it does instead. */
export function knownDifferences(): ReadonlyMap<string, string> {
  const lines = readFileSync(KNOWN, 'utf8').split('\n');
  return new Map(lines.filter((line) => line !== '').map((line) => splitOnce(line, ': ')));
}

/** Creates the files of a case in `folder`. */
export function writeFiles(files: Case['files'], folder: string, state: string): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll('{T}', state).replaceAll('{P}', folder));
  }
}

/** Ansible's command line for the case. */
export function argumentsOf({ options }: Case): readonly string[] {
  return [
    ...options.tags.flatMap((tag) => ['--tags', tag]),
    ...options.skipTags.flatMap((tag) => ['--skip-tags', tag]),
    ...options.extraVars.flatMap((one) => ['-e', one]),
    ...(options.limit === undefined ? [] : ['--limit', options.limit]),
    ...(options.check ? ['--check'] : []),
    ...(options.diff ? ['--diff'] : []),
  ];
}

const INSTRUCTION = /^#: (\S+) ?(.*)$/;

function parseCase(name: string, text: string): Case {
  const files: Record<string, string> = { 'hosts.yml': HOSTS };
  const given = new Map<string, string[]>();
  let file = 'site.yml';
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const [, word, rest = ''] = INSTRUCTION.exec(line) ?? [];
    if (word === 'file') {
      file = rest;
      files[file] = '';
    } else if (word !== undefined) {
      given.set(word, [...(given.get(word) ?? []), rest]);
    } else {
      files[file] = `${files[file] ?? ''}${line}\n`;
    }
  }
  const all = (word: string): readonly string[] => given.get(word) ?? [];
  const unknown = [...given.keys()].filter((word) => !INSTRUCTIONS.has(word));
  if (unknown.length > 0) throw new Error(`${relative('.', FOLDER)}/${name}.yml: unknown instruction ${unknown}`);
  return {
    name,
    files,
    options: {
      tags: all('tags').flatMap((one) => one.split(',')),
      skipTags: all('skip-tags').flatMap((one) => one.split(',')),
      extraVars: all('extra'),
      limit: all('limit')[0],
      check: given.has('check'),
      diff: given.has('diff'),
    },
    runs: Number(all('runs')[0] ?? 2),
    differs: all('differs')[0],
  };
}

const INSTRUCTIONS = new Set(['tags', 'skip-tags', 'extra', 'limit', 'check', 'diff', 'runs', 'differs']);

const outcomeFile = (name: string): string => join(FOLDER, `${name}.json`);

function splitOnce(text: string, by: string): readonly [string, string] {
  const at = text.indexOf(by);
  return [text.slice(0, at), text.slice(at + by.length)];
}
