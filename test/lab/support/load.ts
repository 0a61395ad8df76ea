import { request } from 'node:http';

export type Load = Readonly<{ sent: number; failed: readonly string[] }>;

/**
 * Sends requests to every address in turn, each on a new connection, about 100 a second, until `work` is done (or
 * `most` were sent). With `reads`, no request writes, and a request whose address does not answer tries the other one,
 * as clients of a name with two addresses do.
 */
export async function underLoad(
  addresses: readonly string[],
  host: string,
  work: () => Promise<void>,
  { reads = false, most = 30_000 }: Readonly<{ reads?: boolean; most?: number }> = {},
): Promise<Load> {
  const failed: string[] = [];
  let sent = 0;
  let isOver = false;
  const client = async (index: number) => {
    for (let turn = index; !isOver && sent < most; turn++) {
      sent++;
      const isWrite = turn % 20 === 0 && !reads;
      const to = (n: number) => ask(addresses[n % addresses.length] ?? '', host, isWrite);
      const first = await to(turn);
      const why = first !== undefined && reads ? await to(turn + 1) : first;
      if (why !== undefined) failed.push(`${new Date().toISOString()} ${isWrite ? 'POST' : 'GET'} ${why}`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  const clients = Array.from({ length: 5 }, (_, index) => client(index));
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(clients);
  }
  return { sent, failed };
}

function ask(address: string, host: string, isWrite: boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request(
      {
        host: address,
        path: isWrite ? '/api/items' : '/',
        method: isWrite ? 'POST' : 'GET',
        headers: { host, 'content-type': 'application/json' },
        agent: false,
        timeout: 5000,
      },
      (got) => {
        got.resume();
        got.on('end', () => resolve((got.statusCode ?? 0) < 400 ? undefined : `${address} ${got.statusCode}`));
        got.on('error', (error) => resolve(`${address} ${error.message}`));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in 5 s')));
    sent.on('error', (error) => resolve(`${address} ${error.message}`));
    sent.end(isWrite ? '{"name":"load"}' : undefined);
  });
}
