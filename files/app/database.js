// The app's databases: writes go to the one host that takes them, reads to a replica, or to the primary when there is none.
// Which host is which is asked of the hosts themselves, so that a promotion changes no configuration here.
import mysql from 'mysql2/promise';

/**
 * @param {{hosts: string[], user: string, password: string, database: string, ssl: object | undefined, poolSize: number,
 *   queryTimeoutMs: number, probeMs: number}} options
 */
export function openDatabase(options) {
  const nodes = options.hosts.map((host) => makeNode(host, options));
  let stopped = false;

  const watch = async (node) => {
    while (!stopped) {
      await probe(node, options);
      await new Promise((resolve) => setTimeout(resolve, options.probeMs));
    }
  };
  const firstLook = Promise.all(nodes.map((node) => probe(node, options))).then(() => nodes.forEach(watch));

  const writers = () => nodes.filter((node) => node.up && node.writable);
  const readers = () => [...nodes.filter((node) => node.up && !node.writable), ...writers()];

  return {
    /** Resolves when every database was looked at once. */
    ready: firstLook,
    /** What each host is: 'primary', 'replica', or why it is neither. */
    roles: () => Object.fromEntries(nodes.map((n) => [n.host, n.up ? (n.writable ? 'primary' : 'replica') : n.error])),
    canRead: () => readers().length > 0,
    canWrite: () => writers().length === 1,

    /** From the first reader that answers. */
    async read(sql, values) {
      let last = new Error('no database can be reached');
      for (const node of readers()) {
        try {
          return { rows: await run(node, sql, values, options), host: node.host };
        } catch (error) {
          if (isAboutTheQuery(error)) throw error;
          last = error;
          node.up = false;
        }
      }
      throw last;
    },

    /** To the one primary. Never repeated: a write whose answer was lost may have been done. */
    async write(sql, values) {
      const [node, second] = writers();
      if (node === undefined) throw coded('NO_WRITER', 'no writable database');
      if (second !== undefined) throw coded('TWO_WRITERS', 'two writable databases: refusing to write');
      try {
        return { result: await run(node, sql, values, options), host: node.host };
      } catch (error) {
        if (error.errno === READ_ONLY || !error.sqlState) node.writable = false;
        throw error;
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
  return { host, pool, up: false, writable: false, error: 'not looked at yet', prober: undefined, waiting: new Set() };
}

function login(host, { user, password, database, ssl }) {
  return { host, user, password, database, ssl };
}

/** On a connection of its own: a full pool must not look like a dead host. */
async function probe(node, options) {
  try {
    node.prober ??= await openProber(node, options);
    const [[row]] = await node.prober.query({ sql: 'SELECT @@global.read_only AS read_only', timeout: 1000 });
    node.up = true;
    node.writable = Number(row.read_only) === 0;
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
  const connection = await mysql.createConnection({ ...login(node.host, options), connectTimeout: 1000 });
  connection.on('error', () => {});
  return connection;
}

/** A query that cannot hang: it ends by its own time limit, or at once when the prober sees the host die. */
async function run(node, sql, values, { queryTimeoutMs }) {
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
    const [rows] = await Promise.race([connection.query({ sql, values, timeout: queryTimeoutMs }), died]);
    return rows;
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

/** The server understood and said no: another server would say the same. */
function isAboutTheQuery({ sqlState, errno }) {
  return sqlState !== undefined && errno < 2000 && !SHUTTING_DOWN.has(errno);
}

function coded(code, message) {
  return Object.assign(new Error(message), { code });
}
