import { Type } from 'typebox';
import { blocked, defineModule } from '../core/module.ts';
import type { Value } from '../core/value.ts';
import { args } from './shared/args.ts';

const Args = args({
  msg: Type.Unsafe<Value>({ default: 'Failed as requested from task', description: 'The reason: a text or a list.' }),
});

export const fail = defineModule<typeof Args, null>({
  name: 'fail',
  summary: 'Fails with a message. Use it with `when`.',
  args: Args,
  examples: [{ title: 'Fail with a reason', args: { msg: 'this host has less than 1 GiB' } }],
  parse: () => null,
  plan: (_, { msg }) => blocked('E_FAIL', { message: lines(msg).join('\n') }),
  data: (_, { msg }) => ({ msg }),
});

function lines(msg: Value): readonly string[] {
  if (Array.isArray(msg)) return msg.map((one) => lines(one).join(', '));
  return [typeof msg === 'string' ? msg : JSON.stringify(msg)];
}
