import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { select } from '../config/patterns.ts';
import { startAt } from '../config/start-at.ts';
import type { Claim } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import type { Mode } from '../core/event.ts';
import type { RawVars } from '../core/value.ts';
import type { Recap } from '../engine/play/run.ts';
import { runPlaybook } from '../engine/play/run.ts';
import { setup } from '../modules/setup.ts';
import type { Reporter } from '../report/plain.ts';
import { ask, download, md5, openLine, sha1, sha256 } from './connections.ts';
import { machinesPort } from './machines-port.ts';
import type { HostOptions } from './options.ts';
import { chooseReporter, type OutputOptions } from './output.ts';
import { factsCache, openPlaybook, openProject, projectDir } from './project.ts';
import { askPrompts } from './prompts.ts';
import { nonce } from './templates.ts';

export type RunOptions = OutputOptions &
  HostOptions &
  Readonly<{
    shard?: Readonly<{ index: number; of: number }> | undefined;
    tags: readonly string[];
    skipTags: readonly string[];
    /** Default: what the settings say, else 25. */
    forks?: number | undefined;
    /** Keywords that every play has unless it sets them. */
    playDefaults?: RawVars | undefined;
    /** The first task that runs, by its name or a pattern with `*`. */
    startAt?: string | undefined;
    /** Asks before each task. */
    step?: boolean | undefined;
    /** The playbook's text, if it is in no file. */
    text?: string | undefined;
    /** Whether events have the results of tasks. Default: in JSON output. */
    results?: boolean | undefined;
    /** Facts of earlier runs are forgotten first. */
    flushCache?: boolean | undefined;
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
  if (options.text !== undefined) project.files.yaml(playbookFile, options.text);
  const whole = openPlaybook(playbookFile, project, [...options.tags, ...options.skipTags]);
  const playbook = options.startAt === undefined ? whole : startAt(whole, options.startAt);
  const answers = await askPrompts(playbook, project);
  const { settings } = project;
  try {
    return await runPlaybook({
      mode,
      playbook,
      inventory: project.inventory,
      limit: project.limit,
      rereadInventory: project.rereadInventory,
      limitText: options.limit,
      verbosity: options.verbose,
      configFile: settings.file,
      notes: [...settings.notes, ...playbook.notes],
      warnings: settings.warnings,
      select: (pattern, inventory) => select(pattern, inventory, { file: playbookFile, line: 1, col: 1 }, []),
      ask,
      step: options.step === true ? stepper() : undefined,
      tags: options.tags,
      skipTags: options.skipTags,
      extraVars: project.extraVars,
      answers,
      diff: options.diff || settings.diff,
      results: options.results ?? options.output === 'json',
      forks: options.forks ?? settings.forks ?? 25,
      setup,
      templates: project.templates,
      localFiles: project.localFiles,
      connect: (name, scope, line) =>
        openLine(name, project.inventory.hosts.get(name)?.at, localGet(name, scope.get), {
          dir: dirname(playbookFile),
          defaults: project.connection,
          onSecret: project.redactor.add,
          ...line,
        }),
      gathersOnce: project.settings.gathersOnce,
      connection: project.connection,
      claim: mode === 'apply' ? claimOf(playbookFile) : undefined,
      lockWait: options.lockWait ?? 600,
      machines: machinesPort(project, options.inventory, signal),
      download,
      sha256,
      sha1,
      md5,
      factsCache: factsCache(options.inventory, options.flushCache),
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

/** Asks before each task: yes, no, or yes to all that follow. Questions come one after the other. */
function stepper(): (task: string) => Promise<boolean> {
  let goesOn = false;
  let last: Promise<unknown> = Promise.resolve();
  const answerTo = async (task: string): Promise<boolean> => {
    if (goesOn) return true;
    const answer = await ask(`perform task '${task}'? (N)o/(y)es/(c)ontinue: `, { echo: true });
    if (answer === undefined)
      throw failure('E_NO_TERMINAL', { question: `perform task '${task}'?`, hint: 'leave --step out' });
    goesOn = /^c/i.test(answer.trim());
    return goesOn || /^y/i.test(answer.trim());
  };
  return (task) => {
    const next = last.then(() => answerTo(task));
    last = next.catch(() => {});
    return next;
  };
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
