import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { binder } from '../../../src/core/bind.ts';
import { Load } from '../../../src/core/drill-args.ts';
import { type Ask, makeClient, type Outcome } from '../../../src/drills/client.ts';
import { startLoad } from '../../../src/drills/load.ts';
import { cachedLookup } from '../../../src/drills/lookup.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, n: number) => void;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
/** A server on this machine's loopback. `n` counts its requests. */
async function serve(handler: Handler): Promise<string> {
  let n = 0;
  const server = createServer((request, response) => handler(request, response, n++));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const GET: Ask = { method: 'GET', path: '/', headers: {}, body: undefined, wantsBody: true };
function client(url: string, timeoutMs = 2000) {
  const { lookup } = cachedLookup([], new Set(['127.0.0.1']));
  const made = makeClient({ url, secure: undefined, timeoutMs, lookup, backendHeader: 'x-served-by' });
  return (ask: Partial<Ask> = {}): Promise<Outcome> => new Promise((resolve) => made.send({ ...GET, ...ask }, resolve));
}

describe('a virtual client', () => {
  it('reports which backend answered, and the answer', async () => {
    const url = await serve((_, response) => response.setHeader('x-served-by', 'one').end('hello'));
    expect(await client(url)()).toEqual({
      answer: { status: 200, backend: 'one', body: 'hello' },
      cause: '',
      repeated: false,
    });
  });
  it('sends its cookies back until they are deleted', async () => {
    const url = await serve((request, response, n) => {
      if (n === 0) response.setHeader('set-cookie', ['seen=1; Path=/; HttpOnly', 'b=2']);
      if (n === 1) response.setHeader('set-cookie', 'b=; Max-Age=0');
      response.end(request.headers.cookie ?? 'none');
    });
    const send = client(url);
    const bodies: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) bodies.push((await send()).answer?.body);
    expect(bodies).toEqual(['none', 'seen=1; b=2', 'seen=1']);
  });
  it('repeats a GET once if an open connection is reset, but never a POST', async () => {
    const url = await serve((request, response, n) => {
      if (n === 1 || n === 4) request.socket.resetAndDestroy();
      else response.end('ok');
    });
    const send = client(url);
    await send();
    expect(await send()).toMatchObject({ answer: { body: 'ok' }, repeated: true });
    await send();
    expect(await send({ method: 'POST', body: 'x' })).toEqual({
      answer: undefined,
      cause: 'connection reset',
      repeated: false,
    });
  });
  it('also repeats a GET that waited for a busy connection', async () => {
    const url = await serve((request, response, n) => {
      if (n === 6) request.socket.resetAndDestroy();
      else setTimeout(() => response.end('ok'), 50);
    });
    const send = client(url);
    const all = await Promise.all(Array.from({ length: 7 }, () => send()));
    expect(all.map((o) => o.cause)).toEqual(['', '', '', '', '', '', '']);
    expect(all.filter((o) => o.repeated)).toHaveLength(1);
  });
  it('does not repeat a request on a new connection', async () => {
    const url = await serve((request) => request.socket.resetAndDestroy());
    expect(await client(url)()).toEqual({ answer: undefined, cause: 'connection reset', repeated: false });
  });
  it('gives up after its timeout, and detects an answer that was cut off', async () => {
    const silent = await serve(() => {});
    expect((await client(silent, 100)()).cause).toBe('no answer within 100 ms');
    const cut = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => request.socket.destroy(), 20);
    });
    expect((await client(cut)()).cause).toBe('answer cut off');
  });
  it('reports that nobody listens', async () => {
    const url = await serve(() => {});
    servers.splice(0).forEach((s) => void s.close());
    expect((await client(url)()).cause).toBe('connection refused');
  });
  it('contacts only allowed addresses', async () => {
    const { resolve } = cachedLookup([], new Set(['10.0.0.1']));
    await expect(resolve('localhost')).rejects.toThrow(/127\.0\.0\.1, which is not an address of the inventory/);
  });
});

describe('a load in its thread', { timeout: 60_000 }, () => {
  const load = (url: string, more: Record<string, unknown> = {}): Load => {
    const requests = [
      { name: 'read', share: 80 },
      { name: 'write', share: 20, method: 'POST', path: '/items', body: '{token}', status: [201], ...LOOKS },
    ];
    const bound = binder(Load, 'a test')({ url, seconds: 1, rate: 100, clients: 5, requests, ...more });
    if ('errors' in bound) throw new Error(JSON.stringify(bound.errors));
    return bound.args;
  };
  const LOOKS = { read_back: { path: '/items?{token}' }, verify: { path: '/items?{token}' } };
  /** Stores posted tokens. `forgets` drops some, `hides` does not show others at once. */
  const store = (forgets: (token: string) => boolean, hides: (token: string) => boolean = () => false): Handler => {
    const kept = new Set<string>();
    const asked = new Set<string>();
    return (request, response) => {
      if (request.method === 'POST') {
        let token = '';
        request.on('data', (d: Buffer) => (token += d.toString()));
        request.on('end', () => {
          if (!forgets(token)) kept.add(token);
          response.writeHead(201).end();
        });
        return;
      }
      const token = request.url?.split('?')[1] ?? '';
      const isHidden = hides(token) && !asked.has(token);
      asked.add(token);
      response.end(kept.has(token) && !isHidden ? token : '[]');
    };
  };
  const run = async (spec: Load) => {
    const running = startLoad(spec, 'unit', ['127.0.0.1']);
    try {
      expect(await running.warm()).toEqual([]);
      await running.begin();
      const { acknowledged } = await running.done;
      return { acknowledged, figures: running.figures(await running.verify()) };
    } finally {
      await running.close();
    }
  };

  it('sends exactly the scheduled requests, keeps their shares, and finds every write again', async () => {
    const { acknowledged, figures } = await run(load(await serve(store(() => false))));
    expect(figures.all).toMatchObject({ sent: 100, ok: 100, failed: 0 });
    expect(figures.kinds['read']?.sent).toBe(80);
    expect(acknowledged).toHaveLength(20);
    expect(figures.ledger).toEqual({ acknowledged: 20, lost: [], unknown: 0, readBack: 20, stale: 0 });
  });
  it('names lost writes and counts stale reads', async () => {
    let forgotten = '';
    let late = '';
    const url = await serve(
      store(
        (token) => {
          if (!token.includes('warm') && forgotten === '') forgotten = token;
          return token === forgotten;
        },
        (token) => {
          if (token !== forgotten && late === '' && !token.includes('warm')) late = token;
          return token === late;
        },
      ),
    );
    const { figures } = await run(load(url));
    expect(figures.ledger?.lost).toEqual([forgotten]);
    expect(figures.ledger?.stale).toBe(2);
  });
  it('groups failures by cause', async () => {
    const url = await serve((request, response, n) => {
      response.writeHead(n > 40 ? 503 : request.method === 'POST' ? 201 : 200).end();
    });
    const { figures } = await run(load(url));
    expect(figures.all.failed).toBeGreaterThan(30);
    expect([...new Set(figures.causes.map((c) => c.cause))]).toEqual(['status 503']);
  });
  it('reports before the load what is wrong with the site', async () => {
    const running = startLoad(load(await serve((_, response) => response.writeHead(500).end())), 'u', ['127.0.0.1']);
    expect(await running.warm()).toEqual(['read: status 500', 'write: status 500']);
    await running.close();
  });
  it('stops on request', async () => {
    const spec = load(await serve(store(() => false)), { up_to: 100 });
    const running = startLoad(spec, 'unit', ['127.0.0.1']);
    await running.begin();
    running.stop(300);
    await running.done;
    expect(running.figures().all.sent).toBe(31);
    await running.close();
  });
});
