// Sample app of bringup: a page, a small JSON API, and health endpoints for the load balancer. Configured by the environment.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import { openDatabase } from './database.js';

const { env } = process;
const NAME = env.APP_NAME ?? 'app';
const RELEASE = env.RELEASE ?? 'dev';
const DRAIN_MS = Number(env.DRAIN_MS ?? 3000);
const MAX_BODY = 64 * 1024;

const database = openDatabase({
  hosts: (env.DB_HOSTS ?? '').split(',').filter(Boolean),
  user: env.DB_USER ?? 'app',
  password: secret('db-password') ?? env.DB_PASSWORD,
  database: env.DB_NAME ?? 'app',
  ssl: env.DB_CA ? { ca: fs.readFileSync(env.DB_CA), minVersion: 'TLSv1.2', verifyIdentity: true } : undefined,
  poolSize: Number(env.DB_POOL ?? 8),
  queryTimeoutMs: Number(env.DB_QUERY_TIMEOUT_MS ?? 4000),
  probeMs: Number(env.DB_PROBE_MS ?? 250),
  maxLagS: Number(env.DB_MAX_LAG_S ?? 5),
  holdMs: Number(env.DB_HOLD_MS ?? 4500),
});
let draining = false;

const routes = {
  // Checks only the process. Answers 404 while draining: the load balancer sends no new requests, and running ones finish.
  'GET /healthz': () => json(draining ? 404 : 200, { ok: !draining, release: RELEASE, host: os.hostname() }),
  // Readiness of the site: whether it can read and write, and the role of each database.
  'GET /readyz': () => {
    const ok = !draining && database.canRead();
    return json(ok ? 200 : 503, { ok, write: database.canWrite(), databases: database.roles(), release: RELEASE });
  },
  /** The last ten items; with ?name=, only items with that name. */
  'GET /api/items': async (request) => {
    const name = new URL(request.url, 'http://app').searchParams.get('name');
    const [where, values] = name === null ? ['', []] : ['WHERE name = ?', [name]];
    const { rows, host } = await database.read(
      `SELECT id, name FROM items ${where} ORDER BY id DESC LIMIT 10`,
      values,
      seenBy(request),
    );
    return json(200, { items: rows }, { 'x-db': host });
  },
  'POST /api/items': async (request) => {
    const { name } = await jsonBody(request);
    if (typeof name !== 'string' || name === '' || name.length > 100)
      return json(422, { error: 'name: 1 to 100 characters' });
    // The unique request id makes the statement idempotent: a retried write is not stored twice.
    const { result, host, position } = await database.write(
      'INSERT INTO items (name, request) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)',
      [name, randomUUID()],
    );
    return json(201, { id: result.insertId }, { 'x-db': host, 'set-cookie': seenCookie(position) });
  },
  'GET /': async (request) => {
    const { rows, host } = await database.read(
      'SELECT id, name, created FROM items ORDER BY id DESC LIMIT 5',
      [],
      seenBy(request),
    );
    return {
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8', 'x-db': host },
      body: page(rows, host),
    };
  },
};

const server = http.createServer(async (request, response) => {
  const path = request.url.split('?')[0];
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes[`${method} ${path}`];
  try {
    const answer = route ? await route(request) : json(404, { error: 'not found' });
    if (draining) answer.headers.connection = 'close';
    response.writeHead(answer.status, answer.headers).end(request.method === 'HEAD' ? undefined : answer.body);
  } catch (error) {
    if (response.headersSent) return response.destroy();
    const { status, headers, body } = failed(error);
    response.writeHead(status, headers).end(body);
  }
});
server.keepAliveTimeout = 75_000; // longer than Nginx's keepalive_timeout (60 s): Nginx must close first
server.headersTimeout = 80_000;

// Clients queue in the systemd socket during startup. Accept them only after the databases were probed.
await Promise.race([database.ready, new Promise((resolve) => setTimeout(resolve, 3000))]);
const hasSocket = Number(env.LISTEN_FDS) > 0 && Number(env.LISTEN_PID) === process.pid;
server.listen(hasSocket ? { fd: 3 } : { port: Number(env.PORT ?? 3000), host: '127.0.0.1' }, () =>
  console.log(`${NAME} release ${RELEASE} is listening`),
);

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop(signal));

async function stop(signal) {
  draining = true;
  console.log(`received ${signal}: draining`);
  await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
  setTimeout(() => server.closeAllConnections(), 8000).unref();
  server.close(async () => {
    await database.close();
    process.exit(0);
  });
  server.closeIdleConnections();
}

/** Read your own writes: a cookie holds the database position of the client's last write. */
function seenCookie(position) {
  return `seen=${encodeURIComponent(position)}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax`;
}
function seenBy(request) {
  const seen = /(?:^|;\s*)seen=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
  try {
    return seen === undefined ? undefined : decodeURIComponent(seen);
  } catch {
    return undefined;
  }
}

/** Reads a systemd credential (LoadCredential=): not in the environment, and readable only by this process. */
function secret(name) {
  const file = `${env.CREDENTIALS_DIRECTORY}/${name}`;
  return env.CREDENTIALS_DIRECTORY && fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : undefined;
}

function json(status, value, headers = {}) {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}

function failed(error) {
  if (error.status) return json(error.status, { error: error.message });
  console.error(error.message);
  return json(503, { error: error.code ?? 'error' }, { 'retry-after': '2' });
}

async function jsonBody(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY) throw Object.assign(new Error('the request body is too large'), { status: 413 });
  }
  try {
    return JSON.parse(text) ?? {};
  } catch {
    throw Object.assign(new Error('the request body is not valid JSON'), { status: 400 });
  }
}

function page(items, host) {
  const rows =
    items.map((item) => `<li>${html(item.name)}</li>`).join('') ||
    '<li>(no items yet: POST {"name": "…"} to /api/items)</li>';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${html(NAME)}</title>
<link rel="stylesheet" href="/static/site.css">
<h1>${html(NAME)}</h1>
<p>Served by <b>${html(os.hostname())}</b>, read from <b>${html(host)}</b>, release ${html(RELEASE)}.</p>
<ul>${rows}</ul>
</html>
`;
}

function html(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
