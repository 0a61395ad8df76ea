// The commands that follow one machine: console.
import type { Command } from 'commander';
import { type CommandContext, connectionOptions, hostOptionsOf, inventoryOptions } from './options.ts';

export function consoleCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('console <host>')
    .description('connect the terminal with the serial console of a host')
    .option('--log', 'print what the console said in the last boot, and stop');
  connectionOptions(inventoryOptions(command)).action(async (host: string, o) => {
    const { openConsole } = await import('./console.ts');
    done(await openConsole(host, { ...(await hostOptionsOf(o)), log: o.log === true }, signal));
  });
}
