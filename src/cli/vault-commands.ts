// The subcommands of `bringup vault`.
import type { Command, OptionValues } from 'commander';
import { failure } from '../core/errors/index.ts';
import { type CommandContext, vaultOptions } from './options.ts';

export function vaultCommands(program: Command, { done }: CommandContext): void {
  const vault = program
    .command('vault')
    .description('encrypt files and values for the inventory, as ansible-vault does');
  const verb = (usage: string, text: string): Command => vaultOptions(vault.command(usage).description(text));
  const encrypting = (command: Command): Command =>
    command.option('--encrypt-vault-id <label>', 'encrypt with the password of this label');
  const placed = (command: Command): Command =>
    command.option('--output <file>', 'write the result here instead (-: standard output)');

  encrypting(verb('create <file>', 'create an encrypted file in an editor')).action(async (file: string, o) => {
    const { createVault } = await import('./vault.ts');
    createVault(file, await runOf(o, true));
    done(0);
  });
  verb('edit <file>', 'edit an encrypted file').action(async (file: string, o) => {
    const { editVault } = await import('./vault.ts');
    editVault(file, await runOf(o, false));
    done(0);
  });
  verb('view <file...>', 'show encrypted files').action(async (files: readonly string[], o) => {
    const { viewVault } = await import('./vault.ts');
    viewVault(files, await runOf(o, false));
    done(0);
  });
  placed(encrypting(verb('encrypt [file...]', 'encrypt files (without a file: standard input)'))).action(
    async (files: readonly string[], o) => {
      const { encryptFiles } = await import('./vault.ts');
      encryptFiles(files, await runOf(o, true), o.output);
      done(0);
    },
  );
  placed(verb('decrypt [file...]', 'decrypt files (without a file: standard input)')).action(
    async (files: readonly string[], o) => {
      const { decryptFiles } = await import('./vault.ts');
      decryptFiles(files, await runOf(o, false), o.output);
      done(0);
    },
  );
  encrypting(verb('encrypt-string [text]', 'encrypt a value that is typed, or read from standard input'))
    .alias('encrypt_string')
    .option('-n, --name <name>', 'print it as the value of this variable')
    .option('--stdin-name <name>', 'print it as the value of this variable')
    .action(async (text: string | undefined, o) => {
      // Other users of this machine can read the arguments of its processes.
      if (text !== undefined) throw failure('E_VAULT_ARGUMENT', {});
      const { encryptString } = await import('./vault.ts');
      await encryptString(o.name ?? o.stdinName, await runOf(o, true));
      done(0);
    });
  verb('rekey <file...>', 'encrypt files with another password')
    .option('--new-vault-password-file <file>', 'read the new password from this file or program')
    .option('--new-vault-id <id>', 'use this new password: [LABEL@]FILE or [LABEL@]prompt')
    .action(async (files: readonly string[], o) => {
      const { rekeyFiles } = await import('./vault.ts');
      const { newVaultPassword } = await import('./settings.ts');
      const run = await runOf(o, false);
      rekeyFiles(files, run, await newVaultPassword(o.newVaultId ?? o.newVaultPasswordFile));
      done(0);
    });
}

/** The passwords of the options and the settings. Without any, one is asked for, twice if it is a new one. */
async function runOf(o: OptionValues, isNew: boolean) {
  const { loadSettings, vaultPasswords } = await import('./settings.ts');
  const given = { ids: [...o['vaultPasswordFile'], ...o['vaultId']], asks: o['askVaultPass'] === true };
  const passwords = await vaultPasswords(loadSettings(), { ...given, needsOne: true, isNew });
  return { passwords, encryptWith: o['encryptVaultId'] };
}
