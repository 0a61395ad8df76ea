import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type RunOptions, runPlays } from '../../../src/cli/apply.ts';
import { passwordOf } from '../../../src/cli/vault-passwords.ts';
import { type Diagnostic, Failure } from '../../../src/core/diagnostic.ts';
import type { Event, Mode, TaskEvent } from '../../../src/core/event.ts';
import type { Recap } from '../../../src/engine/play/run.ts';
import { dropNotes } from './notes.ts';

export type Ran = Readonly<{
  recap: Recap;
  events: readonly Event[];
  tasks: readonly TaskEvent[];
  /** Output of debug, by host: 'a: hello'. */
  said: readonly string[];
  /** 'host task status', in order. */
  lines: readonly string[];
}>;
export type Options = Partial<
  Readonly<{
    tags: string[];
    skipTags: string[];
    extraVars: string[];
    limit: string;
    diff: boolean;
    vaultPasswordFile: string;
    signal: AbortSignal;
  }>
> &
  Pick<Partial<RunOptions>, 'inventory' | 'playDefaults' | 'settings' | 'startAt' | 'connection'>;

/** A project in a directory of its own. All its hosts are this machine: real modules, a real sh, no network. */
export type Project = Readonly<{
  folder: string;
  path: (name: string) => string;
  read: (name: string) => string;
  write: (files: Readonly<Record<string, string>>) => void;
  plan: (options?: Options) => Promise<Ran>;
  apply: (options?: Options) => Promise<Ran>;
  /** The problems found while reading the project. */
  mistakes: (options?: Options) => Promise<readonly Diagnostic[]>;
}>;

export const TWO_HOSTS = 'all:\n  vars: {ansible_connection: local}\n  hosts:\n    a:\n    b:\n';
export const ONE_HOST = 'all:\n  vars: {ansible_connection: local}\n  hosts:\n    a:\n';

/** @param files by path; `hosts.yml` and `site.yml` are used. T in a text stands for the directory. */
export function project(files: Readonly<Record<string, string>>): Project {
  const root = mkdtempSync(join(tmpdir(), 'bu-'));
  // Waiting handlers are stored under the playbook's path in its project. Tests that run in parallel need different
  // paths.
  const word = basename(root);
  const folder = join(root, word);
  mkdirSync(folder);
  writeFileSync(join(root, 'ansible.cfg'), '');
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true });
    dropNotes(word);
  });
  const path = (name: string): string => join(folder, name);
  const write = (given: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(given)) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), text.replaceAll('{T}', folder));
    }
  };
  write({ 'hosts.yml': ONE_HOST, ...files });
  const run = async (mode: Mode, options: Options = {}): Promise<Ran> => {
    const events: Event[] = [];
    const reporter = { emit: (event: Event) => void events.push(event), end: async () => {} };
    const recap = await runPlays(
      mode,
      path('site.yml'),
      {
        output: 'json',
        verbose: 0,
        diff: options.diff ?? false,
        inventory: options.inventory ?? path('hosts.yml'),
        limit: options.limit,
        tags: options.tags ?? [],
        skipTags: options.skipTags ?? [],
        extraVars: options.extraVars ?? [],
        forks: 10,
        playDefaults: options.playDefaults,
        settings: options.settings,
        startAt: options.startAt,
        connection: options.connection,
        vault: options.vaultPasswordFile === undefined ? [] : [passwordOf(options.vaultPasswordFile)],
      },
      options.signal ?? new AbortController().signal,
      reporter,
    );
    const tasks = events.filter((e): e is TaskEvent => e.type === 'task');
    return {
      recap,
      events,
      tasks,
      said: events.flatMap((e) => (e.type === 'message' ? [`${e.host}: ${e.text}`] : [])),
      lines: tasks.map((e) => `${e.host} ${e.task} ${e.status}`),
    };
  };
  return {
    folder,
    path,
    read: (name) => readFileSync(path(name), 'utf8'),
    write,
    plan: (options) => run('plan', options),
    apply: (options) => run('apply', options),
    async mistakes(options) {
      try {
        await run('plan', options);
        return [];
      } catch (error) {
        if (error instanceof Failure) return error.diagnostics;
        throw error;
      }
    },
  };
}

/** A play on all hosts that gathers no facts. */
export function play(tasks: string, more = ''): string {
  const indented = (text: string): string => text.replace(/^/gm, '    ').replace(/^\s+$/gm, '');
  return `- hosts: all\n  gather_facts: false\n${more === '' ? '' : `${more.replace(/^/gm, '  ')}\n`}  tasks:\n${indented(tasks)}\n`;
}
