// The options of includes, imports and loop_control, as tables: readers, messages and docs/keywords.md follow them.

export type IncludeKind = 'include_tasks' | 'import_tasks' | 'include_role' | 'import_role';
type Option = Readonly<{ of: readonly IncludeKind[]; doc: string }>;

const TASKS = ['include_tasks', 'import_tasks'] as const;
const ROLES = ['include_role', 'import_role'] as const;

export const INCLUDE_OPTIONS = {
  file: { of: TASKS, doc: 'The file of tasks.' },
  name: { of: ROLES, doc: 'The name of the role.' },
  role: { of: ROLES, doc: 'The same as name.' },
  apply: { of: ['include_tasks', 'include_role'], doc: 'Keywords for all included tasks.' },
  tasks_from: { of: ROLES, doc: "The file in the role's tasks/. Default: main." },
  vars_from: { of: ROLES, doc: "The file in the role's vars/. Default: main." },
  defaults_from: { of: ROLES, doc: "The file in the role's defaults/. Default: main." },
  handlers_from: { of: ROLES, doc: "The file in the role's handlers/. Default: main." },
  public: { of: ROLES, doc: 'Later tasks of the play see the variables of the role. Default: only with import_role.' },
  allow_duplicates: {
    of: ROLES,
    doc: 'false: the role does not run again on a host where it ran in this play. Default: true.',
  },
  rolespec_validate: {
    of: ROLES,
    doc: 'false: the arguments are not checked against meta/argument_specs.yml. Default: true.',
  },
} as const satisfies Readonly<Record<string, Option>>;

/** The parts of a role that an include may choose. */
export const FROM = ['tasks_from', 'vars_from', 'defaults_from', 'handlers_from'] as const;
export type From = (typeof FROM)[number];

export function optionsOfInclude(kind: IncludeKind): readonly string[] {
  return Object.entries<Option>(INCLUDE_OPTIONS).flatMap(([name, { of }]) => (of.includes(kind) ? [name] : []));
}

export const LOOP_OPTIONS: Readonly<Record<string, string>> = {
  loop_var: 'The variable that holds the item. Default: item.',
  index_var: 'The variable that holds the index, from 0.',
  label: 'What reports show instead of the item.',
  pause: 'Seconds between two items.',
  extended: 'ansible_loop holds the index, the length and the neighbours of the item.',
  extended_allitems: 'false: ansible_loop does not hold all items. Default: true.',
  break_when: 'Conditions that end the loop after an item.',
};
