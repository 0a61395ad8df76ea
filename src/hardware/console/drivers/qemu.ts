import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { consoleArgs, defineConsole } from '../contract.ts';
import { openSocket } from '../streams.ts';

const path = (description: string) => Type.String({ pattern: '^/', expected: 'a path: /…', description });

export const qemu = defineConsole({
  name: 'qemu',
  summary:
    'The serial console of a QEMU machine: -chardev socket,id=c,path=SOCKET,server=on,wait=off,logfile=LOG -serial chardev:c.',
  args: consoleArgs({
    socket: path('The Unix socket of the console.'),
    log_file: Type.Optional(
      path('The log that QEMU writes anew at each start. Without it, bringup records the boots that it causes.'),
    ),
  }),
  examples: [{ title: 'A virtual machine', args: { socket: '/run/vm/web1.console', log_file: '/run/vm/web1.log' } }],
  open: ({ socket }, scene) => openSocket(scene, socket),
  async log({ log_file }) {
    if (log_file === undefined) return undefined;
    return await readFile(log_file, 'utf8').catch(() => '');
  },
});
