// A fleet in a process of its own, so that its CPU is not the controller's: host key, first port, number of hosts, the
// indexes of silent ones. Says `ready`, and runs until it is killed.
import { readFileSync } from 'node:fs';
import { openFleet } from './fleet.ts';

const [hostKey = '', first, count, silent = ''] = process.argv.slice(2);
const ports = Array.from({ length: Number(count) }, (_, i) => Number(first) + i);
await openFleet(readFileSync(hostKey), ports, new Set(silent.split(',').filter(Boolean).map(Number)));
process.stdout.write('ready\n');
