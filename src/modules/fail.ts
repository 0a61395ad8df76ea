import { Type } from 'typebox';
import { blocked, defineModule } from '../core/module.ts';
import { args } from './shared/args.ts';

const Args = args({
  msg: Type.String({ default: 'Failed as requested from task', description: 'The reason.' }),
});

export const fail = defineModule<typeof Args, null>({
  name: 'fail',
  summary: 'Fails with a message. Use it with `when`.',
  args: Args,
  examples: [{ title: 'Fail with a reason', args: { msg: 'this host has less than 1 GiB' } }],
  parse: () => null,
  plan: (_, { msg }) => blocked('E_FAIL', { message: msg }),
  data: (_, { msg }) => ({ msg }),
});
