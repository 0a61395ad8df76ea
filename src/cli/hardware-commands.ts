// The commands for machines: power.
import type { Command } from 'commander';
import {
  type CommandContext,
  connectionOptions,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
} from './options.ts';

export function powerCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('power')
    .description('switch the power of machines, or show whether they are on')
    .addArgument(program.createArgument('<action>').choices(['on', 'off', 'cycle', 'status']))
    .argument('<pattern>')
    .option('--hard', 'cut the power at once, without shutting the system down');
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (action: 'on' | 'off' | 'cycle' | 'status', pattern: string, o) => {
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)), isHard: o.hard === true };
    const { switchPower } = await import('./power.ts');
    done(await switchPower(action, pattern, options, signal));
  });
}
