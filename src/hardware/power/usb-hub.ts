import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs } from '../contract.ts';
import { type Ran, run } from '../program.ts';
import { SETTLE } from '../settle.ts';

const Args = powerArgs({
  location: Type.String({
    pattern: '^\\d+(-\\d+(\\.\\d+)*)?$',
    expected: 'a location as uhubctl prints it: 1-1.2',
    description: 'The hub, as uhubctl prints it.',
  }),
  port: Type.Integer({ minimum: 1, maximum: 32, description: 'The number of the port.' }),
  settle: SETTLE,
});
type Args = Static<typeof Args>;

export const usbHub = defineDriver({
  name: 'usb-hub',
  summary: 'A port of a USB hub that switches power. Runs uhubctl on this machine.',
  args: Args,
  examples: [{ title: 'A board that USB supplies', args: { location: '1-1', port: 2 } }],
  outlet: ({ location, port }) => `${location} port ${port}`,
  settle: ({ settle }) => settle,
  async status(args, scene): Promise<PowerState> {
    const { stdout } = await call(args, scene, []);
    // `  Port 2: 0503 power highspeed enable connect`
    const line = stdout.split('\n').find((one) => one.trim().startsWith(`Port ${args.port}:`));
    if (line === undefined) throw noOutlet(args, scene);
    return /\bpower\b/.test(line) ? 'on' : 'off';
  },
  on: async (args, scene) => void (await call(args, scene, ['-a', 'on'])),
  cut: async (args, scene) => void (await call(args, scene, ['-a', 'off'])),
});

const deviceOf = ({ location }: Args): string => `usb-hub ${location}`;
const noOutlet = (args: Args, { host }: PowerScene) =>
  failure('E_POWER_OUTLET', { host, device: deviceOf(args), outlet: `port ${args.port} that can be switched` });

async function call(args: Args, scene: PowerScene, action: readonly string[]): Promise<Ran> {
  const { location, port } = args;
  const device = deviceOf(args);
  const ran = await run(scene, {
    argv: ['uhubctl', '-l', location, '-p', String(port), ...action],
    device,
    hint: 'install it: apt-get install uhubctl',
  });
  if (ran.code === 0) return ran;
  const said = `${ran.stdout}${ran.stderr}`.trim();
  if (/No compatible devices|No devices/i.test(said) && !/Permission/i.test(said)) throw noOutlet(args, scene);
  throw failure('E_POWER_REFUSED', { host: scene.host, device, doing: 'uhubctl', detail: said });
}
