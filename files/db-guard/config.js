// Reads /etc/db-guard/config.json and the files that it names.
import fs from 'node:fs';
import { mariadb, mysql } from './engines.js';

const engines = { mysql, mariadb };

export const STATE_FILE = '/run/db-guard/state';
export const PID_FILE = '/run/db-guard/pid';

/**
 * These values depend on each other: a primary that cannot renew its lease is closed FENCE_MS after it sent the last successful
 * renewal. That is before the lease can expire and another host can become writable.
 */
export const LEASE_S = 3;
export const FENCE_MS = 2200;
export const RENEW_MS = 400;
export const TICK_MS = 200;

export function readConfig(path = process.env.DB_GUARD_CONFIG ?? '/etc/db-guard/config.json') {
  const config = JSON.parse(fs.readFileSync(path, 'utf8'));
  const engine = engines[config.engine];
  if (engine === undefined) throw new Error(`${path}: unknown engine '${config.engine}'; expected mysql or mariadb`);
  const { endpoints, prefix, ca, cert, key } = config.etcd;
  return {
    ...config,
    engine,
    etcd: { endpoints, prefix, ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key) },
    replPassword: fs.readFileSync(config.repl_password_file, 'utf8').trim(),
  };
}

/** Turns the keys in etcd into one view. */
export function viewOf(keys) {
  const value = (name) => keys.get(name)?.value;
  const members = [...keys]
    .filter(([name]) => name.startsWith('members/'))
    .map(([name, { value: m }]) => [name.slice(8), m]);
  return {
    leader: value('leader'),
    sync: value('sync'),
    handover: value('handover'),
    request: value('request'),
    members: Object.fromEntries(members),
  };
}
