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
