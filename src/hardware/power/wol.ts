import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, powerArgs } from '../contract.ts';

const Args = powerArgs({
  mac: Type.String({
    pattern: '^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$',
    expected: 'six bytes: dc:a6:32:01:02:03',
    description: 'The MAC address of the machine. Default: the variable `mac` of the host.',
  }),
  broadcast: Type.String({
    default: '255.255.255.255',
    minLength: 1,
    description:
      'The address that gets the packet. A machine with several networks needs the broadcast address of the right one.',
  }),
  port: Type.Integer({ default: 9, minimum: 1, maximum: 65_535, description: 'The UDP port.' }),
  timeout: Type.Number({ default: 300, minimum: 1, description: 'Seconds in which the host must answer by SSH.' }),
});
type Args = Static<typeof Args>;

export const wol = defineDriver({
  name: 'wol',
  summary:
    'Wake-on-LAN: a packet wakes the machine; SSH shuts it down, and tells whether it is on. Nothing can cut its power.',
  args: Args,
  examples: [{ title: 'A PC', args: { mac: 'dc:a6:32:01:02:03', broadcast: '10.0.0.255' } }],
  takesMac: true,
  outlet: ({ mac }) => mac.toLowerCase().replaceAll('-', ':'),
  status: async (_, { answers }) => ((await answers()) ? 'on' : 'off'),
  on: wake,
});

/** Sends the packet three times, because nobody confirms it: six bytes ff, then the address sixteen times. */
async function wake({ mac, broadcast, port }: Args, { host }: PowerScene): Promise<void> {
  const address = Buffer.from(mac.replaceAll(/[:-]/g, ''), 'hex');
  const packet = Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
  const socket = createSocket(isIPv6(broadcast) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, resolve);
    });
    if (!isIPv6(broadcast)) socket.setBroadcast(true);
    for (let i = 0; i < 3; i++)
      await new Promise<void>((resolve, reject) => {
        socket.send(packet, port, broadcast, (error) => (error ? reject(error) : resolve()));
      });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw failure('E_POWER_REFUSED', { host, device: `wol ${mac}`, doing: `send a packet to ${broadcast}`, detail });
  } finally {
    socket.close();
  }
}
