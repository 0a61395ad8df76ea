import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Type } from 'typebox';
import { lookupBy } from './resolver.ts';

/** Arguments that every HTTP check has in common. */
export const target = {
  url: Type.String({
    pattern: '^https?://',
    expected: 'a URL that begins with http:// or https://',
    description: 'The URL to request, with the public name.',
  }),
  server: Type.Optional(
    Type.String({ description: "The name server that resolves the URL's name. Default: the system's resolver." }),
  ),
};
export const believed = Type.Optional(Type.String({ description: 'A PEM file with the CA to trust.' }));

export type Request = Readonly<{
  url: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
  /** The name server that resolves the URL's name. undefined: the system's resolver. */
  server: string | undefined;
  /** A PEM file with the CA to trust. */
  ca: string | undefined;
  signal: AbortSignal;
}>;
export type Response = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  address: string;
  ms: number;
}>;

const MAX_BODY = 8 * 1024 * 1024;

/**
 * Sends one request on a new connection, as a user's first request is. Redirects are not followed, because they are a
 * result.
 */
export function request({ url, method, headers, body, server, ca, signal }: Request): Promise<Response> {
  const began = performance.now();
  const at = new URL(url);
  const client = at.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers,
      agent: false as const,
      signal,
      ...(server !== undefined && { lookup: lookupBy(server, signal) }),
      ...(ca !== undefined && { ca: readFileSync(ca) }),
    };
    const sent = client.request(at, options, (got) => {
      const address = got.socket.remoteAddress ?? '';
      const chunks: Buffer[] = [];
      let size = 0;
      got.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_BODY) chunks.push(chunk);
      });
      got.on('error', reject);
      got.on('end', () =>
        resolve({
          status: got.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(got.headers).map(([k, v]) => [k, Array.isArray(v) ? v.join(', ') : (v ?? '')]),
          ),
          body: Buffer.concat(chunks).toString('utf8'),
          address,
          ms: Math.round(performance.now() - began),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
