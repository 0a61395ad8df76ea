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
  const program = build({
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
      streams.err('interrupted: what was changed stays changed; run the same command again to go on\n');
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
      streams.err('\nleft at once: scripts may still run on the hosts until they end\n');
      process.exit(130);
    }
    streams.err('\nstopping: ending what runs on the hosts (press Ctrl-C again to leave at once)\n');
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

function build(run: CommandContext): Command {
  const program = new Command('bringup')
    .description('Turns bare machines into a running, redundant web stack over SSH, and proves that it runs.')
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
      mode === 'plan' ? 'show what apply would change; touches nothing' : 'make it so, and read back what was changed',
    );
  inventoryOptions(command);
  outputOptions(command)
    .option('-D, --diff', 'show what changes in files')
    .option('-t, --tags <tags>', 'only tasks with one of these tags', words, [])
    .option('--skip-tags <tags>', 'not the tasks with one of these', words, [])
    .option('-f, --forks <n>', 'hosts at the same time', atLeastOne, 25)
    .option('--shard <i/n>', 'of n controllers this is the i-th: every n-th host is its own', shard)
    .option('-K, --ask-become-pass', 'ask for the sudo password');
  if (mode === 'apply')
    command.option('--lock-wait <seconds>', 'wait this long for another run on a host to end', seconds, 600);
  if (mode === 'plan') command.option('--exit-code', 'exit 3 when there is something to change');
  else command.option('-C, --check', 'as `bringup plan`');
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
    .description('prove from here that the site works: DNS, HTTP by name, balance, replication …')
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option('--within <seconds>', 'try each check again for so long (default: each one says)', seconds);
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
    .description('break things on purpose while requests flow, and judge what users would have seen')
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option('--times <n>', 'run each drill so many times', atLeastOne, 1)
    .option('--only <text>', 'only drills with this text in their name (again for more)', collect, []);
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
    .description('show the hosts, their groups and variables as bringup sees them')
    .argument('[host]', 'one host: all its variables, and where each comes from');
  inventoryOptions(command).action(async (host: string | undefined, o) => {
    const { listInventory } = await import('./inventory.ts');
    done(listInventory(host, hostOptionsOf(o)));
  });
}

function handlersCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('handlers [name]')
    .description('list the notified handlers that still wait on each host')
    .option('--forget', 'remove them: no run will run them any more');
  inventoryOptions(command).action(async (name: string | undefined, o) => {
    const { listHandlers } = await import('./handlers.ts');
    done(await listHandlers({ ...hostOptionsOf(o), name, forget: o.forget === true }, signal));
  });
}

function docCommand(program: Command, { done }: CommandContext): void {
  program
    .command('doc [module]')
    .description("a module's arguments and examples; without a name: all modules")
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
    .description('what several runs came to')
    .command('merge <file...>')
    .description("one recap of the outputs of 'apply -o json' or 'plan -o json', as shards leave them")
    .addOption(new Option('-o, --output <kind>').choices(['plain', 'json']).default('plain'))
    .option('--exit-code', 'exit 3 when a plan has something to change')
    .action(async (files: readonly string[], o) => {
      const { mergeFiles } = await import('./report.ts');
      done(mergeFiles(files, { json: o.output === 'json', exitCode: o.exitCode === true }));
    });
}

function demoCommand(program: Command, { done, signal }: CommandContext): void {
  program
    .command('demo')
    .description('a lab on this machine, the whole site on it, proven: from nothing to a URL')
    .option('-i, --inventory <file>', 'the lab to bring up', DEFAULT_INVENTORY)
    .option('-y, --yes', 'install what is missing without asking')
    .option('--down', 'take it all away again')
    .action(async (o) => {
      const { demo } = await import('./demo.ts');
      done(await demo({ inventory: o.inventory, yes: agreed(o), down: o.down === true }, signal));
    });
}

function atLeastOne(value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new InvalidArgumentError('a number from 1 up');
}
function shard(value: string): Readonly<{ index: number; of: number }> {
  const [, index = 0, of = 0] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(value) ?? []).map(Number);
  if (index > 0 && index <= of) return { index, of };
  throw new InvalidArgumentError('two numbers such as 1/4: the first from 1 to the second');
}
function seconds(value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  throw new InvalidArgumentError('a number of seconds');
}

const VERSION = '0.1.0';
