import type { Check } from '../core/check.ts';
import { balance } from './balance.ts';
import { dns } from './dns.ts';
import { http } from './http.ts';
import { mysql_replication } from './mysql_replication.ts';
import { ping } from './ping.ts';
import { port } from './port.ts';
import { service } from './service.ts';

export const checks: ReadonlyMap<string, Check> = new Map<string, Check>(
  [balance, dns, http, mysql_replication, ping, port, service].map((check) => [check.name, check]),
);
