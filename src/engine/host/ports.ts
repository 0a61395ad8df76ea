import type { Claim, Connection } from '../../core/connection.ts';
import type { Diagnostic, Failure, Pos } from '../../core/diagnostic.ts';
import type { Emit, Mode } from '../../core/event.ts';
import type { LocalFile, Module, RenderOptions, TreeNode } from '../../core/module.ts';
import type { Inventory, Play, Playbook } from '../../core/playbook.ts';
import type { Redactor } from '../../core/redact.ts';
import type { Raw, RawVars, Unknown, Value, Vars } from '../../core/value.ts';

/** Variables that are resolved at their first use. template/ implements it. */
export type Scope = Readonly<{
  get: (name: string) => Value | undefined;
  has: (name: string) => boolean;
  names: () => readonly string[];
  with: (layer: RawVars) => Scope;
  /** The value of a variable before its templates are resolved. */
  raw: (name: string) => Raw | undefined;
  /**
   * The same scope, which reports the names that are read through it and the names that those are built from. It
   * reports EFFECT for anything that is not a variable.
   */
  watched: (onRead: (name: string) => void) => Scope;
}>;

/** Stands for a file, the clock or the environment that a variable's value depends on. */
export const EFFECT = '\0';

export type Templates = Readonly<{
  /** Lowest precedence first. */
  scope: (layers: readonly RawVars[]) => Scope;
  resolve: (raw: Raw, scope: Scope) => Value;
  /** The value of a bare expression. */
  evaluate: (expression: string, at: Pos, scope: Scope) => Value;
  /** The same for an expression that is itself a value, perhaps from a host: no lookup is available to it. */
  evaluateClosed: (expression: string, at: Pos, scope: Scope) => Value;
  /** A value as a condition, as Ansible's `when` interprets it. */
  truthy: (value: Value) => boolean | Unknown;
  render: (text: string, at: Pos, scope: Scope, options?: RenderOptions) => Value;
  /**
   * Evaluates what a later task will need. Lookups that run programs or ask the network give Unknown, because they run
   * once, at the task's turn.
   */
  ahead: <T>(work: () => T) => T;
  /** The names that a template reads without a guard. Throws Failure if it cannot be compiled. */
  namesIn: (text: string, at: Pos) => ReadonlySet<string>;
  findUnknown: (value: Value) => Unknown | undefined;
  toPlain: (value: Value, onSecret: (text: string) => void) => unknown;
  /** The value with every text and number in it made secret. */
  seal: (value: Value) => Value;
  print: (value: Value) => string;
  /** How often templates have read something other than variables: a file, the clock, the environment. */
  effects: () => number;
}>;

/** The machines of hosts, as far as this machine can switch them. */
export type Machines = Readonly<{
  /** Records the console of the host, from the end of its old system until the result is called. */
  watch: (host: string) => Promise<() => void>;
  /** Cuts the power of the host and switches it on. false: nothing switches it. Throws Failure. */
  cycle: (host: string, signal: AbortSignal) => Promise<boolean>;
  /** The Failure with the end of what the host's console printed in its last boot, if somebody knows it. */
  explain: (host: string, error: Failure) => Promise<Failure>;
}>;

/** Files on the controller, searched for in `folders` in order. Every function throws Failure. */
export type LocalFiles = Readonly<{
  file: (path: string, folders: readonly string[], from: Pos) => LocalFile;
  isFolder: (path: string, folders: readonly string[]) => boolean;
  tree: (path: string, folders: readonly string[], from: Pos, follow: boolean) => readonly TreeNode[];
  /** Where a file or directory is. A slash at the end of the path stays. */
  find: (path: string, folders: readonly string[], from: Pos) => string;
  vars: (path: string, folders: readonly string[], from: Pos) => RawVars;
  /** The SHA-1 of a file. undefined: there is no such file. */
  sha1Of: (path: string) => string | undefined;
  /** Writes a file, and the directories above it: under another name first, so that nobody sees half of it. */
  write: (path: string, content: Uint8Array, from: Pos) => void;
  /** How often any of these functions was called. */
  asked: () => number;
}>;

/**
 * Facts of earlier runs. They are used for probing ahead and replaced by the facts that this run's first round trip
 * reads.
 */
export type FactsCache = Readonly<{
  get: (host: string) => Vars | undefined;
  set: (host: string, facts: Vars) => void;
}>;

export type LineOptions = Readonly<{ signal: AbortSignal; meanwhile: () => void; claim: Claim | undefined }>;

/** Everything that the engine needs from outside. cli/ provides it. */
export type Run = Readonly<{
  mode: Mode;
  playbook: Playbook;
  inventory: Inventory;
  /** The hosts that --limit leaves. */
  limit: ReadonlySet<string>;
  /** Reads the sources of the inventory again, for `meta: refresh_inventory`. Throws Failure. */
  rereadInventory: () => Readonly<{ inventory: Inventory; limit: ReadonlySet<string> }>;
  /** The hosts that a pattern selects in an inventory that grew during the run. */
  select: (pattern: string, inventory: Inventory) => readonly string[];
  /** Asks on the terminal. undefined without a terminal. */
  ask: (question: string, options: Readonly<{ echo: boolean }>) => Promise<string | undefined>;
  /** Asks whether a task shall run, before each task. undefined: all run. */
  step: ((task: string) => Promise<boolean>) | undefined;
  /** The --limit as it was given. */
  limitText: string | undefined;
  /** How often -v was given. */
  verbosity: number;
  /** The ansible.cfg that was read. */
  configFile: string | undefined;
  /** What its settings do not do: warnings, and notes for -v. */
  warnings: readonly Diagnostic[];
  notes: readonly Diagnostic[];
  tags: readonly string[];
  skipTags: readonly string[];
  extraVars: RawVars;
  /** The answers to `vars_prompt`. */
  answers: ReadonlyMap<Play, RawVars>;
  diff: boolean;
  /** Whether events of tasks have what the module returned. */
  results: boolean;
  /** The number of hosts that run at the same time. */
  forks: number;
  setup: Module;
  templates: Templates;
  localFiles: LocalFiles;
  /** `meanwhile` is work to do while the host takes its time to answer. It may also run later, or never. */
  connect: (host: string, scope: Scope, options: LineOptions) => Promise<Connection>;
  /** The lock that this run takes on hosts. undefined for a plan, which waits for nobody. */
  claim: Pick<Claim, 'run' | 'words'> | undefined;
  /** Facts are gathered once in a run (`gathering = smart`), not by each play. */
  gathersOnce: boolean;
  /** Variables of connections that count where the inventory and the playbook set none. */
  connection: RawVars;
  /** How long to wait for another run on a host, in seconds. */
  lockWait: number;
  /** What switches the power of hosts. undefined: nothing does. */
  machines?: Machines | undefined;
  download: (url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Uint8Array>;
  sha256: (data: string | Uint8Array) => string;
  sha1: (data: string | Uint8Array) => string;
  md5: (data: string | Uint8Array) => string;
  factsCache: FactsCache;
  redactor: Redactor;
  emit: Emit;
  signal: AbortSignal;
  /** The project's directory. Notes on hosts name playbooks by their paths relative to it. */
  projectDir: string;
  /** A random word for this run, for the names of staged files. */
  nonce: string;
  now: () => number;
}>;
