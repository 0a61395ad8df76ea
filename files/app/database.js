// Database access of the app: writes go to the primary, reads to a replica that does not lag. The app reads the role of each host
// from the database itself, so a failover needs no new configuration. While there is no primary, writes wait instead of failing.
// Clients read their own writes.
import mysql from 'mysql2/promise';
import { dialectOf } from './dialects.js';

/**
 * @param {{hosts: string[], user: string, password: string, database: string, ssl: object | undefined, poolSize: number,
 *   queryTimeoutMs: number, probeMs: number, maxLagS: number, holdMs: number}} options holdMs: how long a query waits for a database
 */
export function openDatabase(options) {
  const nodes = options.hosts.map((host) => makeNode(host, options));
  const changed = makeSignal();
  let stopped = false;

  const watch = async (node) => {
    while (!stopped) {
      await sleep(options.probeMs);
      await probe(node, options);
      changed.fire();
    }
  };
  const firstLook = Promise.all(nodes.map((node) => probe(node, options))).then(() => nodes.forEach(watch));

  const writers = () => nodes.filter((node) => node.up && node.writable);
  /** In order: replicas without lag, the primary, lagging replicas (stale data are better than none). */
  const readers = () => {
    const replicas = nodes.filter((node) => node.up && !node.writable);
    return [...replicas.filter((n) => n.fresh), ...writers(), ...replicas.filter((n) => !n.fresh)];
  };

  /** Returns the only primary; waits for one until `deadline`. */
  const writer = async (deadline) => {
    for (;;) {
      const [node, second] = writers();
      if (node !== undefined && second === undefined) return node;
      const left = deadline - performance.now();
      if (stopped || left <= 0)
        throw second === undefined
          ? coded('NO_WRITER', 'no database is writable')
          : coded('TWO_WRITERS', 'two databases are writable: writes are rejected');
      await changed.wait(Math.min(left, options.probeMs));
    }
  };

  return {
    /** Resolves when every database was probed once. */
    ready: firstLook,
    /** The role of each host: 'primary', 'replica', 'replica, lagging', or the reason why it has none. */
    roles: () => Object.fromEntries(nodes.map((n) => [n.host, roleOf(n)])),
    canRead: () => readers().length > 0,
    canWrite: () => writers().length === 1,

    /**
     * Reads from the first reader that answers. Waits for a reader, as a write waits for the primary.
     * @param {string | undefined} since the `position` of a write: only hosts that have reached it are used
     */
    async read(sql, values, since) {
      const deadline = performance.now() + options.holdMs;
      for (;;) {
        let last = coded('NO_READER', 'no database is reachable');
        for (const node of readers()) {
          try {
            if (since !== undefined && !node.writable && !(await hasReached(node, since, options))) continue;
            return { rows: await run(node, sql, values, options), host: node.host };
          } catch (error) {
            if (isAboutTheQuery(error)) throw error;
            last = error;
            node.up = false; // until the next probe
          }
        }
        if (stopped || performance.now() >= deadline) throw last;
        await changed.wait(options.probeMs);
      }
    },

    /**
     * Writes to the primary. A statement whose answer was lost may have been executed, so every statement must be idempotent
     * (a unique request id, ON DUPLICATE KEY UPDATE). @returns `position`: the position that a later read must have reached
     */
    async write(sql, values) {
      const deadline = performance.now() + options.holdMs;
      for (;;) {
        const node = await writer(deadline);
        try {
          const { rows: result, position } = await run(node, sql, values, options, true);
          return { result, host: node.host, position };
        } catch (error) {
          if (isAboutTheQuery(error) && error.errno !== READ_ONLY) throw error;
          node.writable = false; // until the next probe
          if (performance.now() >= deadline) throw error;
        }
      }
    },

    async close() {
      stopped = true;
      for (const node of nodes) {
        node.prober?.destroy();
        await node.pool.end().catch(() => {});
      }
    },
  };
}

const READ_ONLY = 1290;
const SHUTTING_DOWN = new Set([1053, 1927]);
/** How long a replica may take to reach the client's last write, before the primary is asked instead. */
const CATCH_UP_S = 0.05;
const PROBE_LIMIT_MS = 700;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function makeSignal() {
  let waiting = [];
  return {
    fire() {
      const all = waiting;
      waiting = [];
      for (const go of all) go();
    },
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

function makeNode(host, options) {
  const pool = mysql.createPool({
    ...login(host, options),
    connectionLimit: options.poolSize,
    maxIdle: Math.ceil(options.poolSize / 2),
    idleTimeout: 60_000,
    connectTimeout: 1500,
    queueLimit: 200,
    enableKeepAlive: true,
    keepAliveInitialDelay: 5000,
  });
  // Without a handler, an idle connection that dies would end the process with an unhandled error.
  pool.on('connection', (connection) => connection.on('error', () => {}));
  return {
    host,
    pool,
    dialect: undefined,
    up: false,
    writable: false,
    fresh: false,
    lag: null,
    error: 'not probed yet',
    prober: undefined,
    waiting: new Set(),
  };
}

function login(host, { user, password, database, ssl }) {
  return { host, user, password, database, ssl };
}

function roleOf({ up, writable, fresh, error }) {
  if (!up) return error;
  return writable ? 'primary' : fresh ? 'replica' : 'replica, lagging';
}

/** Probes on a separate connection: a full pool must not look like a dead host. */
async function probe(node, options) {
  try {
    node.prober ??= await openProber(node, options);
    const ask = async (sql) => (await node.prober.query({ sql, timeout: PROBE_LIMIT_MS }))[0];
    node.dialect ??= await dialectOf(ask);
    const { readOnly, lag } = await node.dialect.look(ask);
    node.up = true;
    node.writable = !readOnly;
    node.lag = lag;
    node.fresh = lag !== null && lag <= options.maxLagS;
    node.error = undefined;
  } catch (error) {
    node.prober?.destroy();
    node.prober = undefined;
    node.up = false;
    node.writable = false;
    node.error = error.code ?? error.message;
    for (const giveUp of node.waiting) giveUp();
  }
}

async function openProber(node, options) {
  const connection = await mysql.createConnection({ ...login(node.host, options), connectTimeout: PROBE_LIMIT_MS });
  connection.on('error', () => {});
  return connection;
}

async function hasReached(node, position, options) {
  const sql = node.dialect?.reached(position, CATCH_UP_S);
  if (sql === undefined) return false;
  const [row] = await run(node, sql, [], options);
  return Number(row?.r) === 0;
}

/** Runs a query that cannot hang: it ends at its time limit, or at once when the probe finds the host down. */
async function run(node, sql, values, { queryTimeoutMs }, wantsPosition = false) {
  let giveUp;
  const died = new Promise((_, reject) => {
    giveUp = () => reject(coded('HOST_DOWN', `${node.host} went down`));
  });
  died.catch(() => {});
  node.waiting.add(giveUp);
  const asked = node.pool.getConnection();
  let connection;
  let isBroken = false;
  try {
    connection = await Promise.race([asked, died]);
    const ask = async (text, args) =>
      (await Promise.race([connection.query({ sql: text, values: args, timeout: queryTimeoutMs }), died]))[0];
    const rows = await ask(sql, values);
    return wantsPosition ? { rows, position: await node.dialect.position(ask) } : rows;
  } catch (error) {
    isBroken = error.fatal || !error.sqlState;
    throw error;
  } finally {
    node.waiting.delete(giveUp);
    if (connection === undefined)
      asked.then(
        (late) => late.release(),
        () => {},
      );
    else if (isBroken) connection.destroy();
    else connection.release();
  }
}

/** The server rejected the query itself: another server would reject it too. */
function isAboutTheQuery({ sqlState, errno }) {
  return sqlState !== undefined && errno < 2000 && !SHUTTING_DOWN.has(errno);
}

function coded(code, message) {
  return Object.assign(new Error(message), { code });
}
