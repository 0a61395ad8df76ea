import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { args, exclude, flag, text } from './shared/args.ts';

const Args = args({
  seconds: Type.Optional(Type.Number({ minimum: 0, description: 'Seconds to wait.' })),
  minutes: Type.Optional(Type.Number({ minimum: 0, description: 'Minutes to wait.' })),
  prompt: text('A question. Without a time, the run waits for the answer; without a terminal, it goes on.'),
  echo: flag('The answer is shown while it is typed.', true),
});

export const pause = defineModule<typeof Args, null>({
  name: 'pause',
  summary: 'Waits for some time or for an answer, once for all hosts.',
  args: Args,
  examples: [
    { title: 'Wait', args: { seconds: 30 } },
    { title: 'Ask before going on', args: { prompt: 'Switch the router on, then press Enter' } },
  ],
  verify: (given) => exclude(given, 'seconds', 'minutes'),
  parse: () => null,
  plan: () => [],
  controller: {
    when: 'apply',
    once: true,
    async work(given, controller) {
      const began = controller.now();
      const ms = given.seconds !== undefined ? given.seconds * 1000 : (given.minutes ?? 0) * 60_000;
      const isTimed = given.seconds !== undefined || given.minutes !== undefined;
      let answer = '';
      if (isTimed) {
        controller.say(`${given.prompt === undefined ? '' : `${given.prompt}: `}waits ${ms / 1000} s`);
        await controller.wait(ms);
      } else {
        const question = `${given.prompt ?? 'Press Enter to go on'}: `;
        const typed = await controller.ask(question, { echo: given.echo });
        if (typed === undefined) controller.say(`${given.prompt ?? 'pause'}: there is no terminal, so nobody is asked`);
        answer = typed ?? '';
      }
      const delta = Math.round((controller.now() - began) / 1000);
      const stdout = `Paused for ${delta} seconds`;
      return { changed: false, data: { user_input: answer, delta, rc: 0, stdout, stderr: '', echo: given.echo } };
    },
  },
});
