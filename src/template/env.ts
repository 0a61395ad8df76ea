import type { Pos } from '../core/diagnostic.ts';
import type { Unknown, Value } from '../core/value.ts';
import type { Args, Item } from './item.ts';

/** One file, link or folder below a folder. `checksum`: SHA-256 of its content, of a link of where it leads. */
export type TreeEntry = Readonly<{
  path: string;
  src: string;
  state: 'file' | 'link' | 'directory';
  mode: string;
  checksum: string;
}>;

/** What a template may reach beside its variables; this room itself touches neither disk nor net nor clock. */
export type Ports = Readonly<{
  /** lookup('file', …), lookup('template', …), include and import. Throws Failure. `from`: the place that asks. */
  readFile: (path: string, from: Pos, folder?: 'files' | 'templates') => string;
  /** lookup('env', …). */
  env: (name: string) => string | undefined;
  /** lookup('password', …): what is stored at `path`, or what `make` gives, which is then stored. */
  password: (path: string, make: () => string) => string;
  /** lookup('filetree', …); without it it is refused. */
  listTree?: (path: string, exclude: RegExp | undefined, from: Pos) => readonly TreeEntry[];
  now: () => Date;
  /** Told of every secret that becomes a part of a longer text. */
  onSecret?: (text: string) => void;
  /** How often any of these was called. Without it nothing that templates make is thought to last. */
  effects?: () => number;
  /** from_yaml and from_yaml_all; without it they are refused. */
  parseYaml?: (text: string) => Value;
}>;

export type Env = Readonly<{
  /** A variable, already evaluated; undefined where there is none of that name. */
  get: (name: string) => Value | undefined;
  ports: Ports;
  /** For "write 'x' instead of 'y'". */
  names?: () => readonly string[];
}>;

/** What a filter, test, lookup or method may use of the evaluation that calls it. */
export type Ctx = Readonly<{
  env: Env;
  at: Pos;
  /** Counts `steps` against the limit, so that no list grows without end. */
  burn: (steps: number) => void;
  filter: (name: string, input: Item, args: Args) => Item;
  test: (name: string, input: Item, args: Args) => boolean | Unknown;
  /** A variable or a local name of the template. */
  name: (name: string) => Item;
  /** Renders a file that is itself a template. */
  render: (path: string) => Item;
}>;
