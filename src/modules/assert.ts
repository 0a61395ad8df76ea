import { Type } from 'typebox';
import { blocked, type Context, defineModule } from '../core/module.ts';
import { Float, isDict, Unknown, type Value } from '../core/value.ts';
import { args, flag } from './shared/args.ts';

const message = (description: string) =>
  Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())], { description }));

const Args = args({
  that: Type.Array(Type.Union([Type.String(), Type.Boolean()]), {
    description: 'Conditions as in `when`. All of them must hold.',
  }),
  fail_msg: message('The message if a condition does not hold.'),
  success_msg: message('The message if all conditions hold.'),
  quiet: flag('Print less on success.'),
});

export const assert = defineModule<typeof Args, null>({
  name: 'assert',
  summary: 'Fails unless conditions hold.',
  args: Args,
  aliases: { msg: 'fail_msg' },
  expressions: ['that'],
  examples: [
    { title: 'Require Debian', args: { that: ["ansible_facts.os_family == 'Debian'"], fail_msg: 'Debian only' } },
  ],
  parse: () => null,
  plan(_, { that, fail_msg }, ctx) {
    for (const condition of that) {
      const value = judgement(condition, ctx);
      if (value instanceof Unknown)
        return blocked('E_NOT_KNOWN_YET', { condition: String(condition), because: value.because });
      if (!holds(value)) {
        const said = Array.isArray(fail_msg) ? fail_msg.join('\n') : (fail_msg as string | undefined);
        return blocked('E_ASSERTION', { condition: String(condition), said });
      }
    }
    return [];
  },
  data(_, { that, fail_msg, success_msg }, ctx) {
    const failed = that.find((condition) => !holds(judgement(condition, ctx)));
    if (failed === undefined) return { msg: success_msg ?? 'All assertions passed' };
    return { msg: fail_msg ?? 'Assertion failed', assertion: failed, evaluated_to: false };
  },
});

function judgement(condition: string | boolean, ctx: Context): Value {
  return typeof condition === 'boolean' ? condition : ctx.evaluate(condition);
}

/** Python's truth of a value. */
function holds(value: Value): boolean {
  if (value instanceof Float) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (isDict(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}
