// The commands for machines: power, discover, adopt, health, doctor.
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

export function adoptCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('adopt')
    .description('turn a machine that answers SSH into a host of the inventory')
    .argument('<address>', 'connect to [USER@]ADDRESS[:PORT]')
    .requiredOption('--as <name>', 'use this name in the inventory')
    .requiredOption('--group <group>', 'add the host to this group of the inventory')
    .option('--fingerprint <fingerprint>', 'verify the host key by this fingerprint: SHA256:…');
  connectionOptions(inventoryOptions(command));
  command.action(async (address: string, o) => {
    const { as: name, group, fingerprint, user } = o;
    const options = { ...(await hostOptionsOf(o)), name, group, fingerprint, user };
    const { adopt } = await import('./adopt.ts');
    done(await adopt(address, options, signal));
  });
}

export function healthCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('health')
    .description('show the health of machines: temperature, power, disks, memory, network, fans')
    .argument('[pattern]', 'show these hosts (default: all)');
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (pattern: string | undefined, o) => {
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)) };
    const { showHealth } = await import('./health.ts');
    done(await showHealth(pattern ?? 'all', options, signal));
  });
}

export function discoverCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('discover')
    .description('list the machines on the network of an interface, and what each probably is')
    .argument('[interface]', 'use the network of this interface')
    .option('--wide', 'ask networks larger than /22 too, up to /16');
  outputOptions(inventoryOptions(command));
  command.action(async (name: string | undefined, o) => {
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)), isWide: o.wide === true };
    const { discover } = await import('./discover.ts');
    done(await discover(name, options, signal));
  });
}

export function doctorCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('doctor')
    .description('show what is missing on this machine and on hosts, and how to fix it')
    .argument('[pattern]', 'ask these hosts (default: all)');
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (pattern: string | undefined, o) => {
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)) };
    const { examine } = await import('./doctor.ts');
    done(await examine(pattern ?? 'all', options, signal));
  });
}
