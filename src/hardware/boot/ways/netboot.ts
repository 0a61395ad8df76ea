import { Type } from 'typebox';
import { waitForLogins } from '../await.ts';
import { type BootScene, bootArgs, defineWay } from '../contract.ts';
import { arm, untilDone } from '../install.ts';
import { ensureInstaller } from '../installer.ts';
import { isWithin, wireTo } from '../interface.ts';
import { type Netboot, refuseAddress, whileServed } from '../netboot-server.ts';
import { payloadOf } from '../payload.ts';

export const netboot = defineWay({
  name: 'netboot',
  summary: 'The firmware boots an installer from the network (UEFI PXE over IPv4), which bringup serves meanwhile.',
  needs: ['mac', 'disk', 'power', 'image'],
  args: bootArgs({
    interface: Type.Optional(
      Type.String({ description: "The interface of this machine. Default: the one in the host's network." }),
    ),
    dhcp: Type.Union([Type.Literal('auto'), Type.Literal('server'), Type.Literal('proxy')], {
      default: 'auto',
      description:
        'server: bringup gives the machine its address. proxy: another DHCP server does. auto: proxy if one answers.',
    }),
    start_timeout: Type.Number({
      default: 600,
      minimum: 1,
      description: 'Seconds in which the machine must ask for the installer after its power was switched on.',
    }),
  }),
  examples: [
    { title: 'On the network of the host', args: {} },
    { title: 'On a wire of its own', args: { interface: 'eth1', dhcp: 'server' } },
  ],
  async prepare(args, scene) {
    refuseAddress(await served(args, scene), scene.address);
    await payloadOf((await scene.system()).image, scene);
  },
  async install(args, scene) {
    const { machine, power, address } = scene;
    const netboot = await served(args, scene);
    refuseAddress(netboot, address);
    const own =
      args.dhcp !== 'proxy' && isWithin(address, netboot.wire) ? `${address}/${netboot.wire.prefix}` : undefined;
    const place = { mac: machine.mac ?? '', address: own };
    const session = await arm(scene);
    await whileServed(netboot, place, session, async (broken) => {
      scene.progress({ stage: 'switching the power off and on' });
      await power.cut();
      await power.on('network');
      await untilDone(scene, session, { start: args.start_timeout, whole: args.timeout, broken });
    });
    await waitForLogins(scene, args.timeout);
  },
});

async function served(
  { interface: given, dhcp }: Readonly<{ interface?: string; dhcp: Netboot['dhcp'] }>,
  scene: BootScene,
): Promise<Netboot> {
  const { host, address, signal } = scene;
  const wire = wireTo(host, address, given);
  const { folder: installer } = await ensureInstaller(scene);
  return { host, wire, dhcp, installer, signal };
}
