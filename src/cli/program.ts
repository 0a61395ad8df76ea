import { Command, CommanderError, Help, Option } from 'commander';
import { completionCommands } from './completion-command.ts';
import { adoptCommand, discoverCommand, doctorCommand, healthCommand, powerCommand } from './hardware-commands.ts';
import { consoleCommand, hostCommands } from './host-commands.ts';
import { imageCommands } from './image-commands.ts';
import { labCommands } from './lab-commands.ts';
import {
  agreed,
  atLeastOne,
  type CommandContext,
  collect,
  connectionOptions,
  DEFAULT_INVENTORY,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
  seconds,
} from './options.ts';
import { streams, tellError } from './output.ts';
import { proveCommand } from './prove-command.ts';
import { rebuildCommand } from './rebuild-command.ts';
import { playCommand, runCommand } from './run-commands.ts';
import { vaultCommands } from './vault-commands.ts';

// Each command imports its rooms when it runs, so that `--help` does not load a database client.

/**
 * Runs one command line. Returns the exit code: 0 done, 1 a host or a check failed, 2 wrong input, 3 changes, 4 locked
 * by another run, 130 interrupted.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = interruptible();
  let code: number | undefined;
  const program = commandLine({
    argv,
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
    streams.err('\nstopping: ending what runs, on hosts too (press Ctrl-C again to stop at once)\n');
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
    // A repeatable option begins with an empty list, which tells a reader nothing.
    .configureHelp({
      optionDescription: (option) => new Help().optionDescription(option).replace(/ ?\(default: \[\]\)$/, ''),
    })
    .configureOutput({ writeOut: streams.out, writeErr: streams.err });
  playCommand(program, 'plan', run);
  playCommand(program, 'apply', run);
  runCommand(program, run);
  checkCommand(program, run);
  drillCommand(program, run);
  proveCommand(program, run);
  labCommands(program, run);
  powerCommand(program, run);
  rebuildCommand(program, run);
  consoleCommand(program, run);
  hostCommands(program, run);
  discoverCommand(program, run);
  adoptCommand(program, run);
  healthCommand(program, run);
  doctorCommand(program, run);
  imageCommands(program, run);
  inventoryCommand(program, run);
  vaultCommands(program, run);
  handlersCommand(program, run);
  installCommand(program, run);
  docCommand(program, run);
  explainCommand(program, run);
  reportCommand(program, run);
  demoCommand(program, run);
  completionCommands(program, run);
  return program;
}

function checkCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('check [checks]')
    .description('verify from this machine that the site works: DNS, HTTP, balancing, replication')
    .option('--junit <file>', 'write the results to a JUnit XML file as well')
    .option('--generate <host>', 'print a checks file of what runs on this host now')
    .option('--within <seconds>', 'retry each check for this many seconds (default: set in each check)', seconds);
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (file: string | undefined, o) => {
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)), junit: o.junit, within: o.within };
    if (o.generate !== undefined) {
      const { generateChecks } = await import('./check-generate.ts');
      return done(await generateChecks(o.generate, options, signal));
    }
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
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (files: readonly string[], o) => {
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)), junit: o.junit, times: o.times, only: o.only };
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
    done(listInventory(host, await hostOptionsOf(o)));
  });
}

function handlersCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('handlers [name]')
    .description('list the notified handlers that wait on each host')
    .option('--forget', 'remove the listed handlers, so that no run runs them');
  connectionOptions(inventoryOptions(command)).action(async (name: string | undefined, o) => {
    const { listHandlers } = await import('./handlers.ts');
    done(await listHandlers({ ...(await hostOptionsOf(o)), name, forget: o.forget === true }, signal));
  });
}

function installCommand(program: Command, { done, signal }: CommandContext): void {
  program
    .command('install')
    .description('install the roles and collections that requirements.yml lists')
    .option('-r, --requirements-file <file>', 'read this file', 'requirements.yml')
    .option('-p, --roles-path <directory>', 'install roles here (default: the first of roles_path, else roles)')
    .option('--collections-path <directory>', 'install collections here (default: likewise, else collections)')
    .option('--update', 'write the lock file anew, from what the sources have now')
    .option('--force', 'replace folders that were changed, or that bringup has not installed')
    .action(async (o) => {
      const { install } = await import('./install.ts');
      await install({
        file: o.requirementsFile,
        rolesPath: o.rolesPath,
        collectionsPath: o.collectionsPath,
        force: o.force === true,
        update: o.update === true,
        signal,
      });
      done(0);
    });
}

function docCommand(program: Command, { done }: CommandContext): void {
  program
    .command('doc [page]')
    .description('show the page of a module, check, step or driver, or list all')
    .action(async (page: string | undefined) => {
      const { docs } = await import('./doc.ts');
      done(docs(page));
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

const VERSION = '0.1.0';
