// The commands that run tasks on hosts: plan, apply and run.
import type { Command } from 'commander';
import { failure } from '../core/errors/index.ts';
import type { Recap } from '../engine/play/run.ts';
import {
  type CommandContext,
  connectionOptions,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
  runOptions,
  runOptionsOf,
  seconds,
  words,
} from './options.ts';

export function playCommand(program: Command, mode: 'plan' | 'apply', { done, signal }: CommandContext): void {
  const command = program
    .command(`${mode} <playbook>`)
    .description(
      mode === 'plan'
        ? 'show what apply would change, without changing anything'
        : 'apply the playbook, then verify every change',
    );
  inventoryOptions(command);
  outputOptions(command)
    .option('-D, --diff', 'show the differences in changed files')
    .option('-t, --tags <tags>', 'run only tasks with any of these tags', words, [])
    .option('--skip-tags <tags>', 'skip tasks with any of these tags', words, [])
    .option('--start-at-task <name>', 'begin at this task')
    .option('--list-hosts', 'list the hosts of each play, and stop')
    .option('--list-tasks', 'list the tasks, and stop')
    .option('--list-tags', 'list the tags, and stop')
    .option('--syntax-check', 'read and check the playbook, and stop');
  runOptions(connectionOptions(command));
  if (mode === 'apply')
    command
      .option('--lock-wait <seconds>', 'wait this many seconds for a host that another run has locked', seconds, 600)
      .option('--step', 'ask before each task')
      .option('--force-handlers', 'run notified handlers on failed hosts too');
  if (mode === 'plan') command.option('--exit-code', 'exit with 3 if there is something to change');
  else command.option('-C, --check', 'plan instead of applying, like `bringup plan`');
  command.action(async (playbook: string, o) => {
    const options = {
      ...outputOf(o),
      ...(await hostOptionsOf(o)),
      ...runOptionsOf(o),
      shard: o.shard,
      tags: o.tags,
      skipTags: o.skipTags,
      lockWait: o.lockWait,
      startAt: o.startAtTask,
      step: o.step,
    };
    if (o.listHosts || o.listTasks || o.listTags || o.syntaxCheck) {
      const { listPlays } = await import('./listing.ts');
      const what = {
        hosts: o.listHosts === true,
        tasks: o.listTasks === true,
        tags: o.listTags === true,
        checks: o.syntaxCheck === true,
      };
      return done(listPlays(playbook, what, options));
    }
    const isPlan = mode === 'plan' || o.check === true;
    const { runPlays } = await import('./apply.ts');
    const recap = await runPlays(isPlan ? 'plan' : 'apply', playbook, options, signal);
    done(exitCode(recap, o.exitCode === true));
  });
}

export function runCommand(program: Command, { argv, done, signal }: CommandContext): void {
  const command = program
    .command('run <pattern> [command...]')
    .description('run a command or one task on hosts, and print what it returns')
    .option('-m, --module-name <module>', 'run this module (default: command)')
    .option('-a, --args <args>', 'use these arguments: NAME=VALUE …, a JSON object, or a command')
    .option('-B, --background <seconds>', 'run in the background, for at most so many seconds', seconds)
    .option('-P, --poll <seconds>', 'ask for its result every so many seconds (0: never)', seconds)
    .option('-C, --check', 'show what the task would change, without changing anything')
    .option('-D, --diff', 'show the differences in changed files');
  inventoryOptions(command);
  outputOptions(command);
  runOptions(connectionOptions(command));
  command.action(async (pattern: string, given: readonly string[], o) => {
    const { runTask } = await import('./run.ts');
    if (given.length > 0 && !argv.includes('--')) throw failure('E_RUN_DASHES', { pattern, command: given[0] ?? '' });
    const task = {
      pattern,
      module: o.moduleName,
      args: o.args,
      command: given,
      background: o.background,
      poll: o.poll,
    };
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)), ...runOptionsOf(o), tags: [], skipTags: [] };
    done(exitCode(await runTask(o.check === true ? 'plan' : 'apply', task, options, signal), false));
  });
}

/** 0 done, 1 a host failed, 3 a plan has changes, 4 locked by another run, 130 interrupted. */
function exitCode(recap: Recap, tellsChanges: boolean): number {
  if (recap.interrupted) return 130;
  if (recap.locked) return 4;
  return recap.failed ? 1 : tellsChanges && recap.changed ? 3 : 0;
}
