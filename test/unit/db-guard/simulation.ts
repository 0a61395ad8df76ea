/**
 * A quorum and two database servers in memory, with the faults that occur in a rack. Times are those of the fake clock.
 */

type Entry = { value: unknown; lease: string };
type Change = Readonly<{
  when?: readonly ({ absent: string } | { name: string; lease: string })[];
  put?: Readonly<Record<string, { value: unknown; lease?: string }>>;
  remove?: readonly string[];
}>;

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function makeEtcd() {
  const keys = new Map<string, Entry>();
  const leases = new Map<string, { ends: number; seconds: number }>();
  const unreachable = new Set<string>();
  let ids = 0;
  // etcd checks for expired leases twice a second. A key may outlive its lease for a short time, never the other way
  // round.
  setInterval(() => {
    for (const [id, lease] of leases) {
      if (lease.ends > performance.now()) continue;
      leases.delete(id);
      for (const [name, entry] of keys) if (entry.lease === id) keys.delete(name);
    }
  }, 500);
  const holds = (c: { absent: string } | { name: string; lease: string }): boolean =>
    'absent' in c ? !keys.has(c.absent) : keys.get(c.name)?.lease === c.lease;
  const apply = ({ when = [], put = {}, remove = [] }: Change): boolean => {
    if (!when.every(holds)) return false;
    for (const [name, { value, lease = '0' }] of Object.entries(put)) {
      if (lease !== '0' && !leases.has(lease)) throw new Error('requested lease not found');
      keys.set(name, { value: structuredClone(value), lease });
    }
    for (const name of remove) keys.delete(name);
    return true;
  };
  return {
    value: (name: string): unknown => keys.get(name)?.value,
    keys: () => new Map(structuredClone([...keys])),
    put: (name: string, value: unknown): void => void keys.set(name, { value, lease: '0' }),
    cut: (host: string): void => void unreachable.add(host),
    heal: (host: string): void => void unreachable.delete(host),
    /** etcd from the point of view of a guard. */
    clientOf(host: string) {
      /** A request and its answer each take time, and either may be lost. */
      const asked = async <T>(work: () => T): Promise<T> => {
        await later(3);
        if (unreachable.has(host)) await later(1000).then(() => Promise.reject(new Error('no quorum')));
        const answer = work();
        await later(3);
        if (unreachable.has(host)) await later(1000).then(() => Promise.reject(new Error('no quorum')));
        return answer;
      };
      return {
        all: () => asked(() => new Map(structuredClone([...keys]))),
        change: (change: Change) => asked(() => apply(change)),
        grant: (seconds: number) =>
          asked(() => {
            const id = String(++ids);
            leases.set(id, { ends: performance.now() + seconds * 1000, seconds });
            return id;
          }),
        keepAlive: (id: string) =>
          asked(() => {
            const lease = leases.get(id);
            if (lease === undefined) return false;
            lease.ends = performance.now() + lease.seconds * 1000;
            return true;
          }),
        revoke: (id: string) =>
          asked(() => {
            leases.delete(id);
            for (const [name, entry] of keys) if (entry.lease === id) keys.delete(name);
          }).catch(() => {}),
      };
    },
  };
}

type Server = {
  readonly host: string;
  up: boolean;
  hangs: boolean;
  readOnly: boolean;
  waits: boolean;
  givesReceipts: boolean;
  source: string | undefined;
  rows: Set<number>;
  acknowledged: number;
  waiting: number;
};
export type Servers = ReturnType<typeof makeServers>;

/**
 * Two servers. A write is a number. Replication takes no time. A crash keeps what was written, as a synced log does.
 */
export function makeServers(hosts: readonly string[]) {
  const all = new Map<string, Server>(
    hosts.map((host) => [
      host,
      {
        host,
        up: true,
        hangs: false,
        readOnly: true,
        waits: false,
        givesReceipts: true,
        source: undefined,
        rows: new Set([0]),
        acknowledged: 0,
        waiting: 0,
      },
    ]),
  );
  const acked = new Set<number>([0]);
  let next = 1;
  const get = (host: string): Server => {
    const server = all.get(host);
    if (server === undefined) throw new Error(`no server ${host}`);
    return server;
  };
  const isSubset = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => [...a].every((n) => b.has(n));
  const replicasOf = (server: Server): readonly Server[] =>
    [...all.values()].filter((r) => r.up && !r.hangs && r.source === server.host && isSubset(r.rows, server.rows));
  const receiving = (server: Server): readonly Server[] => replicasOf(server).filter((r) => r.givesReceipts);
  const replicate = (): void => {
    for (const server of all.values()) {
      if (!server.up || server.hangs) continue;
      for (const replica of receiving(server)) for (const row of server.rows) replica.rows.add(row);
      // writes that waited for a receipt have it now, or no longer need one
      if (server.waiting > 0 && (!server.waits || receiving(server).length > 0)) {
        for (const row of server.rows) acked.add(row);
        server.acknowledged += server.waiting;
        server.waiting = 0;
      }
    }
  };
  const restart = (server: Server): void => {
    Object.assign(server, { up: true, hangs: false, readOnly: true, waits: false, waiting: 0 });
  };
  return {
    writable: (): readonly string[] => [...all.values()].filter((s) => s.up && !s.readOnly).map((s) => s.host),
    follows: (host: string): string | undefined => get(host).source,
    /** Acknowledged writes that a host does not have. */
    missing: (host: string): readonly number[] => [...acked].filter((n) => !get(host).rows.has(n)),
    diverged: (host: string, from: string): boolean => !isSubset(get(host).rows, get(from).rows),
    /** A client that writes to every server that accepts writes. */
    write(): void {
      for (const server of all.values()) {
        if (!server.up || server.hangs || server.readOnly) continue;
        const row = next++;
        server.rows.add(row);
        if (!server.waits) acked.add(row);
        else server.waiting++;
      }
      replicate();
    },
    cut: (host: string): void => void Object.assign(get(host), { up: false }),
    crash(host: string): void {
      get(host).up = false;
      setTimeout(() => restart(get(host)), 1500);
    },
    hang: (host: string, hangs: boolean): void => void Object.assign(get(host), { hangs }),
    stopReceipts: (host: string): void => void Object.assign(get(host), { givesReceipts: false }),
    heal(host: string): void {
      const server = get(host);
      if (!server.up) restart(server);
      server.hangs = false;
      server.givesReceipts = true;
    },
    /** A server from the point of view of its guard. */
    portOf(host: string) {
      const me = get(host);
      const asked = async <T>(work: () => T, limit = 1500): Promise<T> => {
        await later(2);
        if (!me.up) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
        if (me.hangs) await later(limit).then(() => Promise.reject(new Error('Query inactivity timeout')));
        replicate();
        return work();
      };
      const text = (rows: ReadonlySet<number>): string => [...rows].join(',');
      const numbers = (gtid: string): readonly number[] => (gtid === '' ? [] : gtid.split(',').map(Number));
      return {
        look: () =>
          asked(() => ({
            readOnly: me.readOnly,
            gtid: text(me.rows),
            replica: me.source === undefined ? undefined : replicaOf(me),
            semisync: {
              enabled: me.waits,
              clients: receiving(me).length,
              waiting: me.waiting,
              acknowledged: me.acknowledged,
            },
          })).catch(() => undefined),
        open: () => asked(() => void Object.assign(me, { readOnly: false })),
        // a commit that waits for its receipt delays closing
        close: (limit: number) =>
          asked(() => {
            if (me.waiting > 0) throw new Error('Query inactivity timeout');
            me.readOnly = true;
          }, limit),
        async kill() {
          me.up = false;
          setTimeout(() => restart(me), 1500);
        },
        waitForReplica: (on: boolean) => asked(() => void Object.assign(me, { waits: on })).then(replicate),
        acknowledge: () => asked(() => {}),
        startApplying: () => asked(() => {}),
        stopReceiving: () => asked(() => {}),
        promote: () => asked(() => void Object.assign(me, { source: undefined })),
        follow: (source: { host: string }) => asked(() => void Object.assign(me, { source: source.host })),
        reaches: (gtid: string) => asked(() => numbers(gtid).every((n) => me.rows.has(n))),
        errant: async (own: string, theirs: string) => {
          const there = new Set(numbers(theirs));
          return numbers(own)
            .filter((n) => !there.has(n))
            .join(',');
        },
      };
    },
  };

  function replicaOf(me: Server) {
    const source = all.get(me.source ?? '');
    const flows = source?.up === true && !source.hangs && me.givesReceipts;
    const isBroken = source !== undefined && !isSubset(me.rows, source.rows);
    return {
      source: me.source,
      io: isBroken ? 'No' : flows ? 'Yes' : 'Connecting',
      sql: 'Yes',
      lag: 0,
      received: '',
      error: isBroken ? 'diverged' : '',
    };
  }
}
