// The parts of CREATE USER and ALTER USER other than privileges: authentication, TLS and limits.
import type { Context } from '../../core/module.ts';
import { literal } from './mysql.ts';
import { isSha2Password } from './sha2-password.ts';

type Wanted = Readonly<{
  password?: string;
  encrypted: boolean;
  plugin?: string;
  plugin_auth_string?: string;
  plugin_hash_string?: string;
}>;

/** The `IDENTIFIED …` clause, or nothing if no authentication is given. */
export function identified(
  { password, encrypted, plugin, plugin_auth_string: secret, plugin_hash_string: hash }: Wanted,
  isMaria: boolean,
): string {
  if (plugin !== undefined) {
    const way = ` IDENTIFIED ${isMaria ? 'VIA' : 'WITH'} ${plugin}`;
    const asIs = hash ?? (/socket$/.test(plugin) ? secret : undefined);
    if (asIs !== undefined) return `${way} ${isMaria ? 'USING' : 'AS'} ${literal(asIs)}`;
    if (secret === undefined) return way;
    return isMaria ? `${way} USING PASSWORD(${literal(secret)})` : `${way} BY ${literal(secret)}`;
  }
  if (password === undefined) return '';
  if (!encrypted) return ` IDENTIFIED BY ${literal(password)}`;
  if (isMaria) return ` IDENTIFIED BY PASSWORD ${literal(password)}`;
  return ` IDENTIFIED WITH ${password.startsWith('$A$') ? 'caching_sha2_password' : 'mysql_native_password'} AS ${literal(password)}`;
}

/**
 * Whether an account already authenticates as wanted. What cannot be compared (the secret of an unknown plugin) counts
 * as equal. `nativeHash` is the hash that mysql_native_password stores.
 */
export function isIdentified(
  account: Readonly<{ plugin: string; hash: Uint8Array }>,
  nativeHash: string,
  given: Wanted,
  sha256: Context['sha256'],
): boolean {
  const { password, encrypted, plugin, plugin_auth_string: secret, plugin_hash_string: hash } = given;
  const stored = new TextDecoder('latin1').decode(account.hash);
  if (plugin !== undefined) {
    if (plugin !== account.plugin) return false;
    if (hash !== undefined) return stored === hash;
    if (secret === undefined) return true;
    if (plugin === 'caching_sha2_password') return isSha2Password(account.hash, secret, sha256);
    return /socket$/.test(plugin) ? stored === secret : true;
  }
  if (password === undefined) return true;
  if (encrypted) return stored === password;
  if (account.plugin === 'caching_sha2_password')
    return password === '' ? stored === '' : isSha2Password(account.hash, password, sha256);
  if (account.plugin === 'mysql_native_password')
    return password === '' ? stored === '' : stored.toUpperCase() === nativeHash.toUpperCase();
  return false;
}

/** An account's TLS requirement from the columns of mysql.user, in the form that `wantedTls` writes. */
export function tlsText(type: string, cipher: string, issuer: string, subject: string): string {
  if (type === 'ANY') return 'SSL';
  if (type === 'X509') return 'X509';
  if (type !== 'SPECIFIED') return '';
  return [
    ['CIPHER', cipher],
    ['ISSUER', issuer],
    ['SUBJECT', subject],
  ]
    .filter(([, value]) => value !== '' && value !== 'NULL')
    .map(([key, value]) => `${key} ${literal(value ?? '')}`)
    .join(' AND ');
}

export function wantedTls(requires: Readonly<Record<string, string | null>>): string {
  const given = new Map(Object.entries(requires).map(([key, value]) => [key.toUpperCase(), value]));
  const specified = ['CIPHER', 'ISSUER', 'SUBJECT'].flatMap((key) =>
    given.has(key) ? [`${key} ${literal(given.get(key) ?? '')}`] : [],
  );
  if (specified.length > 0) return specified.join(' AND ');
  return given.has('X509') ? 'X509' : given.has('SSL') ? 'SSL' : '';
}

export function requireSql(requires: Readonly<Record<string, string | null>>): string {
  return ` REQUIRE ${wantedTls(requires) || 'NONE'}`;
}

/** Maps each limit to one of the four columns of mysql.user. */
export const LIMITS: Readonly<Record<string, number>> = {
  MAX_QUERIES_PER_HOUR: 0,
  MAX_UPDATES_PER_HOUR: 1,
  MAX_CONNECTIONS_PER_HOUR: 2,
  MAX_USER_CONNECTIONS: 3,
};

export function limitsSql(limits: Readonly<Record<string, number>> | undefined): string {
  const list = Object.entries(limits ?? {}).map(([key, value]) => `${key} ${value}`);
  return list.length === 0 ? '' : ` WITH ${list.join(' ')}`;
}
