// Keeps exactly one database writable: the one whose db-guard holds the lease in etcd. Both servers start read-only. The lease
// holder opens its server for writes. If it cannot renew the lease, it closes its server before the lease can expire. If no host
// holds the lease, a host that surely has every acknowledged write claims it.
import { makeClaim } from './claim.js';
import { TICK_MS, viewOf } from './config.js';
import { makeLease } from './lease.js';
import { makePrimary } from './primary.js';
import { makeReplica } from './replica.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param tell called with the state of this host and its reason whenever they change
 * @param inherits the state that the previous db-guard process of this host passed on
 */
export function makeGuard({ config, etcd, server, log = console.log, tell = () => {}, inherits }) {
  const me = config.host;
  const now = () => performance.now();
  let stopping = false;
  /** Passes the state on to the next db-guard process, once an upgrade was requested. */
  let bequeath;
  let told = '';
  let logged = '';
  let memberTold = { text: '', at: 0 };

  const say = (state, why = '') => {
    const line = why === '' ? state : `${state}: ${why}`;
    if (line === told) return;
    told = line;
    log(line);
    tell(state, why);
  };

  const lease = makeLease({ etcd, server, log, say, now, inherits });
  /** Whether there was a primary since this process started, and since when there is none. */
  const seen = { primary: inherits?.sawPrimary ?? false, vacantSince: undefined };
  const parts = { me, config, etcd, server, lease, seen, log, say, now };
  const { lead, setSync, handOverAtEnd } = makePrimary(parts);
  const { follow } = makeReplica(parts);
  const { claim, takeUp } = makeClaim(parts, setSync);

  /** Publishes the state of this host in etcd: when it changes, and its position at most once a second. */
  const tellMember = async (db) => {
    const [state, why] = told.split(/: (.*)/s);
    const { source, io, sql, lag } = db?.replica ?? {};
    const text = JSON.stringify({ state, why: why ?? '', gtid: db?.gtid ?? '', source, io, sql, lag });
    const isNew = JSON.parse(memberTold.text || '{}').state !== state;
    if (text === memberTold.text || (!isNew && now() - memberTold.at < 1000)) return;
    await etcd.change({ put: { [`members/${me}`]: { value: JSON.parse(text), lease: lease.id } } });
    memberTold = { text, at: now() };
  };
  const tick = async () => {
    await lease.closed();
    const db = await server.look();
    if (await lease.ensure()) memberTold = { text: '', at: 0 };
    const keys = await etcd.all();
    const view = viewOf(keys);
    const isMine = keys.get('leader')?.lease === lease.id;
    if (lease.leading && !isMine) return lease.fence('another host holds the lease');
    if (!lease.leading && isMine) {
      // The server is closed, but this host still holds the lease: release it, so that a host can become primary.
      await etcd.change({ when: [lease.holding()], remove: ['leader'] });
      return;
    }
    if (isMine) await lead(view, db);
    else if (view.leader?.host === me) await takeUp(view, keys.get('leader').lease, db);
    else if (view.leader !== undefined) await follow(view, db);
    else await claim(view, db);
    await tellMember(db);
  };

  return {
    /**
     * Runs until stop() or leave(). After stop(), the standby takes over if there is one; else the server stays closed until
     * db-guard starts again. @returns whether leave() ended it
     */
    async run() {
      lease.keep();
      if (inherits !== undefined) log('took over from the previous db-guard process');
      while (!stopping) {
        const began = now();
        try {
          await tick();
        } catch (error) {
          if (!lease.leading) say('waiting', error.message);
          else if (logged !== error.message) log(error.message);
          logged = error.message;
        }
        const given = bequeath === undefined || stopping ? undefined : await lease.give();
        if (given !== undefined) {
          bequeath({ ...given, sawPrimary: seen.primary });
          return true;
        }
        await sleep(Math.max(20, TICK_MS - (now() - began)));
      }
      await handOverAtEnd().catch((error) => log(error.message));
      await lease.fence('db-guard is stopping');
      await lease.end();
      say('stopped');
      bequeath?.();
      return false;
    },
    stop() {
      stopping = true;
      lease.stop();
    },
    /** Ends this process in favour of a new one. Resolves to the state to pass on; undefined if db-guard was stopped instead. */
    leave: () =>
      new Promise((resolve) => {
        bequeath = resolve;
      }),
  };
}
