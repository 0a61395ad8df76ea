import type { Diagnostic } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Entry } from './source.ts';

/** Ansible's keywords by the places where they are allowed (see "Playbook Keywords" in Ansible's documentation). */
const COMMON = [
  'name',
  'vars',
  'tags',
  'become',
  'become_user',
  'become_method',
  'environment',
  'ignore_errors',
  'no_log',
  'check_mode',
  'diff',
  'run_once',
  'any_errors_fatal',
];
export const PLAY = [
  ...COMMON,
  'hosts',
  'gather_facts',
  'gather_subset',
  'vars_files',
  'roles',
  'pre_tasks',
  'tasks',
  'post_tasks',
  'handlers',
  'serial',
  'max_fail_percentage',
  'force_handlers',
  'strategy',
];
export const BLOCK = [...COMMON, 'block', 'rescue', 'always', 'when', 'delegate_to', 'notify'];
export const TASK = [
  ...COMMON,
  'when',
  'loop',
  'loop_control',
  'register',
  'changed_when',
  'failed_when',
  'until',
  'retries',
  'delay',
  'notify',
  'args',
  'delegate_to',
  'timeout',
  'listen',
  'action',
];
export const INCLUDE = [
  'name',
  'vars',
  'tags',
  'when',
  'loop',
  'loop_control',
  'become',
  'become_user',
  'become_method',
  'no_log',
  'ignore_errors',
  'run_once',
  'delegate_to',
  'environment',
  'check_mode',
  'diff',
  'args',
  'notify',
];

/** Keywords that Ansible has and bringup does not support. They are rejected by name, never ignored. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  vars_prompt: 'pass the value with -e NAME=VALUE',
  async: 'remove it: in bringup hosts do not wait for each other',
  poll: 'remove it: in bringup hosts do not wait for each other',
  connection: 'set ansible_connection in the inventory',
  remote_user: 'set ansible_user in the inventory',
  port: 'set ansible_port in the inventory',
  collections: 'write the collection before the module: community.mysql.mysql_user',
  module_defaults: 'write the arguments in each task, or a YAML anchor',
  throttle: 'use `serial` on the play',
  debugger: 'remove it, and use -vv or plan',
  order: 'remove it: hosts always run in the order of the inventory',
  ignore_unreachable: 'remove it: an unreachable host never stops the others',
  become_flags: 'remove it, and set the flags in sudoers',
  become_exe: 'remove it, and put sudo into the PATH of the login user',
  delegate_facts: 'remove it: facts always belong to the host of the task',
  local_action: 'write the module itself, with delegate_to: localhost',
  fact_path: 'run the module `setup` with `fact_path`',
};

/** Reports a key that is not a keyword here. Returns true if the key is known. */
export function isKeyword(entry: Entry, known: readonly string[], where: string, problems: Diagnostic[]): boolean {
  if (known.includes(entry.key)) return true;
  const at = entry.keyAt;
  const instead = UNSUPPORTED[entry.key];
  if (instead !== undefined) problems.push(tell('E_UNSUPPORTED_KEYWORD', { keyword: entry.key, instead }, at));
  else problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: entry.key, where, known }, at));
  return false;
}

export const isUnsupported = (key: string): boolean => Object.hasOwn(UNSUPPORTED, key);
