import type { Command } from 'commander';
import {
  atLeastOne,
  type CommandContext,
  collect,
  connectionOptions,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
  timeSpan,
} from './options.ts';

/** `bringup prove`. */
export function proveCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('prove [playbook]')
    .description('prove the site in cycles of applies, checks, power cuts and drills')
    .option('--cycles <n>', 'run this many cycles (default: 1)', atLeastOne)
    .option('--checks <file>', 'use these checks (default: playbooks/checks/site.yml, if it exists)')
    .option('--drills <file>', 'use these drills (repeatable; default: those in playbooks/drills)', collect, [])
    .option('--no-drills', 'run no drills')
    .option('--rebuild <hosts>', 'begin each cycle with a fresh system on these hosts')
    .option('--power-cycle <hosts>', 'cut the power of each of these hosts in each cycle')
    .option('--file <file>', 'write each step to this file', '.bringup/prove.jsonl');

  const given = ['cycles', 'for', 'checks', 'rebuild', 'powerCycle'];
  command.addOption(command.createOption('--resume', 'continue what the file records').conflicts(given));
  const time = command.createOption('--for <time>', 'begin cycles until this time is over: 90s, 30m, 8h');
  command.addOption(time.argParser(timeSpan).conflicts('cycles'));
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (playbook: string | undefined, o) => {
    const options = {
      ...outputOf(o),
      ...(await hostOptionsOf(o)),
      playbook: playbook ?? 'playbooks/site.yml',
      checks: o.checks,
      drills: o.drills === false ? [] : o.drills.length > 0 ? o.drills : undefined,
      cycles: o.cycles,
      for: o.for,
      rebuild: o.rebuild,
      powerCycle: o.powerCycle,
      resume: o.resume === true,
      file: o.file,
    };
    const { prove } = await import('./prove.ts');
    done(await prove(options, signal));
  });
}
