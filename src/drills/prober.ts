import { setPriority } from 'node:os';
import { createSecureContext } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import type { Load, Request } from '../core/drill-args.ts';
import { askOf, faultOf, isWrite, lookAsk, lookUp, namer, sent, type Write } from './asks.ts';
import { type Client, makeClient, type Outcome, type Site } from './client.ts';
import { cachedLookup } from './lookup.ts';
import { FAILED, type Names, OK, READ_BACK, STALE, samplesIn } from './samples.ts';
import { dueAt, mixer } from './schedule.ts';

/** The load runs in a thread of its own, so that the drill's work over SSH does not delay it. */
export type ProberData = Readonly<{
  load: Load;
  /** The PEM text of the CA's certificates. */
  ca: string | undefined;
  allowed: readonly string[];
  buffer: SharedArrayBuffer;
  capacity: number;
  /** The most requests on schedule. */
  total: number;
  /** The prefix of all tokens. */
  prefix: string;
}>;
export type ToProber =
  /** Sends one request of each kind, to see whether the site answers. */
  | Readonly<{ type: 'warm' }>
  /** Milliseconds since the epoch, by the clock of `performance`. */
  | Readonly<{ type: 'begin'; at: number }>
  /** Sends no request that is due later than this, in ms since the load began. */
  | Readonly<{ type: 'stop'; after: number }>
  | Readonly<{ type: 'verify' }>
  | Readonly<{ type: 'close' }>;
export type FromProber =
  | Readonly<{ type: 'warmed'; problems: readonly string[] }>
  | Readonly<{ type: 'done'; names: Names; acknowledged: readonly string[]; readBack: number; stale: number }>
  | Readonly<{ type: 'verified'; lost: readonly string[]; unknown: number }>;

const PRIORITY = -5;
const RAMP_MS = 4000;

if (parentPort !== null) {
  first();
  listen(parentPort);
}

/**
 * Raises the priority of this thread alone, if permitted. On a busy machine a late prober would measure itself. The
 * priority must not be so high that it starves the lab.
 */
function first(): void {
  try {
    setPriority(PRIORITY);
  } catch {
    // not root: the verdict reports how late the prober was
  }
}

function listen(port: NonNullable<typeof parentPort>): void {
  const prober = makeProber(workerData as ProberData, (message) => port.postMessage(message));
  port.on('message', (message: ToProber) => {
    if (message.type === 'warm') void prober.warm();
    if (message.type === 'begin') prober.begin(message.at);
    if (message.type === 'stop') prober.stop(message.after);
    if (message.type === 'verify') void prober.verify();
    if (message.type === 'close') {
      prober.close();
      port.close();
    }
  });
}

function makeProber(data: ProberData, tell: (message: FromProber) => void) {
  const { load, prefix } = data;
  const samples = samplesIn(data.buffer, data.capacity);
  const { lookup } = cachedLookup(load.servers, new Set(data.allowed));
  const site: Site = {
    url: load.url,
    secure: load.url.startsWith('https:')
      ? createSecureContext(data.ca === undefined ? {} : { ca: data.ca })
      : undefined,
    timeoutMs: load.timeout * 1000,
    lookup,
    backendHeader: load.backend_header.toLowerCase(),
  };
  const clients = Array.from({ length: load.clients }, () => makeClient(site));
  const names = { causes: namer(), backends: namer() };
  const ledger = { writes: [] as Write[], readBack: 0, stale: 0 };
  const kindOf = mixer(load.requests.map((r) => r.share));
  const state = { began: 0, next: 0, inFlight: 0, stopAfter: Number.POSITIVE_INFINITY, told: false };
  const now = (): number => performance.timeOrigin + performance.now() - state.began;

  const keep = (index: number, due: number, { cause, repeated }: Outcome, outcome: number, detail: number): void => {
    samples.took[index] = now() - due;
    samples.repeated[index] = repeated ? 1 : 0;
    samples.detail[index] = cause === '' ? detail : names.causes.of(cause);
    samples.outcome[index] = outcome;
  };
  const open = (kind: number, due: number): number => {
    const index = samples.count[0] ?? 0;
    samples.due[index] = due;
    samples.late[index] = Math.max(0, now() - due);
    samples.kind[index] = kind;
    samples.count[0] = index + 1;
    state.inFlight++;
    return index;
  };
  const close = (): void => {
    state.inFlight--;
    finish();
  };

  /** Opens a connection for every client beforehand, because the handshakes at the start are not what is measured. */
  const connectAll = async (): Promise<void> => {
    const easy = load.requests.find((r) => r.method === 'GET');
    const queue = [...clients];
    const work = async (): Promise<void> => {
      for (let client = queue.shift(); easy !== undefined && client !== undefined; client = queue.shift())
        await sent(client, askOf(easy, `${prefix}-warm`));
    };
    await Promise.all(Array.from({ length: 4 }, work));
  };

  /**
   * Rises to the full rate with requests that only read, because cold pools, caches and code are not what is measured.
   * A cold site that gets the full load at once may never recover.
   */
  const rampUp = async (): Promise<void> => {
    const reads = load.requests.filter((r) => r.method === 'GET');
    const began = performance.now();
    const under: Promise<unknown>[] = [];
    for (let t = 0; t < RAMP_MS && reads.length > 0; t = performance.now() - began) {
      const due = (load.rate / 1000) * (t / RAMP_MS) * (t / 2);
      while (under.length < due) {
        const [request, client] = [reads[under.length % reads.length], clients[under.length % clients.length]];
        if (request === undefined || client === undefined) return;
        under.push(sent(client, askOf(request, `${prefix}-warm`)));
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all(under);
  };

  const readBack = (client: Client, request: Request, kind: number, token: string): void => {
    const look = request.read_back;
    if (look === undefined || (samples.count[0] ?? 0) >= data.capacity) return;
    const due = now();
    const index = open(READ_BACK + kind, due);
    ledger.readBack++;
    client.send(lookAsk(look, token), (outcome) => {
      const wrong = faultOf(outcome, look.status, []);
      const isStale = wrong === '' && outcome.answer?.body.includes(token) === false;
      if (isStale) ledger.stale++;
      keep(index, due, { ...outcome, cause: wrong }, wrong !== '' ? FAILED : isStale ? STALE : OK, backendOf(outcome));
      close();
    });
  };
  const backendOf = ({ answer }: Outcome): number => names.backends.of(answer?.backend ?? '');

  const send = (i: number): void => {
    const kind = kindOf(i);
    const request = load.requests[kind];
    const client = clients[i % clients.length];
    if (request === undefined || client === undefined || (samples.count[0] ?? 0) >= data.capacity) return;
    const due = dueAt(i, load.rate);
    const index = open(kind, due);
    const token = `${prefix}-${i}`;
    client.send(askOf(request, token), (outcome) => {
      const wrong = faultOf(outcome, request.status, request.contains);
      keep(index, due, { ...outcome, cause: wrong }, wrong === '' ? OK : FAILED, backendOf(outcome));
      if (wrong === '' && isWrite(request)) {
        ledger.writes.push({ token, request });
        readBack(client, request, kind, token);
      }
      close();
    });
  };

  const tick = (): void => {
    const upTo = Math.min(now(), state.stopAfter);
    while (state.next < data.total && dueAt(state.next, load.rate) <= upTo) send(state.next++);
    if (state.next >= data.total || dueAt(state.next, load.rate) > state.stopAfter) {
      state.next = data.total;
      finish();
    } else setTimeout(tick, Math.max(0, dueAt(state.next, load.rate) - now()));
  };
  const finish = (): void => {
    if (state.next < data.total || state.inFlight > 0 || state.told) return;
    state.told = true;
    tell({
      type: 'done',
      names: { causes: names.causes.all, backends: names.backends.all },
      acknowledged: ledger.writes.map((w) => w.token),
      readBack: ledger.readBack,
      stale: ledger.stale,
    });
  };

  return {
    async warm(): Promise<void> {
      const client = makeClient(site);
      const problems: string[] = [];
      for (const [i, request] of load.requests.entries()) {
        const outcome = await sent(client, askOf(request, `${prefix}-warm${i}`));
        const wrong = faultOf(outcome, request.status, request.contains);
        if (wrong !== '') problems.push(`${request.name}: ${wrong}`);
      }
      client.close();
      if (problems.length === 0) await connectAll().then(rampUp);
      tell({ type: 'warmed', problems });
    },
    begin(at: number): void {
      state.began = at;
      setTimeout(tick, Math.max(0, -now()));
    },
    stop(after: number): void {
      state.stopAfter = after;
    },
    async verify(): Promise<void> {
      tell({ type: 'verified', ...(await lookUp(ledger.writes, makeClient(site))) });
    },
    close(): void {
      for (const client of clients) client.close();
    },
  };
}
