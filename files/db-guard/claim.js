// While there is no primary: a host that surely has every acknowledged write claims the lease and becomes primary.
import { execFile } from 'node:child_process';
import { mayLead } from './decide.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function makeClaim({ me, config, etcd, server, lease, seen, log, say, now }, setSync) {
  const leaderNow = () => ({ host: me, since: new Date().toISOString() });

  const claim = async (view, db) => {
    seen.vacantSince ??= now();
    if (db !== undefined && !db.readOnly) await lease.closeOrKill();
    const { may, why } = mayLead({
      me,
      view,
      db,
      initial: config.initial,
      vacantMs: now() - seen.vacantSince,
      sawPrimary: seen.primary,
    });
    if (!may) return say('waiting', `there is no primary; ${why}`);
    const leader = { value: leaderNow(), lease: lease.id };
    if (!(await etcd.change({ when: [{ absent: 'leader' }], put: { leader } }))) return;
    log(`acquired the lease: ${why}`);
    lease.won();
    seen.vacantSince = undefined;
    try {
      await promote(view, db);
    } catch (error) {
      log(`promotion failed: ${error.message}`);
      lease.lost();
      await etcd.change({ when: [lease.holding()], remove: ['leader'] });
      say('broken', error.message);
      await sleep(2000);
    }
  };
  const promote = async (view, db) => {
    const old = view.handover?.from ?? view.sync?.primary;
    if (old !== undefined && old !== me && view.handover === undefined) await cutPower(old);
    if (db.replica !== undefined) {
      if (db.replica.sql !== 'Yes') await server.startApplying(); // it was stopped by hand
      if (!(await server.reaches(view.handover?.gtid ?? '', 5)))
        throw new Error(`this host did not receive all writes of ${old}`);
      await server.stopReceiving();
      const received = (await server.look())?.replica?.received ?? '';
      if (!(await server.reaches(received, 30)))
        throw new Error('this host could not apply all received writes within 30 s');
      await server.promote();
    }
    // From here on, only this host has every acknowledged write. etcd must record that before the first new write.
    if (!(await setSync(view.sync?.primary === me ? view.sync.standby : null))) throw new Error('the lease was lost');
    await etcd.change({ remove: ['handover', 'request'] });
  };
  /** Cuts the power of the old primary, if the inventory has a command for it. The lease alone also prevents two primaries. */
  const cutPower = (host) =>
    new Promise((resolve) => {
      const command = config.fence?.[host];
      if (command === undefined || command === '') return resolve();
      execFile('/bin/sh', ['-c', command], { timeout: 3000 }, (error) => {
        log(error === null ? `fencing: the power of ${host} is off` : `fencing of ${host} failed: ${error.message}`);
        resolve();
      });
    });

  /** The previous db-guard of this host was killed while it held the lease: close the database, then continue with a new lease. */
  const takeUp = async (view, oldLease, db) => {
    if (db === undefined || !db.readOnly) await lease.closeOrKill();
    const when = [{ name: 'leader', lease: oldLease }];
    if (view.sync?.primary !== me) return etcd.change({ when, remove: ['leader'] }); // it was killed before its claim was complete
    if (!(await etcd.change({ when, put: { leader: { value: leaderNow(), lease: lease.id } } }))) return;
    lease.won();
    log('took over from a db-guard that was killed');
  };

  return { claim, takeUp };
}
