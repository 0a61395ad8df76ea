import { Type } from 'typebox';
import { blocked, defineModule } from '../core/module.ts';
import { args } from './shared/args.ts';

const Args = args({
  msg: Type.String({ default: 'Failed as requested from task', description: 'Why.' }),
});

export const fail = defineModule<typeof Args, null>({
  name: 'fail',
  summary: 'The task fails, with a message. Used with `when`.',
  args: Args,
  examples: [{ title: 'With a reason', args: { msg: 'this host has less than 1 GiB' } }],
  parse: () => null,
  plan: (_, { msg }) => blocked('E_FAIL', { message: msg }),
  data: (_, { msg }) => ({ msg }),
});
