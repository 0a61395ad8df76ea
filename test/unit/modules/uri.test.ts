import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uri } from '../../../src/modules/uri.ts';
import { bound, changes, context } from './harness.ts';

type Seen = Readonly<{ method: string | undefined; url: string | undefined; body: string }>;
const seen: Seen[] = [];
let server: Server;
let base = '';

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method, url } = request;
    seen.push({ method, url, body: await text(request) });
    if (url === '/moved') response.writeHead(302, { location: '/there' });
    else response.writeHead(url === '/made' ? 201 : 200, { 'content-type': 'text/plain' });
    response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

async function ask(client: string, args: Readonly<Record<string, unknown>>) {
  seen.length = 0;
  const step = bound(uri, args);
  const [change] = changes(step.plan(`client ${client}\n`, context()));
  const child = spawn('dash', ['-s'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(`( set -u\n${change?.run.text}\n) </dev/null\n`);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stderr, change, data: step.data('', context(), { code: Number(code), stdout, stderr }) };
}

describe.each(['curl', 'wget', 'bash'])('uri by %s', (client) => {
  test('accepts any of several status codes', async () => {
    const got = await ask(client, { url: `${base}/made`, status_code: [200, 201], return_content: true });
    expect([got.code, got.stderr]).toEqual([0, '']);
    expect(got.data).toMatchObject({ status: 201, content: 'hello' });
    const other = await ask(client, { url: `${base}/made`, status_code: [200, 204] });
    expect([other.code, other.stderr]).toEqual([1, 'the answer is 201, not 200 or 204\n']);
  });

  test('sends lists of a form as several values, and lines of any kind', async () => {
    await ask(client, {
      url: `${base}/x`,
      method: 'POST',
      body_format: 'form-urlencoded',
      body: { a: ['1', 'x y'], b: "(')" },
    });
    expect(seen).toEqual([{ method: 'POST', url: '/x', body: 'a=1&a=x+y&b=%28%27%29' }]);
    const { code } = await ask(client, { url: `${base}/x`, method: 'POST', body: 'one\nEND\n$(exit 3)\n' });
    expect([code, seen]).toEqual([0, [{ method: 'POST', url: '/x', body: 'one\nEND\n$(exit 3)\n' }]]);
  });

  test('names the address if nobody listens', async () => {
    const got = await ask(client, { url: 'http://127.0.0.1:1/x' });
    expect(got.code).toBe(1);
    expect(got.stderr).toMatch(/refused|connect/i);
    expect(got.stderr).toContain('no HTTP answer from http://127.0.0.1:1/x');
  });

  test('does not follow the redirect of a POST by default', async () => {
    const got = await ask(client, { url: `${base}/moved`, method: 'POST', body: 'x', status_code: 302 });
    expect([got.code, seen.length]).toEqual([0, 1]);
    expect(got.change?.harmless).toBe(true);
  });
});

test.each(['curl', 'wget'])('uri by %s follows the redirect of a POST with a GET on request', async (client) => {
  const got = await ask(client, { url: `${base}/moved`, method: 'POST', body: 'x', follow_redirects: 'all' });
  expect(got.code).toBe(0);
  expect(seen).toEqual([
    { method: 'POST', url: '/moved', body: 'x' },
    { method: 'GET', url: '/there', body: '' },
  ]);
});
