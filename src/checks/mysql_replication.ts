import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import mysql, { type Connection as MysqlConnection, type RowDataPacket } from 'mysql2/promise';
import { type Static, Type } from 'typebox';
import { defineCheck, type Mismatch, type Scene } from '../core/check.ts';
import { duration } from '../core/units.ts';

const Args = Type.Object(
  {
    servers: Type.Array(Type.String(), {
      minItems: 2,
      description: 'The hosts of the inventory that hold the data. One accepts writes, the others replicate from it.',
    }),
    primary: Type.Optional(
      Type.String({ description: 'The host that must be the primary. Default: whichever accepts writes.' }),
    ),
    port: Type.Integer({ default: 3306, description: 'The port on which the server listens on each host.' }),
    user: Type.String({
      description:
        'An account that may write `table` and read the replication status (REPLICATION CLIENT; SLAVE MONITOR on MariaDB).',
    }),
    password: Type.String({ secret: true, description: 'The password of `user`.' }),
    database: Type.String({ description: 'The database that contains the table.' }),
    table: Type.String({
      default: 'bringup_check',
      pattern: '^[A-Za-z0-9_]+$',
      description: 'A table (token VARCHAR(64) PRIMARY KEY). A row is written, looked up on every replica and removed.',
    }),
    ca: Type.Optional(
      Type.String({ description: 'A PEM file. With it, TLS with this CA and the names below is required.' }),
    ),
    names: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: "The name in each host's certificate, by host. Default: the host's own name.",
    }),
    max_lag: Type.Number({ default: 5, description: 'The largest allowed lag of a replica, in seconds.' }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;
type ReplicaSeen = Readonly<{
  host: string;
  arrivedMs: number | undefined;
  io: string;
  sql: string;
  lag: number | null;
  readOnly: boolean;
  error: string;
  refused: string | undefined;
}>;
type Seen = Readonly<{ writable: readonly string[]; replicas: readonly ReplicaSeen[] }>;
type Server = Readonly<{ host: string; line: MysqlConnection }>;

/** How long a row may take to arrive in one attempt. The check as a whole is retried. */
const ARRIVAL_MS = 3000;

export const mysql_replication = defineCheck<typeof Args, Seen>({
  name: 'mysql_replication',
  summary: 'Checks that writes on the primary reach its replicas, and that replicas reject writes (MySQL and MariaDB).',
  args: Args,
  examples: [
    {
      title: 'One replica',
      args: { servers: ['db1', 'db2'], user: 'check', password: 'secret', database: 'shop' },
    },
  ],
  async observe(args, scene) {
    const open: Server[] = [];
    try {
      for (const host of args.servers) open.push({ host, line: await connect(args, host, scene) });
      const readOnly = await Promise.all(open.map(({ line }) => isReadOnly(line)));
      const writable = open.filter((_, i) => readOnly[i] === false);
      const [primary] = writable;
      const replicas = open.filter((server) => server !== primary);
      return {
        writable: writable.map(({ host }) => host),
        replicas: primary === undefined ? [] : await followed(primary.line, replicas, args.table),
      };
    } finally {
      for (const { line } of open) line.destroy();
    }
  },
  judge: (seen, args) => [
    ...primaryMismatches(seen, args),
    ...seen.replicas.flatMap((r) => replicaMismatches(r, args)),
  ],
  tell: (seen) =>
    [
      `${seen.writable.join(', ')} is writable`,
      ...seen.replicas.map(
        (r) =>
          `${r.host}: row after ${r.arrivedMs === undefined ? '?' : duration(r.arrivedMs)}, lag ${r.lag ?? '?'} s, read-only`,
      ),
    ].join('; '),
});

function primaryMismatches({ writable }: Seen, { primary }: Args): readonly Mismatch[] {
  const seen = writable.length === 0 ? 'none' : writable.join(', ');
  if (writable.length !== 1) return [{ property: 'primary', expected: 'exactly one writable server', seen }];
  return primary === undefined || seen === primary ? [] : [{ property: 'primary', expected: primary, seen }];
}

/** Writes a row, waits for it on every replica, and removes it. */
async function followed(
  primary: MysqlConnection,
  replicas: readonly Server[],
  table: string,
): Promise<readonly ReplicaSeen[]> {
  const token = randomBytes(16).toString('hex');
  await primary.query(`INSERT INTO ${table} (token) VALUES (?)`, [token]);
  const written = performance.now();
  try {
    return await Promise.all(replicas.map(({ host, line }) => lookAt(host, line, table, token, written)));
  } finally {
    await primary.query(`DELETE FROM ${table} WHERE token = ?`, [token]);
  }
}

function replicaMismatches(seen: ReplicaSeen, args: Args): readonly Mismatch[] {
  const { host } = seen;
  const wrong = (property: string, expected: string, what: string): Mismatch => ({
    property: `${host} ${property}`,
    expected,
    seen: what,
  });
  return [
    ...(seen.io === 'Yes' && seen.sql === 'Yes'
      ? []
      : [
          wrong(
            'replication',
            'both threads running',
            `IO ${seen.io}, SQL ${seen.sql}${seen.error === '' ? '' : `: ${seen.error}`}`,
          ),
        ]),
    ...(seen.arrivedMs !== undefined ? [] : [wrong('row', 'arrives', `missing after ${duration(ARRIVAL_MS)}`)]),
    ...(seen.lag !== null && seen.lag <= args.max_lag
      ? []
      : [wrong('lag', `at most ${args.max_lag} s`, seen.lag === null ? 'unknown' : `${seen.lag} s`)]),
    ...(seen.readOnly ? [] : [wrong('read_only', 'ON', 'OFF')]),
    ...(seen.refused !== undefined ? [] : [wrong('write', 'refused', 'accepted')]),
  ];
}

/**
 * Connects through SSH to the server on its own host, so that no port needs to be open to the controller. TLS is still
 * verified against the server's name.
 */
async function connect(args: Args, host: string, scene: Scene): Promise<MysqlConnection> {
  const line = await scene.connect(host);
  const local = await line.forward('127.0.0.1', args.port);
  const name = args.names[host] ?? host;
  return mysql.createConnection({
    host: name,
    stream: net.connect(local, '127.0.0.1'),
    user: args.user,
    password: args.password,
    database: args.database,
    connectTimeout: 5000,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    ...(args.ca !== undefined && { ssl: { ca: readFileSync(args.ca), minVersion: 'TLSv1.2', verifyIdentity: true } }),
  });
}

async function lookAt(
  host: string,
  line: MysqlConnection,
  table: string,
  token: string,
  written: number,
): Promise<ReplicaSeen> {
  let arrivedMs: number | undefined;
  while (arrivedMs === undefined && performance.now() - written < ARRIVAL_MS) {
    const [rows] = await line.query<RowDataPacket[]>(`SELECT 1 FROM ${table} WHERE token = ?`, [token]);
    if (rows.length > 0) arrivedMs = Math.round(performance.now() - written);
    else await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [[status]] = await line.query<RowDataPacket[]>('SHOW REPLICA STATUS');
  const value = (...names: string[]): unknown => names.map((n) => status?.[n]).find((v) => v !== undefined);
  const lag = value('Seconds_Behind_Source', 'Seconds_Behind_Master');
  return {
    host,
    arrivedMs,
    io: String(value('Replica_IO_Running', 'Slave_IO_Running') ?? 'not a replica'),
    sql: String(value('Replica_SQL_Running', 'Slave_SQL_Running') ?? 'not a replica'),
    lag: lag === null || lag === undefined ? null : Number(lag),
    readOnly: await isReadOnly(line),
    error: [value('Last_IO_Error'), value('Last_SQL_Error')].filter((e) => e !== undefined && e !== '').join('; '),
    refused: await writeRefused(line, table),
  };
}

async function isReadOnly(line: MysqlConnection): Promise<boolean> {
  const [[row]] = await line.query<RowDataPacket[]>('SELECT @@global.read_only AS ro');
  return Number(row?.['ro']) !== 0;
}

/** Tries to write in a transaction that is rolled back. A replica must reject even that. */
async function writeRefused(line: MysqlConnection, table: string): Promise<string | undefined> {
  try {
    await line.query('START TRANSACTION');
    await line.query(`INSERT INTO ${table} (token) VALUES ('must-be-refused')`);
    await line.query('ROLLBACK');
    return undefined;
  } catch (error) {
    await line.query('ROLLBACK');
    const { errno, message } = error as { errno?: number; message: string };
    if (errno === 1290 || errno === 1836) return message; // --read-only
    throw error;
  }
}
