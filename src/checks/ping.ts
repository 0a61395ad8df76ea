import pingPackage from 'ping';
import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';
import { failure } from '../core/errors/index.ts';
import { duration } from '../core/units.ts';

const Args = Type.Object(
  {
    host: Type.String({ description: 'Address or name.' }),
    count: Type.Integer({ default: 1, minimum: 1, maximum: 20, description: 'Number of echo requests.' }),
    max_loss: Type.Number({
      default: 0,
      minimum: 0,
      maximum: 100,
      description: 'Percentage of requests that may stay unanswered.',
    }),
    max_ms: Type.Optional(Type.Number({ description: 'The longest average round trip, in milliseconds.' })),
  },
  { additionalProperties: false },
);
type Seen = Readonly<{ alive: boolean; loss: number; ms: number | undefined; why: string }>;

export const ping = defineCheck<typeof Args, Seen>({
  name: 'ping',
  summary: 'Checks that a host answers ICMP echo requests.',
  args: Args,
  examples: [{ title: 'Ping the balancer', args: { host: '192.0.2.10' } }],
  async observe({ host, count }) {
    const before = process.env['LANG'];
    try {
      const reply = await pingPackage.promise.probe(host, { timeout: 2, min_reply: count });
      const loss = Number(reply.packetLoss);
      const ms = Number(reply.avg);
      return {
        alive: reply.alive,
        loss: Number.isFinite(loss) ? loss : 100,
        ms: Number.isFinite(ms) ? ms : undefined,
        why: reply.output.trim().split('\n').at(-1) ?? '',
      };
    } catch (error) {
      throw failure('E_PING', { why: (error as Error).message }, undefined, { cause: error });
    } finally {
      restoreLang(before);
    }
  },
  judge(seen, args) {
    if (!seen.alive) return [{ property: 'reply', expected: 'an echo reply', seen: seen.why || 'nothing' }];
    return [
      ...(seen.loss <= args.max_loss
        ? []
        : [{ property: 'loss', expected: `at most ${args.max_loss} %`, seen: `${seen.loss} %` }]),
      ...(args.max_ms === undefined || (seen.ms ?? 0) <= args.max_ms
        ? []
        : [
            {
              property: 'round trip',
              expected: `at most ${duration(args.max_ms)}`,
              seen: seen.ms === undefined ? 'no reply' : duration(seen.ms),
            },
          ]),
    ];
  },
  tell: (seen) => `${seen.loss} % lost${seen.ms === undefined ? '' : `, ${duration(seen.ms)}`}`,
});

/** The package `ping` sets LANG=C for our whole process; this restores it. */
function restoreLang(before: string | undefined): void {
  if (before === undefined) delete process.env['LANG'];
  else process.env['LANG'] = before;
}
