// Keeps exactly one database writable: the one whose guard holds the lease in etcd. Both servers start read-only. The guard
// with the lease opens its server; one that cannot renew the lease closes its server before the lease can have ended; one
// that sees nobody hold it asks for it, if it is sure to have every acknowledged write.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { FENCE_MS, LEASE_S, RENEW_MS, TICK_MS, viewOf } from './config.js';
import { candidateOf, heirOf, inStep, mayLead, replicaState } from './decide.js';

/** ms without a receipt from the standby until writes no longer wait for it. */
const DEGRADE_MS = 1200;
/** ms that a commit in flight may hold a close up before the server is killed. */
const CLOSE_MS = 400;
const HANDOVER_S = 10;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param tell takes this host's state and its reason whenever they change */
export function makeGuard({ config, etcd, server, log = console.log, tell = () => {} }) {
  const me = config.host;
  const now = () => performance.now();
  let lease;
  let renewedAt = 0;
  let leading = false;
  /** Settles when a close that was begun is done: until then the lease is not given up. */
  let closing = Promise.resolve();
  let stopping = false;
  let sawPrimary = false;
  let vacantSince;
  let downTicks = 0;
  let stuck = { since: 0, acknowledged: -1 };
  let errant = '';
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
  const mine = { name: 'leader', lease: undefined };
  const holding = () => ({ ...mine, lease });

  // ---- the lease -------------------------------------------------------------------------------------------------
  const renew = async () => {
    while (!stopping || leading) {
      await sleep(RENEW_MS);
      if (lease === undefined) continue;
      const sent = now();
      try {
        if (await etcd.keepAlive(lease, FENCE_MS)) renewedAt = Math.max(renewedAt, sent);
        else {
          lease = undefined;
          if (leading) await fence('the lease ended');
        }
      } catch {
        // the next one may get through; the watch below counts
      }
    }
  };
  const ensureLease = async () => {
    if (lease !== undefined && now() - renewedAt < LEASE_S * 1000) return;
    const sent = now();
    lease = await etcd.grant(LEASE_S);
    renewedAt = sent;
    memberTold = { text: '', at: 0 };
  };
  /** Not for awaiting: whatever else hangs, this does not. */
  const watch = () => {
    beat(leading);
    if (leading && now() - renewedAt > FENCE_MS)
      fence(`the lease could not be renewed for ${FENCE_MS} ms`).catch((error) => log(error.message));
  };

  /** Takes the power to write away from this server, at once and for sure. */
  const fence = async (why) => {
    if (!leading) return;
    leading = false;
    log(`closing: ${why}`);
    closing = closeOrKill();
    await closing;
    say('closed', why);
  };
  const closeOrKill = async () => {
    try {
      await server.close(CLOSE_MS);
    } catch (error) {
      if (['ECONNREFUSED', 'ENOENT'].includes(error.code)) return; // it does not run, and starts read-only
      log(`the database does not close (${error.code ?? error.message}): it is killed`);
      await server.kill().catch((e) => log(`kill: ${e.message}`));
    }
  };

  // ---- primary ---------------------------------------------------------------------------------------------------
  const lead = async (view, db) => {
    sawPrimary = true;
    if (db === undefined) {
      downTicks++;
      const heir = heirOf(view, me);
      if (downTicks >= 2 && heir !== undefined) await resign(heir, 'its database does not answer');
      return;
    }
    downTicks = 0;
    const { sync, request } = view;
    if (sync?.primary !== me) return; // promote() has not told yet
    if (db.readOnly) {
      // Before it takes writes: no write is to be acknowledged that the standby does not have.
      await server.waitForReplica(sync.standby !== null);
      if (leading) await server.open();
      if (!leading) return closeOrKill(); // the lease went while we opened
      log('open for writes');
    }
    say('primary', sync.standby === null ? 'no standby is in step' : '');
    if (request !== undefined && request.to !== me) return handOver(view, request.to);
    if (sync.standby === null) await admit(view, db);
    else await watchStandby(sync, db);
  };

  const setSync = (standby) => etcd.change({ when: [holding()], put: { sync: { value: { primary: me, standby } } } });

  /** Whether receipts have been missing for too long. */
  const receiptsMissing = ({ semisync }) => {
    const flows = semisync.clients > 0 && (semisync.waiting === 0 || semisync.acknowledged !== stuck.acknowledged);
    if (flows) stuck = { since: 0, acknowledged: semisync.acknowledged };
    else if (stuck.since === 0) stuck = { ...stuck, since: now() };
    return stuck.since !== 0 && now() - stuck.since > DEGRADE_MS;
  };
  /** A standby that gives no receipts holds every write up: it is first struck off, by quorum, and then not waited for. */
  const watchStandby = async ({ standby }, db) => {
    if (!receiptsMissing(db)) return;
    if (!(await setSync(null))) return;
    await server.waitForReplica(false);
    log(`${standby} gives no receipts: writes go on without it, and it cannot take over`);
  };
  /** A replica becomes the standby when it has all there was before writes began to wait for it. */
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
    if (await setSync(candidate)) log(`${candidate} is in step: it has every acknowledged write from here on`);
  };

  /** Gives the lease up in favour of `to`, with what it must have before it opens. */
  const resign = async (to, why, gtid = '') => {
    await closeOrKill();
    leading = false;
    const handover = { to, from: me, gtid };
    const short = await etcd.grant(HANDOVER_S);
    await etcd.change({
      when: [holding()],
      put: { handover: { value: handover, lease: short } },
      remove: ['leader', 'request'],
    });
    say('closed', `${why}: ${to} takes over`);
  };
  const handOver = async (view, to) => {
    if (heirOf(view, me) !== to) {
      log(
        `${to} cannot take over: ${view.sync.standby === to ? 'its guard does not answer' : `only ${inStep(view.sync)} has every acknowledged write`}`,
      );
      return etcd.change({ remove: ['request'] });
    }
    try {
      await server.close(3000);
    } catch (error) {
      log(`the database does not close (${error.message}): no handover`);
      await etcd.change({ remove: ['request'] });
      return server.open();
    }
    const closed = await server.look();
    await resign(to, 'handover', closed?.gtid ?? '');
  };

  const handOverAtEnd = async () => {
    if (!leading) return;
    const view = viewOf(await etcd.all());
    const heir = heirOf(view, me);
    if (heir !== undefined) await handOver(view, heir);
  };

  // ---- replica ---------------------------------------------------------------------------------------------------
  const follow = async (view, db) => {
    const { leader } = view;
    sawPrimary = true;
    vacantSince = undefined;
    if (db !== undefined && !db.readOnly) await closeOrKill();
    const source = config.names[leader.host];
    const isOther = db !== undefined && db.replica?.source !== source;
    if (isOther && db.gtid !== '') {
      const theirs = view.members[leader.host]?.gtid;
      if (theirs === undefined) return say('waiting', `${leader.host} does not tell what it holds`);
      errant = await server.errant(db.gtid, theirs);
      if (errant === '') {
        log(`follows ${leader.host}`);
        await server.waitForReplica(false);
        await server.acknowledge(true);
        await server.follow(
          {
            host: source,
            port: config.port,
            user: config.repl_user,
            password: config.replPassword,
            ca: config.repl_ca,
          },
          db.replica === undefined,
        );
      }
    } else errant = '';
    say(...replicaState({ db, leader, names: config.names, errant }));
  };

  // ---- nobody is primary -----------------------------------------------------------------------------------------
  const claim = async (view, db) => {
    vacantSince ??= now();
    if (db !== undefined && !db.readOnly) await closeOrKill();
    const { may, why } = mayLead({ me, view, db, initial: config.initial, vacantMs: now() - vacantSince, sawPrimary });
    if (!may) return say('waiting', `there is no primary; ${why}`);
    const leader = { host: me, since: new Date().toISOString() };
    if (!(await etcd.change({ when: [{ absent: 'leader' }], put: { leader: { value: leader, lease } } }))) return;
    log(`has the lease: ${why}`);
    leading = true;
    vacantSince = undefined;
    try {
      await promote(view, db);
    } catch (error) {
      log(`cannot be primary: ${error.message}`);
      leading = false;
      await etcd.change({ when: [holding()], remove: ['leader'] });
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
    if (db === undefined || !db.readOnly) await closeOrKill();
    const value = { host: me, since: new Date().toISOString() };
    const when = [{ name: 'leader', lease: oldLease }];
    if (view.sync?.primary !== me) return etcd.change({ when, remove: ['leader'] }); // it was not done with its claim
    if (!(await etcd.change({ when, put: { leader: { value, lease } } }))) return;
    leading = true;
    log('takes up after a guard that was killed');
  };

  // ---- the loop --------------------------------------------------------------------------------------------------
  /** What others need to know of this host. Written when it changes, its position at most once a second. */
  const tellMember = async (db) => {
    const [state, why] = told.split(/: (.*)/s);
    const { source, io, sql, lag } = db?.replica ?? {};
    const text = JSON.stringify({ state, why: why ?? '', gtid: db?.gtid ?? '', source, io, sql, lag });
    const isNew = JSON.parse(memberTold.text || '{}').state !== state;
    if (text === memberTold.text || (!isNew && now() - memberTold.at < 1000)) return;
    await etcd.change({ put: { [`members/${me}`]: { value: JSON.parse(text), lease } } });
    memberTold = { text, at: now() };
  };
  const tick = async () => {
    await closing;
    const db = await server.look();
    await ensureLease();
    const keys = await etcd.all();
    const view = viewOf(keys);
    const isMine = keys.get('leader')?.lease === lease;
    if (leading && !isMine) return fence('somebody else has the lease');
    if (!leading && isMine) {
      // Closed, but not yet given up: it is given up, so that somebody can be opened.
      await etcd.change({ when: [holding()], remove: ['leader'] });
      return;
    }
    if (isMine) await lead(view, db);
    else if (view.leader?.host === me) await takeUp(view, keys.get('leader').lease, db);
    else if (view.leader !== undefined) await follow(view, db);
    else await claim(view, db);
    await tellMember(db);
  };

  return {
    /** Until stop() was called; then the standby takes over, if there is one; else the server is closed until we are back. */
    async run() {
      renew().catch((error) => log(error.message));
      const timer = setInterval(watch, 100);
      while (!stopping) {
        const began = now();
        try {
          await tick();
        } catch (error) {
          if (!leading) say('waiting', error.message);
          else if (logged !== error.message) log(error.message);
          logged = error.message;
        }
        await sleep(Math.max(20, TICK_MS - (now() - began)));
      }
      await handOverAtEnd().catch((error) => log(error.message));
      await fence('the guard is stopped');
      clearInterval(timer);
      beat(false);
      if (lease !== undefined) await etcd.revoke(lease);
      say('stopped');
    },
    stop() {
      stopping = true;
    },
  };
}

/** Tells the dead-man switch that we live, and whether this server is open. */
function beat(leading) {
  try {
    if (process.env.DB_GUARD_BEAT !== undefined)
      fs.writeSync(Number(process.env.DB_GUARD_BEAT), leading ? 'open\n' : 'closed\n');
  } catch {
    // nobody listens
  }
}
