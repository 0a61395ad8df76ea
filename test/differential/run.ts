import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runPlays } from '../../src/cli/apply.ts';
import { Failure } from '../../src/core/diagnostic.ts';
import type { Event } from '../../src/core/event.ts';
import { dropNotes } from '../unit/support/notes.ts';
import { type Case, COUNTS, type FileOutcome, type Outcome, type RunOutcome, withoutIdle, writeFiles } from './case.ts';

/** Runs a case with bringup on this machine. `trouble` lists the errors that it reported. */
export async function runCase(one: Case): Promise<Readonly<{ outcome: Outcome; trouble: readonly string[] }>> {
  const root = mkdtempSync(join(tmpdir(), 'bringup-oracle-'));
  // Waiting handlers are stored under the playbook's path in its project, so each run needs a path of its own.
  const folder = join(root, basename(root));
  const state = join(root, 't');
  mkdirSync(folder);
  mkdirSync(state, { mode: 0o755 });
  writeFileSync(join(root, 'ansible.cfg'), '');
  writeFiles(one.files, folder, state);
  const trouble: string[] = [];
  const runs: RunOutcome[] = [];
  let files: Outcome['files'] = {};
  try {
    for (let number = 0; number < one.runs; number++) {
      runs.push(await runOnce(one, folder, trouble));
      if (number === 0) files = listing(state);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
    dropNotes(basename(root));
  }
  const general = (text: string): string => text.replaceAll(state, '{T}').replaceAll(folder, '{P}');
  return { outcome: withoutIdle(JSON.parse(general(JSON.stringify({ runs, files })))), trouble: trouble.map(general) };
}

async function runOnce({ options }: Case, folder: string, trouble: string[]): Promise<RunOutcome> {
  const events: Event[] = [];
  try {
    const recap = await runPlays(
      options.check ? 'plan' : 'apply',
      join(folder, 'site.yml'),
      {
        output: 'json',
        verbose: 0,
        inventory: join(folder, 'hosts.yml'),
        forks: 10,
        ...options,
        extraVars: options.extraVars.map((one) => one.replaceAll('{P}', folder)),
      },
      new AbortController().signal,
      { emit: (event) => void events.push(event), end: async () => {} },
    );
    for (const event of events) {
      if (event.type === 'task' && event.diagnostic !== undefined) trouble.push(event.diagnostic.message);
    }
    const said: Record<string, string[]> = {};
    for (const event of events) {
      if (event.type !== 'message' || /^(warning|stopped): /.test(event.text)) continue;
      said[event.host] = [...(said[event.host] ?? []), event.text];
    }
    const hosts = recap.hosts.map((host) => [host.host, Object.fromEntries(COUNTS.map((key) => [key, host[key]]))]);
    return { exit: recap.failed ? 'failed' : 'done', hosts: Object.fromEntries(hosts), said };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    trouble.push(...error.diagnostics.map((d) => d.message));
    return { exit: 'refused', hosts: {}, said: {} };
  }
}

function listing(folder: string): Readonly<Record<string, FileOutcome>> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => [name, entry(join(folder, name))]),
  );
}

function entry(path: string): FileOutcome {
  const info = lstatSync(path);
  if (info.isSymbolicLink()) return { link: readlinkSync(path) };
  const mode = (info.mode & 0o7777).toString(8).padStart(4, '0');
  const owner = info.uid === 0 && info.gid === 0 ? {} : { owner: `${info.uid}:${info.gid}` };
  if (!info.isFile()) return { mode, ...owner };
  const data = readFileSync(path);
  const text = data.toString('utf8');
  const content = Buffer.from(text).equals(data) ? { content: text } : { base64: data.toString('base64') };
  return { mode, ...owner, ...content };
}
