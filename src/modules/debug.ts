import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { Failure } from '../core/diagnostic.ts';
import { type Context, defineModule } from '../core/module.ts';
import type { Value } from '../core/value.ts';
import { args, text } from './shared/args.ts';

const Args = args({
  msg: Type.Optional(
    Type.Unsafe<Value>({ description: 'The message to print. Default: Hello world!', keepsNull: true }),
  ),
  var: text('A variable or an expression whose value is printed.'),
  verbosity: Type.Integer({
    default: 0,
    minimum: 0,
    description: 'The number of -v options from which on the message is printed.',
  }),
});

export const debug = defineModule<typeof Args, null>({
  name: 'debug',
  summary: 'Prints a message or the value of a variable.',
  args: Args,
  expressions: ['var'],
  says: true,
  examples: [
    { title: 'Print a message', args: { msg: 'web1 is done' } },
    { title: 'Print a variable', args: { var: 'ansible_facts.distribution' } },
  ],
  verify: ({ msg, var: name }) =>
    msg !== undefined && name !== undefined
      ? [argError(['var'], 'E_ARGUMENT_CONFLICT', { problem: "'msg' and 'var' exclude each other" })]
      : [],
  parse: () => null,
  plan: () => [],
  data: (_, { msg, var: name }, ctx) =>
    name === undefined ? { msg: msg === undefined ? 'Hello world!' : msg } : { [name]: shownValue(name, ctx) },
});

/** As in Ansible, an undefined variable is no error. */
function shownValue(name: string, ctx: Context): Value {
  try {
    return ctx.evaluate(name);
  } catch (error) {
    if (error instanceof Failure && error.diagnostics.every(({ code }) => code.startsWith('E_UNDEFINED_')))
      return 'VARIABLE IS NOT DEFINED!';
    throw error;
  }
}
