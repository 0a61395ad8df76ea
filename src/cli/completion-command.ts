// `bringup completion` prints the script for a shell; the script calls `bringup complete`.
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Sources } from './completion.ts';
import { type CommandContext, inventoryOf } from './options.ts';
import { streams } from './output.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function completionCommands(program: Command, { done }: CommandContext): void {
  const completion = program.command('completion');
  completion
    .addArgument(completion.createArgument('<shell>', 'write the script for this shell').choices(SHELLS))
    .description('print the script that completes command lines in a shell')
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { SCRIPTS } = await import('./completion.ts');
      streams.out(SCRIPTS[shell]);
      done(0);
    });
  program
    .command('complete [words...]', { hidden: true })
    .description('print what may stand at the end of a command line')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { complete } = await import('./completion.ts');
      const { files, words: found } = complete(program, words, await sources());
      streams.out(`${[files ? 'files' : 'words', ...found].join('\n')}\n`);
      done(0);
    });
}

/** What the project in this directory has. Where something cannot be read, nothing is offered. */
async function sources(): Promise<Sources> {
  const { openPlaybook, openProject } = await import('./project.ts');
  const { usualOptions } = await import('./settings.ts');
  const { tagsOf } = await import('./listing.ts');
  const { pageNames } = await import('./doc.ts');
  const { modules } = await import('../modules/index.ts');
  const { ENTRIES } = await import('../core/errors/index.ts');
  const open = (given: readonly string[], folder = '.') => {
    const usual = usualOptions();
    return openProject(
      { ...usual, inventory: inventoryOf(given, usual.settings), extraVars: [], writes: false },
      folder,
    );
  };
  const orNothing = (read: () => readonly string[]): readonly string[] => {
    try {
      return read();
    } catch {
      return [];
    }
  };
  return {
    hosts: (given) =>
      orNothing(() => {
        const { inventory } = open(given);
        return [...inventory.hosts.keys(), ...inventory.groups.keys()];
      }),
    tags: (playbook, given) => orNothing(() => tagsOf(openPlaybook(playbook, open(given, dirname(playbook)), []))),
    modules: () => Object.keys(modules),
    pages: () => pageNames(),
    codes: () => Object.keys(ENTRIES),
  };
}
