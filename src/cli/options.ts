// Options that several commands share, and how their actions read them.
import type { Command, OptionValues } from 'commander';
import type { OutputOptions } from './output.ts';

export const DEFAULT_INVENTORY = process.env['BRINGUP_INVENTORY'] ?? 'inventory/lab.yml';

/** What a command that runs gets: a function for its exit code, and the signal that interrupts it. */
export type CommandContext = Readonly<{ done: (code: number) => void; signal: AbortSignal }>;

/** The selection of hosts, and extra variables. */
export type HostOptions = Readonly<{
  inventory: string;
  limit?: string | undefined;
  extraVars: readonly string[];
  vaultPasswordFile?: string | undefined;
}>;

export function inventoryOptions(command: Command): Command {
  return command
    .option('-i, --inventory <file>', 'read hosts from this YAML or INI file, or folder', DEFAULT_INVENTORY)
    .option('-l, --limit <pattern>', 'work only on hosts that match this pattern')
    .option('-e, --extra-vars <vars>', 'set variables: NAME=VALUE, a JSON object or @FILE (repeatable)', collect, [])
    .option('--vault-password-file <file>', 'read the ansible-vault password from this file');
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

export function hostOptionsOf(o: OptionValues): HostOptions {
  return {
    inventory: o['inventory'],
    limit: o['limit'],
    extraVars: o['extraVars'],
    vaultPasswordFile: o['vaultPasswordFile'],
  };
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
