import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeEtcd, makeServers, type Servers } from './simulation.ts';

type Guard = Readonly<{ run: () => Promise<boolean>; stop: () => void; leave: () => Promise<object | undefined> }>;
const load = (file: string): Promise<unknown> =>
  import(new URL(`../../../files/db-guard/${file}`, import.meta.url).href);
const { makeGuard } = (await load('guard.js')) as { makeGuard: (parts: object) => Guard };
const { viewOf } = (await load('config.js')) as { viewOf: (keys: object) => object };
const { isPrimary } = (await load('decide.js')) as { isPrimary: (view: object, host: string) => boolean };

const HOSTS = ['db1', 'db2'] as const;
type Host = (typeof HOSTS)[number];
const other = (host: Host): Host => (host === 'db1' ? 'db2' : 'db1');

/** Two guards over a simulated quorum and simulated servers, on a simulated clock. */
function rack() {
  vi.clearAllTimers(); // the guards of an earlier rack
  const etcd = makeEtcd();
  const servers = makeServers(HOSTS);
  const guards = new Map<Host, Guard>();
  const states = new Map<Host, string>();
  const log: string[] = [];
  const killed = new Set<object>();
  /** Requests of a killed process get no answer. */
  const until = <T extends object>(life: object, port: T): T =>
    new Proxy(port, {
      get:
        (all, name) =>
        (...args: unknown[]) =>
          killed.has(life) ? new Promise(() => {}) : (Reflect.get(all, name) as (...a: unknown[]) => unknown)(...args),
    });
  const lives = new Map<Host, object>();
  const start = (host: Host, inherits?: object): void => {
    const config = {
      host,
      initial: 'db1',
      candidates: HOSTS,
      names: { db1: 'db1', db2: 'db2' },
      port: 3306,
      repl_user: 'repl',
      repl_ca: '',
      replPassword: '',
    };
    const life = {};
    lives.set(host, life);
    const guard = makeGuard({
      config,
      etcd: until(life, etcd.clientOf(host)),
      server: until(life, servers.portOf(host)),
      log: (line: string) => log.push(`${host} ${line}`),
      tell: (state: string) => states.set(host, state),
      inherits,
    });
    guards.set(host, guard);
    void guard.run();
  };
  for (const host of HOSTS) start(host);
  const kill = (host: Host): void => void killed.add(lives.get(host) ?? {});
  /** A newer guard of the same host replaces the running one, if that one hands over. */
  const renew = (host: Host): void =>
    void guards
      .get(host)
      ?.leave()
      .then((given) => given && start(host, given));
  return { etcd, servers, guards, states, log, start, kill, renew };
}

/** Lets `ms` pass in small steps and checks the servers after each. */
async function pass(ms: number, servers: Servers): Promise<void> {
  for (let t = 0; t < ms; t += 50) {
    await vi.advanceTimersByTimeAsync(50);
    expect(servers.writable().length).toBeLessThanOrEqual(1);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the guards of two databases', () => {
  it('open the first primary and bring the other database in sync', async () => {
    const { servers, states, etcd } = rack();
    await pass(4000, servers);
    expect(servers.writable()).toEqual(['db1']);
    expect(Object.fromEntries(states)).toEqual({ db1: 'primary', db2: 'replica' });
    expect(etcd.value('sync')).toEqual({ primary: 'db1', standby: 'db2' });
  });

  it('replace a primary without power within five seconds', async () => {
    const { servers, etcd, guards } = rack();
    await pass(4000, servers);
    servers.cut('db1');
    etcd.cut('db1');
    guards.get('db1')?.stop();
    await pass(5000, servers);
    expect(servers.writable()).toEqual(['db2']);
  });

  it('close a primary that the quorum cannot reach before another one opens', async () => {
    const { servers, etcd } = rack();
    await pass(4000, servers);
    etcd.cut('db1'); // it still reaches its web servers
    await pass(2600, servers);
    expect(servers.writable()).toEqual([]);
    await pass(2400, servers);
    expect(servers.writable()).toEqual(['db2']);
    etcd.heal('db1');
    await pass(4000, servers);
    expect(servers.writable()).toEqual(['db2']);
    expect(servers.follows('db1')).toBe('db2');
  });

  it('promote no database that may lack acknowledged writes, and none without a quorum', async () => {
    const { servers, etcd, states } = rack();
    await pass(4000, servers);
    servers.stopReceipts('db2'); // the primary continues without the replica
    await pass(3000, servers);
    expect(etcd.value('sync')).toEqual({ primary: 'db1', standby: null });
    servers.cut('db1');
    etcd.cut('db1');
    await pass(20_000, servers);
    expect(servers.writable()).toEqual([]);
    expect(states.get('db2')).toBe('waiting');
    for (const host of HOSTS) etcd.cut(host);
    await pass(10_000, servers);
    expect(servers.writable()).toEqual([]);
  });

  it('hand over when they are stopped or asked to', async () => {
    const { servers, etcd, guards, start } = rack();
    await pass(4000, servers);
    etcd.put('request', { to: 'db2', force: false });
    await pass(1000, servers);
    expect(servers.writable()).toEqual(['db2']);
    await pass(4000, servers);
    guards.get('db2')?.stop();
    await pass(1000, servers);
    expect(servers.writable()).toEqual(['db1']);
    start('db2');
    await pass(4000, servers);
    expect(etcd.value('sync')).toEqual({ primary: 'db1', standby: 'db2' });
  });

  it('report a switchover only when the new primary accepts writes', async () => {
    const { servers, etcd } = rack();
    await pass(4000, servers);
    etcd.put('request', { to: 'db2', force: false });
    let isSaid = false;
    for (let t = 0; t < 3000 && !isSaid; t += 10) {
      await vi.advanceTimersByTimeAsync(10);
      isSaid = isPrimary(viewOf(etcd.keys()), 'db2');
    }
    expect(isSaid).toBe(true);
    expect(servers.writable()).toEqual(['db2']);
  });

  it('continue after a guard was killed, without a failover', async () => {
    const { servers, etcd, start, kill } = rack();
    await pass(4000, servers);
    kill('db1');
    await pass(1000, servers);
    start('db1');
    await pass(4000, servers);
    expect(servers.writable()).toEqual(['db1']);
    expect(servers.follows('db1')).toBeUndefined();
    expect(etcd.value('sync')).toEqual({ primary: 'db1', standby: 'db2' });
  });

  it('are replaced by newer guards on both hosts at once: the primary stays open and keeps its lease', async () => {
    const { servers, etcd, log, guards, renew } = rack();
    await pass(4000, servers);
    const before = [etcd.keys().get('leader'), ...guards.values()];
    const told = log.length;
    for (const host of HOSTS) renew(host);
    for (let t = 0; t < 6000; t += 50) {
      await pass(50, servers);
      servers.write();
      expect(servers.writable()).toEqual(['db1']);
    }
    expect(etcd.keys().get('leader')).toEqual(before[0]);
    expect([...guards.values()].filter((guard) => before.includes(guard))).toEqual([]);
    expect(log.slice(told).filter((line) => /closing|acquired the lease|open for writes/.test(line))).toEqual([]);
    expect(etcd.value('sync')).toEqual({ primary: 'db1', standby: 'db2' });
    etcd.cut('db1'); // the newer guard fences as the older one did
    await pass(2700, servers);
    expect(servers.writable()).toEqual([]);
    await pass(2400, servers);
    expect(servers.writable()).toEqual(['db2']);
  });

  it('do not hand over while they lead and no quorum is reachable', async () => {
    const { servers, etcd, guards, renew } = rack();
    await pass(4000, servers);
    const [older] = guards.values();
    etcd.cut('db1');
    renew('db1');
    await pass(2600, servers); // closed by the older guard, as required
    expect(servers.writable()).toEqual([]);
    etcd.heal('db1');
    await pass(4000, servers);
    expect(guards.get('db1')).not.toBe(older);
    expect(servers.writable()).toEqual(['db2']);
    expect(servers.follows('db1')).toBe('db2');
  });

  it('never have two writable databases or lose an acknowledged write, whatever fails, and recover', async () => {
    const fault = fc.record({
      kind: fc.constantFrom('quorum', 'wire', 'power', 'server', 'hang', 'receipts', 'switch', 'renew'),
      host: fc.constantFrom(...HOSTS),
      after: fc.integer({ min: 50, max: 6000 }),
      lasts: fc.integer({ min: 50, max: 9000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 5 }), async (faults) => {
        const { servers, etcd, renew } = rack();
        await pass(3000, servers);
        for (const { kind, host, after, lasts } of faults) {
          await pass(after, servers);
          servers.write();
          if (kind === 'quorum') etcd.cut(host);
          if (kind === 'wire') {
            etcd.cut(host);
            for (const one of HOSTS) servers.stopReceipts(one);
          }
          if (kind === 'power') [etcd, servers].map((part) => part.cut(host));
          if (kind === 'server') servers.crash(host);
          if (kind === 'hang') servers.hang(host, true);
          if (kind === 'receipts') servers.stopReceipts(host);
          if (kind === 'renew') for (const one of HOSTS) renew(one);
          if (kind === 'switch') etcd.put('request', { to: host, force: false });
          for (let t = 0; t < lasts; t += 500) {
            await pass(Math.min(500, lasts - t), servers);
            servers.write();
          }
          for (const one of HOSTS) {
            etcd.heal(one);
            servers.heal(one);
          }
        }
        await pass(15_000, servers);
        const [primary] = servers.writable();
        expect(primary).toBeDefined();
        expect(servers.missing(primary as Host)).toEqual([]);
        const replica = other(primary as Host);
        expect([servers.follows(replica), servers.diverged(replica, primary as Host)]).toSatisfy(
          ([follows, diverged]) => follows === primary || diverged === true,
        );
      }),
      { numRuns: 40 },
    );
  }, 240_000);
});
