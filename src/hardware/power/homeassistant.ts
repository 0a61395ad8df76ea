import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, powerArgs, secret } from '../contract.ts';
import { field, jsonOf, request } from '../http.ts';
import { sameDevice } from '../identity.ts';
import { SETTLE } from '../settle.ts';
import { TRUST } from '../trust.ts';

const Args = powerArgs({
  url: Type.String({
    pattern: '^https?://[^/?#]+$',
    expected: 'a URL without a path: http://homeassistant.local:8123',
    description: 'The URL of Home Assistant.',
  }),
  entity: Type.String({
    pattern: '^(switch|light|input_boolean)\\.[a-z0-9_]+$',
    expected: 'a switch: switch.plug_web1',
    description: 'The entity that switches the machine.',
  }),
  token: secret('A long-lived access token.'),
  name: Type.Optional(
    Type.String({ description: 'The friendly name that the entity must have; with another one, nothing is switched.' }),
  ),
  ...TRUST,
  settle: SETTLE,
});
type Args = Static<typeof Args>;

export const homeassistant = defineDriver({
  name: 'homeassistant',
  summary: 'Any switch that Home Assistant knows.',
  args: Args,
  examples: [
    {
      title: 'A plug',
      args: { url: 'http://homeassistant.local:8123', entity: 'switch.plug_web1', token: '{{ ha_token }}' },
    },
  ],
  outlet: ({ url, entity }) => `${url} ${entity}`,
  settle: ({ settle }) => settle,
  async identify(args, scene) {
    if (args.name === undefined) return;
    const name = field(await stateOf(args, scene), 'attributes', 'friendly_name');
    sameDevice(scene, deviceOf(args), args, { name, mac: undefined });
  },
  async status(args, scene) {
    const state = field(await stateOf(args, scene), 'state');
    if (state === 'on' || state === 'off') return state;
    const why = `Home Assistant says that ${args.entity} is ${String(state)}`;
    throw failure('E_POWER_SILENT', { host: scene.host, device: deviceOf(args), why });
  },
  on: (args, scene) => turn(args, scene, 'turn_on'),
  cut: (args, scene) => turn(args, scene, 'turn_off'),
});

const deviceOf = ({ url }: Args): string => `homeassistant ${url}`;
const stateOf = (args: Args, scene: PowerScene): Promise<unknown> =>
  ask(args, scene, 'status', `/api/states/${args.entity}`);

async function turn(args: Args, scene: PowerScene, service: string): Promise<void> {
  const [domain = ''] = args.entity.split('.');
  await ask(args, scene, service, `/api/services/${domain}/${service}`, { entity_id: args.entity });
}

async function ask(args: Args, scene: PowerScene, doing: string, path: string, body?: unknown): Promise<unknown> {
  const device = deviceOf(args);
  const answer = await request(scene, {
    url: `${args.url}${path}`,
    device,
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${args.token}` },
    body,
    trust: args,
  });
  return jsonOf(scene, device, `entity ${args.entity}`, doing, answer);
}
