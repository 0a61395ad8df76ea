import { Type } from 'typebox';
import { matching } from '../core/bounded.ts';
import { defineCheck } from '../core/check.ts';
import { sh, verbatim } from '../core/sh.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Hosts of the inventory.' }),
    cmd: Type.String({
      minLength: 1,
      description: 'The command to run on each host, with sh as the login user. It must only read.',
    }),
    become: Type.Boolean({ default: false, description: 'Run the command as root.' }),
    matches: Type.Optional(
      Type.String({
        format: 'regex',
        description: 'A regular expression that the output must match. The exit code must be 0 as well.',
      }),
    ),
    on: Type.Union([Type.Literal('all'), Type.Literal('one'), Type.Literal('none')], {
      default: 'all',
      description: 'On how many of the hosts the command must succeed and match.',
    }),
  },
  { additionalProperties: false },
);
/** How much of an output is shown in an error. */
const SHOWN = 1000;
type Seen = readonly Readonly<{ host: string; code: number; output: string; trouble?: string }>[];

export const command = defineCheck<typeof Args, Seen>({
  name: 'command',
  summary: 'Checks the output of a command on hosts: on all of them, on exactly one, or on none.',
  args: Args,
  examples: [
    {
      title: 'An address is on exactly one of two hosts',
      args: { hosts: ['lb1', 'lb2'], cmd: 'ip -o address show to 192.0.2.10', matches: '192\\.0\\.2\\.10/', on: 'one' },
    },
    { title: 'No unit has failed', args: { hosts: ['web1'], cmd: 'systemctl is-failed --quiet nginx', on: 'none' } },
  ],
  observe: ({ hosts, cmd, become }, { connect, signal }) =>
    Promise.all(
      hosts.map(async (host) => {
        try {
          const line = await connect(host);
          const user = become ? 'root' : undefined;
          const [ran] = await line.run([{ script: sh`${verbatim(cmd)}`, user }], { signal });
          return { host, code: ran?.code ?? 255, output: `${ran?.stdout ?? ''}${ran?.stderr ?? ''}`.trim() };
        } catch (error) {
          // an unreachable host counts neither for nor against the expectation; only the other hosts are counted
          return { host, code: 255, output: '', trouble: error instanceof Error ? error.message : String(error) };
        }
      }),
    ),
  judge(seen, { matches, on }) {
    const isTrue = (s: Seen[number]): boolean => holds(s, matches);
    const held = seen.filter(isTrue);
    const away = seen.filter((s) => s.trouble !== undefined);
    if (on === 'one' && held.length !== 1)
      return [
        {
          property: 'hosts',
          expected: 'exactly one host that matches',
          seen: held.map((s) => s.host).join(', ') || 'none',
        },
      ];
    if (on === 'none')
      return held.map((s) => ({ property: s.host, expected: 'no match', seen: s.output.slice(0, SHOWN) || 'a match' }));
    if (on === 'one') return [];
    return [
      ...away.map((s) => ({ property: s.host, expected: 'an answer', seen: s.trouble ?? '' })),
      ...seen
        .filter((s) => s.trouble === undefined && !isTrue(s))
        .map((s) => ({
          property: s.host,
          expected: matches === undefined ? 'exit code 0' : `/${matches}/`,
          seen: s.output.slice(0, SHOWN) || `exit code ${s.code}`,
        })),
    ];
  },
  tell: (seen, { matches, on }) =>
    on === 'one'
      ? seen.map((s) => `${s.host} ${s.trouble ?? (holds(s, matches) ? 'yes' : 'no')}`).join(', ')
      : seen.map((s) => `${s.host}: ${s.trouble ?? (s.output.split('\n')[0] || `exit code ${s.code}`)}`).join('; '),
});

function holds({ code, output }: Seen[number], matches: string | undefined): boolean {
  return code === 0 && (matches === undefined || matching(matches, () => new RegExp(matches, 'm').test(output)));
}
