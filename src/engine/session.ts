import { type Connection, type Group, Held, inGroups, Lost, NotRun, type Piece } from '../core/connection.ts';
import type { Output } from '../core/module.ts';
import type { Resource } from '../core/resource.ts';
import { sh } from '../core/sh.ts';
import { type Answers, keyOf, noAnswers, type Probe } from './answers.ts';
import { type Gate, newGate, type Waiter } from './claims.ts';

/** A line to one host and what is known of it. All trips to a host go through its one session, one after the other. */
export type Session = Readonly<{
  /** The login user. Connects at the first call. Throws Failure. */
  user: () => Promise<string>;
  /** What the probe printed: known already, or asked now, together with every one of `ahead` that is not known. */
  look: (probe: Probe, ahead: () => Iterable<Probe>) => Promise<Output>;
  /** Whether `look` would answer without a trip. */
  knows: (probe: Probe) => boolean;
  /** Whether it was answered after this host's last change, on the same trip, and nothing was waited for since. */
  isOfLastChange: (probe: Probe) => boolean;
  /** What this host's next task is to see may have been done elsewhere: other hosts were waited for, or worked for it. */
  metOthers: () => void;
  /** Whether a change of `touched` may make what was read of `needed` stale, by any name of a file that is known. */
  overlap: Answers['overlap'];
  /** Forgets an answer, so that it is asked again. */
  forget: (probe: Probe) => void;
  /** Forgets everything: somebody else's change may have altered it. */
  forgetAll: () => void;
  /**
   * One trip that changes: the pieces in order, stopped by the first failure, then the probes: `own`, and those of `ahead`
   * that overlap what was touched, but for those whose answers will be altered by a change in between, going by what was
   * answered before: that trip asks them. Throws Lost when the line broke: what was done is not known then.
   */
  change: (made: Making, ahead: () => Iterable<Probe>, timeout: number | undefined) => Promise<readonly Output[]>;
  /**
   * Many changes on one trip, whose looks need not see what the others alter: each is stopped by its own failure, and by one
   * of an earlier task (their numbers, 0 unless told).
   */
  changeAll: (
    changes: readonly Making[],
    ahead: () => Iterable<Probe>,
    timeout: number | undefined,
  ) => Promise<readonly (readonly Output[])[]>;
  put: Connection['put'];
  /** The host is not left to another run before `work` is done, though the run stands still. */
  keep: <T>(work: () => Promise<T>) => Promise<T>;
  /** Claims the host, unless a trip is about to: for who works there, which is `user` where nobody has yet. */
  claim: (user: string | undefined) => Promise<void>;
  /** Closes the line; the next trip opens a new one. */
  drop: () => Promise<void>;
  /** The host has nothing more to do in this run: closes the line and forgets, unless another host's task is at work on it. */
  rest: () => Promise<void>;
  /** Whether a new line can be had. Throws Failure when it cannot. */
  reconnect: () => Promise<void>;
  trips: () => number;
}>;

/** A change: its pieces, what they alter, and what reads it back. */
export type Making = Readonly<{
  pieces: readonly Piece[];
  touches?: readonly Resource[];
  own?: Probe | undefined;
  task?: number;
  /** By a look at the host: where another run was at work since, NotRun is thrown. */
  isPlanned?: boolean;
  /** What has to follow all changes of the trip, once for those with the same. Its failure is that of each of them. */
  closing?: readonly Piece[];
}>;

const asPiece = ({ script, user, isUsers }: Probe): Piece => ({ script, user, isProbe: isUsers !== true });
const LOST_TRIES = 3;
type TripOptions = Readonly<{
  groups?: readonly Group[];
  timeout?: number | undefined;
  isPlanned?: boolean;
  /** It only claims the host: nothing is looked at. */
  isClaim?: boolean;
}>;

/**
 * `gate`: closed while the run stands still, and leaves its hosts to an older one. `start`: what the run waits for before its
 * first change.
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
 * @param slot lets only so many hosts work at once
 * @param dial lets only so many connect at once: they wait for most of that time, so it is many more; hosts that do not
 * answer then keep nobody else waiting
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
  /** How often the host was left to another run; and when it was last looked at: what was planned before may not fit any more. */
  let lefts = 0;
  let lookedAt = 0;
  /** Whether a shell of the line may have claimed the host. */
  let holds = false;
  /** Who the last trip's scripts ran as. */
  let claimant: string | undefined;
  let trips = 0;
  /** Trips that were begun, also those that wait for another run; those on the wire, or connecting; work that keeps the host. */
  let begun = 0;
  let onWire = 0;
  let kept = 0;
  const answers = noAnswers();
  /** Of the probes that the last trip asked after its changes. */
  const withChange = new Set<string>();
  /** `meanwhile` is worked out while the host makes up its mind to answer. */
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
    for (const one of old) await one?.then((c) => c.close()).catch(() => {}); // it may be dead
  };
  const wasLeft = (): void => {
    lefts++;
    answers.outdateAll();
    start.left();
  };
  /** Nothing is at work on the host while the run stands still: its line, and with it the claim, is given up. */
  const leave = async (): Promise<void> => {
    if (onWire > 0 || kept > 0 || line === undefined || gate.standing() === undefined) return;
    const dropped = drop();
    wasLeft(); // a host that is not held any more may be claimed anew at once
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
  /** Throws NotRun where the host was left to another run after `isPlanned` was planned. */
  const trip = async (
    pieces: readonly Piece[],
    { groups = [], timeout, isPlanned = false, isClaim = false }: TripOptions,
  ): Promise<readonly Output[]> => {
    begun++;
    if (!isClaim) claimant = pieces.find(({ user }) => user !== undefined)?.user;
    withChange.clear();
    const { wait, end } = waiter();
    try {
      for (let still = gate.standing(); still !== undefined && kept === 0; still = gate.standing()) {
        await leave();
        await still;
      }
      for (;;) {
        if (isPlanned && lookedAt !== lefts) {
          answers.outdateAll();
          lookedAt = lefts; // whoever planned it plans anew
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
          if (!isClaim) lookedAt = lefts;
          void spare?.then((old) => old.close()).catch(() => {}); // it may be dead
          spare = undefined;
          return outputs;
        } catch (error) {
          if (!(error instanceof Held)) throw error;
          trips--;
          if (hasAnswered) wasLeft();
          await wait(error);
          // The claim of the line's other shell is one that the older run may wait for.
          if (holds) await leave();
        }
      }
    } catch (error) {
      if (error instanceof Lost && !(error instanceof NotRun)) await drop();
      throw error;
    } finally {
      end();
      begun--;
      if (begun === 0 && !holds && !isClaim) start.left(); // it failed: others may wait for this host
      await leave();
    }
  };
  /** Looking again is harmless: a lost line is opened anew. */
  const ask = async (wanted: () => readonly Probe[]): Promise<void> => {
    let probes: readonly Probe[] | undefined;
    const workOut = (): readonly Probe[] => {
      probes ??= wanted();
      return probes;
    };
    const meanwhile = (): void => {
      try {
        workOut();
      } catch {
        // thrown again in its turn
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
    // A group of the first task is not stopped by another's failure.
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
    async look(probe, ahead) {
      if (answers.to(probe) === undefined) await ask(() => [...answers.unknownOf(join([probe], ahead()))]);
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
      if (begun > 0 || holds) return;
      await trip([{ script: sh`:`, user: claimant ?? user, isProbe: true }], { isClaim: true });
    },
    drop,
    async rest() {
      if (begun + kept > 0) return;
      answers.clear();
      await drop();
    },
    async reconnect() {
      // The old line keeps the host ours until the new one has answered.
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
