import { type Static, Type } from 'typebox';

/**
 * Schemas for the parts of a drill that are maps of values. config/ validates against them, and drills/ derives its
 * types from them.
 */

const closed = { additionalProperties: false } as const;
const Headers = Type.Record(Type.String(), Type.String(), { default: {}, description: 'Headers to send.' });
const Status = Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), {
  default: [200],
  minItems: 1,
  description: 'The accepted status codes.',
});
const ReadBack = Type.Object(
  {
    path: Type.String({
      pattern: '^/',
      expected: 'a path: /…',
      description: 'The path. {token} stands for the token.',
    }),
    headers: Headers,
    status: Status,
  },
  { ...closed, description: 'A GET request whose response body must contain the token.' },
);

/** Upper bounds: a drill is not a stress test. */
export const MAX_RATE = 2000;
export const MAX_SECONDS = 600;

export const Request = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'The name of the request in expectations and in the verdict.' }),
    share: Type.Number({
      exclusiveMinimum: 0,
      default: 1,
      description: 'The weight of the request among all requests.',
    }),
    method: Type.String({ default: 'GET', pattern: '^[A-Z]+$', description: 'The HTTP method.' }),
    path: Type.String({ default: '/', pattern: '^/', expected: 'a path: /…', description: 'The path below the url.' }),
    headers: Headers,
    body: Type.Optional(
      Type.String({ description: 'The body to send. {token} stands for a text that is unique to the request.' }),
    ),
    status: Status,
    contains: Type.Array(Type.String(), { default: [], description: 'Texts that the response must contain.' }),
    read_back: Type.Optional(ReadBack),
    verify: Type.Optional(ReadBack),
  },
  closed,
);
export type Request = Static<typeof Request>;

export const Load = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://',
      expected: 'a URL that begins with http:// or https://',
      description: 'The URL of the site, by its name.',
    }),
    seconds: Type.Number({ minimum: 1, maximum: MAX_SECONDS, description: 'The duration of the load in seconds.' }),
    up_to: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: MAX_SECONDS,
        description: 'The longest duration in seconds if steps are still running. Default: `seconds`.',
      }),
    ),
    rate: Type.Number({ default: 300, exclusiveMinimum: 0, maximum: MAX_RATE, description: 'Requests per second.' }),
    servers: Type.Array(Type.String(), {
      default: [],
      description: "Name servers that resolve the url's name, in order. Default: the system's resolver.",
    }),
    ca: Type.Optional(Type.String({ description: 'A PEM file with the CA to trust.' })),
    clients: Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 500,
      description: 'Number of virtual clients. Each has its own connections and cookies.',
    }),
    timeout: Type.Number({
      default: 5,
      minimum: 0.1,
      maximum: 60,
      description: 'Seconds that a client waits for a response.',
    }),
    backend_header: Type.String({ default: 'x-served-by', description: 'The response header that names the backend.' }),
    requests: Type.Array(Request, {
      minItems: 1,
      maxItems: 20,
      description: 'The requests to send, mixed by their shares.',
    }),
  },
  closed,
);
export type Load = Static<typeof Load>;

export const Find = Type.Object(
  {
    var: Type.String({ pattern: '^[A-Za-z_]\\w*$', description: 'The variable that receives the list of hosts.' }),
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts to search.' }),
    command: Type.String({ description: 'A script that runs on each host as root. It must only read.' }),
    prints: Type.String({
      format: 'regex',
      expected: 'a regular expression',
      description: 'A pattern that the output of a matching host has.',
    }),
    count: Type.Integer({ default: 1, minimum: 0, description: 'The number of hosts that must match.' }),
  },
  closed,
);
export type Find = Static<typeof Find>;

export const Watch = Type.Object(
  {
    name: Type.String({
      pattern: '^[\\w -]+$',
      expected: 'letters, digits, spaces, dashes',
      description: 'The name of the watch in expectations.',
    }),
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts on which the watch runs.' }),
    command: Type.String({ description: 'A script that only reads. Its first line of output is a sample.' }),
    every: Type.Integer({
      default: 250,
      minimum: 50,
      maximum: 60_000,
      description: 'Milliseconds between two samples.',
    }),
  },
  closed,
);
export type Watch = Static<typeof Watch>;

export const Expect = Type.Object(
  {
    failed: Type.Optional(Type.Integer({ minimum: 0, description: 'The largest number of failed requests.' })),
    failed_by: Type.Optional(
      Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
        description: "The largest number of failed requests, by the request's name.",
      }),
    ),
    gap: Type.Optional(
      Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
        description: "The longest time without a success in seconds, by the request's name.",
      }),
    ),
    p99: Type.Optional(
      Type.Number({ description: 'The largest 99th percentile of the response time, in milliseconds.' }),
    ),
    lost: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'The largest number of acknowledged writes that are missing at the end. Default: 0.',
      }),
    ),
    stale: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'The largest number of writes that their own client did not read back at once.',
      }),
    ),
    shares: Type.Optional(
      Type.Record(Type.String(), Type.Number(), { description: 'The percentage of responses, by backend.' }),
    ),
    tolerance: Type.Number({ default: 10, description: 'How far a share may deviate, in percentage points.' }),
    watch: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'The name of a watch of this drill.' }),
          prints: Type.String({
            format: 'regex',
            expected: 'a regular expression',
            description: 'A pattern that the output of a matching host has.',
          }),
          at_most: Type.Optional(
            Type.Integer({ minimum: 0, description: 'The largest number of hosts that may match at the same time.' }),
          ),
          gap: Type.Optional(
            Type.Number({ minimum: 0, description: 'The longest time in which no host matches, in seconds.' }),
          ),
        },
        closed,
      ),
      { default: [], description: 'What the watches must have recorded.' },
    ),
  },
  closed,
);
export type Expect = Static<typeof Expect>;

export const Ledger = Type.Object(
  {
    hosts: Type.Array(Type.String(), {
      minItems: 1,
      description: 'The hosts on which acknowledged writes must exist at the end.',
    }),
    command: Type.String({
      description:
        'A script that runs as root and prints every {token} that it finds, one on each line. {prefix} begins every token.',
    }),
    within: Type.Number({
      default: 20,
      minimum: 0,
      maximum: 300,
      description: 'Seconds in which the writes must appear.',
    }),
  },
  closed,
);
export type Ledger = Static<typeof Ledger>;
