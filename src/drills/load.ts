import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Figures, LedgerFigures } from '../core/drill.ts';
import type { Load } from '../core/drill-args.ts';
import { figuresOf } from './figures.ts';
import type { FromProber, ProberData, ToProber } from './prober.ts';
import { type Names, samplesBuffer, samplesIn } from './samples.ts';

export type Running = Readonly<{
  /** Sends one request of each kind. Returns their errors; an empty list means that the site answers. */
  warm: () => Promise<readonly string[]>;
  /** Starts the load after a short delay, and resolves when it starts. */
  begin: () => Promise<void>;
  /** Milliseconds since the load began. */
  now: () => number;
  /** Sends no request that is due later than `after` ms after the start. */
  stop: (after: number) => void;
  /** Resolves when every request has ended. */
  done: Promise<Readonly<{ acknowledged: readonly string[] }>>;
  verify: () => Promise<Readonly<{ lost: readonly string[]; unknown: number }>>;
  /** The figures so far. */
  figures: (ledger?: Pick<LedgerFigures, 'lost' | 'unknown'>) => Figures;
  close: () => Promise<void>;
}>;

const LEAD_MS = 250;

/** Starts the prober's thread. `prefix` begins every token. `allowed` lists the only addresses that it may contact. */
export function startLoad(load: Load, prefix: string, allowed: readonly string[]): Running {
  const total = Math.ceil(load.rate * Math.max(load.seconds, load.up_to ?? 0));
  const capacity = total * 2; // every request may be a write that is read back
  const buffer = samplesBuffer(capacity);
  const samples = samplesIn(buffer, capacity);
  const ca = load.ca === undefined ? undefined : readFileSync(load.ca, 'utf8');
  const data: ProberData = { load, ca, allowed, buffer, capacity, total, prefix };
  const worker = new Worker(...workerFor(data));
  let names: Names = { causes: [], backends: [] };
  let known = { acknowledged: 0, readBack: 0, stale: 0 };
  let began = 0;
  const broke = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the prober ended too early')));
  });
  broke.catch(() => {});
  const tell = (message: ToProber): void => worker.postMessage(message);
  const hear = <T extends FromProber['type']>(type: T): Promise<Extract<FromProber, { type: T }>> => {
    const heard = new Promise<Extract<FromProber, { type: T }>>((resolve) => {
      worker.on('message', (message: FromProber) => {
        if (message.type === type) resolve(message as Extract<FromProber, { type: T }>);
      });
    });
    return Promise.race([heard, broke]);
  };
  const clock = (): number => performance.timeOrigin + performance.now();
  const done = hear('done').then((message) => {
    names = message.names;
    known = { acknowledged: message.acknowledged.length, readBack: message.readBack, stale: message.stale };
    return { acknowledged: message.acknowledged };
  });
  done.catch(() => {});
  return {
    done,
    async warm() {
      const warmed = hear('warmed');
      tell({ type: 'warm' });
      return (await warmed).problems;
    },
    async begin() {
      began = clock() + LEAD_MS;
      tell({ type: 'begin', at: began });
      await new Promise((resolve) => setTimeout(resolve, LEAD_MS));
    },
    now: () => clock() - began,
    stop: (after) => tell({ type: 'stop', after }),
    async verify() {
      const verified = hear('verified');
      tell({ type: 'verify' });
      const { lost, unknown } = await verified;
      return { lost, unknown };
    },
    figures(ledger) {
      const requests = load.requests.map((r) => r.name);
      return figuresOf({ samples, names, requests, ledger: ledger && { ...known, ...ledger } });
    },
    async close() {
      tell({ type: 'close' });
      await worker.terminate();
    },
  };
}

/** The thread's program: a file beside this one in the build, else the source through tsx. */
function workerFor(workerData: ProberData): ConstructorParameters<typeof Worker> {
  const here = import.meta.url;
  if (!here.endsWith('.ts')) return [new URL('./prober.cjs', here), { workerData }];
  // Only in development: tsx does not reach into threads by itself.
  const tsx = pathToFileURL(createRequire(here).resolve('tsx/esm/api').replace(/cjs$/, 'mjs')).href;
  const program = `import(${JSON.stringify(tsx)}).then((m) => m.tsImport('./prober.ts', ${JSON.stringify(here)}))`;
  return [program, { workerData, eval: true, execArgv: [] }];
}
