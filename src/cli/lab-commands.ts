// The subcommands of `bringup lab`.
import type { Command } from 'commander';
import { agreed, type CommandContext, DEFAULT_INVENTORY, words } from './options.ts';
import { streams } from './output.ts';

export function labCommands(program: Command, { done, signal }: CommandContext): void {
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
      const state = await labUp(openLab(o.inventory), agreed(o), signal);
      streams.out(`${stateText(state)}\n`);
      done(0);
    });
  lab
    .command('install')
    .description('install what a lab needs of this machine, with apt')
    .option('-y, --yes', 'without asking')
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
