// The role of the lease holder: opens its server, lets writes wait for the standby, and hands over.
import { viewOf } from './config.js';
import { candidateOf, heirOf, inStep } from './decide.js';

/** ms without an acknowledgement from the standby after which writes no longer wait for it. */
const DEGRADE_MS = 1200;
const HANDOVER_S = 10;

export function makePrimary({ me, config, etcd, server, lease, seen, log, say, now }) {
  let downTicks = 0;
  let stuck = { since: 0, acknowledged: -1 };

  const lead = async (view, db) => {
    seen.primary = true;
    if (db === undefined) {
      downTicks++;
      const heir = heirOf(view, me);
      if (downTicks >= 2 && heir !== undefined) await resign(heir, 'the database does not answer');
      return;
    }
    downTicks = 0;
    const { sync, request } = view;
    if (sync?.primary !== me) return; // promote() has not recorded it yet
    if (db.readOnly) {
      // Set this before the server is writable: no write may be acknowledged that the standby does not have.
      await server.waitForReplica(sync.standby !== null);
      if (lease.leading) await server.open();
      if (!lease.leading) return lease.closeOrKill(); // the lease was lost meanwhile
      log('open for writes');
    }
    say('primary', sync.standby === null ? 'the in-sync set has no replica' : '');
    if (request !== undefined && request.to !== me) return handOver(view, request.to);
    if (sync.standby === null) await admit(view, db);
    else await watchStandby(sync, db);
  };

  /** Records the in-sync set in etcd, if this host still holds the lease. */
  const setSync = (standby) =>
    etcd.change({ when: [lease.holding()], put: { sync: { value: { primary: me, standby } } } });

  /** Whether acknowledgements have been missing for too long. */
  const receiptsMissing = ({ semisync }) => {
    const flows = semisync.clients > 0 && (semisync.waiting === 0 || semisync.acknowledged !== stuck.acknowledged);
    if (flows) stuck = { since: 0, acknowledged: semisync.acknowledged };
    else if (stuck.since === 0) stuck = { ...stuck, since: now() };
    return stuck.since !== 0 && now() - stuck.since > DEGRADE_MS;
  };
  /** A standby without acknowledgements blocks every write. Remove it from the in-sync set first, by quorum; then stop waiting. */
  const watchStandby = async ({ standby }, db) => {
    if (!receiptsMissing(db)) return;
    if (!(await setSync(null))) return;
    await server.waitForReplica(false);
    log(`${standby} does not acknowledge writes: it has left the in-sync set and cannot take over`);
  };
  /** A replica joins the in-sync set when it has all writes from before writes began to wait for it. */
  const admit = async (view, db) => {
    const candidate = candidateOf(view, me, config.candidates);
    if (candidate === undefined || db.semisync.clients === 0) {
      if (db.semisync.enabled) await server.waitForReplica(false);
      return;
    }
    if (!db.semisync.enabled) {
      stuck = { since: 0, acknowledged: db.semisync.acknowledged };
      return server.waitForReplica(true);
    }
    if (receiptsMissing(db)) return server.waitForReplica(false);
    if ((await server.errant(db.gtid, view.members[candidate].gtid)) !== '') return;
    if (await setSync(candidate)) log(`${candidate} is in sync: it has every acknowledged write from here on`);
  };

  /** Releases the lease in favour of `to`, with the position that `to` must reach before it opens. */
  const resign = async (to, why, gtid = '') => {
    await lease.closeOrKill();
    lease.lost();
    const handover = { to, from: me, gtid };
    const short = await etcd.grant(HANDOVER_S);
    await etcd.change({
      when: [lease.holding()],
      put: { handover: { value: handover, lease: short } },
      remove: ['leader', 'request'],
    });
    say('closed', `${why}: ${to} takes over`);
  };
  const handOver = async (view, to) => {
    if (heirOf(view, me) !== to) {
      log(
        `${to} cannot take over: ${view.sync.standby === to ? 'its db-guard does not answer' : `the in-sync set is ${inStep(view.sync)}`}`,
      );
      return etcd.change({ remove: ['request'] });
    }
    try {
      await server.close(3000);
    } catch (error) {
      log(`handover cancelled: the database does not close (${error.message})`);
      await etcd.change({ remove: ['request'] });
      return server.open();
    }
    const closed = await server.look();
    await resign(to, 'handover', closed?.gtid ?? '');
  };

  return {
    lead,
    setSync,
    async handOverAtEnd() {
      if (!lease.leading) return;
      const view = viewOf(await etcd.all());
      const heir = heirOf(view, me);
      if (heir !== undefined) await handOver(view, heir);
    },
  };
}
