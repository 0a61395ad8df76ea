import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs, secret } from '../contract.ts';
import { type Ran, run } from '../program.ts';
import { SETTLE } from '../settle.ts';

const Command = (description: string) => Type.String({ minLength: 1, description });
const Args = powerArgs({
  // Not `on` and `off`: YAML reads these words as true and false, as keys too.
  on_command: Command('A shell command that switches the machine on.'),
  off_command: Command('A shell command that cuts the power of the machine.'),
  status_command: Command('A shell command that prints `on` or `off` as its first word.'),
  password: Type.Optional(secret('A secret for the commands, which read it from stdin.')),
  settle: SETTLE,
});
type Args = Static<typeof Args>;

export const command = defineDriver({
  name: 'command',
  summary:
    'Any program of this machine. The commands run with sh in the directory where bringup was started; the variable $HOST is the name of the host.',
  args: Args,
  examples: [
    {
      title: 'A relay board with a script of its own',
      args: { on_command: './relay.sh 3 on', off_command: './relay.sh 3 off', status_command: './relay.sh 3' },
    },
  ],
  outlet: ({ on_command: text }) => (text.includes('HOST') ? undefined : text),
  settle: ({ settle }) => settle,
  async status(args, scene): Promise<PowerState> {
    const { stdout } = await call(args, args.status_command, scene);
    const [word = ''] = stdout.trim().toLowerCase().split(/\s/);
    if (word === 'on' || word === 'off') return word;
    throw wrong(scene, args.status_command, `printed '${stdout.trim().slice(0, 200)}', expected on or off`);
  },
  on: async (args, scene) => void (await call(args, args.on_command, scene)),
  cut: async (args, scene) => void (await call(args, args.off_command, scene)),
});

async function call({ password }: Args, text: string, scene: PowerScene): Promise<Ran> {
  const ran = await run(scene, {
    argv: ['sh', '-c', text],
    device: 'command',
    env: { HOST: scene.host },
    input: password === undefined ? '' : `${password}\n`,
    hint: 'install a POSIX shell',
  });
  if (ran.code !== 0) throw wrong(scene, text, `exit code ${ran.code}\n${(ran.stderr || ran.stdout).trim()}`);
  return ran;
}

const wrong = ({ host }: PowerScene, doing: string, detail: string) =>
  failure('E_POWER_REFUSED', { host, device: 'command', doing, detail });
