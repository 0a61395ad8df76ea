// Every keyword of a playbook is one row here: where it may stand, its type, how it is inherited, and what it does. The
// readers in config/, the types in core/playbook.ts, the engine's policy and docs/keywords.md are derived from the rows.
// Source: "Playbook Keywords" in Ansible's documentation (ansible-core 2.19).

/** `include`: include_tasks and include_role. `import`: import_tasks and import_role. `role`: an item of `roles:`. */
export type Place = 'play' | 'role' | 'block' | 'task' | 'handler' | 'include' | 'import' | 'import_playbook';

/**
 * How a value is read. `flag`: a boolean or a template, default false. `boolean`: the same, but it may be absent.
 * `value`: anything. `values`: a list, or one value. `structure`: read by code of its own.
 */
export type KeywordType =
  | 'flag'
  | 'boolean'
  | 'value'
  | 'values'
  | 'words'
  | 'conditions'
  | 'vars'
  | 'variable'
  | 'structure';

/**
 * `own`: it concerns only the item that has it. `nearest`: the innermost of task, block, role and play decides.
 * `extend`: the values of all of them count, the outermost first.
 */
export type Inherit = 'own' | 'nearest' | 'extend';

type Row = Readonly<{ on: readonly Place[]; type: KeywordType; inherit: Inherit; doc: string }>;
/** A keyword of Ansible that bringup does not have. */
type Refused = Readonly<{ on: readonly Place[]; refused: string }>;

export type Keyword = Row | Refused;

const ITEMS = ['role', 'block', 'task', 'handler', 'include', 'import'] as const;
const BASE = ['play', ...ITEMS] as const;
/** An include is a task of its own: what concerns the included tasks is written under `apply`. */
const NOT_INCLUDE = ['play', 'role', 'block', 'task', 'handler', 'import'] as const;
const TASKS = ['task', 'handler'] as const;

export const KEYWORDS = {
  name: {
    on: [...BASE, 'import_playbook'],
    type: 'value',
    inherit: 'own',
    doc: 'A name for reports. It may hold templates.',
  },
  vars: { on: [...BASE, 'import_playbook'], type: 'vars', inherit: 'extend', doc: 'Variables.' },
  tags: { on: [...BASE, 'import_playbook'], type: 'words', inherit: 'extend', doc: 'Tags for --tags and --skip-tags.' },
  when: {
    on: [...ITEMS, 'import_playbook'],
    type: 'conditions',
    inherit: 'extend',
    doc: 'Runs only if all conditions hold.',
  },

  become: { on: BASE, type: 'boolean', inherit: 'nearest', doc: 'Runs as become_user. Default: ansible_become.' },
  become_user: {
    on: BASE,
    type: 'value',
    inherit: 'nearest',
    doc: 'The user to become. Default: ansible_become_user, then root.',
  },
  become_method: {
    on: BASE,
    type: 'value',
    inherit: 'nearest',
    doc: 'sudo, doas or su. Default: ansible_become_method, then sudo.',
  },
  become_exe: {
    on: BASE,
    type: 'value',
    inherit: 'nearest',
    doc: 'The program that becomes the user. Default: the name of the method.',
  },
  become_flags: { on: BASE, type: 'value', inherit: 'nearest', doc: 'More options for that program.' },
  connection: {
    on: NOT_INCLUDE,
    type: 'value',
    inherit: 'nearest',
    doc: 'ssh or local. ansible_connection overrides it.',
  },
  remote_user: {
    on: NOT_INCLUDE,
    type: 'value',
    inherit: 'nearest',
    doc: 'The login user. ansible_user overrides it.',
  },
  port: { on: NOT_INCLUDE, type: 'value', inherit: 'nearest', doc: 'The port of sshd. ansible_port overrides it.' },
  environment: { on: BASE, type: 'values', inherit: 'extend', doc: 'Environment variables of what runs on the host.' },
  module_defaults: {
    on: NOT_INCLUDE,
    type: 'values',
    inherit: 'extend',
    doc: 'Arguments for all tasks of a module, by module.',
  },
  collections: {
    on: BASE,
    type: 'words',
    inherit: 'nearest',
    doc: 'Collections in which roles and modules with a short name are searched.',
  },
  timeout: {
    on: NOT_INCLUDE,
    type: 'value',
    inherit: 'nearest',
    doc: 'The most seconds that a task may take. 0: no limit.',
  },
  throttle: {
    on: NOT_INCLUDE,
    type: 'value',
    inherit: 'nearest',
    doc: 'The most hosts that run a task at the same time. 0: no limit but --forks.',
  },

  check_mode: {
    on: NOT_INCLUDE,
    type: 'boolean',
    inherit: 'nearest',
    doc: 'true: only plans the change. false: makes it even in a plan.',
  },
  diff: {
    on: NOT_INCLUDE,
    type: 'boolean',
    inherit: 'nearest',
    doc: 'Whether changes show their diff. Default: --diff.',
  },
  no_log: { on: BASE, type: 'flag', inherit: 'nearest', doc: 'Hides what a task does and returns.' },
  run_once: { on: BASE, type: 'flag', inherit: 'nearest', doc: 'The first host of the batch runs the task for all.' },
  any_errors_fatal: {
    on: NOT_INCLUDE,
    type: 'flag',
    inherit: 'nearest',
    doc: 'A failure on one host stops all hosts after the task.',
  },
  ignore_errors: { on: BASE, type: 'flag', inherit: 'nearest', doc: 'A failed task does not stop its host.' },
  ignore_unreachable: {
    on: NOT_INCLUDE,
    type: 'flag',
    inherit: 'nearest',
    doc: 'A host that cannot be reached is tried again by the next task.',
  },
  debugger: { on: BASE, refused: 'remove it, and use -vv or plan' },

  delegate_to: {
    on: ['role', 'block', 'task', 'handler', 'import'],
    type: 'value',
    inherit: 'nearest',
    doc: 'The host that does the work instead.',
  },
  delegate_facts: {
    on: ['role', 'block', 'task', 'handler', 'import'],
    type: 'flag',
    inherit: 'nearest',
    doc: 'Facts belong to the host of delegate_to.',
  },
  notify: {
    on: ['block', ...TASKS, 'import'],
    type: 'values',
    inherit: 'nearest',
    doc: 'Handlers, by name or topic, that run after a change.',
  },

  register: { on: TASKS, type: 'variable', inherit: 'own', doc: 'The variable that takes the result.' },
  changed_when: { on: TASKS, type: 'conditions', inherit: 'own', doc: 'Decides whether the task counts as changed.' },
  failed_when: { on: TASKS, type: 'conditions', inherit: 'own', doc: 'Decides whether the task counts as failed.' },
  until: { on: TASKS, type: 'conditions', inherit: 'own', doc: 'Repeats the task until the conditions hold.' },
  retries: { on: TASKS, type: 'value', inherit: 'own', doc: 'How often `until` repeats the task. Default: 3.' },
  delay: { on: TASKS, type: 'value', inherit: 'own', doc: 'Seconds between two tries. Default: 5.' },
  async: {
    on: TASKS,
    type: 'value',
    inherit: 'own',
    doc: 'The task runs apart from the connection, for at most this many seconds.',
  },
  poll: {
    on: TASKS,
    type: 'value',
    inherit: 'own',
    doc: 'Seconds between two looks at an `async` task. 0: does not wait for it. Default: 15.',
  },
  listen: { on: ['handler'], type: 'words', inherit: 'own', doc: 'Topics that notify the handler too.' },
  action: { on: TASKS, type: 'structure', inherit: 'own', doc: 'The module, as `action: copy dest=/x`.' },
  local_action: { on: TASKS, type: 'structure', inherit: 'own', doc: 'The module, run on the controller.' },
  args: {
    on: [...TASKS, 'include', 'import'],
    type: 'structure',
    inherit: 'own',
    doc: 'More arguments of the module.',
  },
  loop: { on: [...TASKS, 'include'], type: 'structure', inherit: 'own', doc: 'Runs once for each item of a list.' },
  loop_control: { on: [...TASKS, 'include'], type: 'structure', inherit: 'own', doc: 'Options of the loop.' },

  block: { on: ['block'], type: 'structure', inherit: 'own', doc: 'Tasks that share keywords.' },
  rescue: { on: ['block'], type: 'structure', inherit: 'own', doc: 'Tasks that run if a task of the block failed.' },
  always: { on: ['block'], type: 'structure', inherit: 'own', doc: 'Tasks that run in any case.' },

  hosts: { on: ['play'], type: 'structure', inherit: 'own', doc: 'The hosts of the play, as a pattern.' },
  order: {
    on: ['play'],
    type: 'value',
    inherit: 'own',
    doc: 'inventory, reverse_inventory, sorted, reverse_sorted or shuffle.',
  },
  serial: {
    on: ['play'],
    type: 'structure',
    inherit: 'own',
    doc: 'How many hosts run at a time: a number, a percentage, or a list.',
  },
  strategy: { on: ['play'], type: 'value', inherit: 'own', doc: 'linear, free or host_pinned.' },
  max_fail_percentage: {
    on: ['play'],
    type: 'value',
    inherit: 'own',
    doc: 'The play stops if more hosts of a batch failed.',
  },
  force_handlers: { on: ['play'], type: 'flag', inherit: 'own', doc: 'Notified handlers run on failed hosts too.' },
  gather_facts: {
    on: ['play'],
    type: 'boolean',
    inherit: 'own',
    doc: 'Whether facts are gathered first. Default: true.',
  },
  gather_subset: { on: ['play'], type: 'value', inherit: 'own', doc: 'The facts to gather.' },
  gather_timeout: { on: ['play'], refused: 'remove it: gathering facts takes milliseconds' },
  fact_path: {
    on: ['play'],
    type: 'value',
    inherit: 'own',
    doc: 'The directory of custom facts on the host. Default: /etc/ansible/facts.d.',
  },
  vars_files: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Files of variables.' },
  vars_prompt: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Variables that bringup asks for.' },
  roles: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Roles, which run before `tasks`.' },
  pre_tasks: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Tasks that run before the roles.' },
  tasks: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Tasks.' },
  post_tasks: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Tasks that run after `tasks`.' },
  handlers: { on: ['play'], type: 'structure', inherit: 'own', doc: 'Handlers.' },
  user: { on: ['play'], type: 'value', inherit: 'own', doc: 'The old name of remote_user.' },
  role: { on: ['role'], type: 'structure', inherit: 'own', doc: 'The name of the role.' },
} as const satisfies Readonly<Record<string, Row | Refused>>;

type Rows = typeof KEYWORDS;
export type KeywordName = keyof Rows;
type Camel<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;
/** Keywords with this way of inheritance, on this place, that are not read by code of their own. */
type NamesOf<I extends Inherit, P extends Place> = {
  [K in KeywordName]: Rows[K] extends { inherit: I; type: infer T; on: readonly (infer O)[] }
    ? P extends O
      ? T extends 'structure'
        ? never
        : K
      : never
    : never;
}[KeywordName];
type TypeOf<K extends KeywordName> = Rows[K] extends { type: infer T } ? T : never;

/** The fields that hold the keywords which `P` inherits, with the values that `V` gives for each type. */
export type Inherited<V extends Record<KeywordType, unknown>> = {
  [K in NamesOf<'nearest' | 'extend', 'block'> as Camel<K>]: V[TypeOf<K> & KeywordType];
};
/** The fields that hold the keywords which only the item itself has. */
export type Own<P extends Place, V extends Record<KeywordType, unknown>> = {
  [K in Exclude<NamesOf<'own', P>, 'name'> as Camel<K>]: V[TypeOf<K> & KeywordType];
};

/** The field of a keyword: `ignore_errors` → `ignoreErrors`. */
export function fieldOf(keyword: string): string {
  return keyword.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

export function rowOf(keyword: string): Row | Refused | undefined {
  return Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword as KeywordName] : undefined;
}

export const isRefused = (row: Row | Refused): row is Refused => 'refused' in row;

/** The keywords that may stand in a place. */
export function keywordsOn(place: Place): readonly string[] {
  return Object.entries<Row | Refused>(KEYWORDS).flatMap(([name, row]) =>
    row.on.includes(place) && !isRefused(row) ? [name] : [],
  );
}
