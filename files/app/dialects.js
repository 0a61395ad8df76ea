// What MySQL and MariaDB call the same thing: whether a host takes writes, how far behind it is, and positions in the
// stream of writes, by which a reader finds a replica that has what it wrote.

const lagOf = (row) => {
  if (row === undefined) return null;
  const running = (row.Replica_SQL_Running ?? row.Slave_SQL_Running) === 'Yes';
  const lag = row.Seconds_Behind_Source ?? row.Seconds_Behind_Master ?? null;
  return running && lag !== null ? Number(lag) : null; // null: it stands still, or does not know
};

const mysql = {
  async look(ask) {
    const [row] = await ask('SELECT @@global.read_only AS ro');
    const readOnly = Number(row.ro) !== 0;
    return { readOnly, lag: readOnly ? lagOf((await ask('SHOW REPLICA STATUS'))[0]) : 0 };
  },
  /** All that was executed until now: the write before it is in there. */
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
