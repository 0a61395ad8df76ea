import { readFileSync } from 'node:fs';
import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { connect as overTls, type TLSSocket } from 'node:tls';
import { withDeadline } from '../core/deadline.ts';
import { failure } from '../core/errors/index.ts';
import type { PowerScene } from './contract.ts';

export type Asking = Readonly<{
  url: string;
  /** Names the device in messages. The URL may contain a password. */
  device: string;
  method?: 'GET' | 'POST' | 'PATCH';
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
  /** How the certificate of the device is verified. Default: by the CAs that Node.js trusts. */
  trust?: Readonly<{ fingerprint?: string | undefined; ca?: string | undefined }>;
}>;
export type Answer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  text: string;
}>;

const MOST = 1024 ** 2;

/** Sends one request. Throws Failure if no answer arrives, or if the certificate is not trusted. */
export async function request(scene: PowerScene, asking: Asking): Promise<Answer> {
  const { url, device, method = 'GET', headers = {}, body, trust = {} } = asking;
  const { host } = scene;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const secure = url.startsWith('https:') ? await verified(new URL(url), trust, scene, device) : undefined;
  const asked = (signal: AbortSignal) =>
    new Promise<Answer>((resolve, reject) => {
      const silent = (why: string): void => reject(failure('E_POWER_SILENT', { host, device, why }));
      const given = {
        method,
        signal,
        headers: { ...headers, ...(text !== undefined && { 'content-type': 'application/json' }) },
        ...(secure === undefined ? { agent: false as const } : { createConnection: () => secure }),
      };
      const sent = (secure === undefined ? overHttp : overHttps)(url, given, (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          answer += part;
          if (answer.length > MOST) response.destroy(new Error('the answer is too large'));
        });
        response.on('error', (error) => silent(signal.aborted ? late(scene) : error.message));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: answer }),
        );
      });
      sent.on('error', (error) => silent(signal.aborted ? late(scene) : error.message));
      sent.end(text);
    });
  return withDeadline(scene.signal, scene.patience * 1000, asked);
}
const late = ({ patience }: PowerScene): string => `no answer within ${patience} s`;

/** Opens a TLS connection and verifies the certificate before anything is sent. */
function verified(url: URL, trust: Asking['trust'], scene: PowerScene, device: string): Promise<TLSSocket> {
  const { host } = scene;
  const pinned = trust?.fingerprint?.toUpperCase();
  return new Promise((resolve, reject) => {
    const silent = (why: string): void => reject(failure('E_POWER_SILENT', { host, device, why }));
    const socket = overTls({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      ...(/^[\d.]+$|:/.test(url.hostname) ? {} : { servername: url.hostname }),
      ...(trust?.ca !== undefined && { ca: readFileSync(trust.ca) }),
      rejectUnauthorized: false,
    });
    socket.setTimeout(scene.patience * 1000, () => socket.destroy(new Error(late(scene))));
    const stop = (): void => void socket.destroy(new Error('interrupted'));
    scene.signal.addEventListener('abort', stop, { once: true });
    socket.on('close', () => scene.signal.removeEventListener('abort', stop));
    socket.on('error', (error) => silent(error.message));
    socket.on('secureConnect', () => {
      const seen = socket.getPeerCertificate().fingerprint256 ?? '';
      const isTrusted = pinned === undefined ? socket.authorized : seen === pinned;
      if (isTrusted) return resolve(socket);
      const why = pinned === undefined ? String(socket.authorizationError) : 'another fingerprint than the pinned one';
      reject(failure('E_POWER_CERTIFICATE', { host, device, why, fingerprint: seen }));
      socket.destroy();
    });
  });
}

/** The JSON of an answer with a good status. Other answers are failures that name their cause. */
export function jsonOf(scene: PowerScene, device: string, outlet: string, doing: string, answer: Answer): unknown {
  const { host } = scene;
  const { status, text } = answer;
  if (status === 401 || status === 403) throw failure('E_POWER_LOGIN', { host, device });
  if (status === 404) throw failure('E_POWER_OUTLET', { host, device, outlet });
  const wrong = (why: string) => failure('E_POWER_REFUSED', { host, device, doing, detail: why });
  if (status < 200 || status > 299) throw wrong(`HTTP ${status} ${text.slice(0, 300)}`.trim());
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw wrong(`the answer is not JSON: ${text.slice(0, 200)}`);
  }
}

/** A field of JSON that came from a device. */
export function field(data: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined,
    data,
  );
}

export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
