import type { Pos } from './diagnostic.ts';
import type { Module } from './module.ts';
import type { Raw, RawVars } from './value.ts';

/** A playbook, read and checked: what the engine runs. Inheritance (tags, when, vars, become …) is already in each task. */
export type Playbook = Readonly<{ file: string; plays: readonly Play[] }>;

export type Play = Readonly<{
  name: string;
  at: Pos;
  /** The hosts pattern, and those it selects before --limit. */
  pattern: string;
  hosts: readonly string[];
  gatherFacts: Raw;
  gatherSubset: Raw | undefined;
  /** Of the import_playbook that brought it: each of its tasks has it too. */
  when: readonly Condition[];
  vars: RawVars;
  varsFiles: readonly Layer[];
  /** In the order in which they run; handlers are flushed after each. */
  sections: readonly Section[];
  handlers: readonly Task[];
  roles: readonly Role[];
  /** Hosts at once: numbers or percentages, the last repeats; [] means all. */
  serial: readonly (number | string)[];
  anyErrorsFatal: Raw;
  maxFailPercentage: number | undefined;
  forceHandlers: Raw;
  /** Of the play itself: its gathering of facts obeys them. */
  tags: readonly string[];
  environment: readonly Raw[];
  become: Become;
}>;
export type Section = Readonly<{ name: 'pre_tasks' | 'tasks' | 'post_tasks'; body: readonly Item[] }>;

export type Item = Task | Block | Include;

/** What every item has; `when` and `vars` hold the outer ones first. */
export type Common = Readonly<{
  at: Pos;
  name: Raw | undefined;
  when: readonly Condition[];
  vars: readonly RawVars[];
  tags: readonly string[];
  become: Become;
  environment: readonly Raw[];
  ignoreErrors: Raw;
  noLog: Raw;
  checkMode: Raw | undefined;
  diff: Raw | undefined;
  runOnce: Raw;
  anyErrorsFatal: Raw;
  /** Handlers by name or topic; a task's own stand in the place of its block's. */
  notify: readonly Raw[];
  delegateTo: Raw | undefined;
  /** The role it belongs to: for its variables and files. */
  role: Role | undefined;
  /** Where the file stands in which it is written: for relative paths. */
  dir: string;
}>;
export type Become = Readonly<{ become?: Raw; user?: Raw; method?: Raw }>;
/** A bare expression with its place; `true`/`false` written as such are kept. */
export type Condition = Readonly<{ text: string; at: Pos }> | boolean;

export type Task = Common &
  Readonly<{
    kind: 'task';
    /** The module's own name: `apt`, whatever the playbook called it. undefined: `meta`. */
    module: string;
    impl: Module | undefined;
    args: RawVars;
    /** Where an argument stands. */
    argAt: (path: readonly (string | number)[]) => Pos;
    loop: Raw | undefined;
    loopControl: LoopControl;
    register: string | undefined;
    changedWhen: readonly Condition[];
    failedWhen: readonly Condition[];
    until: readonly Condition[];
    retries: Raw | undefined;
    delay: Raw | undefined;
    timeout: Raw | undefined;
    /** Handlers only: topics beside its name. */
    listen: readonly string[];
  }>;
export type LoopControl = Readonly<{
  loopVar: string;
  indexVar: string | undefined;
  label: Raw | undefined;
  pause: Raw | undefined;
  extended: boolean;
}>;
export type Block = Common &
  Readonly<{ kind: 'block'; body: readonly Item[]; rescue: readonly Item[]; always: readonly Item[] }>;
/** include_tasks, include_role, include_vars by a name that only the run knows: expanded when the cursor reaches it. */
export type Include = Common &
  Readonly<{
    kind: 'include';
    what: 'tasks' | 'role';
    /** A file, or a role's name. */
    target: Raw;
    targetAt: Pos;
    /** The items of a target whose name is known by now. Throws Failure when they cannot be read. */
    load: (target: string) => Loaded;
    loop: Raw | undefined;
    loopControl: LoopControl;
  }>;

/** What an include brings: items, and with a role its handlers too. */
export type Loaded = Readonly<{ items: readonly Item[]; handlers: readonly Task[]; roles: readonly Role[] }>;

/** One use of a role in a play. */
export type Role = Readonly<{
  name: string;
  path: string;
  defaults: Layer;
  vars: Layer;
  /** Given where the role is used. */
  params: RawVars;
}>;

/** Hosts in the order in which they are first named, groups by name; `all` and `ungrouped` are always there. */
export type Inventory = Readonly<{
  /** What was read, for messages. */
  source: string;
  dir: string;
  hosts: ReadonlyMap<string, InventoryHost>;
  groups: ReadonlyMap<string, readonly string[]>;
}>;
export type InventoryHost = Readonly<{
  name: string;
  at: Pos;
  /** Its groups without `all`, sorted as Ansible's group_names. */
  groups: readonly string[];
  /** Lowest precedence first: groups from all to the deepest (group_vars/ over the inventory's own), then the host. */
  layers: readonly Layer[];
}>;
/** Variables and where they come from: 'group_vars/web.yml', 'group web in inventory/lab.yml'. */
export type Layer = Readonly<{ from: string; vars: RawVars }>;
