import { Type } from 'typebox';
import { Failure } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { defineModule } from '../core/module.ts';
import { args } from './shared/args.ts';

const Args = args({
  timeout: Type.Integer({ default: 600, minimum: 0, description: 'Seconds after which to give up.' }),
  delay: Type.Integer({ default: 0, minimum: 0, description: 'Seconds to wait before the first attempt.' }),
  connect_timeout: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'No effect: the setting timeout limits each attempt to connect.',
    }),
  ),
  sleep: Type.Integer({ default: 1, minimum: 0, description: 'Seconds between attempts.' }),
});

export const wait_for_connection = defineModule<typeof Args, null>({
  name: 'wait_for_connection',
  summary: 'Waits until the host can be reached.',
  args: Args,
  examples: [{ title: 'Wait for a host that boots', args: { delay: 10, timeout: 300 } }],
  parse: () => null,
  plan: () => [],
  controller: {
    when: 'apply',
    async work({ timeout, delay, sleep }, controller) {
      const began = controller.now();
      await controller.wait(delay * 1000);
      for (;;) {
        try {
          await controller.reconnect();
          return { changed: false, data: { elapsed: Math.round((controller.now() - began) / 1000) } };
        } catch (error) {
          if (!(error instanceof Failure) && !(error instanceof Error && error.name === 'Lost')) throw error;
          if (controller.now() - began > timeout * 1000)
            return { failed: tell('E_NO_CONNECTION_YET', { timeout, why: error.message }) };
        }
        await controller.wait(sleep * 1000);
      }
    },
  },
});
