import type { Content, Output } from './module.ts';
import { ROOM, type Script, sh } from './sh.ts';
import type { Secret } from './value.ts';

/** How a host is reached. Made from the inventory's ansible_* variables by config/, used by connect/. */
export type Target = Readonly<{
  name: string;
  via: 'ssh' | 'local';
  /** Name or address; what the inventory says, else the host's name. */
  address: string;
  port: number | undefined;
  user: string | undefined;
  password?: Secret | undefined;
  privateKeyFile?: string | undefined;
  /** A known_hosts file that is asked before ~/.ssh/known_hosts: the lab's, or the project's pins. */
  knownHostsFile?: string | undefined;
  /** `-o ProxyJump=…` as in ansible_ssh_common_args, or what ~/.ssh/config says. */
  jump?: string | undefined;
  become: Readonly<{ method: 'sudo' | 'doas' | 'su'; password?: Secret | undefined }>;
  /** Seconds. Default 10. */
  connectTimeout?: number | undefined;
}>;

/** One script of a trip and who it runs as: undefined is the login user. */
export type Piece = Readonly<{
  script: Script;
  user: string | undefined;
  /** A look of ours: nothing in it is the user's, so that it may share a subshell with others. */
  isProbe?: boolean;
}>;

/**
 * An open line to one host. Every method throws Failure (E_CONNECT, E_BECOME, E_TAMPERED) when the line cannot serve; `Lost`
 * when it broke while something ran, so that the caller may connect again; `Held` when the host is another run's; `Stopped`
 * when what ran was ended, by `signal` or `timeout`.
 */
export type Connection = Readonly<{
  /** Who logged in. */
  user: string;
  /**
   * One round trip: the pieces in order, each in its own subshell with stdin from /dev/null; one Output each. A piece's
   * failure does not stop the next; but the first pieces may belong together in `groups`, where a failure stops the rest of
   * its group and all groups of later tasks, which give no Output. What follows the groups runs unless all of them failed.
   * `timeout` in seconds for the whole trip.
   */
  run: (
    pieces: readonly Piece[],
    options?: Readonly<{ signal?: AbortSignal; timeout?: number; groups?: readonly Group[] }>,
  ) => Promise<readonly Output[]>;
  /** Bytes into a new file on the host: created 0600, owned by `user`, fsynced; streamed when large. */
  put: (sending: Sending, user: string | undefined) => Promise<void>;
  /** A local port on 127.0.0.1 that leads to address:port as seen from the host; closed with the connection. */
  forward: (address: string, port: number) => Promise<number>;
  close: () => Promise<void>;
}>;

/** What is put into a file, and whether that gets a directory of its own (Upload in core/module.ts). */
export type Sending = Readonly<{ content: Content; to: string; isSpooled: boolean }>;

/**
 * Makes room for a new file, in a shell with umask 077 and `set -C`. What is there already is of a try that was cut off; in
 * /var/tmp nobody else can remove or rename what is ours.
 */
export function openUpload({ to, isSpooled }: Pick<Sending, 'to' | 'isSpooled'>): Script {
  const folder = to.slice(0, to.lastIndexOf('/'));
  const room = sh`{ mkdir -- ${folder} 2>/dev/null || { [ -d ${folder} ] && [ ! -L ${folder} ] && [ -O ${folder} ]; }; } && rm -f -- ${to}`;
  return isSpooled ? room : sh`rm -f -- ${to}`;
}

/** What follows where an upload failed: nothing stray stays, and the file system is told. */
export function closeUpload({ to, isSpooled }: Pick<Sending, 'to' | 'isSpooled'>): Script {
  const folder = to.slice(0, to.lastIndexOf('/'));
  return sh`${ROOM}
room ${isSpooled ? '/var/tmp' : `${folder}/`}; rm -f -- ${to}; ${isSpooled ? sh`rmdir -- ${folder}` : sh`:`}`;
}

/** So many pieces, of the task with this number: what one task does in several groups does not depend on each other. */
export type Group = Readonly<{ size: number; task: number }>;

/** The first items in groups of these sizes. */
export function inGroups<T>(items: readonly T[], groups: readonly Group[]): readonly (readonly T[])[] {
  let end = 0;
  return groups.map(({ size }) => {
    end += size;
    return items.slice(end - size, end);
  });
}

/** A run's claim to a host: no two runs that change something work on one host at the same time. */
export type Claim = Readonly<{
  /** The run's id, hexadecimal: of two runs the older one has the lesser. */
  run: string;
  /** Told that a claim which nobody uses any more was taken over: whose it was. */
  tookOver?: ((from: string) => void) | undefined;
  /** Who, from where, since when, doing what: for whoever comes next. One line. */
  words: string;
  /** Process ids of this run's shells whose line broke: what runs in them is waited for before anything else begins. */
  lost: Set<number>;
}>;

/** Another run holds the host, or an earlier script of this one still runs there. `by` says who, from where, since when. */
export class Held extends Error {
  readonly by: string;
  /** The other run's id; another word where it is no run. */
  readonly run: string;
  constructor(host: string, run: string, by: string) {
    super(`${host} is held by ${by}`);
    this.name = 'Held';
    this.run = run;
    this.by = by;
  }
}

/** What ran was ended because the run was interrupted, or because its time was over. */
export class Stopped extends Error {
  readonly why: 'interrupted' | 'timeout';
  /** Process ids that could not be ended; undefined: not known, the host did not answer. */
  readonly left: readonly number[] | undefined;
  constructor(why: Stopped['why'], left: Stopped['left']) {
    super(why === 'timeout' ? 'nothing came back in time; what ran was ended' : 'interrupted');
    this.name = 'Stopped';
    this.why = why;
    this.left = left;
  }
}

/** The line broke while something ran on the host: whether it was done is not known. */
export class Lost extends Error {
  constructor(host: string, cause?: unknown) {
    super(`the connection to ${host} was lost`, { cause });
    this.name = 'Lost';
  }
}

/** What was planned was not run: the host had to be left to another run meanwhile, and has to be looked at again. */
export class NotRun extends Lost {}
