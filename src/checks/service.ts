import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';
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
type Seen = Readonly<{ state: string; enabled: string; restarts: string }>;

export const service = defineCheck<typeof Args, Seen>({
  name: 'service',
  summary: 'Checks the state of a systemd unit on a host.',
  args: Args,
  examples: [{ title: 'nginx runs, also after a reboot', args: { host: 'web1', name: 'nginx', enabled: true } }],
  async observe(args, { connect, signal }) {
    const line = await connect(args.host);
    const [output] = await line.run(
      [{ script: sh`systemctl show -p ActiveState -p UnitFileState -p NRestarts -- ${args.name}`, user: undefined }],
      { signal },
    );
    const values = new Map((output?.stdout ?? '').split('\n').map((l) => l.split('=', 2) as [string, string]));
    if (output === undefined || output.code !== 0) throw new Error(output?.stderr.trim() ?? 'no answer');
    return {
      state: values.get('ActiveState') ?? '',
      enabled: values.get('UnitFileState') ?? '',
      restarts: values.get('NRestarts') ?? '0',
    };
  },
  judge: (seen, args) => [
    ...(seen.state === args.state ? [] : [{ property: 'state', expected: args.state, seen: seen.state || 'missing' }]),
    ...(args.enabled === undefined || args.enabled === ['enabled', 'static', 'alias', 'indirect'].includes(seen.enabled)
      ? []
      : [{ property: 'enabled', expected: String(args.enabled), seen: seen.enabled || 'missing' }]),
  ],
  tell: (seen) =>
    `${seen.state}, ${seen.enabled || 'no unit file'}${seen.restarts === '0' ? '' : `, restarted ${seen.restarts} times`}`,
});
