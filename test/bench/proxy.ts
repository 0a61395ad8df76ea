import net from 'node:net';

/**
 * The traffic over the links since `reset`. A round trip is counted at each change of direction from the host back to
 * us.
 */
export type Traffic = Readonly<{ sent: number; received: number; roundTrips: number }>;
export type Links = Readonly<{
  ports: ReadonlyMap<string, number>;
  reset: () => void;
  traffic: () => Traffic;
  close: () => void;
}>;

/**
 * A TCP proxy in front of each host that counts bytes and delays everything by `delay` ms in each direction, because
 * this kernel may have no netem. The TCP handshake itself is not delayed, so a run needs one round trip less than over
 * real links.
 */
export async function openProxy(hosts: ReadonlyMap<string, string>, listenOn: string, delay: number): Promise<Links> {
  const seen = { sent: 0, received: 0, roundTrips: 0 };
  const servers: net.Server[] = [];
  const ports = new Map<string, number>();
  for (const [host, address] of hosts) {
    const server = net.createServer({ noDelay: true }, (near) => {
      const far = net.connect({ host: address, port: 22, noDelay: true });
      let isAnswer = true;
      pass(near, far, delay, (bytes) => {
        seen.sent += bytes;
        isAnswer = false;
      });
      pass(far, near, delay, (bytes) => {
        seen.received += bytes;
        if (!isAnswer) seen.roundTrips++;
        isAnswer = true;
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, listenOn, resolve));
    ports.set(host, (server.address() as net.AddressInfo).port);
  }
  return {
    ports,
    reset: () => void Object.assign(seen, { sent: 0, received: 0, roundTrips: 0 }),
    traffic: () => ({ ...seen }),
    close: () => {
      for (const server of servers) server.close();
    },
  };
}

function pass(from: net.Socket, to: net.Socket, delay: number, count: (bytes: number) => void): void {
  const later = (then: () => void): void => void (delay === 0 ? then() : setTimeout(then, delay));
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    later(() => to.write(chunk));
  });
  from.on('close', () => later(() => to.destroy()));
  from.on('error', () => {});
}
