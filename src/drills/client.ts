import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { duration } from '../core/units.ts';

/** The target of a load, and how to reach it. */
export type Site = Readonly<{
  url: string;
  /** The trusted CAs, parsed once, because parsing takes longer than a handshake. */
  secure: SecureContext | undefined;
  timeoutMs: number;
  lookup: LookupFunction;
  backendHeader: string;
}>;
export type Ask = Readonly<{
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
  wantsBody: boolean;
}>;
export type Answer = Readonly<{ status: number; backend: string; body: string }>;
/** The outcome of a request: an answer, or why there is none. */
export type Outcome = Readonly<{ answer: Answer | undefined; cause: string; repeated: boolean }>;
export type Client = Readonly<{ send: (ask: Ask, done: (outcome: Outcome) => void) => void; close: () => void }>;

/** The largest body of a response, in bytes. */
const MAX_BODY = 1024 * 1024;
/**
 * Connections of a client to one site, as in browsers. Further requests of the client wait, and their timeout is
 * running.
 */
const MAX_SOCKETS = 6;
const TIMED_OUT = 'CLIENT_TIMEOUT';

/**
 * A client that behaves like a browser: persistent connections, its own cookies, a timeout. A request that only reads
 * is repeated once on a new connection if its connection turns out to be reset.
 */
export function makeClient(site: Site): Client {
  const at = new URL(site.url);
  const library = at.protocol === 'https:' ? https : http;
  const options = { lookup: site.lookup, ...(site.secure !== undefined && { secureContext: site.secure }) };
  const kept = new library.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...options });
  const fresh = new library.Agent({ keepAlive: false, ...options });
  const cookies = new Map<string, string>();
  // node's own `reusedSocket` is not set for a request that waited for a busy socket.
  const used = new WeakSet<object>();
  const base = at.pathname.replace(/\/$/, '');

  const send = (ask: Ask, done: (outcome: Outcome) => void): void => {
    let settled = false;
    let repeated = false;
    let running: http.ClientRequest | undefined;
    const settle = (answer: Answer | undefined, cause: string): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      done({ answer, cause, repeated });
    };
    const timer = setTimeout(() => {
      const isOpen = running?.socket != null && !running.socket.connecting;
      settle(undefined, `no ${isOpen ? 'answer' : 'connection'} within ${duration(site.timeoutMs)}`);
      running?.destroy(Object.assign(new Error('the client hung up'), { code: TIMED_OUT }));
    }, site.timeoutMs);
    const once = (agent: http.Agent | https.Agent): void => {
      const request = library.request({
        agent,
        host: at.hostname,
        port: at.port,
        method: ask.method,
        path: base + ask.path,
        headers: headersOf(at, ask, cookies),
      });
      running = request;
      let isReused = false;
      request.on('socket', (socket) => {
        isReused = used.has(socket);
        used.add(socket);
      });
      request.on('response', (response) => {
        keepCookies(response.headers['set-cookie'], cookies);
        read(response, ask.wantsBody, (body, cut) => {
          const backend = response.headers[site.backendHeader];
          if (cut) settle(undefined, 'answer cut off');
          else
            settle({ status: response.statusCode ?? 0, backend: typeof backend === 'string' ? backend : '', body }, '');
        });
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (settled) return;
        const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
        if (isReset && isReused && !repeated && (ask.method === 'GET' || ask.method === 'HEAD')) {
          repeated = true;
          return once(fresh);
        }
        settle(undefined, causeOf(error));
      });
      request.end(ask.body);
    };
    once(kept);
  };
  return {
    send,
    close: () => {
      kept.destroy();
      fresh.destroy();
    },
  };
}

function headersOf(at: URL, ask: Ask, cookies: ReadonlyMap<string, string>): Record<string, string | number> {
  return {
    host: at.host,
    ...(cookies.size > 0 && { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
    ...(ask.body !== undefined && { 'content-length': Buffer.byteLength(ask.body) }),
    ...ask.headers,
  };
}

function read(response: http.IncomingMessage, wantsBody: boolean, done: (body: string, cut: boolean) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  if (wantsBody)
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
    });
  else response.resume();
  response.on('error', () => done('', true));
  response.on('end', () => done(Buffer.concat(chunks).toString('utf8'), !response.complete));
}

/** Keeps only name and value. A cookie with an empty value or an expiry in the past is deleted. */
function keepCookies(given: readonly string[] | undefined, cookies: Map<string, string>): void {
  for (const text of given ?? []) {
    const [pair = '', ...attributes] = text.split(';').map((part) => part.trim());
    const [, name, value = ''] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
    if (name === undefined) continue;
    if (value === '' || attributes.some((a) => /^max-age=(0|-\d+)$/i.test(a))) cookies.delete(name);
    else cookies.set(name, value);
  }
}

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'name not resolved',
  EAI_AGAIN: 'name not resolved',
  ESERVFAIL: 'name not resolved',
  ETIMEOUT: 'no name server answered',
  EMFILE: 'out of sockets here',
};

function causeOf(error: NodeJS.ErrnoException): string {
  const { code = '' } = error;
  if (code === 'FOREIGN') return error.message;
  return CAUSES[code] ?? (code === '' ? error.message : code);
}
