import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';
import { believed, request, target } from './request.ts';

const Args = Type.Object(
  {
    ...target,
    header: Type.String({ default: 'x-served-by', description: 'The header that names the backend.' }),
    backends: Type.Array(Type.String(), {
      minItems: 1,
      description: 'The backends that must answer. An answer of any other backend is a failure.',
    }),
    requests: Type.Integer({
      default: 20,
      minimum: 2,
      maximum: 1000,
      description: 'Number of requests. They are sent one after the other, each on a new connection.',
    }),
    tolerance: Type.Number({
      default: 10,
      minimum: 0,
      maximum: 100,
      description: "How far a backend's share may deviate from an equal share, in percentage points.",
    }),
    ca: believed,
  },
  { additionalProperties: false },
);
type Seen = Readonly<{ counts: ReadonlyMap<string, number>; failed: number; total: number }>;

export const balance = defineCheck<typeof Args, Seen>({
  name: 'balance',
  summary: 'Checks that requests are distributed among the backends.',
  args: Args,
  examples: [
    {
      title: 'Round robin over two backends',
      args: { url: 'http://www.example.com/', backends: ['web1', 'web2'], requests: 20 },
    },
  ],
  async observe(args, { signal }) {
    const counts = new Map<string, number>();
    let failed = 0;
    for (let i = 0; i < args.requests; i++) {
      const response = await request({
        url: args.url,
        method: 'GET',
        headers: {},
        body: undefined,
        server: args.server,
        ca: args.ca,
        signal,
      });
      const by = response.headers[args.header.toLowerCase()] ?? '(nobody named)';
      if (response.status >= 400) failed++;
      else counts.set(by, (counts.get(by) ?? 0) + 1);
    }
    return { counts, failed, total: args.requests };
  },
  judge(seen, args) {
    const fair = 100 / args.backends.length;
    const shares = args.backends.flatMap((name) => {
      const share = (100 * (seen.counts.get(name) ?? 0)) / seen.total;
      const expected = `${fair.toFixed(0)} % ± ${args.tolerance}`;
      return Math.abs(share - fair) <= args.tolerance
        ? []
        : [{ property: name, expected, seen: `${share.toFixed(0)} %` }];
    });
    const strangers = [...seen.counts.keys()].filter((name) => !args.backends.includes(name));
    return [
      ...shares,
      ...strangers.map((name) => ({ property: 'backend', expected: `one of ${args.backends.join(', ')}`, seen: name })),
      ...(seen.failed === 0
        ? []
        : [{ property: 'failed requests', expected: '0', seen: `${seen.failed} of ${seen.total}` }]),
    ];
  },
  tell: (seen) =>
    [...seen.counts]
      .sort()
      .map(([name, n]) => `${name} ${n}`)
      .join(', '),
});
