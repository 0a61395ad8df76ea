import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs, secret } from '../contract.ts';
import { field, jsonOf, request } from '../http.ts';
import { IDENTITY, sameDevice } from '../identity.ts';
import { SETTLE } from '../settle.ts';

const Args = powerArgs({
  host: Type.String({ minLength: 1, description: 'The address of the device, with a port if it is not 80.' }),
  outlet: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 32,
    description: 'The number of the relay, counted from 1.',
  }),
  user: Type.String({ default: 'admin', description: 'The user, if the device has a password.' }),
  password: Type.Optional(secret('The web password of the device.')),
  ...IDENTITY,
  settle: SETTLE,
});
type Args = Static<typeof Args>;

export const tasmota = defineDriver({
  name: 'tasmota',
  summary: 'Plugs and relays with the firmware Tasmota, by HTTP.',
  args: Args,
  examples: [{ title: 'A plug with a password', args: { host: '10.0.0.9', password: '{{ plug_password }}' } }],
  outlet: ({ host, outlet }) => `${host} relay ${outlet}`,
  settle: ({ settle }) => settle,
  async identify(args, scene) {
    if (args.name === undefined && args.mac === undefined) return;
    const about = await ask(args, scene, 'Status 0');
    sameDevice(scene, deviceOf(args), args, {
      name: field(about, 'Status', 'DeviceName'),
      mac: field(about, 'StatusNET', 'Mac'),
    });
  },
  status: (args, scene) => power(args, scene, ''),
  on: async (args, scene) => void (await power(args, scene, ' ON')),
  cut: async (args, scene) => void (await power(args, scene, ' OFF')),
});

/** The answer to a command of a device with one relay may be POWER, also if the command was Power1. */
async function power(args: Args, scene: PowerScene, to: string): Promise<PowerState> {
  const answer = await ask(args, scene, `Power${args.outlet}${to}`);
  const state = field(answer, `POWER${args.outlet}`) ?? (args.outlet === 1 ? field(answer, 'POWER') : undefined);
  if (state === 'ON') return 'on';
  if (state === 'OFF') return 'off';
  throw failure('E_POWER_OUTLET', { host: scene.host, device: deviceOf(args), outlet: `relay ${args.outlet}` });
}

async function ask(args: Args, scene: PowerScene, command: string): Promise<unknown> {
  const { host, user, password, outlet } = args;
  const query = new URLSearchParams({ ...(password !== undefined && { user, password }), cmnd: command });
  const device = deviceOf(args);
  const answer = await request(scene, { url: `http://${host}/cm?${query}`, device });
  const data = jsonOf(scene, device, `relay ${outlet}`, command, answer);
  // Some versions answer a wrong password with the status 200.
  if (field(data, 'WARNING') !== undefined) throw failure('E_POWER_LOGIN', { host: scene.host, device });
  return data;
}

const deviceOf = ({ host }: Args): string => `tasmota ${host}`;
