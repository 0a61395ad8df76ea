import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { select } from '../config/patterns.ts';
import type { Claim } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import type { Mode } from '../core/event.ts';
import { Secret } from '../core/value.ts';
import type { Recap } from '../engine/run.ts';
import { runPlaybook } from '../engine/run.ts';
import { setup } from '../modules/setup.ts';
import type { Reporter } from '../report/plain.ts';
import { ask, download, md5, openLine, sha1, sha256 } from './connections.ts';
import { chooseReporter, type OutputOptions } from './output.ts';
import { factsCache, openPlaybook, openProject, projectDir } from './project.ts';
import { askPrompts } from './prompts.ts';
import { nonce } from './templates.ts';

export type RunOptions = OutputOptions &
  Readonly<{
    inventory: string;
    limit?: string | undefined;
    shard?: Readonly<{ index: number; of: number }> | undefined;
    tags: readonly string[];
    skipTags: readonly string[];
    extraVars: readonly string[];
    forks: number;
    vaultPasswordFile?: string | undefined;
    askBecomePass?: boolean | undefined;
    /** In seconds. Default: 600. */
    lockWait?: number | undefined;
  }>;

/** plan and apply: everything is read and checked before any host is contacted. */
export async function runPlays(
  mode: Mode,
  playbookFile: string,
  options: RunOptions,
  signal: AbortSignal,
  given?: Reporter,
): Promise<Recap> {
  setMaxListeners(0, signal); // every host listens to it
  const reporter = given ?? (await chooseReporter(options));
  const project = openProject({ ...options, writes: mode === 'apply' }, dirname(playbookFile));
  const playbook = openPlaybook(playbookFile, project, [...options.tags, ...options.skipTags]);
  const answers = await askPrompts(playbook, project);
  const password = options.askBecomePass === true ? await ask('become password: ') : undefined;
  if (options.askBecomePass === true && password === undefined) throw failure('E_NO_TERMINAL', {});
  const become = password === undefined ? undefined : new Secret(password);
  try {
    return await runPlaybook({
      mode,
      playbook,
      inventory: project.inventory,
      limit: project.limit,
      limitText: options.limit,
      verbosity: options.verbose,
      configFile: configFile(playbookFile),
      select: (pattern, inventory) => select(pattern, inventory, { file: playbookFile, line: 1, col: 1 }, []),
      ask,
      tags: options.tags,
      skipTags: options.skipTags,
      extraVars: project.extraVars,
      answers,
      diff: options.diff,
      forks: options.forks,
      setup,
      templates: project.templates,
      localFiles: project.localFiles,
      connect: (name, scope, line) =>
        openLine(name, project.inventory.hosts.get(name)?.at, localGet(name, scope.get), {
          becomePassword: become,
          onSecret: project.redactor.add,
          ...line,
        }),
      claim: mode === 'apply' ? claimOf(playbookFile) : undefined,
      lockWait: options.lockWait ?? 600,
      download,
      sha256,
      sha1,
      md5,
      factsCache: factsCache(options.inventory),
      redactor: project.redactor,
      emit: reporter.emit,
      signal,
      projectDir: projectDir(playbookFile),
      // Nobody on a host can guess the names that are derived from it.
      nonce: nonce(16),
      now: () => Date.now(),
    });
  } finally {
    await reporter.end();
  }
}

/** The ansible.cfg of the project. bringup reads nothing of it; playbooks may ask where it is. */
function configFile(playbookFile: string): string | undefined {
  return [dirname(playbookFile), '.'].map((dir) => resolve(dir, 'ansible.cfg')).find((path) => existsSync(path));
}

/** The lock that this run takes on the hosts that it changes, with the message for other runs. */
function claimOf(playbookFile: string): Pick<Claim, 'run' | 'words'> {
  const since = new Date().toISOString().replace('T', ' ').slice(0, 19);
  const words = `${userInfo().username}@${hostname()} since ${since} UTC (apply ${playbookFile})`;
  const began = Date.now().toString(16).padStart(12, '0');
  return { run: `${began}${randomBytes(8).toString('hex')}`, words: words.replace(/[^\x20-\x7e]/g, '?') };
}

/** If the inventory has no localhost, that name stands for this machine. */
function localGet(name: string, get: (key: string) => ReturnType<Parameters<typeof openLine>[2]>) {
  return (key: string) => get(key) ?? (name === 'localhost' && key === 'ansible_connection' ? 'local' : undefined);
}
