import { Type } from 'typebox';
import { blocked, defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';

const Args = args({
  data: Type.String({ default: 'pong', description: 'The text to return. `crash` fails the task.' }),
});

export const ping = defineModule<typeof Args, boolean>({
  name: 'ping',
  summary: 'Checks that the host is reachable and runs scripts.',
  args: Args,
  examples: [{ title: 'Check a host', args: {} }],
  probe: () => sh`echo pong`,
  parse: (stdout) => stdout === 'pong\n',
  plan: (answered, { data }) => (answered && data !== 'crash' ? [] : blocked('E_NO_PONG', { data })),
  data: (_, { data }) => ({ ping: data }),
});
