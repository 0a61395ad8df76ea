// The lease in etcd, which grants the right to write: a host that cannot renew it closes its server before the lease can expire.
import fs from 'node:fs';
import { FENCE_MS, LEASE_S, RENEW_MS } from './config.js';

/** ms that a commit in flight may delay the close before the server is killed. */
const CLOSE_MS = 400;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param inherits the state of the previous db-guard process: its lease and its server continue as they are */
export function makeLease({ etcd, server, log, say, now, inherits }) {
  let id = inherits?.lease;
  let renewedAt = inherits?.renewedAt ?? 0;
  let leading = inherits?.leading ?? false;
  let stopping = false;
  let timer;
  /** Settles when a running close is done. Until then, the lease is not released. */
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
          if (leading) await fence('the lease expired');
        }
      } catch {
        // The next renewal may succeed; watch() below enforces the limit.
      }
    }
  };
  /** Runs on a timer and is never awaited, so that no hanging operation can delay it. */
  const watch = () => {
    beat(leading);
    if (leading && now() - renewedAt > FENCE_MS)
      fence(`the lease could not be renewed for ${FENCE_MS} ms`).catch((error) => log(error.message));
  };

  /** Makes this server read-only at once; kills it if it does not close. */
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
      if (['ECONNREFUSED', 'ENOENT'].includes(error.code)) return; // the server is not running, and will start read-only
      log(`the database does not close (${error.code ?? error.message}): killing it`);
      await server.kill().catch((e) => log(`killing the database failed: ${e.message}`));
    }
  };

  return {
    get id() {
      return id;
    },
    /** Whether this host is the one that may be writable. */
    get leading() {
      return leading;
    },
    /** The etcd condition for changes that only the lease holder may make. */
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
    /** @returns whether the lease is new: etcd has deleted the keys of the old one */
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
    /** From here on, the lease is renewed only as long as this host is primary. */
    stop() {
      stopping = true;
    },
    async end() {
      clearInterval(timer);
      beat(false);
      if (id !== undefined) await etcd.revoke(id);
    },
    /**
     * Passes the lease on to the next db-guard process, which fences from then on. The lease is renewed just before, so that the
     * dead-man switch acts before it expires if that process hangs. Returns undefined if this host leads and has no quorum.
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

/** Sends a heartbeat to the dead-man switch: whether this server is open for writes. */
function beat(leading) {
  try {
    if (process.env.DB_GUARD_BEAT !== undefined)
      fs.writeSync(Number(process.env.DB_GUARD_BEAT), leading ? 'open\n' : 'closed\n');
  } catch {
    // There is no dead-man switch.
  }
}
