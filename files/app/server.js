// bringup's sample app: a page, a small JSON API, and health for the balancer. Settings come from the environment.
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
  // The process alone. 404 while it drains: the balancer sends nothing new, and what runs is finished.
  'GET /healthz': () => json(draining ? 404 : 200, { ok: !draining, release: RELEASE, host: os.hostname() }),
  // The site as a whole: can it read, can it write, who is who.
  'GET /readyz': () => {
    const ok = !draining && database.canRead();
    return json(ok ? 200 : 503, { ok, write: database.canWrite(), databases: database.roles(), release: RELEASE });
  },
  /** The last ten, or with ?name= those of that name. */
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
    // The request's id makes the statement safe to repeat: a write whose answer was lost is not done twice.
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
server.keepAliveTimeout = 75_000; // longer than nginx keeps its side (60 s): it must close first
server.headersTimeout = 80_000;

// Clients queue in the systemd socket while we start: take them only when the databases were looked at.
await Promise.race([database.ready, new Promise((resolve) => setTimeout(resolve, 3000))]);
const hasSocket = Number(env.LISTEN_FDS) > 0 && Number(env.LISTEN_PID) === process.pid;
server.listen(hasSocket ? { fd: 3 } : { port: Number(env.PORT ?? 3000), host: '127.0.0.1' }, () =>
  console.log(`${NAME} ${RELEASE} listens`),
);

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop(signal));

async function stop(signal) {
  draining = true;
  console.log(`${signal}: draining`);
  await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
  setTimeout(() => server.closeAllConnections(), 8000).unref();
  server.close(async () => {
    await database.close();
    process.exit(0);
  });
  server.closeIdleConnections();
}

/** Read your own writes: how far the databases were when this client last wrote, in a cookie of its own. */
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

/** A systemd credential (LoadCredential=): in no environment, readable by this process alone. */
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
    if (text.length > MAX_BODY) throw Object.assign(new Error('too large'), { status: 413 });
  }
  try {
    return JSON.parse(text) ?? {};
  } catch {
    throw Object.assign(new Error('not JSON'), { status: 400 });
  }
}

function page(items, host) {
  const rows =
    items.map((item) => `<li>${html(item.name)}</li>`).join('') ||
    '<li>(nothing yet: POST {"name": "…"} to /api/items)</li>';
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
