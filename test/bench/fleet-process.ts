// A fleet in a process of its own, so that its CPU time is separate from the controller's. Arguments: host key, first
// port, number of hosts, indexes of silent ones. It prints `ready` and runs until it is killed.
import { readFileSync } from 'node:fs';
import { openFleet } from './fleet.ts';

const [hostKey = '', first, count, silent = ''] = process.argv.slice(2);
const ports = Array.from({ length: Number(count) }, (_, i) => Number(first) + i);
await openFleet(readFileSync(hostKey), ports, new Set(silent.split(',').filter(Boolean).map(Number)));
process.stdout.write('ready\n');
