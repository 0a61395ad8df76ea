import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  atLeastOne,
  type CommandContext,
  collect,
  connectionOptions,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
} from './options.ts';

/** `bringup prove`. */
export function proveCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('prove [playbook]')
    .description('prove the site in cycles of applies, checks, power cuts and drills')
    .option('--cycles <n>', 'run this many cycles (default: 1)', atLeastOne)
    .addOption(
      new Option('--for <time>', 'begin cycles until this time is over: 90s, 30m, 8h')
        .argParser(timeSpan)
        .conflicts('cycles'),
    )
    .option('--checks <file>', 'use these checks (default: playbooks/checks/site.yml, if it exists)')
    .option('--drills <file>', 'use these drills (repeatable; default: those in playbooks/drills)', collect, [])
    .option('--no-drills', 'run no drills')
    .option('--rebuild <hosts>', 'begin each cycle with a fresh system on these hosts')
    .option('--power-cycle <hosts>', 'cut the power of each of these hosts in each cycle')
    .option('--file <file>', 'write each step to this file', '.bringup/prove.jsonl')
    .option('--resume', 'continue what the file records');
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

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds. */
function timeSpan(value: string): number {
  const [, count, unit = ''] = /^([1-9]\d*)([smhd])$/.exec(value) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 0);
  throw new InvalidArgumentError('expected: a whole number and s, m, h or d, such as 8h');
}
