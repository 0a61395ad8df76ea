import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { labCommands } from './lab-commands.ts';
import {
  agreed,
  type CommandContext,
  collect,
  DEFAULT_INVENTORY,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
  words,
} from './options.ts';
import { streams, tellError } from './output.ts';

// Each command imports its rooms when it runs, so that `--help` does not load a database client.

/**
 * Runs one command line. Returns the exit code: 0 done, 1 a host or a check failed, 2 wrong input, 3 changes, 4 locked
 * by another run, 130 interrupted.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = interruptible();
  let code: number | undefined;
  const program = commandLine({
    done: (result) => {
      code = result;
    },
    signal: stop.signal,
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (stop.signal.aborted) {
      streams.err('interrupted: completed changes stay; run the same command again to continue\n');
      return 130;
    }
    return tellError(error);
  } finally {
    stop.end();
  }
  if (stop.signal.aborted) return 130;
  if (code === undefined) throw new Error('the command ended without a result');
  return code;
}

/** The first Ctrl-C stops the run cleanly, the second one at once. */
function interruptible(): Readonly<{ signal: AbortSignal; end: () => void }> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      streams.err('\nstopped at once: scripts may still run on the hosts\n');
      process.exit(130);
    }
    streams.err('\nstopping: ending the processes on the hosts (press Ctrl-C again to stop at once)\n');
    controller.abort(new Error('interrupted'));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** SIGHUP: the terminal was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The program with its commands, before it reads a command line. */
export function commandLine(run: CommandContext): Command {
  const program = new Command('bringup')
    .description('turn bare machines into a running, redundant web stack over SSH, and verify it')
    .version(VERSION)
    .enablePositionalOptions() // options after `lab ssh HOST` belong to the command on the host
    .showHelpAfterError("(see 'bringup --help')")
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err });
  playCommand(program, 'plan', run);
  playCommand(program, 'apply', run);
  checkCommand(program, run);
  drillCommand(program, run);
  labCommands(program, run);
  inventoryCommand(program, run);
  handlersCommand(program, run);
  docCommand(program, run);
  explainCommand(program, run);
  reportCommand(program, run);
  demoCommand(program, run);
  return program;
}

function playCommand(program: Command, mode: 'plan' | 'apply', { done, signal }: CommandContext): void {
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
    .option('-f, --forks <n>', 'work on this many hosts at the same time', atLeastOne, 25)
    .option('--shard <i/n>', 'run shard i of n: every n-th host, counted from the i-th', shard)
    .option('-K, --ask-become-pass', 'ask for the become password');
  if (mode === 'apply')
    command.option(
      '--lock-wait <seconds>',
      'wait this many seconds for a host that another run has locked',
      seconds,
      600,
    );
  if (mode === 'plan') command.option('--exit-code', 'exit with 3 if there is something to change');
  else command.option('-C, --check', 'plan instead of applying, like `bringup plan`');
  command.action(async (playbook: string, o) => {
    const options = {
      ...outputOf(o),
      ...hostOptionsOf(o),
      shard: o.shard,
      tags: o.tags,
      skipTags: o.skipTags,
      forks: o.forks,
      askBecomePass: o.askBecomePass,
      lockWait: o.lockWait,
    };
    const isPlan = mode === 'plan' || o.check === true;
    const { runPlays } = await import('./apply.ts');
    const recap = await runPlays(isPlan ? 'plan' : 'apply', playbook, options, signal);
    done(recap.interrupted ? 130 : recap.locked ? 4 : recap.failed ? 1 : o.exitCode === true && recap.changed ? 3 : 0);
  });
}

function checkCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('check [checks]')
    .description('verify from this machine that the site works: DNS, HTTP, balancing, replication')
    .option('--junit <file>', 'write the results to a JUnit XML file as well')
    .option('--within <seconds>', 'retry each check for this many seconds (default: set in each check)', seconds);
  inventoryOptions(command);
  outputOptions(command);
  command.action(async (file: string | undefined, o) => {
    const options = { ...outputOf(o), ...hostOptionsOf(o), junit: o.junit, within: o.within };
    const { runChecks } = await import('./check.ts');
    done(await runChecks(file ?? 'playbooks/checks/site.yml', options, signal));
  });
}

function drillCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('drill [drills...]')
    .description('cause failures under load, and judge what users notice')
    .option('--junit <file>', 'write the results to a JUnit XML file as well')
    .option('--times <n>', 'run each drill this many times', atLeastOne, 1)
    .option('--only <text>', 'run only drills with this text in their name (repeatable)', collect, []);
  inventoryOptions(command);
  outputOptions(command);
  command.action(async (files: readonly string[], o) => {
    const options = { ...outputOf(o), ...hostOptionsOf(o), junit: o.junit, times: o.times, only: o.only };
    const { runDrills } = await import('./drill.ts');
    done(await runDrills(files, options, signal));
  });
}

function inventoryCommand(program: Command, { done }: CommandContext): void {
  const command = program
    .command('inventory')
    .description('show hosts and groups, or the variables of one host')
    .argument('[host]', 'show all variables of this host, and where each is defined');
  inventoryOptions(command).action(async (host: string | undefined, o) => {
    const { listInventory } = await import('./inventory.ts');
    done(listInventory(host, hostOptionsOf(o)));
  });
}

function handlersCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('handlers [name]')
    .description('list the notified handlers that wait on each host')
    .option('--forget', 'remove the listed handlers, so that no run runs them');
  inventoryOptions(command).action(async (name: string | undefined, o) => {
    const { listHandlers } = await import('./handlers.ts');
    done(await listHandlers({ ...hostOptionsOf(o), name, forget: o.forget === true }, signal));
  });
}

function docCommand(program: Command, { done }: CommandContext): void {
  program
    .command('doc [module]')
    .description('show the arguments and examples of a module, or list all modules')
    .action(async (name: string | undefined) => {
      const { moduleDocs } = await import('./doc.ts');
      done(moduleDocs(name));
    });
}

function explainCommand(program: Command, { done }: CommandContext): void {
  program
    .command('explain [code]')
    .description('explain an error code, or list all codes')
    .action(async (code: string | undefined) => {
      const { explain } = await import('./explain.ts');
      done(explain(code));
    });
}

function reportCommand(program: Command, { done }: CommandContext): void {
  program
    .command('report')
    .description('work with the JSON output of runs')
    .command('merge <file...>')
    .description("merge the output of several 'apply -o json' or 'plan -o json' into one recap")
    .addOption(
      new Option('-o, --output <kind>', 'print plain text or JSON').choices(['plain', 'json']).default('plain'),
    )
    .option('--exit-code', 'exit with 3 if a plan has something to change')
    .action(async (files: readonly string[], o) => {
      const { mergeFiles } = await import('./report.ts');
      done(mergeFiles(files, { json: o.output === 'json', exitCode: o.exitCode === true }));
    });
}

function demoCommand(program: Command, { done, signal }: CommandContext): void {
  program
    .command('demo')
    .description('boot a lab on this machine, deploy the site on it, and verify it')
    .option('-i, --inventory <file>', 'use the lab of this inventory', DEFAULT_INVENTORY)
    .option('-y, --yes', 'install missing packages without asking')
    .option('--down', 'remove everything')
    .action(async (o) => {
      const { demo } = await import('./demo.ts');
      done(await demo({ inventory: o.inventory, yes: agreed(o), down: o.down === true }, signal));
    });
}

function atLeastOne(value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new InvalidArgumentError('expected: a whole number from 1');
}
function shard(value: string): Readonly<{ index: number; of: number }> {
  const [, index = 0, of = 0] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(value) ?? []).map(Number);
  if (index > 0 && index <= of) return { index, of };
  throw new InvalidArgumentError('expected: i/n, such as 1/4, with i from 1 to n');
}
function seconds(value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  throw new InvalidArgumentError('expected: a number of seconds');
}

const VERSION = '0.1.0';
