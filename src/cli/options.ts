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
    .option('-i, --inventory <file>', 'hosts: a YAML or INI file, or a folder', DEFAULT_INVENTORY)
    .option('-l, --limit <pattern>', 'only these hosts, as in hosts:')
    .option('-e, --extra-vars <vars>', 'NAME=VALUE, a JSON object or @FILE; wins over all', collect, [])
    .option('--vault-password-file <file>', 'opens ansible-vault values');
}

export function outputOptions(command: Command): Command {
  return command
    .addOption(
      command
        .createOption('-o, --output <kind>', 'auto: a live panel on a terminal')
        .choices(['auto', 'plain', 'json'])
        .default('auto'),
    )
    .option('-v, --verbose', 'more lines (twice: all)', (_: string, n: number) => n + 1, 0);
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
