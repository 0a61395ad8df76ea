import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs, secret } from '../contract.ts';
import { digestAnswer } from '../digest.ts';
import { basic, field, jsonOf, request } from '../http.ts';
import { IDENTITY, sameDevice } from '../identity.ts';
import { SETTLE } from '../settle.ts';

const Args = powerArgs({
  host: Type.String({ minLength: 1, description: 'The address of the plug or relay, with a port if it is not 80.' }),
  outlet: Type.Integer({ default: 0, minimum: 0, description: 'The number of the output, counted from 0.' }),
  user: Type.Optional(Type.String({ description: 'The user, for devices of the first generation. Default: admin.' })),
  password: Type.Optional(secret('The password, if the device asks for one.')),
  ...IDENTITY,
  settle: SETTLE,
});
type Args = Static<typeof Args>;

export const shelly = defineDriver({
  name: 'shelly',
  summary: 'Shelly plugs and relays of all generations, by their local HTTP interface.',
  args: Args,
  examples: [
    { title: 'A plug', args: { host: '10.0.0.9' } },
    {
      title: 'The second output of a relay with a password, recognised by its MAC address',
      args: { host: '10.0.0.9', outlet: 1, password: '{{ plug_password }}', mac: '34:94:54:01:02:03' },
    },
  ],
  outlet: ({ host, outlet }) => `${host} output ${outlet}`,
  settle: ({ settle }) => settle,
  async identify(args, scene) {
    if (args.name === undefined && args.mac === undefined) return;
    const about = await ask(args, scene, '/shelly', 'identify');
    // The first generation tells its name only to those who log in.
    const name = isFirst(about) ? field(await ask(args, scene, '/settings', 'settings'), 'name') : field(about, 'name');
    sameDevice(scene, deviceOf(args), args, { name, mac: field(about, 'mac') });
  },
  async status(args, scene): Promise<PowerState> {
    const old = isFirst(await ask(args, scene, '/shelly', 'identify'));
    const path = old ? `/relay/${args.outlet}` : `/rpc/Switch.GetStatus?id=${args.outlet}`;
    const on = field(await ask(args, scene, path, 'status'), old ? 'ison' : 'output');
    if (typeof on === 'boolean') return on ? 'on' : 'off';
    const detail = 'the answer does not say whether the output is on';
    throw failure('E_POWER_REFUSED', { host: scene.host, device: deviceOf(args), doing: 'status', detail });
  },
  on: (args, scene) => turn(args, scene, true),
  cut: (args, scene) => turn(args, scene, false),
});

async function turn(args: Args, scene: PowerScene, on: boolean): Promise<void> {
  const old = isFirst(await ask(args, scene, '/shelly', 'identify'));
  const path = old
    ? `/relay/${args.outlet}?turn=${on ? 'on' : 'off'}`
    : `/rpc/Switch.Set?id=${args.outlet}&on=${String(on)}`;
  await ask(args, scene, path, on ? 'on' : 'off');
}

/** Devices of the first generation do not tell their generation. */
const isFirst = (about: unknown): boolean => field(about, 'gen') === undefined;

const deviceOf = ({ host }: Args): string => `shelly ${host}`;

/** Sends a GET request, again with the login if the device asks for it. */
async function ask(args: Args, scene: PowerScene, path: string, doing: string): Promise<unknown> {
  const device = deviceOf(args);
  const url = `http://${args.host}${path}`;
  const first = await request(scene, { url, device });
  const challenge = String(first.headers['www-authenticate'] ?? '');
  const { user = 'admin', password } = args;
  const login =
    first.status !== 401 || password === undefined
      ? undefined
      : /^basic/i.test(challenge)
        ? basic(user, password)
        : digestAnswer(challenge, { method: 'GET', uri: path, user: 'admin', password });
  const answer = login === undefined ? first : await request(scene, { url, device, headers: { authorization: login } });
  // The second generation answers 500 or 404 with a code to an output that it does not have.
  const isNoOutlet = answer.status >= 400 && field(parsed(answer.text), 'code') === -105;
  return jsonOf(scene, device, `output ${args.outlet}`, doing, isNoOutlet ? { ...answer, status: 404 } : answer);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
