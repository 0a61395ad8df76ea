// Keeps exactly one database writable: the one whose guard holds the lease in etcd. Both servers start read-only. The guard
// with the lease opens its server; one that cannot renew the lease closes its server before the lease can have ended; one
// that sees nobody hold it asks for it, if it is sure to have every acknowledged write.
import { makeClaim } from './claim.js';
import { TICK_MS, viewOf } from './config.js';
import { makeLease } from './lease.js';
import { makePrimary } from './primary.js';
import { makeReplica } from './replica.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param tell takes this host's state and its reason whenever they change
 * @param inherits what an earlier guard of this host gave when it left
 */
export function makeGuard({ config, etcd, server, log = console.log, tell = () => {}, inherits }) {
  const me = config.host;
  const now = () => performance.now();
  let stopping = false;
  /** Takes what the next guard inherits, once somebody has asked for it. */
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
  /** Whether there was a primary since we started, and since when there is none. */
  const seen = { primary: inherits?.sawPrimary ?? false, vacantSince: undefined };
  const parts = { me, config, etcd, server, lease, seen, log, say, now };
  const { lead, setSync, handOverAtEnd } = makePrimary(parts);
  const { follow } = makeReplica(parts);
  const { claim, takeUp } = makeClaim(parts, setSync);

  /** What others need to know of this host. Written when it changes, its position at most once a second. */
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
    if (lease.leading && !isMine) return lease.fence('somebody else has the lease');
    if (!lease.leading && isMine) {
      // Closed, but not yet given up: it is given up, so that somebody can be opened.
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
     * Until stop() was called; then the standby takes over, if there is one; else the server is closed until we are back.
     * Or until leave() was: gives whether it was that.
     */
    async run() {
      lease.keep();
      if (inherits !== undefined) log('goes on for the guard that was here before');
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
      await lease.fence('the guard is stopped');
      await lease.end();
      say('stopped');
      bequeath?.();
      return false;
    },
    stop() {
      stopping = true;
      lease.stop();
    },
    /** Leaves its place to another guard of this host, and nothing else changes: gives what that one inherits, undefined if it was stopped. */
    leave: () =>
      new Promise((resolve) => {
        bequeath = resolve;
      }),
  };
}
