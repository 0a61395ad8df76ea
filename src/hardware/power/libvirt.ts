import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs } from '../contract.ts';
import { run } from '../program.ts';

const Args = powerArgs({
  uri: Type.String({
    default: 'qemu:///system',
    minLength: 1,
    description: 'The connection: qemu:///system, or qemu+ssh://root@host/system.',
  }),
  domain: Type.Optional(
    Type.String({
      pattern: '^[^-]',
      expected: 'a name',
      description: 'The virtual machine. Default: the name of the host.',
    }),
  ),
});
type Args = Static<typeof Args>;

export const libvirt = defineDriver({
  name: 'libvirt',
  summary: 'A virtual machine of libvirt. Runs virsh on this machine.',
  args: Args,
  examples: [{ title: 'On another machine', args: { uri: 'qemu+ssh://root@big.example/system', domain: 'web1' } }],
  outlet: ({ uri, domain }) => (domain === undefined ? undefined : `${uri} ${domain}`),
  async status(args, scene): Promise<PowerState> {
    const state = (await call(args, scene, 'domstate')).trim();
    // A machine in shutdown still runs.
    return ['shut off', 'crashed', 'no state'].includes(state) ? 'off' : 'on';
  },
  on: async (args, scene) => void (await call(args, scene, 'start', /already active/)),
  cut: async (args, scene) => void (await call(args, scene, 'destroy', /not running/)),
  shutDown: async (args, scene) => void (await call(args, scene, 'shutdown', /not running/)),
});

/** `already`: what virsh says if the machine is in the state already. */
async function call(args: Args, scene: PowerScene, verb: string, already?: RegExp): Promise<string> {
  const { uri, domain = scene.host } = args;
  const { host } = scene;
  const device = `libvirt ${uri}`;
  const ran = await run(scene, {
    argv: ['virsh', '--quiet', '--connect', uri, verb, '--domain', domain],
    device,
    env: { LC_ALL: 'C' },
    hint: 'install it: apt-get install libvirt-clients',
  });
  if (ran.code === 0 || already?.test(ran.stderr)) return ran.stdout;
  const said = ran.stderr.trim();
  if (/failed to get domain|Domain not found/i.test(said))
    throw failure('E_POWER_OUTLET', { host, device, outlet: `domain '${domain}'` });
  if (/authentication|Permission denied/i.test(said)) throw failure('E_POWER_LOGIN', { host, device });
  if (/failed to connect/i.test(said))
    throw failure('E_POWER_SILENT', { host, device, why: said.split('\n').at(-1) ?? said });
  throw failure('E_POWER_REFUSED', { host, device, doing: `virsh ${verb}`, detail: said });
}
