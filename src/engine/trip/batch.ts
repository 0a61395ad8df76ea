/**
 * Hosts that run one play side by side. They wait for each other only where Ansible's lockstep could be observed
 * (run_once, registered values of another host). A host that failed or finished no longer makes others wait.
 */
export type Batch = Readonly<{
  hosts: readonly string[];
  /**
   * Resolves when every running host has reached this point, or when all hosts wait and none can reach it any more.
   * Returns the hosts that reached the point, in inventory order, with the handlers or values that each brought.
   */
  meet: (point: string, host: string, brought?: readonly string[]) => Promise<readonly Met[]>;
  leave: (host: string) => void;
  /** One host does the work for all hosts that met. The others get its result, or its failure. */
  once: <T>(point: string, isDoer: boolean, work: () => Promise<T>) => Promise<T>;
  /**
   * Makes a point unique by counting the host's visits, because a file that is included again contains the same points
   * again.
   */
  visit: (point: string, host: string) => string;
}>;
export type Met = Readonly<{ host: string; brought: readonly string[] }>;

type Point = { arrived: Map<string, readonly string[]>; waiting: Map<string, (met: readonly Met[]) => void> };

export function makeBatch(hosts: readonly string[]): Batch {
  const running = new Set(hosts);
  const points = new Map<string, Point>();
  const done = new Map<string, Shared>();
  const visits = new Map<string, number>();
  const sharedAt = (point: string): Shared => {
    const shared = done.get(point) ?? makeShared();
    done.set(point, shared);
    return shared;
  };
  const go = ({ arrived, waiting }: Point): void => {
    const met = hosts.flatMap((host) => {
      const brought = arrived.get(host);
      return brought === undefined ? [] : [{ host, brought }];
    });
    for (const resolve of waiting.values()) resolve(met);
    waiting.clear();
  };
  const release = (): void => {
    for (const point of points.values()) {
      if (point.waiting.size > 0 && [...running].every((host) => point.arrived.has(host))) go(point);
    }
    // Hosts may take different paths (a rescue, an include). If all of them wait, the hosts at the earliest point go
    // on.
    const open = [...points.values()].filter((point) => point.waiting.size > 0);
    const stuck = new Set(open.flatMap((point) => [...point.waiting.keys()]));
    const [first] = open;
    if (first !== undefined && [...running].every((host) => stuck.has(host))) go(first);
  };
  return {
    hosts,
    meet(name, host, brought = []) {
      const point = points.get(name) ?? { arrived: new Map(), waiting: new Map() };
      points.set(name, point);
      point.arrived.set(host, brought);
      return new Promise((resolve) => {
        point.waiting.set(host, resolve);
        release();
      });
    },
    leave(host) {
      running.delete(host);
      release();
    },
    once<T>(point: string, isDoer: boolean, work: () => Promise<T>): Promise<T> {
      const shared = sharedAt(point);
      if (isDoer) work().then(shared.resolve, shared.reject);
      return shared.result as Promise<T>;
    },
    visit(point, host) {
      const key = `${host}\0${point}`;
      const n = (visits.get(key) ?? 0) + 1;
      visits.set(key, n);
      return n === 1 ? point : `${point} #${n}`;
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
