import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';
import { sh } from '../core/sh.ts';

const STATES = ['stopped', 'started', 'restarted', 'reloaded', 'killed'] as const;
const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts: names, groups, patterns.' }),
    name: Type.Array(Type.String(), { minItems: 1, description: 'One or several units: nginx, foobar.socket.' }),
    state: Type.Union(
      STATES.map((state) => Type.Literal(state)),
      { description: 'What happens to the unit. A unit that was stopped or killed is started again at the end.' },
    ),
    signal: Type.String({
      default: 'KILL',
      pattern: '^[A-Z0-9+]+$',
      description: 'With killed: the signal that all processes of the unit get.',
    }),
  },
  { additionalProperties: false },
);
const VERBS = { stopped: 'stop', started: 'start', restarted: 'restart', reloaded: 'reload' } as const;

export const service = defineStep({
  name: 'service',
  summary: 'Stops, kills, restarts or reloads a systemd unit.',
  args: Args,
  examples: [
    { title: 'Killed web server', args: { hosts: 'web1', name: 'nginx', state: 'killed' } },
    {
      title: 'Stopped app and socket',
      args: { hosts: 'web1', name: ['app.socket', 'app.service'], state: 'stopped' },
    },
  ],
  hosts: (args) => args.hosts,
  tell: ({ name, state, signal }, hosts) =>
    `${name.join(' and ')} ${name.length > 1 ? 'are' : 'is'} ${state}${state === 'killed' && signal !== 'KILL' ? ` (${signal})` : ''} on ${hosts.join(', ')}`,
  async run({ hosts, name, state, signal }, scene) {
    const chosen = scene.select(hosts);
    const debt = (host: string): string => `service ${host} ${name.join(' ')}`;
    if (state === 'stopped' || state === 'killed')
      for (const host of chosen)
        scene.owe(debt(host), `start ${name.join(' and ')} on ${host}`, async (later) => {
          await later.root(host, sh`systemctl reset-failed -- ${name} 2>/dev/null; systemctl start -- ${name}`, {
            timeout: 90,
          });
        });
    const script =
      state === 'killed' ? sh`systemctl kill -s ${signal} -- ${name}` : sh`systemctl ${VERBS[state]} -- ${name}`;
    await Promise.all(chosen.map((host) => scene.root(host, script, { timeout: 120 })));
    if (state === 'started' || state === 'restarted') for (const host of chosen) scene.settle(debt(host));
  },
});
