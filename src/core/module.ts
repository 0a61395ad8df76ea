import type { Static, TObject } from 'typebox';
import { type ArgError, binder } from './bind.ts';
import { matching, mayBeSlow } from './bounded.ts';
import type { Diagnostic } from './diagnostic.ts';
import { type Code, type Given, tell } from './errors/index.ts';
import type { Resource } from './resource.ts';
import type { Script } from './sh.ts';
import type { Value, Vars } from './value.ts';

/** What a module does on one host, as pure functions between a read-only probe and a script. */
export type ModuleSpec<A extends TObject, Current> = Readonly<{
  name: string;
  summary: string;
  /** One definition gives the static type, the ajv validation, the docs and editor completion. */
  args: A;
  /** Other names Ansible takes for an argument: { pkg: 'name' }. */
  aliases?: Readonly<Record<string, string>>;
  /** The argument that a bare string stands for: `- command: ls /` → 'cmd'. */
  freeForm?: string;
  /** What the schema cannot say (two arguments that exclude each other …). */
  verify?: (args: Static<A>) => readonly ArgError[];
  examples: readonly Example[];
  /** What the probe reads. Default: nothing. */
  needs?: (args: Static<A>) => readonly Resource[];
  /** What a change alters. Default: nothing; '*' for what cannot be known. */
  touches?: (args: Static<A>) => readonly Resource[];
  /**
   * The changes of one series may be made after each other without a look in between: none hinders another, and to make
   * one that is made already, or an action once more, does no harm. (It is told as a change all the same.) Default: of none.
   */
  series?: (args: Static<A>) => string | undefined;
  /** It edits a text as a whole. A trip may then carry several edits of it, each planned by what the one before leaves. */
  edits?: Edits<Static<A>>;
  /** POSIX sh (dash, busybox), read-only, its own subshell, `set -u`, stdin is /dev/null. Without it nothing is asked of the host. */
  probe?: (args: Static<A>, ctx: Context) => Script;
  /** Pure. `stdout` is the probe's, decoded as UTF-8; send what must stay byte-exact through `base64`. */
  parse: (stdout: string, args: Static<A>) => Current;
  plan: (current: Current, args: Static<A>, ctx: Context) => Steps;
  /** What `register` sees beside changed/failed/skipped, by Ansible's names. `ran`: what the change's scripts printed. */
  data?: (current: Current, args: Static<A>, ctx: Context, ran?: Output) => Vars;
}>;

export type Edits<A> = Readonly<{
  /** Which text, and all else that edits of it may differ about (owner, mode): only those with the same follow each other. */
  of: (args: A) => string;
  /** What the probe will print where that text stands; undefined: not known before it does. */
  seeing: (stdout: string, text: string, args: A) => string | undefined;
}>;
export type Example = Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>;
/** [] means that nothing is to be done. */
export type Steps = readonly Change[] | Blocked;
export type Change = Readonly<{
  /** For the reader of a plan: 'install nginx', 'start nginx.service'. */
  what: string;
  diff?: Diff;
  /** Put on the host (as root, 0600) before `run`. */
  upload?: readonly Upload[];
  run: Script;
  /**
   * One script does the work of several changes, of other items or tasks too: `run` with the words of all of them, in the
   * place of the first, and what is `closing` for them. They follow ones whose `by` is among `after`.
   */
  joins?: Readonly<{
    by: string;
    after: readonly string[];
    words: readonly string[];
    run: (words: readonly string[]) => Script;
    /** Puts it back where one that comes in between has failed. Without it none may come in between. */
    undo?: (words: readonly string[]) => Script;
  }>;
  /** What has to follow on the same trip, once for all that ask for it, even where one of them failed. */
  closing?: Script;
  /** The text that stands there afterwards, of a module that `edits`. */
  leaves?: string;
  /** What it alters, where that is less than the module's `touches`, now that the host was seen. */
  touches?: readonly Resource[];
  /**
   * Read back after it was made, it may still be planned: the host shows no other sign of it. A sentence is told as a
   * warning with what `explain` prints; where that prints nothing, it is not excused.
   */
  excused?: true | string;
  /** Prints why it is still planned after it was made, for the message. Read-only. */
  explain?: Script;
  /** It never converges (command, restart, reboot): it is not read back. */
  action?: true;
  /** It alters nothing (wait_for, uri): the task stays `ok`. */
  harmless?: true;
  /** A line that its script prints where it found that nothing had to be altered: then the task stays `ok`. */
  unaltered?: string;
  /** It waits for something to change by itself: whatever was read before may be stale when it ends. */
  waits?: true;
  /**
   * It may lock us out. `run` arms a timer on the host that undoes it after `seconds`; `script` disarms it, and is run over
   * a new connection: the old one may live on where no new one gets in. What does not get through undoes itself.
   */
  confirm?: Readonly<{ seconds: number; script: Script }>;
  /** The host goes away and comes back: wait for a new boot id. Seconds; the delay is before the first try. */
  reboots?: Readonly<{ timeout: number; delay: number }>;
}>;
/** The host is in a state in which it cannot be done: a plan shows unknown where an earlier change may help, apply fails. */
export type Blocked = Readonly<{ blocked: Diagnostic }>;
export function blocked<C extends Code>(code: C, given: Given<C>): Blocked {
  return { blocked: tell(code, given) };
}
/** null: there was, or will be, no such thing. */
export type Diff = Readonly<{ of: string; before: string | null; after: string | null }>;
/** What a file is to hold, part after part; files of the controller are read only as they are sent. */
export type Content = readonly (Uint8Array | LocalFile)[];
/** `content`, or what the controller fetches from `url` where the host has no client for it. */
export type Upload = Readonly<
  {
    to: string;
    /** The directory of `to` is made for it, in one that everybody can write: only the acting user can enter it. */
    isSpooled?: true;
  } & ({ content: Content } | { url: string; headers?: Readonly<Record<string, string>> })
>;
export type Output = Readonly<{ code: number; stdout: string; stderr: string }>;

/** What a module may know beside its arguments. Everything here is deterministic within a task. */
export type Context = Readonly<{
  /** Facts by their names without `ansible_`: os_family, distribution_version … Empty before they are gathered. */
  facts: Vars;
  /** Who the scripts run as on the host. */
  user: string;
  /** `--diff` was asked for, or a plan is made: probes may fetch small file contents. */
  diff: boolean;
  /** A file on the controller, searched as Ansible does: the role's files/ (templates/), then beside the playbook. Throws Failure. */
  file: (path: string, folder: 'files' | 'templates') => LocalFile;
  /** Whether that path leads to a folder on the controller; false where nothing is. */
  isFolder: (path: string, folder: 'files' | 'templates') => boolean;
  /** Everything below a folder, sorted; links are followed, or with follow: false are themselves. Throws Failure. */
  tree: (path: string, folder: 'files' | 'templates', follow?: boolean) => readonly TreeNode[];
  /** A template file's text, rendered with the task's variables and Ansible's defaults (trim_blocks). Throws Failure. */
  render: (path: string, options?: RenderOptions) => string;
  /** The value of a bare expression, as in `when:` or `debug: var=`. Throws Failure. */
  evaluate: (expression: string) => Value;
  sha256: (data: string | Uint8Array) => string;
  /** A word that is new for each run and that no host learns: `stageOf` derives the names of staged files from it. */
  nonce: string;
}>;
export type RenderOptions = Readonly<{
  trim_blocks?: boolean;
  lstrip_blocks?: boolean;
  variable_start_string?: string;
  variable_end_string?: string;
  block_start_string?: string;
  block_end_string?: string;
  comment_start_string?: string;
  comment_end_string?: string;
}>;
/** What is below a folder of the controller, by its path relative to that: a file, a link's target, or a folder. */
export type TreeNode = Readonly<{ path: string } & ({ file: LocalFile } | { link: string } | { isFolder: true })>;
export type LocalFile = Readonly<{
  /** Where it was found. */
  path: string;
  size: number;
  mode: number;
  sha256: string;
  read: () => Uint8Array;
}>;

/** A ModuleSpec with its type parameters closed over: all that the registry and the engine see. */
export type Module = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  aliases: Readonly<Record<string, string>>;
  freeForm?: string | undefined;
  examples: readonly Example[];
  /** The arguments checked, coerced and completed with defaults; or what is wrong with them. */
  bind: (args: Readonly<Record<string, unknown>>) => Step | readonly ArgError[];
}>;
/** What changes of a step alter, taken together. */
export function touchesOf(step: Step, changes: readonly Change[]): readonly Resource[] {
  if (changes.some((c) => c.waits)) return ['*'];
  return changes.every((c) => c.touches !== undefined) ? changes.flatMap((c) => c.touches ?? []) : step.touches;
}

/** One task's work with its arguments bound: what the engine runs. */
export type Step = Readonly<{
  module: string;
  /** The bound arguments, defaults filled in. */
  args: Readonly<Record<string, unknown>>;
  needs: readonly Resource[];
  touches: readonly Resource[];
  series: string | undefined;
  edits: Readonly<{ of: string; seeing: (stdout: string, text: string) => string | undefined }> | undefined;
  probe: ((ctx: Context) => Script) | undefined;
  plan: (stdout: string, ctx: Context) => Steps;
  data: (stdout: string, ctx: Context, ran?: Output) => Vars;
}>;
/** Closes over a spec's types. Its schema is compiled at the first use, once. */
export function defineModule<A extends TObject, Current>(
  spec: ModuleSpec<A, Current>,
): Module & { readonly spec: ModuleSpec<A, Current> } {
  const aliases = spec.aliases ?? {};
  const bindArgs = binder(spec.args, `module ${spec.name}`, aliases);
  return {
    spec,
    name: spec.name,
    summary: spec.summary,
    args: spec.args,
    aliases,
    freeForm: spec.freeForm,
    examples: spec.examples,
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      const wrong = spec.verify?.(args) ?? [];
      if (wrong.length > 0) return wrong;
      const { probe, edits } = spec;
      const limited = limiting(args as Readonly<Record<string, unknown>>);
      return {
        module: spec.name,
        args: args as Readonly<Record<string, unknown>>,
        needs: spec.needs?.(args) ?? [],
        touches: spec.touches?.(args) ?? [],
        series: spec.series?.(args),
        edits: edits && { of: edits.of(args), seeing: limited((stdout, text) => edits.seeing(stdout, text, args)) },
        probe: probe && ((ctx) => probe(args, ctx)),
        plan: limited((stdout, ctx) => spec.plan(spec.parse(stdout, args), args, ctx)),
        data: limited((stdout, ctx, ran) => spec.data?.(spec.parse(stdout, args), args, ctx, ran) ?? {}),
      };
    },
  };
}

/** Arguments of modules that hold a pattern. */
const PATTERN = /regex|pattern|^(insert)?(after|before)$|^contains$|^excludes?$/;

/** What is worked out by the patterns of a task is bounded where one of them may take long. */
function limiting(args: Readonly<Record<string, unknown>>) {
  const slow = Object.entries(args)
    .filter(([name]) => PATTERN.test(name))
    .flatMap(([, value]) => value)
    .find((value): value is string => typeof value === 'string' && mayBeSlow(value));
  return <A extends readonly unknown[], T>(work: (...given: A) => T): ((...given: A) => T) => {
    if (slow === undefined) return work;
    return (...given) => matching(slow, () => work(...given), String(given[0]));
  };
}

export function isStep(bound: Step | readonly ArgError[]): bound is Step {
  return !Array.isArray(bound);
}

export function isBlocked(steps: Steps): steps is Blocked {
  return 'blocked' in steps;
}
