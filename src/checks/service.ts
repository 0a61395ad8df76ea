import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';
import type { Connection } from '../core/connection.ts';
import { sh } from '../core/sh.ts';

const Args = Type.Object(
  {
    host: Type.String({ description: 'A host of the inventory.' }),
    name: Type.String({ description: 'The unit: nginx, nginx.service, foobar.socket.' }),
    state: Type.Union([Type.Literal('active'), Type.Literal('inactive'), Type.Literal('failed')], {
      default: 'active',
      description: "systemd's ActiveState.",
    }),
    enabled: Type.Optional(
      Type.Boolean({ description: 'Whether the unit must be enabled, so that it starts at boot.' }),
    ),
  },
  { additionalProperties: false },
);
type Seen = Readonly<{ state: string; enabled: string; restarts: string; journal: string }>;

/** Begins the property of a mismatch of a unit's state. The unit's name follows. */
export const STATE_OF = 'state of ';
/** How many lines of the journal of a unit with a wrong state are shown. */
const JOURNAL_LINES = 8;

export const service = defineCheck<typeof Args, Seen>({
  name: 'service',
  summary: 'Checks the state of a systemd unit on a host.',
  args: Args,
  examples: [{ title: 'nginx runs, also after a reboot', args: { host: 'web1', name: 'nginx', enabled: true } }],
  async observe(args, { connect, signal }) {
    const line = await connect(args.host);
    const script = sh`systemctl show -p ActiveState -p UnitFileState -p NRestarts -- ${args.name}`;
    const [output] = await line.run([{ script, user: undefined }], { signal });
    const values = new Map((output?.stdout ?? '').split('\n').map((l) => l.split('=', 2) as [string, string]));
    if (output === undefined || output.code !== 0) throw new Error(output?.stderr.trim() ?? 'no answer');
    const state = values.get('ActiveState') ?? '';
    return {
      state,
      enabled: values.get('UnitFileState') ?? '',
      restarts: values.get('NRestarts') ?? '0',
      journal: state === args.state ? '' : await journalOf(args.name, line, signal),
    };
  },
  judge: (seen, args) => [
    ...(seen.state === args.state
      ? []
      : [{ property: `${STATE_OF}${args.name}`, expected: args.state, seen: seen.state || 'missing' }]),
    ...(args.enabled === undefined || args.enabled === ['enabled', 'static', 'alias', 'indirect'].includes(seen.enabled)
      ? []
      : [{ property: 'enabled', expected: String(args.enabled), seen: seen.enabled || 'missing' }]),
  ],
  detail: ({ journal }) => (journal === '' ? undefined : journal),
  tell: (seen) =>
    `${seen.state}, ${seen.enabled || 'no unit file'}${seen.restarts === '0' ? '' : `, restarted ${seen.restarts} times`}`,
});

/** The last lines of a unit's journal. Only root and a few groups may read it: as root if the host lets us, else as we are. */
async function journalOf(unit: string, line: Connection, signal: AbortSignal): Promise<string> {
  const script = sh`journalctl --quiet --no-pager -o short-iso -n ${JOURNAL_LINES} -u ${unit}`;
  for (const user of ['root', undefined]) {
    const [output] = await line.run([{ script, user }], { signal }).catch(() => []);
    if (output?.code === 0 && output.stdout.trim() !== '') return output.stdout.trim();
  }
  return '';
}
