import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs, secret } from '../contract.ts';
import { basic, field, jsonOf, request } from '../http.ts';
import { TRUST } from '../trust.ts';

const Args = powerArgs({
  host: Type.String({ minLength: 1, description: 'The address of the BMC, with a port if it is not 443.' }),
  user: Type.String({ minLength: 1, description: 'The user.' }),
  password: secret('The password.'),
  system: Type.Optional(
    Type.String({ description: 'The id of the system. Needed only if the BMC serves several systems.' }),
  ),
  ...TRUST,
});
type Args = Static<typeof Args>;

export const redfish = defineDriver({
  name: 'redfish',
  summary: 'BMCs with Redfish: the HTTPS interface of newer servers.',
  args: Args,
  examples: [
    {
      title: 'A BMC with a self-signed certificate',
      args: {
        host: '10.0.0.21',
        user: 'admin',
        password: '{{ bmc_password }}',
        fingerprint: '5F:0E:1C:9A:24:55:9F:0B:71:2E:CB:A5:3C:80:1D:6E:92:44:7B:0A:FD:31:58:C6:20:E7:8B:99:04:6D:13:BC',
      },
    },
  ],
  outlet: ({ host, system = '' }) => `${host} ${system}`.trim(),
  async status(args, scene): Promise<PowerState> {
    const { power } = await systemOf(args, scene);
    // A system that is powering on or off is not there yet.
    if (power === 'On' || power === 'PoweringOff' || power === 'Paused') return 'on';
    if (power === 'Off' || power === 'PoweringOn') return 'off';
    const detail = `the system has the PowerState ${JSON.stringify(power)}`;
    throw failure('E_POWER_REFUSED', { host: scene.host, device: deviceOf(args), doing: 'status', detail });
  },
  on: (args, scene) => reset(args, scene, ['On', 'ForceOn']),
  cut: (args, scene) => reset(args, scene, ['ForceOff']),
  shutDown: (args, scene) => reset(args, scene, ['GracefulShutdown', 'PushPowerButton']),
});

const deviceOf = ({ host }: Args): string => `redfish ${host}`;
const outletOf = ({ system }: Args): string => (system === undefined ? 'system' : `system '${system}'`);

/** The state of the system, and where it is reset. */
async function systemOf(args: Args, scene: PowerScene) {
  const listed = field(await ask(args, scene, 'list the systems', '/redfish/v1/Systems'), 'Members');
  const paths = (Array.isArray(listed) ? listed : []).map((one) => String(field(one, '@odata.id')));
  const found = args.system === undefined ? paths : paths.filter((path) => path.split('/').at(-1) === args.system);
  const [path] = found;
  const { host } = scene;
  const device = deviceOf(args);
  if (path === undefined) throw failure('E_POWER_OUTLET', { host, device, outlet: outletOf(args) });
  if (found.length > 1) {
    const detail = `the BMC serves several systems: ${paths.map((one) => one.split('/').at(-1)).join(', ')}`;
    throw failure('E_POWER_REFUSED', { host, device, doing: 'choose a system; set system in power', detail });
  }
  const system = await ask(args, scene, 'status', path);
  const action = field(system, 'Actions', '#ComputerSystem.Reset');
  const target = field(action, 'target');
  const types = field(action, 'ResetType@Redfish.AllowableValues');
  return {
    power: field(system, 'PowerState'),
    target: typeof target === 'string' ? target : `${path}/Actions/ComputerSystem.Reset`,
    types: Array.isArray(types) ? types : undefined,
  };
}

/** Sends the first of these resets that the BMC says it has. */
async function reset(args: Args, scene: PowerScene, wanted: readonly string[]): Promise<void> {
  const { target, types } = await systemOf(args, scene);
  const type = wanted.find((one) => types === undefined || types.includes(one)) ?? wanted[0];
  await ask(args, scene, `reset ${type}`, target, { ResetType: type });
}

async function ask(args: Args, scene: PowerScene, doing: string, path: string, body?: unknown): Promise<unknown> {
  const device = deviceOf(args);
  const answer = await request(scene, {
    url: `https://${args.host}${path}`,
    device,
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: basic(args.user, args.password), accept: 'application/json' },
    body,
    trust: args,
  });
  if (answer.status === 409 && body !== undefined) return {}; // the system is in this state already
  return jsonOf(scene, device, outletOf(args), doing, answer);
}
