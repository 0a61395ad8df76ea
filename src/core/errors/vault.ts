import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

export const vault = {
  E_VAULT_LOCKED: entry({
    summary: 'a value or a file is encrypted, and no vault password is given',
    meaning: 'The inventory or the playbook contains data that ansible-vault encrypted.',
    fix: 'Give the password file: --vault-password-file FILE, or set vault_password_file in ansible.cfg.',
    example: { what: 'value' },
    tell: ({ what }: { what: 'value' | 'file' }) => ({
      message: `this ${what} is encrypted with ansible-vault`,
      hint: 'give --vault-password-file FILE',
    }),
  }),
  E_VAULT_FORMAT: entry({
    summary: 'a `!vault` value has an unknown format',
    meaning: 'bringup opens values of ansible-vault in the formats 1.1 and 1.2 with AES256.',
    fix: "Encrypt the value again: 'ansible-vault encrypt_string'.",
    example: {},
    tell: () => ({ message: 'this is not an ansible-vault value', expected: '$ANSIBLE_VAULT;1.1;AES256' }),
  }),
  E_VAULT_PASSWORD: entry({
    summary: 'the vault password is wrong',
    meaning: 'The value was encrypted with another password than the one in the password file.',
    fix: 'Give the right file with --vault-password-file.',
    example: {},
    tell: () => ({ message: 'no vault password opens this value', hint: 'give the right --vault-password-file' }),
  }),
  E_VAULT_EXISTS: entry({
    summary: 'the file that `vault create` shall make exists',
    meaning: 'A new file would replace it.',
    fix: "Use 'bringup vault edit FILE', or 'bringup vault encrypt FILE' for a clear text.",
    example: { path: 'group_vars/all/vault.yml' },
    tell: ({ path }: { path: string }) => ({
      message: `'${path}' exists already`,
      hint: `run: bringup vault edit ${path}`,
    }),
  }),
  E_VAULT_ENCRYPTED: entry({
    summary: 'a file is encrypted already',
    meaning: 'Encrypting it again would hide it behind two passwords.',
    fix: "Use 'bringup vault rekey FILE' to change its password.",
    example: { path: 'group_vars/all/vault.yml' },
    tell: ({ path }: { path: string }) => ({
      message: `'${path}' is encrypted already`,
      hint: `to change its password, run: bringup vault rekey ${path}`,
    }),
  }),
  E_VAULT_PLAIN: entry({
    summary: 'a file is not encrypted',
    meaning: 'The command works on files that ansible-vault or bringup encrypted.',
    fix: "Use 'bringup vault encrypt FILE'.",
    example: { path: 'group_vars/all/vault.yml' },
    tell: ({ path }: { path: string }) => ({
      message: `'${path}' is not encrypted`,
      expected: 'a file that begins with $ANSIBLE_VAULT',
    }),
  }),
  E_VAULT_LABEL: entry({
    summary: 'no vault password has the label',
    meaning: '--encrypt-vault-id names one of the passwords of --vault-id.',
    fix: 'Correct the label, or give the password: --vault-id LABEL@FILE.',
    example: { label: 'prod', known: ['dev'] },
    tell: ({ label, known }: { label: string; known: Iterable<string> }) => ({
      message: `no vault password has the label '${label}'`,
      ...didYouMean(label, known),
    }),
  }),
  E_VAULT_LABELS: entry({
    summary: 'several vault passwords could encrypt',
    meaning: 'The command line or ansible.cfg gives several passwords.',
    fix: 'Choose one: --encrypt-vault-id LABEL.',
    example: { known: ['dev', 'prod'] },
    tell: ({ known }: { known: readonly string[] }) => ({
      message: `several vault passwords could encrypt: ${known.join(', ')}`,
      hint: 'choose one: --encrypt-vault-id LABEL',
    }),
  }),
  E_VAULT_TYPED: entry({
    summary: 'the two passwords that were typed differ',
    meaning: 'A new password is asked for twice, because a typing error would lock the file for ever.',
    fix: 'Type the same password twice.',
    example: {},
    tell: () => ({ message: 'the two passwords differ', hint: 'run the command again' }),
  }),
  E_VAULT_NO_VALUE: entry({
    summary: 'there is no value to encrypt',
    meaning: 'Standard input is empty.',
    fix: 'Type the value on a terminal, or pipe it: printf %s VALUE | bringup vault encrypt-string.',
    example: {},
    tell: () => ({ message: 'there is no value to encrypt', hint: 'type it, or pipe it into the command' }),
  }),
  E_VAULT_ARGUMENT: entry({
    summary: 'a value to encrypt stands on the command line',
    meaning: 'Other users can see the arguments of processes, and the shell stores them in its history.',
    fix: 'Leave it out and type it when you are asked, or pipe it into the command.',
    example: {},
    tell: () => ({
      message: 'the value to encrypt would be visible in the list of processes and in the history of the shell',
      hint: 'leave it out: you are asked for it; or pipe it into the command',
    }),
  }),
  E_VAULT_OUTPUT: entry({
    summary: '`--output` has one file, and there are several inputs',
    meaning: 'The results would overwrite each other.',
    fix: 'Run the command once for each file.',
    example: {},
    tell: () => ({ message: '--output takes the result of one file only', hint: 'run the command once for each file' }),
  }),
  E_VAULT_EDITOR: entry({
    summary: 'the editor failed',
    meaning: 'The program of VISUAL or EDITOR could not be started, or ended with an error. The file is as before.',
    fix: 'Set EDITOR to a program that edits a file and waits: EDITOR=nano.',
    example: { editor: 'code', why: 'exit code 127' },
    tell: ({ editor, why }: { editor: string; why: string }) => ({
      message: `the editor '${editor}' failed (${why}); the file is as before`,
      hint: 'set EDITOR to a program that edits a file and waits, such as nano or vi',
    }),
  }),
  E_VAULT_PASSWORD_FILE: entry({
    summary: 'the vault password file cannot be read',
    meaning: 'The file of --vault-password-file or ANSIBLE_VAULT_PASSWORD_FILE does not exist or may not be read.',
    fix: 'Correct the path or the permissions.',
    example: { path: '~/.vault', why: 'no such file or directory' },
    tell: ({ path, why }: { path: string; why: string }) => ({
      message: `the vault password file '${path}' cannot be read: ${why}`,
      hint: 'correct --vault-password-file, or ANSIBLE_VAULT_PASSWORD_FILE',
    }),
  }),
};
