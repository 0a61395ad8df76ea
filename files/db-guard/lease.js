// The lease in etcd, and the right to write that hangs on it: who cannot renew it closes its server before it can have ended.
import fs from 'node:fs';
import { FENCE_MS, LEASE_S, RENEW_MS } from './config.js';

/** ms that a commit in flight may hold a close up before the server is killed. */
const CLOSE_MS = 400;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param inherits what an earlier guard of this host gave: its lease goes on, and so does its server, open or not */
export function makeLease({ etcd, server, log, say, now, inherits }) {
  let id = inherits?.lease;
  let renewedAt = inherits?.renewedAt ?? 0;
  let leading = inherits?.leading ?? false;
  let stopping = false;
  let timer;
  /** Settles when a close that was begun is done: until then the lease is not given up. */
  let closing = Promise.resolve();

  const renew = async () => {
    while (!stopping || leading) {
      await sleep(RENEW_MS);
      if (id === undefined) continue;
      const sent = now();
      try {
        if (await etcd.keepAlive(id, FENCE_MS)) renewedAt = Math.max(renewedAt, sent);
        else {
          id = undefined;
          if (leading) await fence('the lease ended');
        }
      } catch {
        // the next one may get through; the watch below counts
      }
    }
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

  return {
    get id() {
      return id;
    },
    /** Whether this host is the one that may write. */
    get leading() {
      return leading;
    },
    /** The condition of all that only the holder may change. */
    holding: () => ({ name: 'leader', lease: id }),
    closed: () => closing,
    fence,
    closeOrKill,
    won() {
      leading = true;
    },
    lost() {
      leading = false;
    },
    /** @returns whether it is a new one: what was told under the old one is gone */
    async ensure() {
      if (id !== undefined && now() - renewedAt < LEASE_S * 1000) return false;
      const sent = now();
      id = await etcd.grant(LEASE_S);
      renewedAt = sent;
      return true;
    },
    keep() {
      watch();
      timer = setInterval(watch, 100);
      renew().catch((error) => log(error.message));
    },
    /** From here on it is renewed only as long as this host leads. */
    stop() {
      stopping = true;
    },
    async end() {
      clearInterval(timer);
      beat(false);
      if (id !== undefined) await etcd.revoke(id);
    },
    /**
     * Gives it to the next guard of this host, which fences from then on. It is renewed just before, so that the dead-man
     * switch comes before its end, should that guard never speak. undefined: not now, as this host leads and no quorum hears it.
     */
    async give() {
      await closing;
      const sent = now();
      const lives = id !== undefined && (await etcd.keepAlive(id).catch(() => false));
      if (lives) renewedAt = Math.max(renewedAt, sent);
      if (leading && !lives) return undefined;
      const given = { lease: lives ? id : undefined, renewedAt, leading };
      clearInterval(timer);
      stopping = true;
      leading = false;
      id = undefined;
      return given;
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
