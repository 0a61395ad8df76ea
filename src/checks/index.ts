import type { Check } from '../core/check.ts';
import { balance } from './balance.ts';
import { command } from './command.ts';
import { dns } from './dns.ts';
import { health } from './health.ts';
import { http } from './http.ts';
import { mysql_replication } from './mysql_replication.ts';
import { ping } from './ping.ts';
import { port } from './port.ts';
import { service } from './service.ts';
import { tlsCheck } from './tls.ts';

export const checks: ReadonlyMap<string, Check> = new Map<string, Check>(
  [balance, command, dns, health, http, mysql_replication, ping, port, service, tlsCheck].map((check) => [
    check.name,
    check,
  ]),
);
