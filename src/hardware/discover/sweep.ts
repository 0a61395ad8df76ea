import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The pause between two packets: 200 a second, which the slowest switch does not notice. */
const PACE_MS = 5;
/** How long answers are awaited after the last packet. */
const WAIT_MS = 2000;

/** RMCP with ASF's presence ping (IPMI 2.0, 13.2.3): the message with which a BMC is found. It needs no login. */
const PING = Buffer.from('0600ff06000011be80000000', 'hex');

/**
 * Sends one UDP packet to each address: BMCs answer it, and the kernel learns the MAC address of whoever is there. Returns
 * the addresses of BMCs. `port` is 623 except in tests.
 */
export async function sweep(
  addresses: readonly string[],
  own: string,
  signal: AbortSignal,
  { port = 623, wait = WAIT_MS }: Readonly<{ port?: number; wait?: number }> = {},
): Promise<ReadonlySet<string>> {
  const socket = createSocket('udp4');
  const found = new Set<string>();
  socket.on('error', () => {}); // nobody at an address is no error
  socket.on('message', (message, { address }) => {
    if (isPong(message)) found.add(address);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, own, resolve);
    });
    for (const address of addresses) {
      socket.send(PING, port, address, () => {});
      await sleep(PACE_MS, undefined, { signal });
    }
    await sleep(wait, undefined, { signal });
  } finally {
    socket.close();
  }
  return found;
}

/** ASF's presence pong that says that IPMI is supported. */
export function isPong(message: Buffer): boolean {
  return message[0] === 6 && message[3] === 6 && message[8] === 0x40 && ((message[20] ?? 0) & 0x80) !== 0;
}

/** A machine that the kernel knows on an interface. */
export type Neighbour = Readonly<{ address: string; mac: string }>;

/** The kernel's neighbours on an interface: what `ip neigh` shows of IPv4. */
export function neighboursOf(name: string, table = readFileSync('/proc/net/arp', 'utf8')): readonly Neighbour[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line): readonly Neighbour[] => {
      const [address = '', , flags, mac = '', , device] = line.trim().split(/\s+/);
      // 0x2: complete. An address that did not answer has no MAC address.
      const isThere = device === name && (Number(flags) & 2) !== 0 && mac !== '00:00:00:00:00:00';
      return isThere ? [{ address, mac }] : [];
    });
}

/** The first line of an SSH server: 'SSH-2.0-OpenSSH_9.2p1 Debian-2'. undefined: none answers within three seconds. */
export function bannerOf(address: string, signal: AbortSignal, port = 22): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    let text = '';
    const end = (banner: string | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(banner);
    };
    const onAbort = (): void => end(undefined);
    const timer = setTimeout(() => end(undefined), 3000);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const [line] = /^SSH-[\x20-\x7e]{1,250}(?=\r?\n)/m.exec(text) ?? [];
      if (line !== undefined || text.length > 4096) end(line);
    });
  });
}
