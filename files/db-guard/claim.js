// Nobody is primary: a host that is sure to have every acknowledged write asks for the lease, and becomes it.
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
    log(`has the lease: ${why}`);
    lease.won();
    seen.vacantSince = undefined;
    try {
      await promote(view, db);
    } catch (error) {
      log(`cannot be primary: ${error.message}`);
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
      if (db.replica.sql !== 'Yes') await server.startApplying(); // somebody had stopped it
      if (!(await server.reaches(view.handover?.gtid ?? '', 5))) throw new Error(`it did not get what ${old} had`);
      await server.stopReceiving();
      const received = (await server.look())?.replica?.received ?? '';
      if (!(await server.reaches(received, 30))) throw new Error('it could not apply what it had received');
      await server.promote();
    }
    // From here on only this host has every acknowledged write; that must be known before there are new ones.
    if (!(await setSync(view.sync?.primary === me ? view.sync.standby : null))) throw new Error('the lease was lost');
    await etcd.change({ remove: ['handover', 'request'] });
  };
  /** The old primary's power switch, where the inventory names one. The lease makes sure without it, too. */
  const cutPower = (host) =>
    new Promise((resolve) => {
      const command = config.fence?.[host];
      if (command === undefined || command === '') return resolve();
      execFile('/bin/sh', ['-c', command], { timeout: 3000 }, (error) => {
        log(error === null ? `${host}: power is off` : `${host}: its power switch failed: ${error.message}`);
        resolve();
      });
    });

  /** A guard of this host held the lease and was killed: what it left open is closed, and its part goes on under our lease. */
  const takeUp = async (view, oldLease, db) => {
    if (db === undefined || !db.readOnly) await lease.closeOrKill();
    const when = [{ name: 'leader', lease: oldLease }];
    if (view.sync?.primary !== me) return etcd.change({ when, remove: ['leader'] }); // it was not done with its claim
    if (!(await etcd.change({ when, put: { leader: { value: leaderNow(), lease: lease.id } } }))) return;
    lease.won();
    log('takes up after a guard that was killed');
  };

  return { claim, takeUp };
}
