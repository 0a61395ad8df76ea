// The database server on this host, accessed as root over its socket: no password and no port are needed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import mysqlClient from 'mysql2/promise';

const run = promisify(execFile);
const ASK_MS = 1500;
/** The server authenticates a socket login by the system user, so the plugin sends no data. */
const bySocket = () => () => Buffer.alloc(0);

/** @param {{engine: typeof import('./engines.js').mysql, socket: string}} options */
export function openServer({ engine, socket }) {
  let line;

  const connection = async () => {
    if (line !== undefined) return line;
    const authPlugins = { auth_socket: bySocket, unix_socket: bySocket };
    const made = await mysqlClient.createConnection({
      socketPath: socket,
      user: 'root',
      connectTimeout: 1000,
      authPlugins,
    });
    made.on('error', () => {
      if (line === made) line = undefined;
    });
    line = made;
    return line;
  };
  const drop = () => {
    line?.destroy();
    line = undefined;
  };
  /** The rows of one statement. A statement without an answer in time makes the connection unusable, so it is closed. */
  const ask = async (sql, limit = ASK_MS) => {
    const at = await connection();
    try {
      const [rows] = await at.query({ sql, timeout: limit });
      return rows;
    } catch (error) {
      if (error.fatal || !error.sqlState) drop();
      throw error;
    }
  };
  const askAll = async (statements, limit) => {
    for (const sql of statements) await ask(sql, limit);
  };

  return {
    /** {readOnly, gtid, replica, semisync}; undefined while the server does not answer. */
    async look() {
      try {
        return await engine.look(ask);
      } catch {
        drop();
        return undefined;
      }
    },
    open: () => askAll(engine.open),
    /** Throws if the server is not read-only within `limit` ms: a commit that waits for the replica delays this. */
    close: (limit) => askAll(engine.close, limit),
    /** Ends all writes for sure. systemd restarts the server, read-only as configured. */
    async kill() {
      drop();
      await run('systemctl', ['kill', '--kill-whom=all', '--signal=KILL', engine.unit]);
    },
    waitForReplica: (on) => askAll(engine.waitForReplica(on)),
    acknowledge: (on) => askAll(engine.acknowledge(on)),
    startApplying: () => askAll(engine.startApplying),
    stopReceiving: () => askAll(engine.stopReceiving, 5000),
    promote: () => askAll(engine.promote, 5000),
    follow: (source, wasPrimary) => askAll(engine.follow(source, mysqlClient.escape, wasPrimary), 5000),
    reaches: (gtid, seconds) => engine.reaches((sql) => ask(sql, (seconds + 1) * 1000), gtid, seconds),
    errant: (own, theirs) => engine.errant(ask, own, theirs),
    drop,
  };
}
