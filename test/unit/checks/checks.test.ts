import dgram from 'node:dgram';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks } from '../../../src/checks/index.ts';
import { runAll } from '../../../src/checks/run.ts';
import { isBound, type Mismatch, type Scene } from '../../../src/core/check.ts';
import { failure } from '../../../src/core/errors/index.ts';
import type { CheckEvent, Event } from '../../../src/core/event.ts';

const none = () => Promise.reject(new Error('no hosts here'));
const scene = { connect: none, health: none, signal: AbortSignal.timeout(10_000) };
async function look(name: string, args: Record<string, unknown>): Promise<readonly Mismatch[]> {
  const bound = checks.get(name)?.bind(args);
  if (bound === undefined || !isBound(bound)) throw new Error(JSON.stringify(bound));
  return (await bound.attempt(scene)).mismatches;
}
const wrong = async (name: string, args: Record<string, unknown>): Promise<readonly string[]> =>
  (await look(name, args)).map((m) => m.property);

describe('examples', () => {
  it.each([...checks].flatMap(([name, check]) => check.examples.map((e) => [name, e.title, e] as const)))(
    '%s: %s binds',
    (name, _, example) => {
      expect(checks.get(name)?.bind(example.args)).toHaveProperty('attempt');
    },
  );
});

describe('checks against servers on this machine', () => {
  const dns = dgram.createSocket('udp4');
  let http: Server;
  let url = '';
  let server = '';
  let served = 0;
  beforeAll(async () => {
    dns.on('message', (message, from) => {
      const query = packet.decode(message);
      const [question] = query.questions ?? [];
      const known = question?.name === 'www.test';
      const flags = packet.AUTHORITATIVE_ANSWER | (known ? 0 : 3);
      const answers = known ? [{ type: 'A' as const, name: 'www.test', ttl: 5, data: '127.0.0.1' }] : [];
      dns.send(
        packet.encode({ type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [], answers }),
        from.port,
        from.address,
      );
    });
    await new Promise<void>((resolve) => dns.bind(0, '127.0.0.1', resolve));
    server = `127.0.0.1:${dns.address().port}`;
    http = createServer((request, response) => {
      response.setHeader('x-served-by', served++ % 2 === 0 ? 'one' : 'two');
      response.statusCode = request.url === '/broken' ? 503 : 200;
      response.end(request.url === '/json' ? '{"state": "ok", "list": [{"n": 1}]}' : `hello ${request.headers.host}`);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    url = `http://www.test:${(http.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    dns.close();
    http.close();
  });

  it('dns compares addresses, authority and response codes', async () => {
    expect(await wrong('dns', { name: 'www.test', server, addresses: ['127.0.0.1'], authoritative: true })).toEqual([]);
    expect(await wrong('dns', { name: 'www.test', server, addresses: ['127.0.0.2'] })).toEqual(['addresses']);
    expect(await wrong('dns', { name: 'nosuch.test', server, rcode: 'NXDOMAIN' })).toEqual([]);
    expect(await wrong('dns', { name: 'nosuch.test', server })).toEqual(['rcode']);
    expect(await wrong('dns', { name: 'www.test', server, authoritative: false })).toEqual(['authoritative']);
  });

  it('http resolves the name with the given server', async () => {
    expect(
      await wrong('http', {
        url: `${url}/`,
        server,
        contains: ['hello www.test'],
        response_headers: { 'x-served-by': '^(one|two)$', 'x-none': '' },
      }),
    ).toEqual([]);
    expect(
      await wrong('http', { url: `${url}/broken`, server, contains: ['bye'], response_headers: { 'x-served-by': '' } }),
    ).toEqual(['status', 'body', 'x-served-by']);
    await expect(look('http', { url: url.replace('www', 'nosuch'), server })).rejects.toThrow(/knows no address/);
  });

  it('http compares JSON by path', async () => {
    const at = (path: string, json: Record<string, unknown>) => wrong('http', { url: url + path, server, json });
    expect(await at('/json', { state: 'ok', list: [{ n: 1 }], 'list.0.n': 1 })).toEqual([]);
    expect(await at('/json', { state: 'bad', 'list.1.n': 1, 'state.length': 2 })).toEqual([
      'state',
      'list.1.n',
      'state.length',
    ]);
    expect(await at('/', { state: 'ok' })).toEqual(['body']);
  });

  it('balance counts shares, unknown backends and failures', async () => {
    expect(await wrong('balance', { url, server, backends: ['one', 'two'], requests: 10 })).toEqual([]);
    expect(await wrong('balance', { url, server, backends: ['one', 'three'], requests: 10 })).toEqual([
      'three',
      'backend',
    ]);
    expect(await wrong('balance', { url: `${url}/broken`, server, backends: ['one'], requests: 4 })).toEqual([
      'one',
      'failed requests',
    ]);
  });

  it('port detects an open and a closed port', async () => {
    const { port } = http.address() as AddressInfo;
    expect(await wrong('port', { host: '127.0.0.1', port })).toEqual([]);
    expect(await wrong('port', { host: '127.0.0.1', port, state: 'closed' })).toEqual(['port']);
    expect(await wrong('port', { host: '127.0.0.1', port: 1, state: 'closed' })).toEqual([]);
  });
});

describe('running checks', () => {
  const at = { file: 'f', line: 1, col: 1 };
  const run = async (attempts: (() => Promise<readonly Mismatch[]>)[], within: number) => {
    const events: Event[] = [];
    let n = 0;
    const check = {
      attempt: async () => ({
        mismatches: (await (attempts[Math.min(n++, attempts.length - 1)] ?? attempts[0])?.()) ?? [],
        seen: 'seen',
      }),
    };
    const failed = await runAll({
      checks: [{ name: 'c', kind: 'k', at, check, within, proves: '', hosts: [] }],
      scene,
      emit: (e) => events.push(e),
      signal: new AbortController().signal,
      now: () => performance.now(),
    });
    return { failed, last: events.filter((e): e is CheckEvent => e.type === 'check').at(-1) };
  };
  const bad = async () => [{ property: 'p', expected: 'e', seen: 's' }];

  it('retries until the check passes', async () => {
    const { failed, last } = await run([bad, () => Promise.reject(new Error('refused')), async () => []], 10);
    expect(failed).toBe(0);
    expect(last).toMatchObject({ status: 'passed', tries: 3 });
  });
  it('fails when the time is up, with the last observation', async () => {
    expect((await run([bad], 0.2)).last).toMatchObject({ status: 'failed', mismatches: [{ property: 'p' }] });
  });
  it('runs side by side, and the time of all begins at once', async () => {
    let inside = 0;
    let most = 0;
    const slow = {
      attempt: async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside--;
        return { mismatches: await bad(), seen: '' };
      },
    };
    const events: Event[] = [];
    const begun = performance.now();
    const planned = { name: 'c', kind: 'k', at, check: slow, within: 1, proves: '', hosts: [] };
    const failed = await runAll({
      checks: Array.from({ length: 100 }, () => planned),
      scene,
      emit: (e) => events.push(e),
      signal: new AbortController().signal,
      now: () => performance.now() - begun,
    });
    expect(failed).toBe(100);
    expect(most).toBe(32);
    const last = events.filter((e): e is CheckEvent => e.type === 'check' && e.status === 'failed');
    expect(new Set(last.map((e) => e.index)).size).toBe(100);
  });
  it('ends a connection that takes longer than the check may', async () => {
    const check = {
      attempt: async ({ connect }: Scene) => {
        await connect('web1');
        return { mismatches: [], seen: '' };
      },
    };
    const events: Event[] = [];
    const failed = await runAll({
      checks: [{ name: 'c', kind: 'k', at, check, within: 0.1, proves: '', hosts: ['web1'] }],
      scene: { connect: () => new Promise(() => {}), health: none },
      emit: (e) => events.push(e),
      signal: new AbortController().signal,
      now: () => performance.now(),
    });
    expect(failed).toBe(1);
    expect(events.at(-2)).toMatchObject({ status: 'failed', mismatches: [{ seen: 'no answer in time' }] });
  });
  it('does not retry a mistake on the controller', async () => {
    const { last } = await run([() => Promise.reject(failure('E_PING', { why: 'no ping' }))], 30);
    expect(last).toMatchObject({ status: 'failed', tries: 1 });
  });
});
