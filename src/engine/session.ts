import { type Connection, type Group, inGroups, Lost, type Piece } from '../core/connection.ts';
import type { Output } from '../core/module.ts';
import { overlaps, type Resource } from '../core/resource.ts';
import type { Script } from '../core/sh.ts';

/** A read-only look at a host: the same script as the same user gives the same answer until something it needs changes. */
export type Probe = Readonly<{
  script: Script;
  user: string | undefined;
  needs: readonly Resource[];
  /** It is the user's own program: nothing is known of what it does to its shell. */
  isUsers?: boolean;
  /** The most that its task may alter, and what it will if this is the answer. */
  touches?: readonly Resource[];
  leadsTo?: (answer: Output) => readonly Resource[];
}>;

/** A line to one host and what is known of it. All trips to a host go through its one session, one after the other. */
export type Session = Readonly<{
  /** The login user. Connects at the first call. Throws Failure. */
  user: () => Promise<string>;
  /** What the probe printed: known already, or asked now, together with every one of `ahead` that is not known. */
  look: (probe: Probe, ahead: () => Iterable<Probe>) => Promise<Output>;
  /** Whether `look` would answer without a trip. */
  knows: (probe: Probe) => boolean;
  /** Forgets an answer, so that it is asked again. */
  forget: (probe: Probe) => void;
  /** Forgets everything: somebody else's change may have altered it. */
  forgetAll: () => void;
  /**
   * One trip that changes: the pieces in order, stopped by the first failure, then the probes: `own`, and those of `ahead`
   * that overlap what was touched, but for those whose answers will be altered by a change in between, going by what was
   * answered before: that trip asks them. Throws Lost when the line broke: what was done is not known then.
   */
  change: (
    pieces: readonly Piece[],
    touches: readonly Resource[],
    own: Probe | undefined,
    ahead: () => Iterable<Probe>,
    timeout: number | undefined,
  ) => Promise<readonly Output[]>;
  /**
   * Many changes on one trip, whose looks do not depend on what the others alter: each is stopped by its own failure, and
   * by one of an earlier task (their numbers, 0 unless told).
   */
  changeAll: (
    changes: readonly Readonly<{
      pieces: readonly Piece[];
      touches: readonly Resource[];
      own: Probe | undefined;
      task?: number;
    }>[],
    ahead: () => Iterable<Probe>,
    timeout: number | undefined,
  ) => Promise<readonly (readonly Output[])[]>;
  put: Connection['put'];
  /** Closes the line; the next trip opens a new one. */
  drop: () => Promise<void>;
  /** The host has nothing more to do in this run: closes the line and forgets, unless another host's task is at work on it. */
  rest: () => Promise<void>;
  /** Whether a new line can be had. Throws Failure when it cannot. */
  reconnect: () => Promise<void>;
  trips: () => number;
}>;

type Answer = { readonly output: Output; readonly needs: readonly Resource[]; leadsTo?: readonly Resource[] };

const keyOf = (probe: Probe): string => `${probe.user ?? ''}\0${probe.script.text}`;
const asPiece = ({ script, user, isUsers }: Probe): Piece => ({ script, user, isProbe: isUsers !== true });
/** A trip carries at most this much: more probes go with the next. */
const MAX_SCRIPT = 512 * 1024;
const LOST_TRIES = 3;

export type Slot = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * @param slot lets only so many hosts work at once
 * @param dial lets only so many connect at once: they wait for most of that time, so it is many more; hosts that do not
 * answer then keep nobody else waiting
 */
export function openSession(connect: () => Promise<Connection>, slot: Slot, dial: Slot, signal: AbortSignal): Session {
  let line: Promise<Connection> | undefined;
  let trips = 0;
  let busy = 0;
  const known = new Map<string, Answer>();
  /** Answers that no longer hold: a guess at what the next will be. */
  const old = new Map<string, Answer>();
  /** `meanwhile` is worked out while the host makes up its mind to answer. */
  const open = (meanwhile: () => void = () => {}): Promise<Connection> => {
    line ??= dial(async () => {
      const opening = connect();
      opening.catch(() => {}); // it is awaited below; a refusal that comes sooner is no unhandled one
      await new Promise(setImmediate);
      meanwhile();
      return opening;
    }).catch((error: unknown) => {
      line = undefined;
      throw error;
    });
    return line;
  };
  const drop = async (): Promise<void> => {
    const old = line;
    line = undefined;
    await old?.then((c) => c.close()).catch(() => {});
  };
  const trip = async (
    pieces: readonly Piece[],
    groups: readonly Group[],
    timeout?: number,
  ): Promise<readonly Output[]> => {
    busy++;
    try {
      const connection = await open();
      trips++;
      return await slot(() => connection.run(pieces, { signal, groups, ...(timeout !== undefined && { timeout }) }));
    } catch (error) {
      if (error instanceof Lost) await drop();
      throw error;
    } finally {
      busy--;
    }
  };
  /** Looking again is harmless: a lost line is opened anew. */
  const ask = async (wanted: () => readonly Probe[]): Promise<void> => {
    let probes: readonly Probe[] | undefined;
    const workOut = (): readonly Probe[] => {
      probes ??= wanted();
      return probes;
    };
    for (let tries = 1; ; tries++) {
      try {
        await open(workOut);
        const outputs = await trip(workOut().map(asPiece), []);
        remember(workOut(), outputs);
        return;
      } catch (error) {
        if (!(error instanceof Lost) || tries === LOST_TRIES || signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * tries));
      }
    }
  };
  const remember = (probes: readonly Probe[], outputs: readonly Output[]): void => {
    for (const [i, probe] of probes.entries()) {
      const output = outputs[i];
      if (output !== undefined) known.set(keyOf(probe), { output, needs: probe.needs });
    }
  };
  const unknownOf = (probes: Iterable<Probe>): readonly Probe[] => {
    const wanted = new Map<string, Probe>();
    let size = 0;
    for (const probe of probes) {
      const key = keyOf(probe);
      if (known.has(key) || wanted.has(key)) continue;
      size += probe.script.text.length;
      if (size > MAX_SCRIPT && wanted.size > 0) break;
      wanted.set(key, probe);
    }
    return [...wanted.values()];
  };
  const outdate = (key: string): void => {
    const answer = known.get(key);
    if (answer !== undefined) old.set(key, answer);
    known.delete(key);
  };
  /** What the probe's task will alter, going by its last answer. */
  const foreseen = (probe: Probe): readonly Resource[] => {
    const guess = known.get(keyOf(probe)) ?? old.get(keyOf(probe));
    if (guess === undefined) return [];
    guess.leadsTo ??= probe.leadsTo?.(guess.output) ?? [];
    return guess.leadsTo;
  };
  function* worthAsking(probes: Iterable<Probe>): Iterable<Probe> {
    const passed: Probe[] = [];
    for (const probe of probes) {
      const { needs } = probe;
      // To foresee is work: only for those few that may alter an answer which is wanted.
      const mayAlter = ({ touches = [] }: Probe): boolean => overlaps(touches, needs);
      const isInVain =
        !known.has(keyOf(probe)) && passed.some((one) => mayAlter(one) && overlaps(foreseen(one), needs));
      if (!isInVain) yield probe;
      passed.push(probe);
    }
  }
  const changeAll: Session['changeAll'] = async (changes, ahead, timeout) => {
    const touches = changes.flatMap((c) => c.touches);
    const own = changes.flatMap((c) => c.own ?? []);
    for (const [key, { needs }] of known) if (overlaps(touches, needs)) outdate(key);
    for (const probe of own) outdate(keyOf(probe));
    const again = unknownOf([...own, ...worthAsking(ahead())]);
    const pieces = changes.flatMap((c) => c.pieces);
    const groups = changes.map((c) => ({ size: c.pieces.length, task: c.task ?? 0 }));
    const outputs = await trip([...pieces, ...again.map(asPiece)], groups, timeout);
    remember(again, outputs.slice(pieces.length));
    return inGroups(outputs, groups).map((all) => {
      const failed = all.findIndex((o) => o.code !== 0);
      return failed < 0 ? all : all.slice(0, failed + 1);
    });
  };
  return {
    user: async () => (await open()).user,
    async look(probe, ahead) {
      const key = keyOf(probe);
      if (!known.has(key)) await ask(() => unknownOf([probe, ...ahead()]));
      return known.get(key)?.output ?? { code: 255, stdout: '', stderr: 'the probe gave no answer' };
    },
    knows: (probe) => known.has(keyOf(probe)),
    forget: (probe) => outdate(keyOf(probe)),
    forgetAll: () => [...known.keys()].forEach(outdate),
    async change(pieces, touches, own, ahead, timeout) {
      const [outputs = []] = await changeAll([{ pieces, touches, own }], ahead, timeout);
      return outputs;
    },
    changeAll,
    async put(data, path, user) {
      busy++;
      try {
        const connection = await open();
        trips++;
        await connection.put(data, path, user);
      } catch (error) {
        if (error instanceof Lost) await drop();
        throw error;
      } finally {
        busy--;
      }
    },
    drop,
    async rest() {
      if (busy > 0) return;
      known.clear();
      old.clear();
      await drop();
    },
    async reconnect() {
      await drop();
      await open();
    },
    trips: () => trips,
  };
}
