// The differences between MySQL and MariaDB: whether a host is writable, its replication lag, and the GTID positions that tell
// whether a replica has a given write.

const lagOf = (row) => {
  if (row === undefined) return null;
  const running = (row.Replica_SQL_Running ?? row.Slave_SQL_Running) === 'Yes';
  const lag = row.Seconds_Behind_Source ?? row.Seconds_Behind_Master ?? null;
  return running && lag !== null ? Number(lag) : null; // null: replication has stopped, or the lag is unknown
};

const mysql = {
  async look(ask) {
    const [row] = await ask('SELECT @@global.read_only AS ro');
    const readOnly = Number(row.ro) !== 0;
    return { readOnly, lag: readOnly ? lagOf((await ask('SHOW REPLICA STATUS'))[0]) : 0 };
  },
  /** All transactions executed so far, including the write before this query. */
  position: async (ask) => (await ask("SELECT REPLACE(@@global.gtid_executed, '\\n', '') AS p"))[0].p,
  reached: (position, seconds) =>
    /^[0-9a-f:,-]+$/i.test(position) ? `SELECT WAIT_FOR_EXECUTED_GTID_SET('${position}', ${seconds}) AS r` : undefined,
};

const mariadb = {
  async look(ask) {
    const [row] = await ask('SELECT @@global.read_only AS ro');
    const readOnly = !['0', 'OFF'].includes(String(row.ro));
    return { readOnly, lag: readOnly ? lagOf((await ask('SHOW SLAVE STATUS'))[0]) : 0 };
  },
  position: async (ask) => (await ask('SELECT @@last_gtid AS p'))[0].p,
  reached: (position, seconds) =>
    /^[0-9,-]+$/.test(position) ? `SELECT MASTER_GTID_WAIT('${position}', ${seconds}) AS r` : undefined,
};

export async function dialectOf(ask) {
  const [row] = await ask('SELECT VERSION() AS v');
  return /mariadb/i.test(row.v) ? mariadb : mysql;
}
