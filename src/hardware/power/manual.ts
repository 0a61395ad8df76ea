import { type Static, Type } from 'typebox';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs, secret } from '../contract.ts';
import { field, jsonOf, request } from '../http.ts';
import { SETTLE } from '../settle.ts';

const Args = powerArgs({
  webhook: Type.Optional(
    Type.String({
      pattern: '^https?://',
      expected: 'a URL that begins with http:// or https://',
      description:
        'The URL that gets a POST request with {host, action} instead of the person. action is on, off or status; the answer to status is {state}.',
    }),
  ),
  token: Type.Optional(secret('The bearer token for the webhook.')),
  place: Type.Optional(Type.String({ description: 'Where the machine is, for the person: rack 2, shelf 3.' })),
  settle: SETTLE,
});
type Args = Static<typeof Args>;
const DEVICE = 'manual';

export const manual = defineDriver({
  name: 'manual',
  summary: 'Asks the person at the terminal, or calls a webhook.',
  args: Args,
  examples: [
    { title: 'A machine in the cellar', args: { place: 'cellar, left shelf' } },
    { title: 'A service that switches it', args: { webhook: 'https://switch.example/power', token: '{{ token }}' } },
  ],
  settle: ({ settle }) => settle,
  async status(args, scene) {
    const told = said.get(scene);
    if (told !== undefined) return told;
    if (args.webhook !== undefined) {
      const state = field(await call(args, scene, 'status'), 'state');
      if (state === 'on' || state === 'off') return state;
      const detail = `the answer has the state ${JSON.stringify(state)}, expected on or off`;
      throw failure('E_POWER_REFUSED', { host: scene.host, device: DEVICE, doing: 'status', detail });
    }
    const answer = await answered(scene, `Is ${nameOf(args, scene)} on? [y/n] `, 'say whether it is on');
    return /^y(es)?$/i.test(answer) ? 'on' : 'off';
  },
  on: (args, scene) => turn(args, scene, 'on'),
  cut: (args, scene) => turn(args, scene, 'off'),
});

/** What the person has done in this run, so that nobody asks again. A scene lasts as long as the run on its host. */
const said = new WeakMap<PowerScene, PowerState>();

async function turn(args: Args, scene: PowerScene, to: PowerState): Promise<void> {
  if (args.webhook !== undefined) return void (await call(args, scene, to));
  const question = `Switch ${nameOf(args, scene)} ${to}, then press Enter: `;
  await answered(scene, question, `switch it ${to}`);
  said.set(scene, to);
}

const nameOf = ({ place }: Args, { host }: PowerScene): string => (place === undefined ? host : `${host} (${place})`);

async function answered(scene: PowerScene, question: string, what: string): Promise<string> {
  const answer = await scene.ask(question);
  if (answer === undefined) throw failure('E_POWER_TERMINAL', { host: scene.host, what });
  return answer.trim();
}

async function call({ webhook = '', token }: Args, scene: PowerScene, action: string): Promise<unknown> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const body = { host: scene.host, action };
  const answer = await request(scene, { url: webhook, device: DEVICE, method: 'POST', headers, body });
  return jsonOf(scene, DEVICE, `host '${scene.host}'`, action, answer);
}
