// The statements of MySQL and MariaDB for the same operations. `ask` runs SQL on the local server and returns rows.

const rowOf = (rows) => rows[0] ?? {};
const first = (row, ...names) => names.map((n) => row[n]).find((v) => v !== undefined && v !== null);

/** SHOW REPLICA STATUS of either engine; undefined if the server has no replication source. */
function replicaOf(row) {
  const source = first(row, 'Source_Host', 'Master_Host');
  if (source === undefined || source === '') return undefined;
  return {
    source,
    io: first(row, 'Replica_IO_Running', 'Slave_IO_Running'),
    sql: first(row, 'Replica_SQL_Running', 'Slave_SQL_Running'),
    lag: first(row, 'Seconds_Behind_Source', 'Seconds_Behind_Master') ?? null,
    received: first(row, 'Retrieved_Gtid_Set', 'Gtid_IO_Pos') ?? '',
    error: [row.Last_IO_Error, row.Last_SQL_Error].filter(Boolean).join('; '),
  };
}

async function semisync(ask, side) {
  const rows = await ask(`SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_${side}_%'`);
  const value = (name) => rows.find((r) => r.Variable_name === `Rpl_semi_sync_${side}_${name}`)?.Value;
  const [enabled] = await ask(`SHOW GLOBAL VARIABLES LIKE 'rpl_semi_sync_${side}_enabled'`);
  return {
    enabled: enabled?.Value === 'ON',
    clients: Number(value('clients') ?? 0),
    waiting: Number(value('wait_sessions') ?? 0),
    acknowledged: Number(value('yes_tx') ?? 0),
  };
}

export const mysql = {
  unit: 'mysql.service',
  async look(ask) {
    const row = rowOf(
      await ask(
        "SELECT @@global.read_only OR @@global.super_read_only AS ro, REPLACE(@@global.gtid_executed, '\\n', '') AS gtid",
      ),
    );
    const replica = replicaOf(rowOf(await ask('SHOW REPLICA STATUS')));
    return { readOnly: Number(row.ro) !== 0, gtid: row.gtid, replica, semisync: await semisync(ask, 'source') };
  },
  open: ['SET GLOBAL read_only = OFF'], // also turns super_read_only off

  close: ['SET GLOBAL super_read_only = ON'],
  promote: ['STOP REPLICA', 'RESET REPLICA ALL'],
  startApplying: ['START REPLICA SQL_THREAD'],
  stopReceiving: ['STOP REPLICA IO_THREAD'],
  acknowledge: (on) => [`SET GLOBAL rpl_semi_sync_replica_enabled = ${on ? 'ON' : 'OFF'}`],
  waitForReplica: (on) => [`SET GLOBAL rpl_semi_sync_source_enabled = ${on ? 'ON' : 'OFF'}`],
  follow: ({ host, port, user, password, ca }, quote) => [
    'STOP REPLICA',
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = ${quote(host)}, SOURCE_PORT = ${port}, SOURCE_USER = ${quote(user)},
     SOURCE_PASSWORD = ${quote(password)}, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, SOURCE_SSL_CA = ${quote(ca)},
     SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 100000, SOURCE_HEARTBEAT_PERIOD = 2`,
    'START REPLICA',
  ],
  /** Resolves to whether all of `gtid` was executed within `seconds`. */
  async reaches(ask, gtid, seconds) {
    if (gtid === '') return true;
    return Number(rowOf(await ask(`SELECT WAIT_FOR_EXECUTED_GTID_SET('${gtid}', ${seconds}) AS r`)).r) === 0;
  },
  /** The transactions that `own` has and `theirs` lacks (errant transactions); '' if there are none. */
  async errant(ask, own, theirs) {
    return rowOf(await ask(`SELECT REPLACE(GTID_SUBTRACT('${own}', '${theirs}'), '\\n', '') AS e`)).e;
  },
};

export const mariadb = {
  unit: 'mariadb.service',
  async look(ask) {
    // MariaDB 11.8 returns a wrong 0 if @@read_only is selected together with an aggregate, so select it alone.
    const ro = rowOf(await ask('SELECT @@global.read_only AS ro')).ro;
    const { gtid } = rowOf(await ask('SELECT @@global.gtid_current_pos AS gtid'));
    const replica = replicaOf(rowOf(await ask('SHOW SLAVE STATUS')));
    return { readOnly: !/^(0|OFF)$/.test(String(ro)), gtid, replica, semisync: await semisync(ask, 'master') };
  },
  open: ['SET GLOBAL read_only = OFF'],
  close: ['SET GLOBAL read_only = ON'],
  promote: ['STOP SLAVE', 'RESET SLAVE ALL'],
  startApplying: ['START SLAVE SQL_THREAD'],
  stopReceiving: ['STOP SLAVE IO_THREAD'],
  acknowledge: (on) => [`SET GLOBAL rpl_semi_sync_slave_enabled = ${on ? 'ON' : 'OFF'}`],
  waitForReplica: (on) => [`SET GLOBAL rpl_semi_sync_master_enabled = ${on ? 'ON' : 'OFF'}`],
  follow: ({ host, port, user, password, ca }, quote, wasPrimary) => [
    'STOP SLAVE',
    `CHANGE MASTER TO MASTER_HOST = ${quote(host)}, MASTER_PORT = ${port}, MASTER_USER = ${quote(user)},
     MASTER_PASSWORD = ${quote(password)}, MASTER_USE_GTID = slave_pos, ${wasPrimary ? 'MASTER_DEMOTE_TO_SLAVE = 1, ' : ''}MASTER_SSL = 1,
     MASTER_SSL_CA = ${quote(ca)}, MASTER_SSL_VERIFY_SERVER_CERT = 1, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 2`,
    'START SLAVE',
  ],
  async reaches(ask, gtid, seconds) {
    if (gtid === '') return true;
    return Number(rowOf(await ask(`SELECT MASTER_GTID_WAIT('${gtid}', ${seconds}) AS r`)).r) === 0;
  },
  /** Compares positions, not sets: finds a host that is ahead in a domain. gtid_strict_mode finds the other cases. */
  async errant(_ask, own, theirs) {
    const positions = (text) =>
      new Map(
        text
          .split(',')
          .filter(Boolean)
          .map((p) => [p.split('-')[0], Number(p.split('-')[2])]),
      );
    const there = positions(theirs);
    return [...positions(own)]
      .filter(([domain, n]) => n > (there.get(domain) ?? 0))
      .map(([domain, n]) => `domain ${domain}: ${n} here, ${there.get(domain) ?? 0} there`)
      .join('; ');
  },
};
