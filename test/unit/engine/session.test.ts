import { describe, expect, it } from 'vitest';
import { type Connection, Lost, NotRun } from '../../../src/core/connection.ts';
import type { Output } from '../../../src/core/module.ts';
import { sh, verbatim } from '../../../src/core/sh.ts';
import type { Probe } from '../../../src/engine/host/answers.ts';
import { type Gate, newGate, newStart, type Start } from '../../../src/engine/host/claims.ts';
import { openSession, type Session } from '../../../src/engine/host/session.ts';

const atOnce = <T>(work: () => Promise<T>): Promise<T> => work();

/**
 * A host without links that answers each script with its own text. `trips` records the scripts of each round trip
 * except the probe for links.
 */
function host(codeOf: (text: string) => number = () => 0): { session: Session; trips: string[][] } {
  const trips: string[][] = [];
  const connection = {
    user: 'ops',
    run: async (pieces: Parameters<Connection['run']>[0]) => {
      const asksForLinks = (text: string): boolean => text.includes('readlink');
      trips.push(pieces.map((p) => p.script.text).filter((text) => !asksForLinks(text)));
      return pieces.map(({ script: { text } }) => ({
        code: codeOf(text),
        stdout: asksForLinks(text) ? '' : text,
        stderr: '',
      }));
    },
    close: async () => {},
  } as unknown as Connection;
  return {
    session: openSession(async () => connection, atOnce, atOnce, { signal: new AbortController().signal }),
    trips,
  };
}
const probe = (text: string, needs: readonly string[], leadsTo?: Probe['leadsTo']): Probe => ({
  script: verbatim(text),
  user: 'root',
  needs,
  ...(leadsTo !== undefined && { leadsTo, touches: ['*'] }),
});
const piece = { script: sh`change`, user: 'root' };

describe('what a session asks', () => {
  it('asks for each answer once, with everything to come, and again only for what a change may have altered', async () => {
    const { session, trips } = host();
    const [a, b, c] = [probe('a', ['path:/a']), probe('b', ['path:/b']), probe('c', ['path:/a/c'])];
    await session.ask(a, () => [b, c]);
    await session.ask(b, () => [c]);
    await session.change({ pieces: [piece], touches: ['path:/a'], own: a }, () => [b, c], undefined);
    expect((await session.ask(c, () => [])).stdout).toBe('c');
    expect(trips).toEqual([
      ['a', 'b', 'c'],
      ['change', 'a', 'c'],
    ]);
  });

  it('leaves out, with a change, what a later change will alter by the old answers; that change asks for it', async () => {
    const { session, trips } = host();
    const alters = ({ stdout }: Output): readonly string[] => (stdout === 'next' ? ['path:/x'] : []);
    const own = probe('own', ['path:/x'], alters);
    const [fine, next, last] = ['fine', 'next', 'last'].map((text) => probe(text, ['path:/x/y'], alters)) as [
      Probe,
      Probe,
      Probe,
    ];
    const far = probe('far', ['path:/z'], alters);
    await session.ask(own, () => [fine, next, last, far]);
    await session.change({ pieces: [piece], touches: ['*'], own }, () => [fine, next, last, far], undefined);
    expect(trips.at(-1)).toEqual(['change', 'own', 'fine', 'next', 'far']);
    expect([own, fine, next, last].map(session.knows)).toEqual([true, true, true, false]);
    await session.change({ pieces: [piece], touches: ['path:/x'], own: next }, () => [last, far], undefined);
    expect(trips.at(-1)).toEqual(['change', 'next', 'last']);
    expect(session.trips()).toBe(3);
  });

  it('asks, with a change, for what its own task altered, even if that is among the probes to come', async () => {
    const { session, trips } = host();
    const own = probe('own', ['path:/x'], () => ['path:/x']);
    const next = probe('next', ['path:/x/y']);
    await session.ask(own, () => [own, next]);
    await session.change({ pieces: [piece], touches: ['path:/x'], own }, () => [own, next], undefined);
    expect(trips.at(-1)).toEqual(['change', 'own', 'next']);
  });

  it('asks, with a change, for what changes of its own series will alter, because they need no probe in between', async () => {
    const { session, trips } = host();
    const [own, next, other] = ['start-a', 'start-b', 'other'].map((text) => ({
      ...probe(text, ['live:*'], () => ['*']),
      series: text.slice(0, 5),
    })) as [Probe, Probe, Probe];
    await session.ask(own, () => [next, other]);
    await session.change({ pieces: [piece], touches: ['live:*'] }, () => [own, next, other], undefined);
    expect(trips.at(-1)).toEqual(['change', 'start-a', 'start-b']);
  });

  it('leaves out members of its series that will not change, because they are reported as they are afterwards', async () => {
    const { session, trips } = host();
    const [own, next] = ['start-a', 'start-b'].map((text) => ({
      ...probe(text, ['live:*'], () => (text === 'start-a' ? ['*'] : [])),
      series: 'start',
    })) as [Probe, Probe];
    await session.ask(own, () => [next]);
    await session.change({ pieces: [piece], touches: ['live:*'] }, () => [own, next], undefined);
    expect(trips.at(-1)).toEqual(['change', 'start-a']);
  });

  it('runs closing scripts once, after all changes and before the read-back', async () => {
    const [closing, failing] = ['closing', 'failing'].map((text) => ({ script: verbatim(text), user: 'root' }));
    const { session, trips } = host((text) => (text === 'failing' ? 3 : 0));
    const a = { pieces: [piece], touches: ['path:/a'], own: probe('a', ['path:/a']), closing: [closing ?? piece] };
    const b = { ...a, own: probe('b', ['path:/a']), closing: [closing ?? piece, failing ?? piece] };
    const made = await session.changeAll([a, b], () => [], undefined);
    expect(trips).toEqual([['change', 'change', 'closing', 'failing', 'a', 'b']]);
    expect(made.map((outputs) => outputs.map((o) => o.code))).toEqual([[0], [0, 3]]);
  });

  it('computes the probes to come while the connection opens; their errors are reported in their turn', async () => {
    const order: string[] = [];
    const line = { user: 'ops', run: async () => [], close: async () => {} } as unknown as Connection;
    const connect = async (meanwhile: () => void): Promise<Connection> => {
      meanwhile();
      order.push('open');
      return line;
    };
    const session = openSession(connect, atOnce, atOnce, { signal: new AbortController().signal });
    const ahead = (): readonly Probe[] => {
      order.push('worked out');
      return [];
    };
    await session.ask(probe('a', []), ahead);
    expect(order).toEqual(['worked out', 'open']);
    const other = openSession(connect, atOnce, atOnce, { signal: new AbortController().signal });
    const fails = other.ask(probe('a', []), () => {
      throw new Error('no such thing');
    });
    await expect(fails).rejects.toThrow('no such thing');
    expect(order.at(-1)).toBe('open');
  });

  it('asks for everything with a change whose effect no answer predicted', async () => {
    const { session, trips } = host();
    const [a, b] = [probe('a', ['path:/x'], () => ['*']), probe('b', ['path:/x'])];
    await session.change({ pieces: [piece], touches: ['*'] }, () => [a, b], undefined);
    expect(trips).toEqual([['change', 'a', 'b']]);
  });
});

describe('a run that makes no progress', () => {
  /** A host whose connections are recorded. `closed` counts the connections that were given up. */
  function watched(): { session: Session; gate: Gate; seen: { opened: number; closed: number }; finish: () => void } {
    const seen = { opened: 0, closed: 0 };
    let finish = (): void => {};
    const connect = async (): Promise<Connection> => {
      seen.opened++;
      const run = async (pieces: Parameters<Connection['run']>[0]): Promise<readonly Output[]> => {
        if (pieces.some((p) => p.script.text === 'slow')) await new Promise<void>((resolve) => (finish = resolve));
        return pieces.map(() => ({ code: 0, stdout: '', stderr: '' }));
      };
      return { user: 'ops', run, close: async () => void seen.closed++ } as unknown as Connection;
    };
    const gate = newGate();
    const session = openSession(connect, atOnce, atOnce, { signal: new AbortController().signal, gate });
    return { session, gate, seen, finish: () => finish() };
  }
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  const planned = { pieces: [piece], isPlanned: true };

  it('releases an idle host, and plans again what it had planned for it', async () => {
    const { session, gate, seen } = watched();
    await session.ask(probe('a', []), () => []);
    gate.close();
    await settle();
    expect(seen).toEqual({ opened: 1, closed: 1 });
    const change = session.change(planned, () => [], undefined);
    gate.open();
    await expect(change).rejects.toBeInstanceOf(NotRun);
    expect(session.knows(probe('a', []))).toBe(false);
    await session.change(planned, () => [], undefined);
    expect(seen).toEqual({ opened: 2, closed: 1 });
  });

  it('releases a host when its script has ended, not before', async () => {
    const { session, gate, seen, finish } = watched();
    const slow = session.change({ pieces: [{ script: verbatim('slow'), user: 'root' }] }, () => [], undefined);
    await settle();
    gate.close();
    const waits = session.change(planned, () => [], undefined); // another task on the same host
    await settle();
    expect(seen.closed).toBe(0);
    finish();
    await slow;
    await settle();
    expect(seen.closed).toBe(1);
    gate.open();
    await expect(waits).rejects.toBeInstanceOf(NotRun);
  });

  it('keeps a host between round trips that must not be interrupted', async () => {
    const { session, gate, seen } = watched();
    await session.keep(async () => {
      await session.change({ pieces: [piece] }, () => [], undefined);
      gate.close();
      await session.change({ pieces: [piece] }, () => [], undefined);
      expect(seen.closed).toBe(0);
    });
    await settle();
    expect(seen.closed).toBe(1);
  });
});

describe('the start of a run', () => {
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  /** Three hosts; `called` records which hosts were claimed, `mayChange` whether the first change may be made. */
  function begun(signal = new AbortController().signal): {
    start: Start;
    called: string[];
    mayChange: () => Promise<boolean>;
  } {
    const called: string[] = [];
    const start = newStart(signal);
    start.expect(['a', 'b', 'c'], async (host) => {
      called.push(host);
      if (host === 'c') throw new Error('unreachable');
    });
    let may = false;
    return {
      start,
      called,
      async mayChange() {
        if (!may) void start.all().then(() => (may = true));
        await settle();
        return may;
      },
    };
  }

  it('waits until all of its hosts are locked, and locks the remaining ones', async () => {
    const { start, called, mayChange } = begun();
    start.claimed('a');
    expect(await mayChange()).toBe(false);
    expect(called).toEqual(['b', 'c']); // c cannot be locked, so nobody waits for it
    start.left('a');
    start.claimed('b');
    expect(await mayChange()).toBe(false);
    expect(called).toEqual(['b', 'c', 'a']);
    start.claimed('a');
    expect(await mayChange()).toBe(true);
    start.left('a'); // from now on, the gate decides
    await start.all();
  });

  it('waits for nobody when it is interrupted', async () => {
    const interrupt = new AbortController();
    const { mayChange } = begun(interrupt.signal);
    expect(await mayChange()).toBe(false);
    interrupt.abort();
    expect(await mayChange()).toBe(true);
  });

  it('claims a host anew that it left while it waited for the others', async () => {
    const seen: string[] = [];
    const gate = newGate();
    const start = newStart(new AbortController().signal);
    const connect = async (): Promise<Connection> => {
      seen.push('open');
      const run = async (pieces: Parameters<Connection['run']>[0]): Promise<readonly Output[]> => {
        seen.push(pieces.map((p) => `${p.script.text} as ${p.user}`).join());
        return pieces.map(() => ({ code: 0, stdout: '', stderr: '' }));
      };
      return { user: 'ops', run, close: async () => void seen.push('close') } as unknown as Connection;
    };
    const own = { claimed: () => start.claimed('a'), left: () => start.left('a'), all: start.all };
    const session = openSession(connect, atOnce, atOnce, { signal: new AbortController().signal, gate, start: own });
    start.expect(['a', 'b'], async (host) => (host === 'a' ? session.claim('nobody') : undefined));
    await session.ask(probe('look', []), () => []);
    const change = session.change({ pieces: [piece], isPlanned: true }, () => [], undefined);
    await settle();
    gate.close();
    await settle();
    gate.open();
    await settle();
    start.claimed('b');
    await expect(change).rejects.toBeInstanceOf(NotRun);
    expect(seen).toEqual(['open', 'look as root', 'close', 'open', ': as root']);
  });

  it('claims a host whose first trip failed, because others wait for it', async () => {
    const start = newStart(new AbortController().signal);
    let opened = 0;
    let lose = (): void => {};
    const lost = new Promise<void>((resolve) => (lose = resolve));
    const connect = async (): Promise<Connection> => {
      const isFirst = opened++ === 0;
      const run = async (pieces: Parameters<Connection['run']>[0]): Promise<readonly Output[]> => {
        if (isFirst) {
          await lost;
          throw new Lost('b');
        }
        return pieces.map(() => ({ code: 0, stdout: '', stderr: '' }));
      };
      return { user: 'ops', run, close: async () => {} } as unknown as Connection;
    };
    const own = { claimed: () => start.claimed('b'), left: () => start.left('b'), all: async () => {} };
    const session = openSession(connect, atOnce, atOnce, { signal: new AbortController().signal, start: own });
    start.expect(['b'], () => session.claim(undefined));
    const failing = session.change({ pieces: [piece] }, () => [], undefined);
    await settle();
    const others = start.all();
    lose();
    await expect(failing).rejects.toBeInstanceOf(Lost);
    await others;
    expect(opened).toBe(2);
  });
});
