import { readFile, writeFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, powerArgs } from '../contract.ts';
import { SETTLE } from '../settle.ts';

const Args = powerArgs({
  path: Type.String({
    pattern: '^/',
    expected: 'the path of a file: /…',
    description:
      'The file of the line: /sys/class/leds/NAME/brightness (overlay gpio-led), or /sys/class/gpio/gpioN/value.',
  }),
  active_low: Type.Boolean({ default: false, description: 'The relay is closed while the line is low.' }),
  settle: SETTLE,
});
type Args = Static<typeof Args>;

export const gpio = defineDriver({
  name: 'gpio',
  summary: 'A relay on a GPIO line of this machine. The kernel must have the line as a file.',
  args: Args,
  examples: [{ title: 'A relay', args: { path: '/sys/class/leds/relay1/brightness' } }],
  outlet: ({ path }) => path,
  settle: ({ settle }) => settle,
  async status(args, scene) {
    const level = (await onFile(args, scene, 'status', (path) => readFile(path, 'utf8'))).trim();
    if (!/^\d+$/.test(level)) {
      const detail = `${args.path} contains '${level.slice(0, 40)}', expected a number`;
      throw failure('E_POWER_REFUSED', { host: scene.host, device: deviceOf(args), doing: 'status', detail });
    }
    return (level !== '0') !== args.active_low ? 'on' : 'off';
  },
  on: (args, scene) => turn(args, scene, true),
  cut: (args, scene) => turn(args, scene, false),
});

const deviceOf = ({ path }: Args): string => `gpio ${path}`;

async function turn(args: Args, scene: PowerScene, on: boolean): Promise<void> {
  const level = on !== args.active_low ? '1' : '0';
  await onFile(args, scene, on ? 'on' : 'off', (path) => writeFile(path, level, { flag: 'r+' }));
}

async function onFile<T>(
  args: Args,
  { host }: PowerScene,
  doing: string,
  act: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await act(args.path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const device = deviceOf(args);
    if (code === 'ENOENT') throw failure('E_POWER_OUTLET', { host, device, outlet: `line ${args.path}` });
    throw failure('E_POWER_REFUSED', { host, device, doing, detail: message });
  }
}
