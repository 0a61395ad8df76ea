import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { streams, tellError } from './output.ts';

// Each command brings its own rooms when it runs: `--help` must not wait for a database client.
const DEFAULT_INVENTORY = process.env['BRINGUP_INVENTORY'] ?? 'inventory/lab.yml';

/** Runs one command line. Gives the exit code: 0 done, 1 a host or a check failed, 2 wrong input, 3 changes, 130 interrupted. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = interruptible();
  let code = 0;
  const program = build((result) => {
    code = result;
  }, stop.signal);
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
  return stop.signal.aborted ? 130 : code;
}

/** The first Ctrl-C ends things cleanly; a second one at once. */
function interruptible(): Readonly<{ signal: AbortSignal; end: () => void }> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    streams.err('\nstopping: what runs on the hosts is ended (again to stop at once)\n');
    controller.abort(new Error('interrupted'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    end: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

function build(done: (code: number) => void, signal: AbortSignal): Command {
  const program = new Command('bringup')
    .description('Turns bare machines into a running, redundant web stack over SSH, and proves that it runs.')
    .version(VERSION)
    .enablePositionalOptions() // what stands behind `lab ssh HOST` is the host's
    .showHelpAfterError("(see 'bringup --help')")
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err });

  for (const mode of ['plan', 'apply'] as const) {
    const command = program
      .command(`${mode} <playbook>`)
      .description(
        mode === 'plan'
          ? 'show what apply would change; touches nothing'
          : 'make it so, and read back what was changed',
      );
    runOptions(command);
    if (mode === 'plan') command.option('--exit-code', 'exit 3 when there is something to change');
    else command.option('-C, --check', 'as `bringup plan`');
    command.action(async (playbook: string, o) => {
      const options = {
        ...outputOf(o),
        inventory: o.inventory,
        limit: o.limit,
        shard: o.shard,
        tags: o.tags,
        skipTags: o.skipTags,
        extraVars: o.extraVars,
        forks: o.forks,
        vaultPasswordFile: o.vaultPasswordFile,
        askBecomePass: o.askBecomePass,
      };
      const isPlan = mode === 'plan' || o.check === true;
      const { runPlays } = await import('./apply.ts');
      const recap = await runPlays(isPlan ? 'plan' : 'apply', playbook, options, signal);
      done(recap.interrupted ? 130 : recap.failed ? 1 : o.exitCode === true && recap.changed ? 3 : 0);
    });
  }

  const check = program
    .command('check [checks]')
    .description('prove from here that the site works: DNS, HTTP by name, balance, replication …')
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option('--within <seconds>', 'try each check again for so long (default: each one says)', seconds);
  inventoryOptions(check);
  outputOptions(check);
  check.action(async (file: string | undefined, o) => {
    const { runChecks } = await import('./check.ts');
    done(
      await runChecks(
        file ?? 'playbooks/checks/site.yml',
        {
          ...outputOf(o),
          inventory: o.inventory,
          limit: o.limit,
          extraVars: o.extraVars,
          vaultPasswordFile: o.vaultPasswordFile,
          junit: o.junit,
          within: o.within,
        },
        signal,
      ),
    );
  });

  const drill = program
    .command('drill [drills...]')
    .description('break things on purpose while requests flow, and judge what users would have seen')
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option('--times <n>', 'run each drill so many times', atLeastOne, 1)
    .option('--only <text>', 'only drills with this text in their name (again for more)', collect, []);
  inventoryOptions(drill);
  outputOptions(drill);
  drill.action(async (files: readonly string[], o) => {
    const { runDrills } = await import('./drill.ts');
    done(
      await runDrills(
        files,
        {
          ...outputOf(o),
          inventory: o.inventory,
          limit: o.limit,
          extraVars: o.extraVars,
          vaultPasswordFile: o.vaultPasswordFile,
          junit: o.junit,
          times: o.times,
          only: o.only,
        },
        signal,
      ),
    );
  });

  labCommands(program, done, signal);

  const inventory = program
    .command('inventory')
    .description('show the hosts, their groups and variables as bringup sees them')
    .argument('[host]', 'one host: all its variables, and where each comes from');
  inventoryOptions(inventory);
  inventory.action(async (host: string | undefined, o) => {
    const { listInventory } = await import('./inventory.ts');
    done(
      listInventory(host, {
        inventory: o.inventory,
        limit: o.limit,
        extraVars: o.extraVars,
        vaultPasswordFile: o.vaultPasswordFile,
      }),
    );
  });

  program
    .command('doc [module]')
    .description("a module's arguments and examples; without a name: all modules")
    .action(async (name: string | undefined) => {
      const { moduleDocs } = await import('./doc.ts');
      done(moduleDocs(name));
    });

  const report = program.command('report').description('what several runs came to');
  report
    .command('merge <file...>')
    .description("one recap of the outputs of 'apply -o json' or 'plan -o json', as shards leave them")
    .addOption(new Option('-o, --output <kind>').choices(['plain', 'json']).default('plain'))
    .option('--exit-code', 'exit 3 when a plan has something to change')
    .action(async (files: readonly string[], o) => {
      const { mergeFiles } = await import('./report.ts');
      done(mergeFiles(files, { json: o.output === 'json', exitCode: o.exitCode === true }));
    });

  program
    .command('demo')
    .description('a lab on this machine, the whole site on it, proven: from nothing to a URL')
    .option('-i, --inventory <file>', 'the lab to bring up', DEFAULT_INVENTORY)
    .option('-y, --yes', 'install what is missing without asking')
    .option('--down', 'take it all away again')
    .action(async (o) => {
      const { demo } = await import('./demo.ts');
      done(
        await demo(
          { inventory: o.inventory, yes: o.yes === true || process.env['CI'] !== undefined, down: o.down === true },
          signal,
        ),
      );
    });
  return program;
}

function labCommands(program: Command, done: (code: number) => void, signal: AbortSignal): void {
  const lab = program
    .command('lab')
    .description('virtual hosts on this machine: real systemd, sshd and network, with a power switch')
    .enablePositionalOptions();
  const withInventory = (command: Command): Command =>
    command.option('-i, --inventory <file>', 'where the lab is described', DEFAULT_INVENTORY);
  withInventory(lab.command('up').description('boot the hosts of the inventory that have lab_image'))
    .option('-y, --yes', 'install what is missing without asking')
    .action(async (o) => {
      const { labUp, openLab, stateText } = await import('./lab.ts');
      const state = await labUp(openLab(o.inventory), o.yes === true || process.env['CI'] !== undefined, signal);
      streams.out(`${stateText(state)}\n`);
    });
  lab
    .command('install')
    .description('install what a lab needs of this machine, with apt')
    .option('-y, --yes', 'without asking')
    .action(async (o) => {
      const { ensureRequirements } = await import('./lab.ts');
      await ensureRequirements(o.yes === true || process.env['CI'] !== undefined, signal);
    });
  const verb = (usage: string, text: string): Command => {
    const [name = ''] = usage.split(' ');
    return withInventory(lab.command(usage).description(text)).action(async (...all) => {
      const command = all.at(-1) as Command;
      const o = command.opts();
      const { labCommand, openLab } = await import('./lab.ts');
      const spec = openLab(o['inventory']);
      done(
        await labCommand(
          name,
          spec.name,
          command.args,
          { images: o['images'] === true, spec, from: o['from'] ?? [], way: o['way'] },
          signal,
        ),
      );
    });
  };
  verb('status', 'which hosts are on');
  verb('down', 'take the lab away: hosts, disks, network').option('--images', 'its images too');
  verb('reset <host...>', 'bare machines again, in seconds');
  verb('power <on|off|cut> <host...>', 'off: a clean shutdown; cut: the plug is pulled');
  verb('net <cut|heal> [host...]', "cut: a host's wire; heal: every cut of these hosts, or all cuts")
    .option('--from <hosts>', 'cut off from these hosts only', words, [])
    .option('--way <way>', 'both, in or out', 'both');
  verb('ssh <host> [command...]', 'log in to a host').passThroughOptions();
  verb('snapshot <label>', 'keep the disks of all hosts');
  verb('restore <label>', 'put them back, in seconds');
  verb('logs <host>', "the end of a host's console and journal");
}

function inventoryOptions(command: Command): Command {
  return command
    .option('-i, --inventory <file>', 'hosts: a YAML or INI file, or a folder', DEFAULT_INVENTORY)
    .option('-l, --limit <pattern>', 'only these hosts, as in hosts:')
    .option('-e, --extra-vars <vars>', 'NAME=VALUE, a JSON object or @FILE; wins over all', collect, [])
    .option('--vault-password-file <file>', 'opens ansible-vault values');
}

function outputOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-o, --output <kind>', 'auto: a live panel on a terminal')
        .choices(['auto', 'plain', 'json'])
        .default('auto'),
    )
    .option('-v, --verbose', 'more lines (twice: all)', (_: string, n: number) => n + 1, 0);
}

function runOptions(command: Command): Command {
  inventoryOptions(command);
  outputOptions(command);
  return command
    .option('-D, --diff', 'show what changes in files')
    .option('-t, --tags <tags>', 'only tasks with one of these tags', words, [])
    .option('--skip-tags <tags>', 'not the tasks with one of these', words, [])
    .option('-f, --forks <n>', 'hosts at the same time', atLeastOne, 25)
    .option('--shard <i/n>', 'of n controllers this is the i-th: every n-th host is its own', shard)
    .option('-K, --ask-become-pass', 'ask for the sudo password');
}

function outputOf(o: Record<string, unknown>): { output: 'auto' | 'plain' | 'json'; verbose: number; diff: boolean } {
  return {
    output: o['output'] as 'auto' | 'plain' | 'json',
    verbose: Number(o['verbose'] ?? 0),
    diff: o['diff'] === true,
  };
}

const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];
const words = (value: string, all: readonly string[]): readonly string[] => [
  ...all,
  ...value
    .split(',')
    .map((w) => w.trim())
    .filter((w) => w !== ''),
];

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
