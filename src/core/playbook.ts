import type { Diagnostic, Pos } from './diagnostic.ts';
import type { Inherited, Own } from './language/keywords.ts';
import type { From } from './language/options.ts';
import type { Module } from './module.ts';
import type { Raw, RawVars } from './value.ts';

/**
 * A playbook that was read and checked; the engine runs it. Inherited keywords (tags, when, vars, become …) are already
 * resolved into each task.
 */
export type Playbook = Readonly<{
  file: string;
  plays: readonly Play[];
  doubts: Doubts;
  /** What a reader may want to know about the files, without being wrong. */
  notes: readonly Diagnostic[];
}>;
/** What may be wrong with values, judging by the texts of the playbook and the inventory alone. */
export type Doubts = Readonly<{
  /** Whether nothing defines the name: no file, and no task during the run. */
  isNeverDefined: (name: string) => boolean;
  /** Whether one of the names, or a variable that its value is built from, is never defined or has a broken template. */
  areIn: (reads: readonly Reads[]) => boolean;
  /** Whether a text may read what other hosts find out or set during the run. */
  readOthers: (text: string) => boolean;
}>;
/** Names of variables that are read without a guard such as `is defined`, each with one place that reads it. */
export type Reads = ReadonlyMap<string, Pos>;

export type Play = Readonly<Pick<Own<'play', KeywordValues>, 'gatherFacts' | 'forceHandlers'>> &
  Readonly<{
    name: string;
    at: Pos;
    /** The pattern of `hosts:`, and the hosts that it selects before --limit. */
    pattern: string;
    hosts: readonly string[];
    /** Names in `hosts` that match nothing. */
    warnings: readonly Diagnostic[];
    /** The play's own keywords, as its tasks inherit them. `when`: of the import_playbook that imported the play. */
    common: Common;
    order: 'inventory' | 'reverse_inventory' | 'sorted' | 'reverse_sorted' | 'shuffle';
    /** The arguments of `setup` when the play gathers facts. */
    gatherArgs: RawVars;
    vars: RawVars;
    prompts: readonly Prompt[];
    varsFiles: readonly Layer[];
    /** Files of variables whose names need a host's variables: alternatives, and the directories to search. */
    lateVarsFiles: readonly Readonly<{ names: readonly Raw[]; folders: readonly string[]; at: Pos }>[];
    /** The sections in the order in which they run. Handlers are flushed after each section. */
    sections: readonly Section[];
    handlers: readonly Task[];
    /** What `notify` may name, with the handlers that includes may add. undefined: a handler's name is a template. */
    handlerNames: ReadonlySet<string> | undefined;
    roles: readonly Role[];
    /** The batch sizes: numbers or percentages, the last one repeats. An empty list means all hosts at once. */
    serial: readonly (number | string)[];
    maxFailPercentage: number | undefined;
  }>;
/** A variable that bringup asks for before the run. */
export type Prompt = Readonly<{
  name: string;
  at: Pos;
  prompt: string;
  /** The answer is not shown while it is typed, and is a secret. */
  isPrivate: boolean;
  /** It is asked for twice. */
  isConfirmed: boolean;
  /** The value of an empty answer, and of one that nobody can give because there is no terminal. */
  default: Raw | undefined;
  /** The scheme of password_hash that the answer is hashed with. */
  encrypt: string | undefined;
  salt?: string;
  /** The length of a random salt in characters. */
  saltSize: number;
}>;
export type Section = Readonly<{ name: 'pre_tasks' | 'tasks' | 'post_tasks'; body: readonly Item[] }>;

export type Item = Task | Block | Include;

/** What the readers make of each type of keyword. */
export type KeywordValues = {
  flag: Raw;
  boolean: Raw | undefined;
  value: Raw | undefined;
  values: readonly Raw[];
  words: readonly string[];
  conditions: readonly Condition[];
  vars: readonly RawVars[];
  variable: string | undefined;
  structure: never;
};

/**
 * What every item has: the keywords that it inherits, each resolved to what holds for the item. Of keywords that extend
 * each other (`when`, `vars`, `tags`), those of outer blocks come first.
 */
export type Common = Readonly<Inherited<KeywordValues>> &
  Readonly<{
    at: Pos;
    name: Raw | undefined;
    /** The role that the item belongs to. It determines variables and where files are searched. */
    role: Role | undefined;
    /** The directory of the file that defines the item. Relative paths start here. */
    dir: string;
    /**
     * Mistakes in the item and in the blocks around it. They matter only on hosts that reach the item, so they are
     * reported when the run knows which hosts do: before its first change.
     */
    faults: readonly Diagnostic[];
    /** The variables that the item and the blocks around it read. */
    reads: readonly Reads[];
  }>;
/** A bare expression and its position. The literals `true` and `false` stay booleans. */
export type Condition = Readonly<{ text: string; at: Pos }> | boolean;

export type Task = Common &
  Readonly<Own<'handler', KeywordValues>> &
  Readonly<{
    kind: 'task';
    /** The module's short name, for example `apt`, whichever form the playbook used. undefined: `meta`. */
    module: string;
    impl: Module | undefined;
    args: RawVars;
    /** The position of an argument. */
    argAt: (path: readonly (string | number)[]) => Pos;
    loop: Raw | undefined;
    loopControl: LoopControl;
    /** Handlers only: what runs if the handler is an include. */
    include?: Include;
  }>;
export type LoopControl = Readonly<{
  loopVar: string;
  indexVar: string | undefined;
  label: Raw | undefined;
  pause: Raw | undefined;
  /** `ansible_loop` holds the index, the neighbours and the length. */
  extended: boolean;
  /** `ansible_loop` holds all items too. */
  allItems: boolean;
  /** The loop ends after the first item for which all of these hold. */
  breakWhen: readonly Condition[];
}>;
export type Block = Common &
  Readonly<{ kind: 'block'; body: readonly Item[]; rescue: readonly Item[]; always: readonly Item[] }>;
/**
 * An include_tasks, include_role or include_vars whose target is known only during the run. It is expanded when the run
 * reaches it.
 */
export type Include = Common &
  Readonly<{
    kind: 'include';
    what: 'tasks' | 'role';
    /** A file, or the name of a role. */
    target: Raw;
    targetAt: Pos;
    /** The items of a target that is known before the run. Mistakes in them are found before the run too. */
    preview: IncludedItems | undefined;
    /** Its own variables, which override facts in the included tasks. Those of include_role are the role's parameters. */
    params: RawVars;
    /** The parts of the role that it chooses: `tasks_from` and so on. */
    from: Readonly<Partial<Record<From, Raw>>>;
    /** Later tasks of the play see the role's variables. */
    isPublic: boolean;
    /** false: the role does not run again on a host where it ran in this play. */
    allowsDuplicates: boolean;
    /** Among handlers: the topics that notify it. */
    listen: readonly string[];
    /** The items of a target whose name is known. Throws Failure if they cannot be read. */
    load: (target: string, from: Readonly<Partial<Record<From, string>>>) => IncludedItems;
    loop: Raw | undefined;
    loopControl: LoopControl;
  }>;

/** What an include adds: items, and for a role its handlers. */
export type IncludedItems = Readonly<{ items: readonly Item[]; handlers: readonly Task[]; roles: readonly Role[] }>;

/** One use of a role in a play. */
export type Role = Readonly<{
  name: string;
  path: string;
  defaults: Layer;
  vars: Layer;
  /** Parameters given where the role is used. */
  params: RawVars;
  /** Tells uses of one role apart: what is given where it is used, without what is passed on from other roles. */
  use: string;
  /** The roles whose include_role or import_role led to this one, the nearest first. */
  parents: readonly Role[];
  /** Whether another role's meta/main.yml names it. */
  isDependency: boolean;
  /** Whether it runs again if another role of the play depends on it too. */
  allowsDuplicates: boolean;
  collection: string | undefined;
}>;

/** Among a task's arguments: a template that evaluates to a map of arguments. */
export const SPREAD = '{{ }}';

/** Hosts in the order in which they first appear, and groups by name. The groups `all` and `ungrouped` always exist. */
export type Inventory = Readonly<{
  /** What was read, for messages. */
  source: string;
  /** The paths and lists of hosts that were given with -i. */
  given: readonly string[];
  dir: string;
  hosts: ReadonlyMap<string, InventoryHost>;
  groups: ReadonlyMap<string, readonly string[]>;
  /** The variables of groups: of `all` first, those of the deepest group last. */
  groupLayers: (groups: readonly string[]) => readonly Layer[];
  /** The groups that contain a group, at any depth, without `all`. */
  groupsAbove: (group: string) => readonly string[];
  /** The variables of a host itself, without those of its groups. */
  hostLayers: (name: string) => readonly Layer[];
}>;
export type InventoryHost = Readonly<{
  name: string;
  at: Pos;
  /** The host's groups without `all`, sorted as in Ansible's group_names. */
  groups: readonly string[];
  /**
   * Lowest precedence first: groups from `all` to the deepest (group_vars/ overrides the inventory's own variables),
   * then the host.
   */
  layers: readonly Layer[];
  /** The last of `layers`: those that are the host's own. */
  own: readonly Layer[];
  /** This machine, which a play names though the inventory does not. It belongs to no group. */
  isImplicit?: boolean;
}>;
/** Variables and their source, for example 'group_vars/web.yml' or 'group web in inventory/lab.yml'. */
export type Layer = Readonly<{ from: string; vars: RawVars }>;
