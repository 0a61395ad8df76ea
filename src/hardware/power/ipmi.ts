import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, powerArgs, secret } from '../contract.ts';
import { run } from '../program.ts';

const Args = powerArgs({
  host: Type.String({ minLength: 1, description: 'The address of the BMC.' }),
  port: Type.Integer({ default: 623, minimum: 1, maximum: 65_535, description: 'The UDP port of the BMC.' }),
  user: Type.String({ minLength: 1, description: 'The user.' }),
  password: secret('The password.'),
  privilege: Type.Union([Type.Literal('operator'), Type.Literal('administrator')], {
    default: 'administrator',
    description: 'The privilege level of the session.',
  }),
  cipher: Type.Integer({
    default: 3,
    minimum: 1,
    maximum: 17,
    description: 'The cipher suite. 3 works with almost all BMCs; 17 is stronger.',
  }),
});
type Args = Static<typeof Args>;

export const ipmi = defineDriver({
  name: 'ipmi',
  summary: 'BMCs with IPMI 2.0. Runs ipmitool on this machine.',
  args: Args,
  examples: [{ title: 'A server', args: { host: '10.0.0.21', user: 'admin', password: '{{ bmc_password }}' } }],
  outlet: ({ host, port }) => `${host}:${port}`,
  async status(args, scene) {
    const said = await call(args, scene, 'status');
    const [, state] = /Chassis Power is (on|off)/.exec(said) ?? [];
    if (state === 'on' || state === 'off') return state;
    throw failure('E_POWER_REFUSED', {
      host: scene.host,
      device: deviceOf(args),
      doing: 'status',
      detail: said.trim(),
    });
  },
  on: async (args, scene) => void (await call(args, scene, 'on')),
  cut: async (args, scene) => void (await call(args, scene, 'off')),
  shutDown: async (args, scene) => void (await call(args, scene, 'soft')),
  // UEFI, because the installer's boot loader is for UEFI.
  bootFromNetwork: async (args, scene) => void (await chassis(args, scene, ['bootdev', 'pxe', 'options=efiboot'])),
});

const deviceOf = ({ host }: Args): string => `ipmi ${host}`;

/** What ipmitool says when the BMC refuses the user, the password or the privilege. */
const LOGIN = /RAKP 2 (HMAC|message indicates)|unauthorized name|invalid role|insufficient privilege/i;

const call = (args: Args, scene: PowerScene, verb: string): Promise<string> => chassis(args, scene, ['power', verb]);

async function chassis(args: Args, scene: PowerScene, words: readonly string[]): Promise<string> {
  const { host, port, user, password, privilege, cipher } = args;
  const device = deviceOf(args);
  const ran = await run(scene, {
    argv: [
      // -v tells a refused login from silence
      ...['ipmitool', '-v', '-I', 'lanplus', '-H', host, '-p', String(port), '-U', user, '-E'],
      ...['-L', privilege.toUpperCase(), '-C', String(cipher), '-N', '1', '-R', '3', 'chassis', ...words],
    ],
    device,
    env: { IPMI_PASSWORD: password },
    hint: 'install it: apt-get install ipmitool',
  });
  if (ran.code === 0) return ran.stdout;
  const said = `${ran.stdout}${ran.stderr}`.trim();
  if (LOGIN.test(said)) throw failure('E_POWER_LOGIN', { host: scene.host, device });
  if (/Unable to establish|no response|timeout|timed out/i.test(said)) {
    const [why = ''] = said.split('\n');
    throw failure('E_POWER_SILENT', { host: scene.host, device, why });
  }
  throw failure('E_POWER_REFUSED', { host: scene.host, device, doing: `chassis ${words.join(' ')}`, detail: said });
}
