import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Module } from '../../../src/core/module.ts';
import { setLibraries, sh } from '../../../src/core/sh.ts';
import { get_url } from '../../../src/modules/get_url.ts';
import { uri } from '../../../src/modules/uri.ts';
import { play, project } from '../support/project.ts';
import { bound, changes, context, refusal, scratch } from './harness.ts';

type Sent = Readonly<Record<string, string | string[] | undefined>>;
type Seen = Readonly<{ method: string | undefined; url: string | undefined; body: string }>;
const seen: Seen[] = [];
const headers: Sent[] = [];
let server: Server;
let base = '';

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method, url } = request;
    headers.push(request.headers);
    seen.push({ method, url, body: await text(request) });
    if (url === '/packed') response.writeHead(200, { 'content-encoding': 'gzip' });
    else if (url === '/moved') response.writeHead(302, { location: '/there' });
    else response.writeHead(url === '/made' ? 201 : 200, { 'content-type': 'text/plain' });
    response.end(url === '/packed' ? gzipSync('hello') : 'hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

/** Runs the change of uri, or of another module that fetches. */
async function ask(
  client: string,
  args: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
  module: Module = uri,
) {
  seen.length = 0;
  headers.length = 0;
  const step = bound(module, args);
  const [change] = changes(step.plan(`client ${client}\nparent yes!\n`, context()));
  const child = spawn('dash', ['-s'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const run = change?.run ?? sh`:`;
  child.stdin.end(`${setLibraries([run])}( set -u\n${run.text}\n) </dev/null\n`);
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

describe.each(['curl', 'wget', 'bash'])('uri by %s', (client) => {
  test('sends any method, and the name of the program', async () => {
    await ask(client, { url: `${base}/x`, method: 'purge' });
    await ask(client, { url: `${base}/x`, http_agent: 'probe/1' });
    expect(headers[0]?.['user-agent']).toBe('probe/1');
    await ask(client, { url: `${base}/x`, http_agent: 'probe/1', headers: { 'user-agent': 'mine' } });
    expect(headers[0]?.['user-agent']).toBe('mine');
    await ask(client, { url: `${base}/x`, method: 'purge' });
    expect([seen[0]?.method, headers[0]?.['user-agent']]).toEqual(['PURGE', 'ansible-httpget']);
  });
});

describe.each(['curl', 'wget'])('uri by %s', (client) => {
  test('unpacks what the server packed, unless decompress is false', async () => {
    const got = await ask(client, { url: `${base}/packed`, return_content: true });
    expect(got.data).toMatchObject({ content: 'hello' });
    const raw = await ask(client, { url: `${base}/packed`, return_content: true, decompress: false });
    expect(raw.data['content']).not.toBe('hello');
  });

  test('takes the proxy of the environment, and user and password of .netrc, unless told otherwise', async () => {
    const home = scratch();
    writeFileSync(`${home}/.netrc`, 'machine 127.0.0.1 login ada password secret\n', { mode: 0o600 });
    const proxy = { HOME: home, http_proxy: 'http://127.0.0.1:1', no_proxy: '' };
    expect((await ask(client, { url: `${base}/x` }, proxy)).code).toBe(1);
    expect((await ask(client, { url: `${base}/x`, use_proxy: false }, proxy)).code).toBe(0);
    await ask(client, { url: `${base}/x`, use_netrc: false }, { HOME: home });
    expect(headers[0]?.['authorization']).toBeUndefined();
  });

  test('sends a file', async () => {
    const file = `${scratch()}/body`;
    writeFileSync(file, 'one\n\ntwo\n');
    await ask(client, { url: `${base}/x`, method: 'POST', src: file, remote_src: true });
    expect(seen).toEqual([{ method: 'POST', url: '/x', body: 'one\n\ntwo\n' }]);
  });

  test('shows a client certificate, and curl offers only the given ciphers', async () => {
    const dir = scratch();
    const words = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=ada -days 2 -keyout key -out crt'.split(' ');
    execFileSync('openssl', words, { cwd: dir, stdio: 'ignore' });
    const [key, cert] = [readFileSync(`${dir}/key`), readFileSync(`${dir}/crt`)];
    const tls = createTls(
      { key, cert, requestCert: true, rejectUnauthorized: false, maxVersion: 'TLSv1.2' },
      (request, response) => {
        const socket = request.socket as import('node:tls').TLSSocket;
        response.end(`${socket.getPeerCertificate().subject?.CN} ${socket.getCipher().name}`);
      },
    );
    onTestFinished(() => void tls.close());
    tls.listen(0, '127.0.0.1');
    await once(tls, 'listening');
    const url = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/`;
    const ciphers = ['ECDHE-RSA-AES128-GCM-SHA256'];
    const more = { validate_certs: false, client_cert: `${dir}/crt`, client_key: `${dir}/key` };
    if (client === 'wget') {
      expect((await ask(client, { url, return_content: true, ...more })).data['content']).toMatch(/^ada /);
      expect(() => changes(bound(uri, { url, ciphers }).plan('client wget\n', context()))).toThrow('no curl');
      return;
    }
    const got = await ask(client, { url, return_content: true, ...more, ciphers });
    expect(got.data).toMatchObject({ content: 'ada ECDHE-RSA-AES128-GCM-SHA256' });
  });
});

test('uri by curl takes user and password of .netrc', async () => {
  const home = scratch();
  writeFileSync(`${home}/.netrc`, 'machine 127.0.0.1 login ada password secret\n', { mode: 0o600 });
  await ask('curl', { url: `${base}/x` }, { HOME: home });
  expect(headers[0]?.['authorization']).toBe('Basic YWRhOnNlY3JldA==');
  await ask('curl', { url: `${base}/x`, url_username: 'bob', url_password: 'x' }, { HOME: home });
  expect(headers[0]?.['authorization']).toBe('Basic Ym9iOng=');
});

test.each([
  ['an option of TLS, and no client on the host', 'ca yes\n', { validate_certs: false }],
  ['https, and a host without CA certificates', 'client curl\n', { client_cert: '/root/crt' }],
])('get_url does not send what it cannot: %s', (_, observed, args) => {
  const steps = bound(get_url, { url: 'https://x.invalid/f', dest: '/root/f', ...args }).plan(observed, context());
  expect(steps).toMatchObject({ blocked: { message: 'the host has no HTTP client that can verify and fetch this' } });
});

describe('uri writes the answer to a file', () => {
  let content = 'one\n';
  let modified = 0;
  let files: Server;
  let url = '';
  beforeAll(async () => {
    files = createServer(async (request, response) => {
      seen.push({ method: request.method, url: request.url, body: await text(request) });
      const since = Date.parse(request.headers['if-modified-since'] ?? '');
      if (since >= modified) response.writeHead(304).end();
      else response.end(content);
    });
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
    url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/file`;
  });
  afterAll(() => files.close());

  test('with its mode, and not again if the server says 304', async () => {
    content = 'one\n';
    modified = 0;
    const task = (more: string): string =>
      play(`- uri: {url: '${url}', dest: '{T}/out', status_code: [200, 304], ${more}}
  register: got
- debug: {msg: '{{ got.path }} {{ got.status }}'}`);
    const p = project({ 'site.yml': task("mode: '0600'") });
    const status = async (): Promise<string | undefined> => (await p.apply()).tasks[0]?.status;
    expect([await status(), p.read('out'), await status()]).toEqual(['changed', 'one\n', 'ok']);
    p.write({ 'site.yml': task("mode: '0644'") });
    expect([await status(), await status()]).toEqual(['changed', 'ok']);
    content = 'two\n';
    expect([await status(), p.read('out')]).toEqual(['ok', 'one\n']);
    modified = Number.POSITIVE_INFINITY;
    expect([await status(), p.read('out')]).toEqual(['changed', 'two\n']);
    modified = 0;
    content = 'three\n';
    p.write({ 'site.yml': task('force: true') });
    expect([await status(), p.read('out')]).toEqual(['changed', 'three\n']);
  });

  test('in a directory, under the name in the URL, and not if the status is wrong', async () => {
    modified = 0;
    content = 'x';
    const p = project({ 'folder/old': '', 'site.yml': play(`- uri: {url: '${url}', dest: '{T}/folder'}`) });
    await p.apply();
    expect(p.read('folder/file')).toBe('x');
    p.write({ 'site.yml': play(`- uri: {url: '${url}', dest: '{T}/other', status_code: 201}`) });
    expect((await p.apply()).tasks[0]?.diagnostic?.detail).toContain('the answer is 200, not 201');
    expect(() => p.read('other')).toThrow();
  });

  test('sends a file of the controller, and nothing if creates or removes say so', async () => {
    const p = project({ body: 'from here\n', 'site.yml': play(`- uri: {url: '${url}', method: PUT, src: body}`) });
    seen.length = 0;
    expect((await p.apply()).tasks[0]?.status).toBe('ok');
    expect(seen).toEqual([{ method: 'PUT', url: '/file', body: 'from here\n' }]);
    seen.length = 0;
    p.write({
      'site.yml': play(`- uri: {url: '${url}', creates: '{T}/body'}
- uri: {url: '${url}', removes: '{T}/nothing'}`),
    });
    expect((await p.apply()).tasks.map((t) => t.status)).toEqual(['ok', 'ok']);
    expect(seen).toEqual([]);
  });
});

test.each([
  [{ body: 'x', src: '/f' }, "'body' and 'src' exclude each other"],
  [{ remote_src: true }, "argument 'src' is missing"],
  [{ mode: '0644' }, "argument 'dest' is missing"],
  [{ method: 'GET /' }, "'method' is not valid"],
])('uri refuses %j', (args, problem) => {
  expect(refusal(uri, { url: 'http://x.invalid/', ...args })).toContain(problem);
});

test.each([
  ['uri', 'curl', uri],
  ['uri', 'wget', uri],
  ['uri', 'bash', uri],
  ['get_url', 'curl', get_url],
  ['get_url', 'wget', get_url],
] as const)('%s writes a file by %s', async (_, client, module) => {
  const dest = `${scratch()}/out`;
  const got = await ask(client, { url: `${base}/x`, dest, url_username: 'ada', url_password: 'secret' }, {}, module);
  expect([got.code, readFileSync(dest, 'utf8')]).toEqual([0, 'hello']);
  expect(headers[0]?.['authorization']).toBe('Basic YWRhOnNlY3JldA==');
});
