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
  description: 'One of these status codes is right.',
});
const Look = Type.Object(
  {
    path: Type.String({ pattern: '^/', expected: 'a path: /…', description: 'Where; {token} is the token.' }),
    headers: Headers,
    status: Status,
  },
  { ...closed, description: 'A GET whose body must hold the token.' },
);

/** Upper bounds: a drill is not a stress test. */
export const MAX_RATE = 2000;
export const MAX_SECONDS = 600;

export const Request = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'What the request is called in expectations and in the verdict.' }),
    share: Type.Number({ exclusiveMinimum: 0, default: 1, description: 'Its weight among all requests.' }),
    method: Type.String({ default: 'GET', pattern: '^[A-Z]+$', description: 'The method.' }),
    path: Type.String({ default: '/', pattern: '^/', expected: 'a path: /…', description: 'Below the url.' }),
    headers: Headers,
    body: Type.Optional(Type.String({ description: 'What is sent; {token} is a text that no other request has.' })),
    status: Status,
    contains: Type.Array(Type.String(), { default: [], description: 'Texts that the answer must hold.' }),
    read_back: Type.Optional(Look),
    verify: Type.Optional(Look),
  },
  closed,
);
export type Request = Static<typeof Request>;

export const Load = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://',
      expected: 'a URL that begins with http:// or https://',
      description: 'The site by its name.',
    }),
    seconds: Type.Number({ minimum: 1, maximum: MAX_SECONDS, description: 'How long the load goes on.' }),
    up_to: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: MAX_SECONDS,
        description: 'It goes on for so long, while steps are still at work. Default: no longer than `seconds`.',
      }),
    ),
    rate: Type.Number({ default: 300, exclusiveMinimum: 0, maximum: MAX_RATE, description: 'Requests a second.' }),
    servers: Type.Array(Type.String(), {
      default: [],
      description: "Name servers that the url's name is asked of, in order. Default: the system's.",
    }),
    ca: Type.Optional(Type.String({ description: 'A PEM file with the CA to believe.' })),
    clients: Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 500,
      description: 'Virtual clients: each has its own connections and cookies.',
    }),
    timeout: Type.Number({ default: 5, minimum: 0.1, maximum: 60, description: 'Seconds a client waits.' }),
    backend_header: Type.String({ default: 'x-served-by', description: 'The header that names who answered.' }),
    requests: Type.Array(Request, { minItems: 1, maxItems: 20, description: 'What is asked for, mixed by share.' }),
  },
  closed,
);
export type Load = Static<typeof Load>;

export const Find = Type.Object(
  {
    var: Type.String({ pattern: '^[A-Za-z_]\\w*$', description: 'The variable that holds the list of hosts found.' }),
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Where to look.' }),
    command: Type.String({ description: 'A script that runs on each, as root; it may only look.' }),
    prints: Type.String({
      format: 'regex',
      expected: 'a regular expression',
      description: 'What a host prints that is meant.',
    }),
    count: Type.Integer({ default: 1, minimum: 0, description: 'How many hosts it must be.' }),
  },
  closed,
);
export type Find = Static<typeof Find>;

export const Watch = Type.Object(
  {
    name: Type.String({
      pattern: '^[\\w -]+$',
      expected: 'letters, digits, spaces, dashes',
      description: 'Its name in expectations.',
    }),
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Where it looks: on the hosts themselves.' }),
    command: Type.String({ description: 'A script that only looks; its first line of output is a sample.' }),
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
    failed: Type.Optional(Type.Integer({ minimum: 0, description: 'At most so many failed requests.' })),
    failed_by: Type.Optional(
      Type.Record(Type.String(), Type.Integer({ minimum: 0 }), { description: "The same by the request's name." }),
    ),
    gap: Type.Optional(
      Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
        description: "By the request's name: the longest time without a success, in seconds.",
      }),
    ),
    p99: Type.Optional(Type.Number({ description: '99 of 100 good answers came within so many milliseconds.' })),
    lost: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Acknowledged writes that are not there at the end. Default 0.' }),
    ),
    stale: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Writes that their own client did not read back at once.' }),
    ),
    shares: Type.Optional(
      Type.Record(Type.String(), Type.Number(), { description: 'Percent of the answers, by backend.' }),
    ),
    tolerance: Type.Number({ default: 10, description: 'How far a share may be off, in percent points.' }),
    watch: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'A watch of this drill.' }),
          prints: Type.String({
            format: 'regex',
            expected: 'a regular expression',
            description: 'What a host prints that is meant.',
          }),
          at_most: Type.Optional(
            Type.Integer({ minimum: 0, description: 'Never more hosts than this at the same time.' }),
          ),
          gap: Type.Optional(
            Type.Number({ minimum: 0, description: 'The longest time in which no host prints it, in seconds.' }),
          ),
        },
        closed,
      ),
      { default: [], description: 'What the watches must have seen.' },
    ),
  },
  closed,
);
export type Expect = Static<typeof Expect>;

export const Ledger = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Where acknowledged writes must be at the end.' }),
    command: Type.String({
      description:
        'A script that prints every {token} it finds, one a line, as root; {prefix} is what all tokens begin with.',
    }),
    within: Type.Number({ default: 20, minimum: 0, maximum: 300, description: 'Seconds until they must be there.' }),
  },
  closed,
);
export type Ledger = Static<typeof Ledger>;
