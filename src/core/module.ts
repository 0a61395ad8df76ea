import type { Static, TObject } from 'typebox';
import { type ArgError, binder } from './bind.ts';
import { matching, mayBeSlow } from './bounded.ts';
import type { Diagnostic } from './diagnostic.ts';
import { type Code, type ErrorArgs, tell } from './errors/index.ts';
import type { Resource } from './resource.ts';
import type { Script } from './sh.ts';
import type { RawVars, Value, Vars } from './value.ts';

/** What a module does on one host: pure functions between a read-only probe and the scripts of changes. */
export type ModuleSpec<A extends TObject, Current> = Readonly<{
  name: string;
  summary: string;
  /**
   * The schema of the arguments. The static type, the ajv validation, the docs and the editor's completion are derived
   * from it.
   */
  args: A;
  /** Other names that Ansible accepts for an argument, for example { pkg: 'name' }. */
  aliases?: Readonly<Record<string, string>>;
  /** The argument that a bare string sets: `- command: ls /` sets 'cmd'. */
  freeForm?: string;
  /** Checks what the schema cannot express, for example two arguments that exclude each other. */
  verify?: (args: Static<A>) => readonly ArgError[];
  /** Arguments that are bare expressions, as `that` of assert. The module evaluates them itself. */
  expressions?: readonly string[];
  /** What `ansible_facts` in the result becomes: facts of the host (default), or variables, as with set_fact. */
  sets?: 'facts' | 'vars';
  /** The variables that the task may define, by name. '*': any. They are known before the run. */
  defines?: (args: Readonly<Record<string, unknown>>) => readonly string[];
  /** The facts that the task gathers, by name. In a plan they may be known only after an earlier change. */
  facts?: (args: Readonly<Record<string, unknown>>) => readonly string[];
  /** Variables that the task loads for the rest of the host's run. Their templates are resolved where they are read. */
  loads?: (args: Static<A>, ctx: Context) => RawVars;
  /**
   * Work on the controller instead of the host (pause, add_host). It gives the keys of the registered result. `when`:
   * `always` also in a plan, because it changes no host; `apply` only in apply. `once`: the first host of the batch does it
   * for all.
   */
  controller?: Readonly<{
    when: 'always' | 'apply';
    once?: true;
    work: (args: Static<A>, controller: Controller) => Promise<ControllerResult>;
  }>;
  /** The task ends when the host has reached a state by itself: what was asked before may be stale then. */
  waits?: true;
  /** The result is printed for the user, as with debug. */
  says?: true;
  /**
   * The controller's files that the task needs, as far as the arguments name them without a template. A missing one is
   * reported before the run.
   */
  sources?: (args: Readonly<Record<string, unknown>>) => readonly Source[];
  examples: readonly Example[];
  /** The resources that the probe reads. Default: none. */
  needs?: (args: Static<A>) => readonly Resource[];
  /** The resources that a change alters. Default: none. '*' stands for anything, if the resources are not known. */
  touches?: (args: Static<A>) => readonly Resource[];
  /**
   * Changes of one series may run one after the other without a probe in between. None of them hinders another, and it
   * does no harm to make one of them, or to run an action, once more. The task still reports `changed`. Default: the
   * change belongs to no series.
   */
  series?: (args: Static<A>) => string | undefined;
  /**
   * The module edits a text as a whole. A round trip may then carry several edits of one text, each planned from the
   * result of the one before.
   */
  edits?: Edits<Static<A>>;
  /**
   * A read-only POSIX sh script for dash and busybox. It runs in a subshell with `set -u` and stdin from /dev/null.
   * Without a probe, nothing is read from the host.
   */
  probe?: (args: Static<A>, ctx: Context) => Script;
  /**
   * Pure. `stdout` is the probe's output, decoded as UTF-8. The probe must send bytes that have to stay exact through
   * `base64`.
   */
  parse: (stdout: string, args: Static<A>) => Current;
  plan: (current: Current, args: Static<A>, ctx: Context) => Steps;
  /**
   * The keys of a registered result beside changed/failed/skipped, with Ansible's names. `ran` holds the output of the
   * change's scripts.
   */
  data?: (current: Current, args: Static<A>, ctx: Context, ran?: Output) => Vars;
}>;

/** What work on the controller may use. */
export type Controller = Readonly<{
  /** Asks on the terminal. undefined without a terminal. */
  ask: (question: string, options: Readonly<{ echo: boolean }>) => Promise<string | undefined>;
  /** Tells the user about the work, for example how long it will take. */
  say: (text: string) => void;
  /** Waits. It ends early, with an error, if the run is interrupted. */
  wait: (ms: number) => Promise<void>;
  now: () => number;
  /** Adds a host and its groups to the inventory, for the plays to come. Returns whether anything is new. */
  addHost: (name: string, groups: readonly string[], vars: Vars) => boolean;
  /** Adds the task's host to a group, which may have parent groups. Returns whether anything is new. */
  addToGroup: (group: string, parents: readonly string[]) => boolean;
  /** The name of the task's host in the inventory. */
  host: string;
  /** Nothing may be changed: this is a plan, or the task has `check_mode: true`. */
  isPlan: boolean;
  /** Runs a script that only reads on the task's host, as the task's user. */
  read: (script: Script) => Promise<Output>;
  /** Runs a script that may alter anything on the task's host, as the task's user. */
  change: (script: Script) => Promise<Output>;
  /** Where the task works: on this machine for its host, on the host itself by `delegate_to`, or for it on another one. */
  place: 'controller' | 'host' | 'another';
  /**
   * Runs a program of this machine that starts one on the task's host, as the task's user, through a remote shell. It
   * may alter anything there. Throws Failure.
   */
  bridge: (argv: (remoteShell: string) => readonly string[]) => Promise<Output>;
  /** Finds a file or directory of the controller, as Context.file does. Throws Failure. */
  find: (path: string, folder: Folder) => string;
  /** The path of the controller that a path relative to the playbook means. */
  resolve: (path: string) => string;
  /** The SHA-1 of a file of the controller, by a path relative to the playbook. undefined: it does not exist. */
  sha1Of: (path: string) => string | undefined;
  /** Whether a path of the controller is a directory. */
  isFolder: (path: string) => boolean;
  /** Writes a file of the controller, and the directories above it. Throws Failure. */
  write: (path: string, content: Uint8Array) => void;
  /** Opens a new connection to the task's host. Throws Failure if that is not possible. */
  reconnect: () => Promise<void>;
}>;
/** `told` describes what was changed, or would be in a plan. */
export type ControllerResult = Readonly<
  { changed: boolean; data: Vars; told?: Readonly<{ what: string; diff: Diff }> } | { failed: Diagnostic }
>;

/** A file or directory that `Context.file` finds, or a template that `Context.render` renders. */
export type Source = Readonly<{ path: unknown; folder: Folder; isTemplate?: boolean; staysSealed?: boolean }>;
/** The directory of a role or a playbook in which a file is searched first. */
export type Folder = 'files' | 'templates' | 'vars';

export type Edits<A> = Readonly<{
  /**
   * Identifies the text and everything else that two edits of it may disagree about (owner, mode). Only edits with the
   * same identity may follow each other.
   */
  of: (args: A) => string;
  /** The output that the probe will print if the file holds `text`. undefined: not known before the probe runs. */
  seeing: (stdout: string, text: string, args: A) => string | undefined;
}>;
export type Example = Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>;
/** An empty list means that there is nothing to do. */
export type Steps = readonly Change[] | Blocked;
export type Change = Readonly<{
  /** Describes the change for the reader of a plan, for example 'install nginx' or 'start nginx.service'. */
  what: string;
  diff?: Diff;
  /** Files that are uploaded to the host before `run`, as root with mode 0600. */
  upload?: readonly Upload[];
  run: Script;
  /**
   * One script does the work of several changes, which may belong to other items or tasks. `run` gets the words of all
   * of them and runs in the place of the first change; their `closing` scripts run too. A change may only join changes
   * whose `by` is listed in `after`.
   */
  joins?: Readonly<{
    by: string;
    after: readonly string[];
    words: readonly string[];
    run: (words: readonly string[]) => Script;
    /** Reverts the joined work if a task in between failed. Without `undo`, no other task may run in between. */
    undo?: (words: readonly string[]) => Script;
  }>;
  /** Runs at the end of the same round trip, once for all changes that ask for it, even if one of them failed. */
  closing?: Script;
  /** A line that `data` gets at the end of the output of `run` if the change succeeded. It costs the host nothing. */
  says?: string;
  /** The text of the file after the change, for a module with `edits`. */
  leaves?: string;
  /** The resources that this change alters, if they are fewer than the module's `touches` for any state of the host. */
  touches?: readonly Resource[];
  /**
   * The host shows no sign that the change was made, so the read-back may plan it again. A string is reported as a
   * warning together with the output of `explain`. If `explain` prints nothing, the change is not excused.
   */
  excused?: true | string;
  /** Read-only. Prints why the change is still planned after it was made, for the error message. */
  explain?: Script;
  /** The change never converges (command, restart, reboot), so it is not read back. */
  action?: true;
  /** The change alters nothing (wait_for, uri), so the task stays `ok`. */
  harmless?: true;
  /** A line that the script prints if nothing had to be altered. The task then stays `ok`. */
  unaltered?: string;
  /**
   * What the script reported about itself, where its exit code does not tell. Nobody knows before an action runs
   * whether it will alter anything, so a plan shows such an action as known after apply.
   */
  verdict?: (ran: Output) => Verdict;
  /** The change waits for a state that changes by itself. Every earlier answer of a probe may be stale when it ends. */
  waits?: true;
  /**
   * The change may cut off our own access (firewall, sshd). `run` arms a timer on the host that reverts the change
   * after `seconds`, and `script` disarms the timer. `script` runs over a new connection, because the old one may
   * survive rules that block every new one. If no new connection succeeds, the timer reverts the change.
   */
  confirm?: Readonly<{ seconds: number; script: Script }>;
  /**
   * The host reboots, and the engine waits for a new boot id. Both values are in seconds. `delay` is the time before
   * the first attempt to connect.
   */
  reboots?: Readonly<{ timeout: number; delay: number }>;
}>;
/**
 * The task cannot be done in the host's present state. `apply` fails. `plan` shows unknown if an earlier change may
 * remove the cause.
 */
export type Blocked = Readonly<{ blocked: Diagnostic }>;
export function blocked<C extends Code>(code: C, given: ErrorArgs<C>): Blocked {
  return { blocked: tell(code, given) };
}
/** null: the file or object did not exist before, or will not exist afterwards. */
export type Diff = Readonly<{ of: string; before: string | null; after: string | null }>;
/** A file's content in parts. Files of the controller are read only while they are sent. */
export type Content = readonly (Uint8Array | LocalFile)[];
/** Uploads `content`, or a download that the controller makes from `url` if the host has no HTTP client. */
export type Upload = Readonly<
  {
    to: string;
    /**
     * A new directory is created for `to` inside a directory that all users can write to. Only the acting user can
     * enter it.
     */
    isSpooled?: true;
  } & ({ content: Content } | { url: string; headers?: Readonly<Record<string, string>> })
>;
export type Verdict = Readonly<{ changed: boolean } | { failed: Diagnostic }>;
export type Output = Readonly<{ code: number; stdout: string; stderr: string }>;

/** What a module may use beside its arguments. All of it is deterministic within a task. */
export type Context = Readonly<{
  /**
   * Facts by their names without `ansible_`, for example os_family or distribution_version. Empty before facts are
   * gathered.
   */
  facts: Vars;
  /** The user that the scripts run as on the host. */
  user: string;
  /** `--diff` is set, or this is a plan. Probes may then fetch the contents of small files. */
  diff: boolean;
  /**
   * Finds a file on the controller in Ansible's search order: the role's files/ (or templates/), then the playbook's
   * directory. Throws Failure.
   */
  file: (path: string, folder: Folder) => LocalFile;
  /** Whether the path is a directory on the controller. False if the path does not exist. */
  isFolder: (path: string, folder: Folder) => boolean;
  /**
   * Everything below a directory on the controller, sorted. Links are followed; with `follow: false` they are returned
   * as links. Throws Failure.
   */
  tree: (path: string, folder: Folder, follow?: boolean) => readonly TreeNode[];
  /** Reads a file of variables that `file` or `tree` found. Throws Failure. */
  variables: (path: string) => RawVars;
  /** Renders a template file with the task's variables and Ansible's defaults (trim_blocks). Throws Failure. */
  render: (path: string, options?: RenderOptions) => string;
  /** Evaluates a bare expression, as in `when:` or `debug: var=`. Throws Failure. */
  evaluate: (expression: string) => Value;
  sha256: (data: string | Uint8Array) => string;
  /** Ansible returns these two for files. Nothing may rely on them for security. */
  sha1: (data: string | Uint8Array) => string;
  md5: (data: string | Uint8Array) => string;
  /** A random word for this run that no host learns. `stageOf` derives the names of staged files from it. */
  nonce: string;
}>;
export type RenderOptions = Readonly<{
  /** The result is a text, even if the template is a single {{ }}. */
  asText?: boolean;
  /** The file on the host that is written, for the variable `template_destpath`. */
  destination?: string;
  trim_blocks?: boolean;
  lstrip_blocks?: boolean;
  variable_start_string?: string;
  variable_end_string?: string;
  block_start_string?: string;
  block_end_string?: string;
  comment_start_string?: string;
  comment_end_string?: string;
}>;
/**
 * An entry below a directory of the controller, with its path relative to that directory: a file, a link with its
 * target, or a directory.
 */
export type TreeNode = Readonly<{ path: string } & ({ file: LocalFile } | { link: string } | { isFolder: true })>;
export type LocalFile = Readonly<{
  /** The path where the file was found. */
  path: string;
  size: number;
  mode: number;
  /** The owner's user number, if it is a file of its own. */
  uid?: number;
  sha256: string;
  sha1: string;
  md5: string;
  read: () => Uint8Array;
  /** The same file as it is stored, if it is encrypted with ansible-vault. Size, hashes and `read` are of the clear text. */
  sealed?: LocalFile;
}>;

/** A ModuleSpec whose type parameters are hidden. The registry and the engine see nothing else of a module. */
export type Module = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  aliases: Readonly<Record<string, string>>;
  freeForm?: string | undefined;
  sources?: ModuleSpec<TObject, unknown>['sources'] | undefined;
  expressions?: readonly string[] | undefined;
  sets?: 'facts' | 'vars' | undefined;
  defines?: ModuleSpec<TObject, unknown>['defines'] | undefined;
  facts?: ModuleSpec<TObject, unknown>['facts'] | undefined;
  /** Arguments keep their types: a float, a secret. Other modules get plain values. */
  isNative?: boolean;
  /** The task works on the controller, once for all hosts of the batch. */
  isOnce?: boolean;
  examples: readonly Example[];
  /** Validates and coerces the arguments and fills in defaults, or returns the errors. */
  bind: (args: Readonly<Record<string, unknown>>) => Step | readonly ArgError[];
}>;
/** The resources that these changes of a step alter together. */
export function touchesOf(step: Step, changes: readonly Change[]): readonly Resource[] {
  if (changes.some((c) => c.waits)) return ['*'];
  return changes.every((c) => c.touches !== undefined) ? changes.flatMap((c) => c.touches ?? []) : step.touches;
}

/** The work of one task with its arguments bound. The engine runs steps. */
export type Step = Readonly<{
  module: string;
  /** The bound arguments with defaults filled in. */
  args: Readonly<Record<string, unknown>>;
  needs: readonly Resource[];
  touches: readonly Resource[];
  series: string | undefined;
  edits: Readonly<{ of: string; seeing: (stdout: string, text: string) => string | undefined }> | undefined;
  sets: 'facts' | 'vars';
  says: boolean;
  waits: boolean;
  loads: ((ctx: Context) => RawVars) | undefined;
  controller:
    | Readonly<{ when: 'always' | 'apply'; work: (controller: Controller) => Promise<ControllerResult> }>
    | undefined;
  probe: ((ctx: Context) => Script) | undefined;
  plan: (stdout: string, ctx: Context) => Steps;
  data: (stdout: string, ctx: Context, ran?: Output) => Vars;
}>;
/**
 * Hides the type parameters of a spec. The schema is compiled once, at the first use. `schemaId` tells it from all other
 * schemas: a project's own module may have the name of one of bringup's.
 */
export function defineModule<A extends TObject, Current>(
  spec: ModuleSpec<A, Current>,
  schemaId = `module ${spec.name}`,
): Module & { readonly spec: ModuleSpec<A, Current> } {
  const aliases = spec.aliases ?? {};
  const bindArgs = binder(spec.args, schemaId, aliases);
  return {
    spec,
    name: spec.name,
    summary: spec.summary,
    args: spec.args,
    aliases,
    freeForm: spec.freeForm,
    sources: spec.sources,
    expressions: spec.expressions,
    sets: spec.sets,
    defines: spec.defines,
    facts: spec.facts,
    isNative: spec.sets === 'vars' || spec.says === true,
    isOnce: spec.controller?.once === true,
    examples: spec.examples,
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      const wrong = spec.verify?.(args) ?? [];
      if (wrong.length > 0) return wrong;
      const { probe, edits, loads, controller } = spec;
      const limited = limiting(args as Readonly<Record<string, unknown>>);
      return {
        module: spec.name,
        args: args as Readonly<Record<string, unknown>>,
        needs: spec.needs?.(args) ?? [],
        touches: spec.touches?.(args) ?? [],
        series: spec.series?.(args),
        edits: edits && { of: edits.of(args), seeing: limited((stdout, text) => edits.seeing(stdout, text, args)) },
        sets: spec.sets ?? 'facts',
        says: spec.says === true,
        waits: spec.waits === true,
        loads: loads && ((ctx) => loads(args, ctx)),
        controller: controller && { when: controller.when, work: (hands) => controller.work(args, hands) },
        probe: probe && ((ctx) => probe(args, ctx)),
        plan: limited((stdout, ctx) => spec.plan(spec.parse(stdout, args), args, ctx)),
        data: limited((stdout, ctx, ran) => spec.data?.(spec.parse(stdout, args), args, ctx, ran) ?? {}),
      };
    },
  };
}

/** Names of module arguments that hold a pattern. */
const PATTERN = /regex|pattern|^(insert)?(after|before)$|^contains$|^excludes?$/;

/** Limits the time of a module's functions if one of the task's patterns may be slow. */
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
