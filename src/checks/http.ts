import { isDeepStrictEqual } from 'node:util';
import { Type } from 'typebox';
import { matching } from '../core/bounded.ts';
import { defineCheck, type Mismatch } from '../core/check.ts';
import { duration, size } from '../core/units.ts';
import { believed, type Response, request, target } from './request.ts';

const Args = Type.Object(
  {
    ...target,
    method: Type.String({ default: 'GET', description: 'The HTTP method.' }),
    headers: Type.Record(Type.String(), Type.String(), { default: {}, description: 'Headers to send.' }),
    body: Type.Optional(Type.String({ description: 'The body to send.' })),
    status: Type.Array(Type.Integer(), { default: [200], description: 'The accepted status codes.' }),
    contains: Type.Array(Type.String(), { default: [], description: 'Texts that the body must contain.' }),
    json: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "Expected values in a JSON body, by path, for example 'data.items.0.name'.",
    }),
    response_headers: Type.Record(Type.String(), Type.String(), {
      default: {},
      description:
        'Expected response headers: a regular expression for each, or an empty text if the header must be absent.',
    }),
    max_ms: Type.Optional(
      Type.Number({ description: 'The longest time until the response is complete, in milliseconds.' }),
    ),
    ca: believed,
  },
  { additionalProperties: false },
);

export const http = defineCheck<typeof Args, Response>({
  name: 'http',
  summary: 'Checks the status, body and headers of the response to an HTTP request.',
  args: Args,
  examples: [
    {
      title: 'Front page',
      args: {
        url: 'http://www.example.com/',
        server: '192.0.2.53',
        contains: ['Welcome'],
        response_headers: { 'content-type': '^text/html' },
      },
    },
    {
      title: 'API without errors',
      args: { url: 'http://www.example.com/api/state', json: { status: 'ok', 'data.alerts': [] } },
    },
    { title: 'Health page not public', args: { url: 'http://www.example.com/healthz', status: [404] } },
  ],
  observe: (args, { signal }) =>
    request({
      url: args.url,
      method: args.method,
      headers: args.headers,
      body: args.body,
      server: args.server,
      ca: args.ca,
      signal,
    }),
  judge: (seen, args) => [
    ...(args.status.includes(seen.status)
      ? []
      : [
          { property: 'status', expected: args.status.join(' or '), seen: `${seen.status}: ${seen.body.slice(0, 80)}` },
        ]),
    ...args.contains
      .filter((text) => !seen.body.includes(text))
      .map((text) => ({ property: 'body', expected: `contains '${text}'`, seen: `'${seen.body.slice(0, 80)}'` })),
    ...jsonMismatches(seen.body, args.json),
    ...headerMismatches(seen, args.response_headers),
    ...(args.max_ms === undefined || seen.ms <= args.max_ms
      ? []
      : [{ property: 'time', expected: `at most ${duration(args.max_ms)}`, seen: duration(seen.ms) }]),
  ],
  tell: (seen) => `${seen.status} from ${seen.address}, ${size(seen.body.length)} in ${duration(seen.ms)}`,
});

function headerMismatches(seen: Response, wanted: Readonly<Record<string, string>>): readonly Mismatch[] {
  return Object.entries(wanted).flatMap(([name, pattern]) => {
    const value = seen.headers[name.toLowerCase()];
    if (pattern === '') return value === undefined ? [] : [{ property: name, expected: 'no such header', seen: value }];
    return value !== undefined && matching(pattern, () => new RegExp(pattern).test(value))
      ? []
      : [{ property: name, expected: `/${pattern}/`, seen: value ?? 'no such header' }];
  });
}

function jsonMismatches(body: string, wanted: Readonly<Record<string, unknown>>): readonly Mismatch[] {
  if (Object.keys(wanted).length === 0) return [];
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return [{ property: 'body', expected: 'JSON', seen: `'${body.slice(0, 80)}'` }];
  }
  return Object.entries(wanted).flatMap(([path, expected]) => {
    const seen = at(value, path);
    return isDeepStrictEqual(seen, expected) ? [] : [{ property: path, expected: brief(expected), seen: brief(seen) }];
  });
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key) ? Reflect.get(inner, key) : undefined,
      value,
    );
}

const brief = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 300));
