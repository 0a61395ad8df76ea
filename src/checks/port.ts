import net from 'node:net';
import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';
import { duration } from '../core/units.ts';

const Args = Type.Object(
  {
    host: Type.String({ description: 'Address or name, as seen from the controller.' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'TCP port.' }),
    state: Type.Union([Type.Literal('open'), Type.Literal('closed')], {
      default: 'open',
      description: 'open, or closed: refused or no answer.',
    }),
    timeout: Type.Number({
      default: 3,
      description: 'Seconds without an answer after which the port counts as closed.',
    }),
  },
  { additionalProperties: false },
);
type Seen = Readonly<{ state: 'open' | 'closed'; why: string; ms: number }>;

export const port = defineCheck<typeof Args, Seen>({
  name: 'port',
  summary: 'Checks that a TCP port is open or closed.',
  args: Args,
  examples: [
    { title: 'The balancer accepts connections', args: { host: '192.0.2.10', port: 80 } },
    { title: 'The database is not public', args: { host: '192.0.2.31', port: 3306, state: 'closed' } },
  ],
  observe: (args, { signal }) =>
    new Promise((resolve) => {
      const began = performance.now();
      const socket = net.connect({ host: args.host, port: args.port });
      const end = (state: Seen['state'], why: string): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve({ state, why, ms: Math.round(performance.now() - began) });
      };
      const onAbort = (): void => end('closed', 'no answer in time');
      const timer = setTimeout(() => end('closed', `no answer within ${args.timeout} s`), args.timeout * 1000);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('connect', () => end('open', 'connected'));
      socket.once('error', (error) => end('closed', error.message));
    }),
  judge: (seen, args) =>
    seen.state === args.state ? [] : [{ property: 'port', expected: args.state, seen: `${seen.state} (${seen.why})` }],
  tell: (seen, args) => `${args.host}:${args.port} ${seen.state} (${seen.why}, ${duration(seen.ms)})`,
});
