import type { Claim, Connection } from '../core/connection.ts';
import type { Pos } from '../core/diagnostic.ts';
import type { Emit, Mode } from '../core/event.ts';
import type { LocalFile, Module, RenderOptions, TreeNode } from '../core/module.ts';
import type { Inventory, Playbook } from '../core/playbook.ts';
import type { Redactor } from '../core/redact.ts';
import type { Raw, RawVars, Unknown, Value, Vars } from '../core/value.ts';

/** Variables that are resolved at their first use: template/'s scope. */
export type Scope = Readonly<{
  get: (name: string) => Value | undefined;
  has: (name: string) => boolean;
  names: () => readonly string[];
  with: (layer: RawVars) => Scope;
  /** What a name stands for before it is resolved. */
  raw: (name: string) => Raw | undefined;
  /** The same scope. Tells the names that are read through it, and those that these are made of: EFFECT for what is no variable. */
  watched: (onRead: (name: string) => void) => Scope;
}>;

/** Stands for a file, the clock or the environment that a variable was made of. */
export const EFFECT = '\0';

export type Templates = Readonly<{
  /** Lowest precedence first. */
  scope: (layers: readonly RawVars[]) => Scope;
  resolve: (raw: Raw, scope: Scope) => Value;
  /** A bare expression's value. */
  evaluate: (expression: string, at: Pos, scope: Scope) => Value;
  /** A value as a condition, as Ansible's `when` reads it. */
  truthy: (value: Value) => boolean | Unknown;
  render: (text: string, at: Pos, scope: Scope, options?: RenderOptions) => Value;
  findUnknown: (value: Value) => Unknown | undefined;
  toPlain: (value: Value, onSecret: (text: string) => void) => unknown;
  /** The value with every text and number in it made secret. */
  seal: (value: Value) => Value;
  print: (value: Value) => string;
  /** How often a template has reached for something beside its variables: a file, the clock, the environment. */
  effects: () => number;
}>;

/** Files on the controller, looked for in folders in order. Both throw Failure. */
export type LocalFiles = Readonly<{
  file: (path: string, folders: readonly string[], from: Pos) => LocalFile;
  isFolder: (path: string, folders: readonly string[]) => boolean;
  tree: (path: string, folders: readonly string[], from: Pos, follow: boolean) => readonly TreeNode[];
  vars: (path: string, folders: readonly string[], from: Pos) => RawVars;
  /** How often any of these was asked for. */
  asked: () => number;
}>;

/** What earlier runs told of a host: tried first, believed only when this run's first trip says the same. */
export type FactsCache = Readonly<{
  get: (host: string) => Vars | undefined;
  set: (host: string, facts: Vars) => void;
}>;

export type LineOptions = Readonly<{ signal: AbortSignal; meanwhile: () => void; claim: Claim | undefined }>;

/** Everything the engine needs from outside. cli/ ties it together. */
export type Run = Readonly<{
  mode: Mode;
  playbook: Playbook;
  inventory: Inventory;
  /** Hosts that --limit leaves. */
  limit: ReadonlySet<string>;
  tags: readonly string[];
  skipTags: readonly string[];
  extraVars: RawVars;
  diff: boolean;
  /** Hosts that are worked on at the same time. */
  forks: number;
  setup: Module;
  templates: Templates;
  localFiles: LocalFiles;
  /** `meanwhile`: work of ours, to be done while the host makes up its mind to answer; or later, or never. */
  connect: (host: string, scope: Scope, options: LineOptions) => Promise<Connection>;
  /** What this run claims hosts with; undefined for a plan, which waits for nobody. */
  claim: Pick<Claim, 'run' | 'words'> | undefined;
  /** How long another run on a host is waited for, in seconds. */
  lockWait: number;
  download: (url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Uint8Array>;
  sha256: (data: string | Uint8Array) => string;
  factsCache: FactsCache;
  redactor: Redactor;
  emit: Emit;
  signal: AbortSignal;
  /** The folder of the project: what is kept on hosts names its playbooks by their paths in it. */
  projectDir: string;
  /** A word of this run: for the names of staged files. */
  nonce: string;
  now: () => number;
}>;
