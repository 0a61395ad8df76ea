import { type Static, type TObject, Type } from 'typebox';
import { flag, optionalFlag, text } from './args.ts';
import { literal } from './mysql.ts';

/** Arguments that describe the server from which a replica replicates. */
export const source = {
  primary_host: text('The server to replicate from.'),
  primary_user: text('The user that the replica logs in as.'),
  primary_password: Type.Optional(Type.String({ secret: true, description: 'The password of primary_user.' })),
  primary_port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'The port of primary_host.' })),
  primary_connect_retry: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Seconds between attempts to connect.' }),
  ),
  primary_log_file: text('The binary log to start with.'),
  primary_log_pos: Type.Optional(Type.Integer({ description: 'The position in primary_log_file.' })),
  primary_auto_position: flag('MySQL: replicate by GTID.'),
  primary_use_gtid: Type.Optional(
    Type.Enum(['current_pos', 'replica_pos', 'slave_pos', 'disabled'], {
      description: 'MariaDB: replicate by GTID, and where to start.',
    }),
  ),
  primary_ssl: optionalFlag('Encrypt the connection.'),
  primary_ssl_ca: text('The CA that verifies the server.'),
  primary_ssl_capath: text('A directory of CAs.'),
  primary_ssl_cert: text("The replica's certificate."),
  primary_ssl_key: text("The key of the replica's certificate."),
  primary_ssl_cipher: text('The allowed ciphers.'),
  primary_ssl_verify_server_cert: flag("Require that the server's certificate has the server's name."),
  primary_delay: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Seconds that the replica stays behind on purpose.' }),
  ),
  relay_log_file: text('The relay log to start with.'),
  relay_log_pos: Type.Optional(Type.Integer({ description: 'The position in relay_log_file.' })),
  get_primary_public_key: flag("MySQL: request the server's key to send a password without TLS."),
};
type Source = Static<TObject<typeof source>>;

/** The older names of the arguments: master_host … */
export const SOURCE_ALIASES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(source)
    .filter((key) => key.startsWith('primary_'))
    .map((key) => [key.replace('primary_', 'master_'), key]),
);

/**
 * `shown` is the option's name in the replication status. undefined: the status does not show it, or its value changes
 * by itself.
 */
type Option = Readonly<{ sql: string; shown?: string | undefined; as: string }>;

/** The options of CHANGE … TO. `prefix` is MASTER or SOURCE. */
export function sourceOptions(given: Source, prefix: string, isMaria: boolean): readonly Option[] {
  const out: Option[] = [];
  const add = (name: string, given: string | number | undefined, shown?: string): void => {
    if (given !== undefined)
      out.push({ sql: `${name} = ${typeof given === 'number' ? given : literal(given)}`, shown, as: String(given) });
  };
  const yes = (name: string, on: boolean | undefined, shown: string): void => {
    if (on !== undefined) out.push({ sql: `${name} = ${on ? 1 : 0}`, shown, as: on ? 'Yes' : 'No' });
  };
  add(`${prefix}_HOST`, given.primary_host, 'Host');
  add(`${prefix}_USER`, given.primary_user, 'User');
  add(`${prefix}_PASSWORD`, given.primary_password);
  add(`${prefix}_PORT`, given.primary_port, 'Port');
  add(`${prefix}_CONNECT_RETRY`, given.primary_connect_retry, 'Connect_Retry');
  add(`${prefix}_LOG_FILE`, given.primary_log_file);
  add(`${prefix}_LOG_POS`, given.primary_log_pos);
  add('RELAY_LOG_FILE', given.relay_log_file);
  add('RELAY_LOG_POS', given.relay_log_pos);
  add(`${prefix}_DELAY`, given.primary_delay, 'SQL_Delay');
  yes(`${prefix}_SSL`, given.primary_ssl, 'SSL_Allowed');
  add(`${prefix}_SSL_CA`, given.primary_ssl_ca, 'SSL_CA_File');
  add(`${prefix}_SSL_CAPATH`, given.primary_ssl_capath, 'SSL_CA_Path');
  add(`${prefix}_SSL_CERT`, given.primary_ssl_cert, 'SSL_Cert');
  add(`${prefix}_SSL_KEY`, given.primary_ssl_key, 'SSL_Key');
  add(`${prefix}_SSL_CIPHER`, given.primary_ssl_cipher, 'SSL_Cipher');
  if (given.primary_ssl_verify_server_cert) yes(`${prefix}_SSL_VERIFY_SERVER_CERT`, true, 'SSL_Verify_Server_Cert');
  if (given.primary_auto_position && !isMaria)
    out.push({ sql: `${prefix}_AUTO_POSITION = 1`, shown: 'Auto_Position', as: '1' });
  if (given.get_primary_public_key && !isMaria) out.push({ sql: `GET_${prefix}_PUBLIC_KEY = 1`, as: '1' });
  if (given.primary_use_gtid !== undefined && isMaria) {
    const [sql, shown] = GTID_FROM[given.primary_use_gtid];
    out.push({ sql: `MASTER_USE_GTID = ${sql}`, shown: 'Using_Gtid', as: shown });
  }
  return out;
}

/** For each value of primary_use_gtid: MariaDB's word in SQL, and the one in its status. */
const GTID_FROM = {
  current_pos: ['current_pos', 'Current_Pos'],
  replica_pos: ['slave_pos', 'Slave_Pos'],
  slave_pos: ['slave_pos', 'Slave_Pos'],
  disabled: ['no', 'No'],
} as const;
