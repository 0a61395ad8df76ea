import { Type } from 'typebox';
import { consoleArgs, defineConsole } from '../contract.ts';
import { openSocket } from '../streams.ts';

export const socket = defineConsole({
  name: 'socket',
  summary: 'A Unix socket of this machine, as ser2net, conserver or a hypervisor offers it.',
  args: consoleArgs({
    path: Type.String({ pattern: '^/', expected: 'the path of a socket: /…', description: 'The path of the socket.' }),
  }),
  examples: [{ title: 'A socket', args: { path: '/run/console/web1' } }],
  open: ({ path }, scene) => openSocket(scene, path),
});
