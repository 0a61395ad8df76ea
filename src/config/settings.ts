// The settings that Ansible reads from ansible.cfg and the environment, for what they mean in bringup.

import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { toBoolean } from '../core/coerce.ts';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { RawVars } from '../core/value.ts';
import { isQuiet, SETTINGS, type SettingName, type SettingRow } from './settings-table.ts';
import { readSshArgs } from './ssh-args.ts';

export type Settings = Readonly<{
  /** The ansible.cfg that was read. */
  file: string | undefined;
  /** Facts are gathered once in a run, not by each play. */
  gathersOnce: boolean;
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
  const found = (name: SettingName): Found | undefined => {
    const { at, env: variables, also }: SettingRow = SETTINGS[name];
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
  const wrong = (name: SettingName, one: Found, expected: string): undefined => {
    problems.push(tell('E_SETTING', { name: SETTINGS[name].at, value: one.text, expected }, one.at));
    return undefined;
  };
  const text = (name: SettingName): string | undefined => {
    const one = found(name);
    if (one === undefined || one.text === '') return undefined;
    return SETTINGS[name].kind === 'path' ? path(one.text, one) : one.text;
  };
  const list = (name: SettingName): readonly string[] | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    const { kind } = SETTINGS[name];
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
  const number = (name: SettingName): number | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    return /^[1-9]\d*$/.test(one.text) ? Number(one.text) : wrong(name, one, 'a whole number from 1');
  };
  const flag = (name: SettingName): boolean | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    const value = toBoolean(one.text.toLowerCase());
    return typeof value === 'boolean' ? value : wrong(name, one, 'true or false');
  };
  const word = (name: SettingName, words: readonly string[]): string | undefined => {
    const one = found(name);
    if (one === undefined) return undefined;
    return words.includes(one.text) ? one.text : wrong(name, one, words.join(', '));
  };
  const warnings: Diagnostic[] = [];
  const notes: Diagnostic[] = [];
  const known = new Set(
    Object.values(SETTINGS).flatMap(({ at, also }: SettingRow) => (also === undefined ? [at] : [at, also])),
  );
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
  const sshText = (name: SettingName): string | undefined => {
    const one = found(name);
    const args = readSshArgs(one?.text ?? '');
    return one !== undefined && 'unknown' in args ? wrong(name, one, `no option '${args.unknown}'`) : text(name);
  };
  const sshArgs = [sshText('sshArgs'), sshText('sshCommonArgs')].filter((one) => one !== undefined).join(' ');
  const gathering = word('gathering', ['implicit', 'explicit', 'smart']);
  const vaultFile = text('vaultFile');
  return {
    file: config?.path,
    inventory: list('inventory') ?? [],
    rolesPath: list('rolesPath'),
    collectionsPath: list('collectionsPath'),
    vaultIds: [...(list('vaultIds') ?? []), ...(vaultFile === undefined ? [] : [vaultFile])],
    forks: number('forks'),
    gathersOnce: gathering === 'smart',
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
      ansible_ssh_extra_args: sshText('sshExtraArgs'),
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
