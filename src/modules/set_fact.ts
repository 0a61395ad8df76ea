import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import type { Value, Vars } from '../core/value.ts';

const Args = Type.Object(
  {
    cacheable: Type.Boolean({
      default: false,
      description: 'The variables are in ansible_facts too. They are not kept after the run.',
    }),
  },
  { additionalProperties: Type.Unsafe<Value>({}) },
);

export const set_fact = defineModule<typeof Args, null>({
  name: 'set_fact',
  summary: 'Sets variables of the host for the rest of the run.',
  args: Args,
  sets: 'vars',
  defines: (given) => Object.keys(given).filter((name) => name !== 'cacheable' && !name.includes('{{')),
  examples: [{ title: 'Set two variables', args: { primary: 'db1', ports: [80, 443] } }],
  verify: (given) =>
    Object.keys(given)
      .filter((key) => !/^[A-Za-z_]\w*$/.test(key) && !key.includes('{{')) // a template names it in the run
      .map((key) =>
        argError([key], 'E_ARGUMENT_VALUE', {
          problem: `'${key}' is not a variable name`,
          expected: 'letters, digits and _',
        }),
      ),
  parse: () => null,
  plan: () => [],
  data: (_, { cacheable, ...facts }) => ({ ansible_facts: facts as Vars, _ansible_facts_cacheable: cacheable }),
});
