import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import packet, { type Answer } from 'dns-packet';

/** What a machine says of itself by mDNS: its name without `.local`, and its services: ssh, http, shelly. */
export type Announced = Readonly<{ name: string | undefined; services: readonly string[] }>;

const ASKED = ['_services._dns-sd._udp', '_ssh._tcp', '_workstation._tcp', '_http._tcp', '_shelly._tcp'];
const [GROUP, PORT, WAIT_MS] = ['224.0.0.251', 5353, 1500] as const;

/**
 * Asks by mDNS who is there, by address. One question is sent twice from a port of its own, so that answers come to it
 * alone (RFC 6762, 6.7) and a responder on this machine is not disturbed.
 */
export async function askMdns(own: string, signal: AbortSignal): Promise<ReadonlyMap<string, Announced>> {
  const socket = createSocket('udp4');
  const found = new Map<string, Announced>();
  socket.on('error', () => {});
  socket.on('message', (message, { address }) => {
    try {
      const { answers = [], additionals = [] } = packet.decode(message);
      found.set(address, merged(found.get(address), [...answers, ...additionals]));
    } catch {
      // whoever sends nonsense is not found by mDNS
    }
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, own, resolve);
    });
    socket.setMulticastInterface(own);
    const questions = ASKED.map((name) => ({ type: 'PTR' as const, name: `${name}.local` }));
    const question = packet.encode({ type: 'query', id: 1, questions });
    for (let tries = 0; tries < 2; tries++) {
      socket.send(question, PORT, GROUP, () => {});
      await sleep(WAIT_MS, undefined, { signal });
    }
  } finally {
    socket.close();
  }
  return found;
}

/** What these records add to what is known of a machine. Pure. */
export function merged(known: Announced | undefined, records: readonly Answer[]): Announced {
  const services = new Set(known?.services ?? []);
  let name = known?.name;
  for (const record of records) {
    const [, service] = /^_([\w-]+)\._(?:tcp|udp)\.local$/.exec(record.name) ?? [];
    if (record.type === 'PTR' && service !== undefined && service !== 'services') services.add(service);
    if (record.type === 'PTR' && record.name.startsWith('_services.')) {
      const [, told] = /^_([\w-]+)\./.exec(String(record.data)) ?? [];
      if (told !== undefined) services.add(told);
    }
    const [, host] = /^([\w-]{1,63})\.local$/.exec(record.name) ?? [];
    if (record.type === 'A' && host !== undefined) name = host;
  }
  return { name, services: [...services].sort() };
}
