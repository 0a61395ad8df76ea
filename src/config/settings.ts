// The settings that Ansible reads from ansible.cfg and the environment, for what they mean in bringup.

import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { toBoolean } from '../core/coerce.ts';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { RawVars } from '../core/value.ts';

export type Settings = Readonly<{
  /** The ansible.cfg that was read. */
  file: string | undefined;
  /** Files, directories and lists of hosts. Empty: none is set. */
  inventory: readonly string[];
  rolesPath: readonly string[] | undefined;
  collectionsPath: readonly string[] | undefined;
  /** Password files for vaults, each with or without a label: `prod@~/.vault`. */
  vaultIds: readonly string[];
  forks: number | undefined;
  diff: boolean;
  asks: Readonly<{ password: boolean; becomePassword: boolean; vaultPassword: boolean }>;
  /** Keywords that every play has unless it sets them. */
  play: RawVars;
  /** Variables of connections that count where the inventory and the playbook set none. */
  connection: RawVars;
  /** What the file sets and bringup does not do. A warning changes what a run does, a note does not. */
  warnings: readonly Diagnostic[];
  notes: readonly Diagnostic[];
}>;

type Kind = 'text' | 'path' | 'paths' | 'sources' | 'words' | 'number' | 'boolean';
/** A setting: section and key in ansible.cfg, its environment variables, how its value is read. */
type Row = Readonly<{ at: string; also?: string; env: readonly string[]; kind: Kind }>;
const row = (at: string, kind: Kind, ...env: readonly string[]): Row => ({ at, kind, env });

/** The settings with an effect, by the names of https://docs.ansible.com/ansible/latest/reference_appendices/config.html */
const ROWS = {
  inventory: row('defaults.inventory', 'sources', 'ANSIBLE_INVENTORY'),
  rolesPath: row('defaults.roles_path', 'paths', 'ANSIBLE_ROLES_PATH'),
  collectionsPath: {
    ...row('defaults.collections_path', 'paths', 'ANSIBLE_COLLECTIONS_PATH', 'ANSIBLE_COLLECTIONS_PATHS'),
    also: 'defaults.collections_paths',
  },
  vaultFile: row('defaults.vault_password_file', 'path', 'ANSIBLE_VAULT_PASSWORD_FILE'),
  vaultIds: row('defaults.vault_identity_list', 'words', 'ANSIBLE_VAULT_IDENTITY_LIST'),
  askPass: row('defaults.ask_pass', 'boolean', 'ANSIBLE_ASK_PASS'),
  askVaultPass: row('defaults.ask_vault_pass', 'boolean', 'ANSIBLE_ASK_VAULT_PASS'),
  askBecomePass: row('privilege_escalation.become_ask_pass', 'boolean', 'ANSIBLE_BECOME_ASK_PASS'),
  forks: row('defaults.forks', 'number', 'ANSIBLE_FORKS'),
  diff: row('diff.always', 'boolean', 'ANSIBLE_DIFF_ALWAYS'),
  user: row('defaults.remote_user', 'text', 'ANSIBLE_REMOTE_USER'),
  port: row('defaults.remote_port', 'number', 'ANSIBLE_REMOTE_PORT'),
  key: row('defaults.private_key_file', 'path', 'ANSIBLE_PRIVATE_KEY_FILE'),
  timeout: row('defaults.timeout', 'number', 'ANSIBLE_TIMEOUT'),
  transport: row('defaults.transport', 'text', 'ANSIBLE_TRANSPORT'),
  sshArgs: row('ssh_connection.ssh_args', 'text', 'ANSIBLE_SSH_ARGS'),
  sshCommonArgs: row('ssh_connection.ssh_common_args', 'text', 'ANSIBLE_SSH_COMMON_ARGS'),
  sshExtraArgs: row('ssh_connection.ssh_extra_args', 'text', 'ANSIBLE_SSH_EXTRA_ARGS'),
  become: row('privilege_escalation.become', 'boolean', 'ANSIBLE_BECOME'),
  becomeUser: row('privilege_escalation.become_user', 'text', 'ANSIBLE_BECOME_USER'),
  becomeMethod: row('privilege_escalation.become_method', 'text', 'ANSIBLE_BECOME_METHOD'),
  becomeExe: row('privilege_escalation.become_exe', 'text', 'ANSIBLE_BECOME_EXE'),
  becomeFlags: row('privilege_escalation.become_flags', 'text', 'ANSIBLE_BECOME_FLAGS'),
  gathering: row('defaults.gathering', 'text', 'ANSIBLE_GATHERING'),
  forceHandlers: row('defaults.force_handlers', 'boolean', 'ANSIBLE_FORCE_HANDLERS'),
  anyErrorsFatal: row('defaults.any_errors_fatal', 'boolean', 'ANSIBLE_ANY_ERRORS_FATAL'),
  hostKeyChecking: row('defaults.host_key_checking', 'boolean', 'ANSIBLE_HOST_KEY_CHECKING'),
  hashBehaviour: row('defaults.hash_behaviour', 'text', 'ANSIBLE_HASH_BEHAVIOUR'),
} as const satisfies Record<string, Row>;
type Name = keyof typeof ROWS;

/** Sections and settings that change nothing of what a run does: how Ansible prints, caches, and finds its Python. */
const QUIET_SECTIONS = words('galaxy colors color inventory jinja2 tags persistent_connection paramiko_connection');
const QUIET: Readonly<Record<string, ReadonlySet<string>>> = {
  ssh_connection:
    words(`pipelining control_path control_path_dir control_master retries scp_if_ssh transfer_method usetty
    ssh_executable sftp_batch_mode scp_executable sftp_executable reconnection_retries`),
  diff: words('context'),
  defaults: words(`nocows nocolor force_color cow_selection cow_whitelist cow_enabled cowpath stdout_callback
    callbacks_enabled callback_enabled callback_whitelist bin_ansible_callbacks callback_result_format result_format
    display_args_to_stdout display_failed_stderr display_ok_hosts display_skipped_hosts display_traceback
    show_custom_stats show_per_host_start show_task_path_on_failure check_mode_markers retry_files_enabled
    retry_files_save_path log_path log_filter log_verbosity verbosity deprecation_warnings command_warnings
    system_warnings localhost_warning devel_warning action_warnings interpreter_python local_tmp remote_tmp pipelining
    internal_poll_interval poll_interval fact_caching fact_caching_connection fact_caching_prefix fact_caching_timeout
    gather_timeout strategy jinja2_native executable allow_world_readable_tmpfiles squash_actions use_persistent_connections
    force_valid_group_names strategy_plugins callback_plugins cache_plugins connection_plugins become_plugins
     module_compression module_lang module_set_locale inject_facts_as_vars`),
};

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}
function isQuiet(name: string): boolean {
  const [section = '', key = ''] = name.split('.');
  return QUIET_SECTIONS.has(section) || section.startsWith('callback_') || QUIET[section]?.has(key) === true;
}

type Found = Readonly<{ text: string; at: Pos }>;

/**
 * Reads the settings of an ansible.cfg and the environment, which wins. Mistakes are added to `problems`.
 *
 * @param config the file's path and text
 */
export function readSettings(
  config: Readonly<{ path: string; text: string }> | undefined,
  env: Readonly<Record<string, string | undefined>>,
  problems: Diagnostic[],
): Settings {
  const inFile = config === undefined ? new Map<string, Found>() : parse(config.text, config.path, problems);
  const dir = config === undefined ? process.cwd() : dirname(config.path);
  const found = (name: Name): Found | undefined => {
    const { at, env: variables, also }: Row = ROWS[name];
    for (const variable of variables) {
      const text = env[variable];
      if (text !== undefined && text !== '') return { text, at: { file: variable, line: 1, col: 1 } };
    }
    return inFile.get(at) ?? (also === undefined ? undefined : inFile.get(also));
  };
  const isFromFile = (one: Found): boolean => one.at.file === config?.path;
  const path = (text: string, one: Found): string => {
    const whole = text
      .replace(/^~(?=\/|$)/, homedir())
      .replace(/\$\{?([A-Za-z_]\w*)\}?/g, (all, name: string) => env[name] ?? all)
      .replace(/\{\{\s*CWD\s*\}\}/g, process.cwd());
    return isAbsolute(whole) || !isFromFile(one) ? whole : join(dir, whole);
  };
  const wrong = (name: Name, one: Found, expected: string): undefined => {
    problems.push(tell('E_SETTING', { name: ROWS[name].at, value: one.text, expected }, one.at));
    return undefined;
  };
  const text = (name: Name): string | undefined => {
    const one = found(name);
    if (one === undefined || one.text === '') return undefined;
    return ROWS[name].kind === 'path' ? path(one.text, one) : one.text;
  };
  const list = (name: Name): readonly string[] | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    const { kind } = ROWS[name];
    const words = one.text
      .split(kind === 'paths' ? ':' : ',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
    if (kind === 'paths') return words.map((word) => path(word, one));
    if (kind !== 'sources')
      return words.map((word) =>
        word.replace(/^([^@]*@)?(.*)$/, (_, label = '', file) => label + (file === 'prompt' ? file : path(file, one))),
      );
    // A list of hosts, such as 'web1,', is an inventory of its own.
    return one.text.trim().endsWith(',') ? [one.text.trim()] : words.map((word) => path(word, one));
  };
  const number = (name: Name): number | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    return /^[1-9]\d*$/.test(one.text) ? Number(one.text) : wrong(name, one, 'a whole number from 1');
  };
  const flag = (name: Name): boolean | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    const value = toBoolean(one.text.toLowerCase());
    return typeof value === 'boolean' ? value : wrong(name, one, 'true or false');
  };
  const word = (name: Name, words: readonly string[]): string | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    return words.includes(one.text) ? one.text : wrong(name, one, words.join(', '));
  };
  const warnings: Diagnostic[] = [];
  const notes: Diagnostic[] = [];
  const known = new Set(Object.values(ROWS).flatMap(({ at, also }: Row) => (also === undefined ? [at] : [at, also])));
  for (const [name, { at }] of inFile) {
    if (known.has(name)) continue;
    if (isQuiet(name)) notes.push(tell('E_SETTING_NO_EFFECT', { name }, at));
    else warnings.push(tell('E_SETTING_NO_EFFECT', { name }, at));
  }
  const checking = found('hostKeyChecking');
  const keysAreChecked = flag('hostKeyChecking');
  if (checking !== undefined && keysAreChecked === false) warnings.push(tell('E_SETTING_HOST_KEYS', {}, checking.at));
  const merging = found('hashBehaviour');
  if (word('hashBehaviour', ['replace', 'merge']) === 'merge') problems.push(tell('E_SETTING_MERGE', {}, merging?.at));
  const sshArgs = [text('sshArgs'), text('sshCommonArgs')].filter((one) => one !== undefined).join(' ');
  const gathering = word('gathering', ['implicit', 'explicit', 'smart']);
  const vaultFile = text('vaultFile');
  return {
    file: config?.path,
    inventory: list('inventory') ?? [],
    rolesPath: list('rolesPath'),
    collectionsPath: list('collectionsPath'),
    vaultIds: [...(list('vaultIds') ?? []), ...(vaultFile === undefined ? [] : [vaultFile])],
    forks: number('forks'),
    diff: flag('diff') === true,
    asks: {
      password: flag('askPass') === true,
      becomePassword: flag('askBecomePass') === true,
      vaultPassword: flag('askVaultPass') === true,
    },
    play: given({
      become: flag('become'),
      become_user: text('becomeUser'),
      gather_facts: gathering === 'explicit' ? false : undefined,
      force_handlers: flag('forceHandlers'),
      any_errors_fatal: flag('anyErrorsFatal'),
    }),
    connection: given({
      ansible_user: text('user'),
      ansible_port: number('port'),
      ansible_ssh_private_key_file: text('key'),
      ansible_timeout: number('timeout'),
      ansible_connection: word('transport', ['smart', 'ssh', 'local', 'paramiko']),
      ansible_ssh_common_args: sshArgs === '' ? undefined : sshArgs,
      ansible_ssh_extra_args: text('sshExtraArgs'),
      ansible_become_method: word('becomeMethod', ['sudo', 'su', 'doas']),
      ansible_become_exe: text('becomeExe'),
      ansible_become_flags: text('becomeFlags'),
    }),
    warnings,
    notes,
  };
}

export const NO_SETTINGS = readSettings(undefined, {}, []);

function given(all: Readonly<Record<string, RawVars[string] | undefined>>): RawVars {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as RawVars;
}

/** The settings of an INI file as Python's configparser reads it, by 'section.key'. A `;` after a blank begins a comment. */
function parse(text: string, file: string, problems: Diagnostic[]): Map<string, Found> {
  const all = new Map<string, Found>();
  let section = '';
  let last: string | undefined;
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/(^|\s);.*$/, '').trimEnd();
    const word = line.trim();
    if (word === '' || word.startsWith('#')) continue;
    const at: Pos = { file, line: i + 1, col: raw.length - raw.trimStart().length + 1, length: word.length };
    const header = /^\[([^\]]+)\]$/.exec(line);
    const [, key, value] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (header !== null) {
      section = header[1] ?? '';
      last = undefined;
    } else if (/^\s/.test(line) && last !== undefined) {
      const before = all.get(last);
      if (before !== undefined) all.set(last, { ...before, text: `${before.text}\n${word}`.trim() });
    } else if (key !== undefined && section !== '') {
      last = `${section}.${key.toLowerCase()}`;
      all.set(last, { text: unquoted(value ?? ''), at });
    } else problems.push(tell('E_SETTING_LINE', { line: word }, at));
  }
  return all;
}

const unquoted = (text: string): string => /^(['"])(.*)\1$/.exec(text)?.[2] ?? text;
