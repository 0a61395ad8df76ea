import { type Connection, type Group, Held, inGroups, Lost, NotRun, type Piece } from '../core/connection.ts';
import type { Output } from '../core/module.ts';
import type { Resource } from '../core/resource.ts';
import { sh } from '../core/sh.ts';
import { type Answers, keyOf, noAnswers, type Probe } from './answers.ts';
import { type Gate, newGate, type Waiter } from './claims.ts';

/**
 * The connection to one host and the answers that it gave. All round trips to a host go through its one session, one
 * after the other.
 */
export type Session = Readonly<{
  /** The login user. Connects at the first call. Throws Failure. */
  user: () => Promise<string>;
  /**
   * Returns the probe's output. If it is not known yet, it is asked for now, together with every probe of `ahead` that
   * is not known.
   */
  ask: (probe: Probe, ahead: () => Iterable<Probe>) => Promise<Output>;
  /** Whether `ask` would answer without a round trip. */
  knows: (probe: Probe) => boolean;
  /**
   * Whether the probe was answered in the same round trip as this host's last change, and the host has not waited for
   * others since.
   */
  isOfLastChange: (probe: Probe) => boolean;
  /**
   * Records that this host waited for other hosts, or that they worked for it. Its next task may depend on what they
   * changed.
   */
  metOthers: () => void;
  /** Whether a change of `touched` may make an answer about `needed` stale, under any known name of a file. */
  overlap: Answers['overlap'];
  /** Forgets an answer, so that the probe is asked again. */
  forget: (probe: Probe) => void;
  /** Forgets all answers, because somebody else's change may have made them stale. */
  forgetAll: () => void;
  /**
   * One round trip that makes a change. It runs the pieces in order until the first failure, then the probes: `own`,
   * and those of `ahead` that overlap with what was touched. It leaves out probes whose answers a task in between will
   * make stale, judging by earlier answers; that task's round trip asks them. Throws Lost if the connection broke; it
   * is then not known what was done.
   */
  change: (made: Making, ahead: () => Iterable<Probe>, timeout: number | undefined) => Promise<readonly Output[]>;
  /**
   * Makes many changes in one round trip, if none needs a probe after another one. A failure stops its own change and
   * those of later tasks (`task` is the number, default 0).
   */
  changeAll: (
    changes: readonly Making[],
    ahead: () => Iterable<Probe>,
    timeout: number | undefined,
  ) => Promise<readonly (readonly Output[])[]>;
  put: Connection['put'];
  /** Keeps the host until `work` is done, even if the run stands still for an older run. */
  keep: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Locks the host, unless a round trip is about to do so. The lock is taken as the user that works there, or as `user`
   * if nobody has worked there yet.
   */
  claim: (user: string | undefined) => Promise<void>;
  /** Closes the connection. The next round trip opens a new one. */
  drop: () => Promise<void>;
  /**
   * The host has nothing more to do in this run. Closes the connection and forgets the answers, unless another host's
   * task runs on it.
   */
  rest: () => Promise<void>;
  /** Opens a new connection. Throws Failure if that is not possible. */
  reconnect: () => Promise<void>;
  trips: () => number;
}>;

/** A change: its pieces, what they alter, and the probe that reads it back. */
export type Making = Readonly<{
  pieces: readonly Piece[];
  touches?: readonly Resource[];
  own?: Probe | undefined;
  task?: number;
  /** The change was planned from a probe. If another run worked on the host since, NotRun is thrown. */
  isPlanned?: boolean;
  /**
   * Pieces that run after all changes of the round trip; equal ones run once. If one fails, every change that asked for
   * it fails.
   */
  closing?: readonly Piece[];
}>;

const asPiece = ({ script, user, isUsers }: Probe): Piece => ({ script, user, isProbe: isUsers !== true });
const LOST_TRIES = 3;
type TripOptions = Readonly<{
  groups?: readonly Group[];
  timeout?: number | undefined;
  isPlanned?: boolean;
  /** The round trip only locks the host and asks nothing. */
  isClaim?: boolean;
}>;

/**
 * `gate` is closed while the run stands still and leaves its hosts to an older run. `start` is what the run waits for
 * before its first change.
 */
export type SessionOptions = Readonly<{
  signal: AbortSignal;
  waiter?: () => Waiter;
  gate?: Gate;
  start?: Readonly<{ claimed: () => void; left: () => void; all: () => Promise<void> }>;
}>;
const AT_ONCE = { claimed: () => {}, left: () => {}, all: async () => {} };
const NO_WAITER: Waiter = { wait: (error) => Promise.reject(error), end: () => {} };
export type Slot = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * @param slot limits how many hosts work at the same time
 * @param dial limits how many connections are opened at the same time. Opening mostly waits, so the limit is much
 * higher, and hosts that do not answer do not block the others
 */
export function openSession(
  connect: (meanwhile: () => void) => Promise<Connection>,
  slot: Slot,
  dial: Slot,
  { signal, waiter = () => NO_WAITER, gate = newGate(), start = AT_ONCE }: SessionOptions,
): Session {
  let line: Promise<Connection> | undefined;
  let spare: Promise<Connection> | undefined;
  let hasAnswered = false;
  /**
   * How often the host was left to another run, and the count at the last probe. If they differ, plans from before may
   * be wrong.
   */
  let releases = 0;
  let releasesAtProbe = 0;
  /** Whether a shell of this connection may have locked the host. */
  let holds = false;
  /** The user that the last round trip's scripts ran as. */
  let claimant: string | undefined;
  let trips = 0;
  /**
   * `inProgress` counts round trips in progress, including those that wait for another run. `onWire` counts those that are
   * connecting or sending. `kept` counts work that must keep the host.
   */
  let inProgress = 0;
  let onWire = 0;
  let kept = 0;
  const answers = noAnswers();
  /** The probes that the last change's round trip asked after the change. */
  const withChange = new Set<string>();
  /** `meanwhile` runs while the host takes its time to answer. */
  const open = (meanwhile: () => void = () => {}): Promise<Connection> => {
    line ??= dial(() => connect(meanwhile)).catch((error: unknown) => {
      line = undefined;
      throw error;
    });
    return line;
  };
  const drop = async (): Promise<void> => {
    const old = [line, spare];
    line = undefined;
    spare = undefined;
    holds = false;
    for (const one of old) await one?.then((c) => c.close()).catch(() => {}); // the connection may be dead
  };
  const wasLeft = (): void => {
    releases++;
    answers.outdateAll();
    start.left();
  };
  /** If nothing runs on the host while the run stands still, the connection is closed, which releases the lock. */
  const leave = async (): Promise<void> => {
    if (onWire > 0 || kept > 0 || line === undefined || gate.standing() === undefined) return;
    const dropped = drop();
    wasLeft(); // a host that is not held any more may be locked again at once
    await dropped;
  };
  gate.onClose(leave);
  const keep: Session['keep'] = async (work) => {
    kept++;
    try {
      return await work();
    } finally {
      kept--;
      await leave();
    }
  };
  const onTheWire = async <T>(work: () => Promise<T>): Promise<T> => {
    onWire++;
    try {
      return await work();
    } finally {
      onWire--;
    }
  };
  /** Throws NotRun if `isPlanned` and the host was left to another run since. */
  const trip = async (
    pieces: readonly Piece[],
    { groups = [], timeout, isPlanned = false, isClaim = false }: TripOptions,
  ): Promise<readonly Output[]> => {
    inProgress++;
    if (!isClaim) claimant = pieces.find(({ user }) => user !== undefined)?.user;
    withChange.clear();
    const { wait, end } = waiter();
    try {
      for (let still = gate.standing(); still !== undefined && kept === 0; still = gate.standing()) {
        await leave();
        await still;
      }
      for (;;) {
        if (isPlanned && releasesAtProbe !== releases) {
          answers.outdateAll();
          releasesAtProbe = releases; // the change is planned again after NotRun
          throw new NotRun('the host');
        }
        try {
          const outputs = await onTheWire(async () => {
            const connection = await open();
            trips++;
            return slot(() => connection.run(pieces, { signal, groups, ...(timeout !== undefined && { timeout }) }));
          });
          holds = true;
          start.claimed();
          if (!isClaim) releasesAtProbe = releases;
          void spare?.then((old) => old.close()).catch(() => {}); // the connection may be dead
          spare = undefined;
          return outputs;
        } catch (error) {
          if (!(error instanceof Held)) throw error;
          trips--;
          if (hasAnswered) wasLeft();
          await wait(error);
          // The older run may be waiting for the lock of the connection's other shell.
          if (holds) await leave();
        }
      }
    } catch (error) {
      if (error instanceof Lost && !(error instanceof NotRun)) await drop();
      throw error;
    } finally {
      end();
      inProgress--;
      if (inProgress === 0 && !holds && !isClaim) start.left(); // the round trip failed, so other runs may wait for this host
      await leave();
    }
  };
  /** Probing twice does no harm, so a lost connection is opened again. */
  const askAll = async (wanted: () => readonly Probe[]): Promise<void> => {
    let probes: readonly Probe[] | undefined;
    const workOut = (): readonly Probe[] => {
      probes ??= wanted();
      return probes;
    };
    const meanwhile = (): void => {
      try {
        workOut();
      } catch {
        // thrown again when the probes are sent
      }
    };
    for (let tries = 1; ; tries++) {
      try {
        await open(meanwhile);
        const outputs = await trip(workOut().map(asPiece), {});
        hasAnswered = true;
        answers.remember(workOut(), outputs);
        return;
      } catch (error) {
        if (!(error instanceof Lost) || tries === LOST_TRIES || signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * tries));
      }
    }
  };
  const changeAll: Session['changeAll'] = async (changes, ahead, timeout) => {
    await start.all();
    const touches = changes.flatMap((c) => c.touches ?? []);
    const own = changes.flatMap((c) => c.own ?? []);
    answers.outdateAll(touches);
    for (const probe of own) answers.outdate(probe);
    const again = [...answers.unknownOf(join(own, answers.worthAsking(ahead(), own)))];
    const closing = new Map(changes.flatMap((c) => c.closing ?? []).map((piece) => [keyOf(piece), piece]));
    const pieces = [...changes.flatMap((c) => c.pieces), ...closing.values()];
    // A failure in a group of the first task does not stop other groups of that task.
    const ends = [...closing].map(() => ({ size: 1, task: 0 }));
    const groups = [...changes.map((c) => ({ size: c.pieces.length, task: c.task ?? 0 })), ...ends];
    const isPlanned = changes.some((c) => c.isPlanned);
    const outputs = await trip([...pieces, ...again.map(asPiece)], { groups, timeout, isPlanned });
    answers.remember(again, outputs.slice(pieces.length));
    for (const probe of again) withChange.add(keyOf(probe));
    const given = inGroups(outputs, groups);
    const ended = new Map([...closing.keys()].map((key, i) => [key, given[changes.length + i]?.[0]]));
    return changes.map((change, i) => {
      const all = given[i] ?? [];
      const failed = all.findIndex((o) => o.code !== 0);
      if (failed >= 0) return all.slice(0, failed + 1);
      const undone = change.closing?.map((piece) => ended.get(keyOf(piece))).filter((o) => o?.code !== 0) ?? [];
      return [...all, ...undone.flatMap((o) => o ?? [])];
    });
  };
  return {
    user: async () => (await open()).user,
    async ask(probe, ahead) {
      if (answers.to(probe) === undefined) await askAll(() => [...answers.unknownOf(join([probe], ahead()))]);
      return answers.to(probe) ?? { code: 255, stdout: '', stderr: 'the probe gave no answer' };
    },
    knows: (probe) => answers.to(probe) !== undefined,
    isOfLastChange: (probe) => withChange.has(keyOf(probe)),
    metOthers: () => withChange.clear(),
    overlap: answers.overlap,
    forget: answers.outdate,
    forgetAll: () => answers.outdateAll(),
    async change(made, ahead, timeout) {
      const [outputs = []] = await changeAll([made], ahead, timeout);
      return outputs;
    },
    changeAll,
    async put(sending, user) {
      await keep(async () => {
        const connection = await open();
        trips++;
        await connection.put(sending, user);
      }).catch(async (error: unknown) => {
        if (error instanceof Lost) await drop();
        throw error;
      });
    },
    keep,
    async claim(user) {
      if (inProgress > 0 || holds) return;
      await trip([{ script: sh`:`, user: claimant ?? user, isProbe: true }], { isClaim: true });
    },
    drop,
    async rest() {
      if (inProgress + kept > 0) return;
      answers.clear();
      await drop();
    },
    async reconnect() {
      // The old connection keeps the lock until the new one has answered.
      spare ??= line;
      line = undefined;
      await open();
    },
    trips: () => trips,
  };
}

function* join(first: Iterable<Probe>, then: Iterable<Probe>): Iterable<Probe> {
  yield* first;
  yield* then;
}
