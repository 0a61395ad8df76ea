// The settings of ansible.cfg, by the names of
// https://docs.ansible.com/ansible/latest/reference_appendices/config.html. docs/settings.md is written from them.

type Kind = 'text' | 'path' | 'paths' | 'sources' | 'words' | 'number' | 'boolean';
/** A setting: section and key in ansible.cfg, its environment variables, how its value is read. */
export type SettingRow = Readonly<{ at: string; also?: string; env: readonly string[]; kind: Kind; doc: string }>;
const row = (at: string, kind: Kind, doc: string, ...env: readonly string[]): SettingRow => ({ at, kind, doc, env });

/** The settings with an effect, by the names of https://docs.ansible.com/ansible/latest/reference_appendices/config.html */
export const SETTINGS = {
  inventory: row(
    'defaults.inventory',
    'sources',
    'The inventory: files, scripts, directories, or a list of hosts. -i overrides it.',
    'ANSIBLE_INVENTORY',
  ),
  rolesPath: row(
    'defaults.roles_path',
    'paths',
    'Directories of roles, searched after `roles/` of the playbook.',
    'ANSIBLE_ROLES_PATH',
  ),
  collectionsPath: {
    ...row(
      'defaults.collections_path',
      'paths',
      'Directories of collections, searched after `collections/` of the playbook.',
      'ANSIBLE_COLLECTIONS_PATH',
      'ANSIBLE_COLLECTIONS_PATHS',
    ),
    also: 'defaults.collections_paths',
  },
  vaultFile: row(
    'defaults.vault_password_file',
    'path',
    'A file with a vault password, or a program that prints it.',
    'ANSIBLE_VAULT_PASSWORD_FILE',
  ),
  vaultIds: row(
    'defaults.vault_identity_list',
    'words',
    'Vault passwords with labels: `prod@FILE,dev@prompt`.',
    'ANSIBLE_VAULT_IDENTITY_LIST',
  ),
  askPass: row('defaults.ask_pass', 'boolean', 'Asks for the SSH password, as -k does.', 'ANSIBLE_ASK_PASS'),
  askVaultPass: row(
    'defaults.ask_vault_pass',
    'boolean',
    'Asks for a vault password, as -J does.',
    'ANSIBLE_ASK_VAULT_PASS',
  ),
  askBecomePass: row(
    'privilege_escalation.become_ask_pass',
    'boolean',
    'Asks for the become password, as -K does.',
    'ANSIBLE_BECOME_ASK_PASS',
  ),
  forks: row(
    'defaults.forks',
    'number',
    'How many hosts are worked on at the same time. Default: 25.',
    'ANSIBLE_FORKS',
  ),
  diff: row('diff.always', 'boolean', 'Shows differences of files without -D.', 'ANSIBLE_DIFF_ALWAYS'),
  user: row('defaults.remote_user', 'text', 'The login user of hosts that set none.', 'ANSIBLE_REMOTE_USER'),
  port: row('defaults.remote_port', 'number', 'The port of sshd of hosts that set none.', 'ANSIBLE_REMOTE_PORT'),
  key: row('defaults.private_key_file', 'path', 'The private key of hosts that set none.', 'ANSIBLE_PRIVATE_KEY_FILE'),
  timeout: row('defaults.timeout', 'number', 'The seconds that a connection may take.', 'ANSIBLE_TIMEOUT'),
  transport: row('defaults.transport', 'text', 'ssh or local, for hosts that set no connection.', 'ANSIBLE_TRANSPORT'),
  sshArgs: row(
    'ssh_connection.ssh_args',
    'text',
    'Options of ssh: -J, -o ProxyJump, -o ProxyCommand, -o UserKnownHostsFile and so on. Others are refused by name.',
    'ANSIBLE_SSH_ARGS',
  ),
  sshCommonArgs: row('ssh_connection.ssh_common_args', 'text', 'The same; both add up.', 'ANSIBLE_SSH_COMMON_ARGS'),
  sshExtraArgs: row('ssh_connection.ssh_extra_args', 'text', 'The same; all add up.', 'ANSIBLE_SSH_EXTRA_ARGS'),
  become: row(
    'privilege_escalation.become',
    'boolean',
    'Become another user in plays that do not say it.',
    'ANSIBLE_BECOME',
  ),
  becomeUser: row(
    'privilege_escalation.become_user',
    'text',
    'The user to become. Default: root.',
    'ANSIBLE_BECOME_USER',
  ),
  becomeMethod: row('privilege_escalation.become_method', 'text', 'sudo, su or doas.', 'ANSIBLE_BECOME_METHOD'),
  becomeExe: row('privilege_escalation.become_exe', 'text', 'The program that becomes the user.', 'ANSIBLE_BECOME_EXE'),
  becomeFlags: row(
    'privilege_escalation.become_flags',
    'text',
    'More options for that program.',
    'ANSIBLE_BECOME_FLAGS',
  ),
  gathering: row(
    'defaults.gathering',
    'text',
    '`implicit`: each play gathers facts. `explicit`: only plays with `gather_facts: true`. `smart`: the first play of a host.',
    'ANSIBLE_GATHERING',
  ),
  forceHandlers: row(
    'defaults.force_handlers',
    'boolean',
    'Runs notified handlers on failed hosts too.',
    'ANSIBLE_FORCE_HANDLERS',
  ),
  anyErrorsFatal: row(
    'defaults.any_errors_fatal',
    'boolean',
    'A failure on one host ends the run on all.',
    'ANSIBLE_ANY_ERRORS_FATAL',
  ),
  hostKeyChecking: row(
    'defaults.host_key_checking',
    'boolean',
    'No effect: host keys are always checked. `False` is a warning.',
    'ANSIBLE_HOST_KEY_CHECKING',
  ),
  hashBehaviour: row(
    'defaults.hash_behaviour',
    'text',
    'Only `replace`. `merge` is refused.',
    'ANSIBLE_HASH_BEHAVIOUR',
  ),
} as const satisfies Record<string, SettingRow>;
export type SettingName = keyof typeof SETTINGS;

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
/** Whether a setting, such as 'defaults.nocows', changes nothing of what a run does. */
export function isQuiet(name: string): boolean {
  const [section = '', key = ''] = name.split('.');
  return QUIET_SECTIONS.has(section) || section.startsWith('callback_') || QUIET[section]?.has(key) === true;
}
