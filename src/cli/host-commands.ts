// The commands that follow machines: console and host.
import { existsSync } from 'node:fs';
import type { Command, OptionValues } from 'commander';
import { STATES } from '../hardware/states.ts';
import {
  type CommandContext,
  connectionOptions,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
  seconds,
} from './options.ts';

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

const CHECKS = 'playbooks/checks/site.yml';

/** `bringup host status`, `to` and `clear`. */
export function hostCommands(program: Command, { done, signal }: CommandContext): void {
  const host = program.command('host').description('show the states of hosts, and bring hosts to a state');
  const withOptions = (command: Command): Command => {
    connectionOptions(inventoryOptions(command));
    return outputOptions(command)
      .option('--playbook <file>', 'use this playbook to judge hosts and to provision them', 'playbooks/site.yml')
      .option('--checks <file>', `use these checks to prove hosts (default: ${CHECKS}, if it exists)`);
  };
  const optionsOf = async (o: OptionValues) => ({
    ...outputOf(o),
    ...(await hostOptionsOf(o)),
    playbook: String(o['playbook']),
    checks: o['checks'] ?? (existsSync(CHECKS) ? CHECKS : undefined),
  });
  withOptions(host.command('status [hosts...]'))
    .description('show the state of each host, how it is known, and why it is not further')
    .option('--quick', 'ask power, console and SSH only: no plan, no checks')
    .action(async (hosts: readonly string[], o) => {
      const { hostStatus } = await import('./host-status.ts');
      done(await hostStatus(hosts, { ...(await optionsOf(o)), isQuick: o.quick === true }, signal));
    });
  withOptions(host.command('to'))
    .description('switch hosts on, apply and check, until they reach a state')
    .addArgument(program.createArgument('<state>').choices(STATES))
    .argument('<hosts...>')
    .option('--within <seconds>', 'wait this many seconds for a boot', seconds, 600)
    .action(async (state: (typeof STATES)[number], hosts: readonly string[], o) => {
      const { hostsTo } = await import('./host-to.ts');
      done(await hostsTo(state, hosts, { ...(await optionsOf(o)), within: o.within }, signal));
    });
  inventoryOptions(host.command('clear <hosts...>'))
    .description('forget the marks of hosts that failed on their way to a state')
    .action(async (hosts: readonly string[], o) => {
      const { clearMarks } = await import('./host-status.ts');
      done(clearMarks(hosts, await hostOptionsOf(o)));
    });
}
