import type { Pos } from '../core/diagnostic.ts';
import type { Unknown, Value } from '../core/value.ts';
import type { Args, Item } from './item.ts';
import type { LexOptions } from './lexer.ts';

/**
 * A file, link or directory below a directory. `checksum` is the SHA-256 of a file's content, or of a link's target.
 */
export type TreeEntry = Readonly<{
  path: string;
  src: string;
  state: 'file' | 'link' | 'directory';
  mode: string;
  checksum: string;
}>;

/** What a template may use beside its variables. template/ itself accesses neither disk nor network nor clock. */
export type TemplatePorts = Readonly<{
  /**
   * Serves lookup('file', …), lookup('template', …), include and import. `from` is the position of the expression.
   * Throws Failure.
   */
  readFile: (path: string, from: Pos, folder?: 'files' | 'templates', encoding?: string) => string;
  /** Serves lookup('env', …). */
  env: (name: string) => string | undefined;
  /** Serves lookup('password', …): returns what is stored at `path`, or stores and returns the result of `make`. */
  password: (path: string, make: () => string) => string;
  /** Serves lookup('filetree', …). Without it, that lookup is rejected. */
  listTree?: (path: string, exclude: RegExp | undefined, from: Pos) => readonly TreeEntry[];
  now: () => Date;
  /**
   * Serves lookup('pipe', …) and lookup('lines', …): the output of a shell command on the controller. Throws
   * Failure. undefined: the task's turn has not come, so nothing is run.
   */
  run: (command: string, from: Pos) => string | undefined;
  /** Serves lookup('url', …): the body of the answer. undefined: as with `run`. Throws Failure. */
  fetch: (url: string, options: FetchOptions, from: Pos) => string | undefined;
  /** Serves lookup('fileglob', …) and the filter `fileglob`: the files that match, sorted. */
  glob: (pattern: string, from: Pos) => readonly string[];
  /** Serves lookup('first_found', …), and finds what a template includes: where the file is. undefined: it is nowhere. */
  find: (path: string, from: Pos, folder?: 'templates') => string | undefined;
  /** Serves the tests `file`, `directory`, `link` and so on: what stands at a path of the controller. */
  look: (
    path: string,
  ) => Readonly<{ kind: 'file' | 'directory' | 'other' | 'absent'; isLink: boolean; isMount: boolean; id: string }>;
  /** Serves lookup('inventory_hostnames', …): the hosts that a pattern selects. */
  hosts: (pattern: string, from: Pos) => readonly string[];
  /** Serves lookup('unvault', …): the content of an encrypted file. Throws Failure. */
  unvault: (text: string, from: Pos) => Value;
  /** Called with every secret that becomes part of a longer text. */
  onSecret?: (text: string) => void;
  /** How often any of these functions was called. Without it, results of templates are not cached. */
  effects?: () => number;
  /** Serves from_yaml and from_yaml_all. Without it, those filters are rejected. */
  parseYaml?: (text: string) => Value;
}>;

export type FetchOptions = Readonly<{
  headers: Readonly<Record<string, string>>;
  user: string | undefined;
  password: string | undefined;
  /** In seconds. */
  timeout: number;
  isVerified: boolean;
}>;

export type Env = Readonly<{
  /** The value of a variable, already evaluated. undefined if no variable has that name. */
  get: (name: string) => Value | undefined;
  ports: TemplatePorts;
  /** For the suggestion "write 'x' instead of 'y'". */
  names?: () => readonly string[];
}>;

/** What a filter, test, lookup or method may use of the evaluation that calls it. */
export type Ctx = Readonly<{
  env: Env;
  at: Pos;
  /** Counts `steps` against the limit, so that no list can grow without end. */
  burn: (steps: number) => void;
  filter: (name: string, input: Item, args: Args) => Item;
  test: (name: string, input: Item, args: Args) => boolean | Unknown;
  /** The value of a variable or of a local name of the template. */
  name: (name: string) => Item;
  /** Renders a file that is itself a template, with more variables. */
  render: (path: string, more: ReadonlyMap<string, Item>, options?: LexOptions) => Item;
}>;
