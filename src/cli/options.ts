import { existsSync } from 'node:fs';
// Options that several commands share, and how their actions read them.
import { type Command, InvalidArgumentError, type OptionValues } from 'commander';
import type { Settings } from '../config/settings.ts';
import type { VaultPassword } from '../config/vault.ts';
import type { RawVars } from '../core/value.ts';
import type { OutputOptions } from './output.ts';

/** The inventory of a lab if none is given. */
export const DEFAULT_INVENTORY = process.env['BRINGUP_INVENTORY'] ?? 'inventory/lab.yml';

/** What a command that runs gets: a function for its exit code, and the signal that interrupts it. */
export type CommandContext = Readonly<{ argv: readonly string[]; done: (code: number) => void; signal: AbortSignal }>;

/** The selection of hosts, and extra variables. */
export type HostOptions = Readonly<{
  inventory: string | readonly string[];
  limit?: string | undefined;
  extraVars: readonly string[];
  vault?: readonly VaultPassword[] | undefined;
  settings?: Settings | undefined;
  /** Variables of connections that count where the inventory and the playbook set none. */
  connection?: RawVars | undefined;
}>;

export function inventoryOptions(command: Command): Command {
  command
    .option(
      '-i, --inventory <source>',
      'read hosts from this file, script, directory or list (repeatable)',
      collect,
      [],
    )
    .option('-l, --limit <pattern>', 'work only on hosts that match this pattern')
    .option('-e, --extra-vars <vars>', 'set variables: NAME=VALUE, a JSON object or @FILE (repeatable)', collect, []);
  return vaultOptions(command);
}

export function vaultOptions(command: Command): Command {
  return command
    .option('--vault-password-file <file>', 'read a vault password from this file or program (repeatable)', collect, [])
    .option('--vault-id <id>', 'use this vault password: [LABEL@]FILE or [LABEL@]prompt (repeatable)', collect, [])
    .option('-J, --ask-vault-pass', 'ask for a vault password');
}

/** How hosts are reached if the inventory does not say it. */
export function connectionOptions(command: Command): Command {
  return command
    .option('-u, --user <name>', 'log in as this user')
    .option('-k, --ask-pass', 'ask for the SSH password')
    .option('--private-key, --key-file <file>', 'log in with this private key')
    .addOption(command.createOption('-c, --connection <way>', 'connect this way').choices(['ssh', 'local']))
    .option('-T, --timeout <seconds>', 'wait this many seconds for a connection', seconds)
    .option('--ssh-common-args <args>', 'use these options of ssh: -J, -o ProxyJump, -o UserKnownHostsFile')
    .option('--ssh-extra-args <args>', 'use these options of ssh too')
    .addOption(
      command.createOption('--become-method <method>', 'become another user this way').choices(['sudo', 'su', 'doas']),
    )
    .option('-K, --ask-become-pass', 'ask for the become password (empty: the SSH password)');
}

export function outputOptions(command: Command): Command {
  return command
    .addOption(
      command
        .createOption('-o, --output <kind>', 'print a live panel on terminals (auto), plain text or JSON')
        .choices(['auto', 'plain', 'json'])
        .default('auto'),
    )
    .option('-v, --verbose', 'print more (repeatable)', (_: string, n: number) => n + 1, 0);
}

/** How a run works on hosts. */
export function runOptions(command: Command): Command {
  return command
    .option('-b, --become', 'become another user in every play that does not say it')
    .option('--become-user <name>', 'become this user (default: root)')
    .option('-f, --forks <n>', 'work on this many hosts at the same time (default: 25)', atLeastOne)
    .option('--shard <i/n>', 'run shard i of n: every n-th host, counted from the i-th', shard)
    .option('--flush-cache', 'forget the facts of earlier runs');
}

export function runOptionsOf(
  o: OptionValues,
): Readonly<{ forks?: number; playDefaults: RawVars; flushCache?: boolean }> {
  return {
    forks: o['forks'],
    flushCache: o['flushCache'],
    playDefaults: {
      ...(o['become'] === true && { become: true }),
      ...(o['becomeUser'] !== undefined && { become_user: o['becomeUser'] }),
      ...(o['forceHandlers'] === true && { force_handlers: true }),
    },
  };
}

/** Reads ansible.cfg too, and asks for passwords. */
export async function hostOptionsOf(o: OptionValues): Promise<HostOptions> {
  const { connectionDefaults, loadSettings, vaultPasswords } = await import('./settings.ts');
  const settings = loadSettings();
  const vault = { ids: [...o['vaultPasswordFile'], ...o['vaultId']], asks: o['askVaultPass'] === true };
  return {
    inventory: inventoryOf(o['inventory'], settings),
    limit: o['limit'],
    extraVars: o['extraVars'],
    vault: await vaultPasswords(settings, vault),
    settings,
    connection: await connectionDefaults(settings, { ...o, privateKey: o['keyFile'] }),
  };
}

/**
 * -i, else BRINGUP_INVENTORY, else what Ansible's settings say, else the lab of the site. Without any of them there is no
 * host but this machine, as in Ansible.
 */
export function inventoryOf(given: readonly string[], settings: Settings): readonly string[] {
  const own = process.env['BRINGUP_INVENTORY'];
  const all = [given, own === undefined ? [] : [own], settings.inventory];
  return all.find((one) => one.length > 0) ?? [existsSync(DEFAULT_INVENTORY) ? DEFAULT_INVENTORY : '/dev/null'];
}

export function outputOf(o: OptionValues): OutputOptions {
  return {
    output: o['output'],
    verbose: Number(o['verbose'] ?? 0),
    diff: o['diff'] === true,
  };
}

/** Whether no confirmation is needed: --yes is set, or nobody can answer. */
export function agreed(o: OptionValues): boolean {
  return o['yes'] === true || process.env['CI'] !== undefined;
}

export const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];
export const words = (value: string, all: readonly string[]): readonly string[] => [
  ...all,
  ...value
    .split(',')
    .map((w) => w.trim())
    .filter((w) => w !== ''),
];

/** A number of seconds. */
export function seconds(value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  throw new InvalidArgumentError('expected: a number of seconds');
}

/** A count. */
export function atLeastOne(value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new InvalidArgumentError('expected: a whole number from 1');
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time with its unit, in milliseconds. */
export function timeSpan(value: string): number {
  const [, count, unit = ''] = /^([1-9]\d*)([smhd])$/.exec(value) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 0);
  throw new InvalidArgumentError('expected: a whole number and s, m, h or d, such as 8h');
}

function shard(value: string): Readonly<{ index: number; of: number }> {
  const [, index = 0, of = 0] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(value) ?? []).map(Number);
  if (index > 0 && index <= of) return { index, of };
  throw new InvalidArgumentError('expected: i/n, such as 1/4, with i from 1 to n');
}
