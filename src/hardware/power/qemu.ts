import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs } from '../contract.ts';
import { field } from '../http.ts';
import { sameDevice } from '../identity.ts';

const Args = powerArgs({
  socket: Type.String({
    pattern: '^/',
    expected: 'the path of a socket: /…',
    description: "The Unix socket of QEMU's monitor (-qmp unix:PATH,server=on,wait=off).",
  }),
  name: Type.Optional(
    Type.String({ description: 'The name that QEMU must have (-name); with another one, nothing is switched.' }),
  ),
});
type Args = Static<typeof Args>;

export const qemu = defineDriver({
  name: 'qemu',
  summary:
    'A QEMU machine, by its monitor (QMP). QEMU must run with -no-shutdown; a machine that is off is one that does not run.',
  args: Args,
  examples: [{ title: 'A virtual machine', args: { socket: '/run/vm/web1.qmp' } }],
  outlet: ({ socket }) => socket,
  async identify(args, scene) {
    if (args.name === undefined) return;
    const [answer] = await talk(args, scene, ['query-name']);
    sameDevice(scene, deviceOf(args), args, { name: field(answer, 'name'), mac: undefined });
  },
  async status(args, scene): Promise<PowerState> {
    const [answer] = await talk(args, scene, ['query-status']);
    return field(answer, 'running') === true ? 'on' : 'off';
  },
  on: async (args, scene) => void (await talk(args, scene, ['system_reset', 'cont'])),
  cut: async (args, scene) => void (await talk(args, scene, ['stop', 'system_reset'])),
  shutDown: async (args, scene) => void (await talk(args, scene, ['system_powerdown'])),
});

const deviceOf = ({ socket }: Args): string => `qemu ${socket}`;

/** Sends commands in order over one connection. Returns what they return. */
function talk(args: Args, scene: PowerScene, commands: readonly string[]): Promise<readonly unknown[]> {
  const { host, patience, signal } = scene;
  const device = deviceOf(args);
  return new Promise((resolve, reject) => {
    const silent = (why: string): void => reject(failure('E_POWER_SILENT', { host, device, why }));
    const socket = createConnection(args.socket);
    const stop = (): void => void socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    socket.setTimeout(patience * 1000, () => {
      silent(`no answer within ${patience} s`);
      stop();
    });
    socket.on('error', (error) => silent(error.message));
    socket.on('close', () => {
      signal.removeEventListener('abort', stop);
      silent('the connection was closed');
    });
    const left = ['qmp_capabilities', ...commands];
    const answers: unknown[] = [];
    const send = (): void => {
      const next = left.shift();
      if (next !== undefined) return void socket.write(`${JSON.stringify({ execute: next })}\n`);
      resolve(answers.slice(1));
      stop();
    };
    const lines = createInterface({ input: socket });
    lines.on('error', () => {}); // an error of the socket arrives here too
    lines.on('line', (line) => {
      let said: unknown;
      try {
        said = JSON.parse(line);
      } catch {
        silent('the socket does not speak QMP');
        return stop();
      }
      if (field(said, 'QMP') !== undefined) return send();
      const wrong = field(said, 'error', 'desc');
      if (wrong !== undefined) {
        reject(failure('E_POWER_REFUSED', { host, device, doing: commands.join(', '), detail: String(wrong) }));
        return stop();
      }
      const result = field(said, 'return');
      if (result === undefined) return; // an event
      answers.push(result);
      send();
    });
  });
}
