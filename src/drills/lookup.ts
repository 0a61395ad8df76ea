import { promises as dns } from 'node:dns';
import type { LookupFunction } from 'node:net';

export type Lookup = Readonly<{
  /** For node:net. */
  lookup: LookupFunction;
  resolve: (name: string) => Promise<readonly string[]>;
}>;

/** How many seconds an answer without a TTL is kept, as in the system's own cache. */
const DEFAULT_TTL = 5;

/**
 * Resolves names as a client does. Answers are kept for their TTL and then asked for again, from each server in turn.
 * Concurrent callers share one question. Addresses outside of `allowed` are dropped, so that the load goes nowhere
 * else.
 */
export function cachedLookup(servers: readonly string[], allowed: ReadonlySet<string>): Lookup {
  const cache = new Map<string, { addresses: readonly string[]; until: number }>();
  const asking = new Map<string, Promise<readonly string[]>>();
  const ask = askOf(servers);
  const fetch = async (name: string): Promise<readonly string[]> => {
    const { addresses, ttl } = await ask(name);
    const foreign = addresses.find((address) => !allowed.has(address));
    if (foreign !== undefined)
      throw Object.assign(new Error(`${name} resolves to ${foreign}, which is not an address of the inventory`), {
        code: 'FOREIGN',
      });
    cache.set(name, { addresses, until: Date.now() + ttl * 1000 });
    return addresses;
  };
  const resolve = (name: string): Promise<readonly string[]> => {
    const known = cache.get(name);
    if (known !== undefined && Date.now() < known.until) return Promise.resolve(known.addresses);
    const running = asking.get(name) ?? fetch(name).finally(() => asking.delete(name));
    asking.set(name, running);
    return running;
  };
  const lookup: LookupFunction = (name, options, done) => {
    resolve(name).then(
      (addresses) => {
        if (options.all === true)
          (done as (e: null, all: object[]) => void)(
            null,
            addresses.map((address) => ({ address, family: 4 })),
          );
        else done(null, addresses[0] ?? '', 4);
      },
      (error: Error) => done(error, '', 4),
    );
  };
  return { lookup, resolve };
}

function askOf(servers: readonly string[]): (name: string) => Promise<{ addresses: readonly string[]; ttl: number }> {
  if (servers.length === 0)
    return async (name) => {
      const found = await dns.lookup(name, { all: true, family: 4 });
      return { addresses: found.map((f) => f.address), ttl: DEFAULT_TTL };
    };
  const resolver = new dns.Resolver({ timeout: 500, tries: 2 });
  resolver.setServers(servers);
  return async (name) => {
    const found = await resolver.resolve4(name, { ttl: true });
    return { addresses: found.map((f) => f.address), ttl: Math.min(...found.map((f) => f.ttl)) };
  };
}
