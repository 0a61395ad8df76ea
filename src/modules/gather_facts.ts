import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { setup } from './setup.ts';
import { args } from './shared/args.ts';

/** What a play does by itself, as a task: for plays with `gather_facts: false`, or after a change of the system. */
export const gather_facts = defineModule({
  ...setup.spec,
  name: 'gather_facts',
  summary: 'Gathers facts about the host, as a play does at its start.',
  args: args({
    ...setup.spec.args.properties,
    parallel: Type.Optional(
      Type.Boolean({ description: 'Without effect: one module gathers all facts, so nothing can run in parallel.' }),
    ),
  }),
  examples: [{ title: 'Gather facts in a play with gather_facts: false', args: {} }],
});
