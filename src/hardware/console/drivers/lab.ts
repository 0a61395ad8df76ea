import { consoleArgs, defineConsole } from '../contract.ts';
import { openProgram, openSocket } from '../streams.ts';

export const lab = defineConsole({
  name: 'lab',
  summary:
    'The console of a lab host: the serial console of a QEMU machine, a root shell in a container. Hosts with lab_image have it without saying so.',
  args: consoleArgs({}),
  examples: [{ title: 'A lab host', args: {} }],
  async open(_, scene) {
    const way = await scene.lab.open();
    if ('socket' in way) return openSocket(scene, way.socket);
    return openProgram(scene, { argv: way.argv, device: 'lab', hint: 'install it: apt-get install bsdutils' });
  },
  log: (_, { lab }) => lab.log(),
});
