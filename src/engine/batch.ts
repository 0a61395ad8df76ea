/**
 * Hosts that work side by side in one play, and where they wait for each other: only where Ansible's lockstep could be
 * observed (run_once, another host's registered values). A host that fails or is through no longer keeps others waiting.
 */
export type Batch = Readonly<{
  hosts: readonly string[];
  /** Resolves when every host that is still running has come to this point. */
  meet: (point: string, host: string) => Promise<void>;
  leave: (host: string) => void;
  /** The first host, in inventory order, that still runs. */
  first: () => string | undefined;
  /** One host's work for all: the first host does it, the others get what came of it, its failure too. All must have met here. */
  once: <T>(point: string, host: string, work: () => Promise<T>) => Promise<T>;
}>;

export function makeBatch(hosts: readonly string[]): Batch {
  const running = new Set(hosts);
  const points = new Map<string, { arrived: Set<string>; waiting: (() => void)[] }>();
  const done = new Map<string, Shared>();
  const sharedAt = (point: string): Shared => {
    const shared = done.get(point) ?? makeShared();
    done.set(point, shared);
    return shared;
  };
  const first = (): string | undefined => hosts.find((host) => running.has(host));
  const release = (): void => {
    for (const point of points.values()) {
      if (![...running].every((host) => point.arrived.has(host))) continue;
      for (const go of point.waiting.splice(0)) go();
    }
  };
  return {
    hosts,
    meet(name, host) {
      const point = points.get(name) ?? { arrived: new Set<string>(), waiting: [] };
      points.set(name, point);
      point.arrived.add(host);
      return new Promise((resolve) => {
        point.waiting.push(resolve);
        release();
      });
    },
    leave(host) {
      running.delete(host);
      release();
    },
    first,
    once<T>(point: string, host: string, work: () => Promise<T>): Promise<T> {
      const shared = sharedAt(point);
      if (host === first()) work().then(shared.resolve, shared.reject);
      return shared.result as Promise<T>;
    },
  };
}

type Shared = Readonly<{
  result: Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}>;
function makeShared(): Shared {
  let resolve: Shared['resolve'] = () => {};
  let reject: Shared['reject'] = () => {};
  const result = new Promise<unknown>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { result, resolve, reject };
}
