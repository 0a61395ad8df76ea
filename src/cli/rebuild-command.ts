import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import {
  type CommandContext,
  connectionOptions,
  hostOptionsOf,
  inventoryOptions,
  outputOf,
  outputOptions,
} from './options.ts';

const CHECKS = 'playbooks/checks/site.yml';

/** `bringup rebuild`. */
export function rebuildCommand(program: Command, { done, signal }: CommandContext): void {
  const command = program
    .command('rebuild <hosts...>')
    .description('install a fresh system on hosts, one at a time, while the site serves')
    .option('--playbook <file>', 'apply this playbook to the fresh system', 'playbooks/site.yml')
    .option('--checks <file>', `run these checks after each host (default: ${CHECKS}, if it exists)`)
    .option('--no-checks', 'run no checks');
  connectionOptions(inventoryOptions(command));
  outputOptions(command);
  command.action(async (hosts: readonly string[], o) => {
    const checks = o.checks === false ? undefined : (o.checks ?? (existsSync(CHECKS) ? CHECKS : undefined));
    const options = { ...outputOf(o), ...(await hostOptionsOf(o)), hosts, playbook: o.playbook, checks };
    const { rebuild } = await import('./rebuild.ts');
    done(await rebuild(options, signal));
  });
}
