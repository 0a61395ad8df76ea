// Where the settings of a run come from: ansible.cfg, the environment, the command line and questions on the terminal.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { readSettings, type Settings } from '../config/settings.ts';
import type { VaultPassword } from '../config/vault.ts';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import { type RawVars, Secret } from '../core/value.ts';
import { ask } from './connections.ts';
import { passwordOf } from './vault-passwords.ts';

/** The settings of the project in the working directory. Throws Failure with all mistakes. */
export function loadSettings(): Settings {
  const problems: Diagnostic[] = [];
  const ignored: Diagnostic[] = [];
  const path = configFile(ignored);
  const config = path === undefined ? undefined : { path, text: readFileSync(path, 'utf8') };
  const settings = readSettings(config, process.env, problems);
  if (problems.length > 0) throw new Failure(problems);
  return { ...settings, warnings: [...ignored, ...settings.warnings] };
}

/** The first ansible.cfg, as Ansible looks for it. One that anybody can replace does not count. */
function configFile(ignored: Diagnostic[]): string | undefined {
  const given = process.env['ANSIBLE_CONFIG'];
  if (given !== undefined && given !== '') {
    const path = resolve(given);
    return isFolder(path) ? join(path, 'ansible.cfg') : path;
  }
  const here = resolve('ansible.cfg');
  if (existsSync(here)) {
    if ((statSync('.').mode & 0o002) === 0) return here;
    ignored.push(tell('E_SETTING_WORLD_WRITABLE', { path: here }, { file: here, line: 1, col: 1 }));
  }
  return [join(homedir(), '.ansible.cfg'), '/etc/ansible/ansible.cfg'].find((path) => existsSync(path));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What the command line says of vaults: `[LABEL@]FILE`, `[LABEL@]prompt`. */
export type VaultOptions = Readonly<{
  ids: readonly string[];
  asks: boolean;
  /** Without any password one is asked for. */
  needsOne?: boolean;
  /** A password that is typed will encrypt, so it is asked for twice. */
  isNew?: boolean;
}>;

/** The vault passwords of a run, those of the command line first. */
export async function vaultPasswords(settings: Settings, given: VaultOptions): Promise<readonly VaultPassword[]> {
  const { ids, asks, needsOne = false, isNew = false } = given;
  const all = [...ids, ...(asks || settings.asks.vaultPassword ? ['prompt'] : []), ...settings.vaultIds];
  const found: VaultPassword[] = [];
  for (const id of new Set(all.length === 0 && needsOne ? ['prompt'] : all)) found.push(await vaultPassword(id, isNew));
  return found;
}

/** The password of `rekey`. */
export async function newVaultPassword(id: string | undefined): Promise<VaultPassword> {
  return vaultPassword(id ?? 'prompt', true, 'new ');
}

async function vaultPassword(id: string, isNew: boolean, which = ''): Promise<VaultPassword> {
  const [, given, source = ''] = /^(?:([^@/]*)@)?(.*)$/.exec(id) ?? [];
  const label = given === '' ? undefined : given;
  if (!/^prompt(_ask_vault_pass)?$/.test(source)) return passwordOf(source, label);
  const question = `${which}vault password${label === undefined ? '' : ` (${label})`}`;
  const secret = await typed(question, SET_VAULT);
  if (isNew && (await typed(`${question} again`, SET_VAULT)).reveal() !== secret.reveal())
    throw failure('E_VAULT_TYPED', {});
  return { label, secret };
}

/** What holds for commands that ask nothing and have no options of their own for it. */
export function usualOptions(): Readonly<{ settings: Settings; vault: readonly VaultPassword[]; connection: RawVars }> {
  const settings = loadSettings();
  return { settings, vault: knownVaultPasswords(settings), connection: settings.connection };
}

/** The vault passwords that are known without a question. */
function knownVaultPasswords(settings: Settings): readonly VaultPassword[] {
  const files = settings.vaultIds.filter((id) => !/^([^@/]*@)?prompt/.test(id));
  return files.map((id) => {
    const [, label, source = ''] = /^(?:([^@/]*)@)?(.*)$/.exec(id) ?? [];
    return passwordOf(source, label === '' ? undefined : label);
  });
}

const SET_PASSWORD = 'use a key, or set ansible_password in a vault file';
const SET_BECOME = 'set ansible_become_password in a vault file';
const SET_VAULT = 'give --vault-password-file FILE';

/** What the command line says of connections. */
export type ConnectionOptions = Readonly<{
  user?: string | undefined;
  privateKey?: string | undefined;
  connection?: string | undefined;
  timeout?: number | undefined;
  sshCommonArgs?: string | undefined;
  sshExtraArgs?: string | undefined;
  becomeMethod?: string | undefined;
  askPass?: boolean | undefined;
  askBecomePass?: boolean | undefined;
}>;

/** Variables of connections that count where the inventory and the playbook set none. Asks for passwords. */
export async function connectionDefaults(settings: Settings, o: ConnectionOptions): Promise<RawVars> {
  const password = o.askPass === true || settings.asks.password ? await typed('SSH password', SET_PASSWORD) : undefined;
  const become =
    o.askBecomePass === true || settings.asks.becomePassword ? await typed('become password', SET_BECOME) : undefined;
  const given: Readonly<Record<string, RawVars[string] | undefined>> = {
    ansible_user: o.user,
    ansible_ssh_private_key_file: o.privateKey?.replace(/^~(?=\/)/, homedir()),
    ansible_connection: o.connection,
    ansible_timeout: o.timeout,
    ansible_ssh_common_args: o.sshCommonArgs,
    ansible_ssh_extra_args: o.sshExtraArgs,
    ansible_become_method: o.becomeMethod,
    ansible_password: password,
    ansible_become_password: become?.reveal() === '' ? password : become,
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...settings.connection, ...(Object.fromEntries(set) as RawVars) };
}

async function typed(question: string, hint: string): Promise<Secret> {
  const answer = await ask(`${question}: `);
  if (answer === undefined) throw failure('E_NO_TERMINAL', { question, hint });
  return new Secret(answer);
}
