// The subcommands of `bringup lab`.
import type { Command } from 'commander';
import { agreed, type CommandContext, DEFAULT_INVENTORY, words } from './options.ts';
import { streams } from './output.ts';

export function labCommands(program: Command, { done, signal }: CommandContext): void {
  const lab = program
    .command('lab')
    .description('run virtual hosts on this machine, with systemd, sshd, network and power switch')
    .enablePositionalOptions();
  const withInventory = (command: Command): Command =>
    command.option('-i, --inventory <file>', 'use the lab of this inventory', DEFAULT_INVENTORY);
  withInventory(lab.command('up').description('boot the hosts of the inventory that have lab_image'))
    .option('-y, --yes', 'install missing packages without asking')
    .action(async (o) => {
      const { labUp, openLab, stateText } = await import('./lab.ts');
      const state = await labUp(openLab(o.inventory), agreed(o), signal);
      streams.out(`${stateText(state)}\n`);
      done(0);
    });
  lab
    .command('install')
    .description('install the packages that a lab needs, with apt')
    .option('-y, --yes', 'install without asking')
    .action(async (o) => {
      const { ensureRequirements } = await import('./lab.ts');
      await ensureRequirements(agreed(o), signal);
      done(0);
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
  verb('status', 'list the hosts, and whether they are on');
  verb('down', 'remove the lab: hosts, disks and network').option('--images', 'remove the images too');
  verb('reset <host...>', 'reset hosts to a fresh disk');
  verb('power <on|off|cut> <host...>', 'switch hosts on, shut them down, or cut their power');
  verb('net <cut|heal> [host...]', 'cut the network of hosts, or heal cuts (without a host: all)')
    .option('--from <hosts>', 'cut hosts off from these hosts only', words, [])
    .option('--way <way>', 'cut packets in both directions, or only in or out', 'both');
  verb('ssh <host> [command...]', 'log in to a host').passThroughOptions();
  verb('snapshot <label>', 'save the disks of all hosts');
  verb('restore <label>', 'restore the disks of all hosts');
  verb('logs <host>', "show the end of a host's console and journal");
}
