import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { isDict, type Value, type Vars } from '../core/value.ts';
import { args, flag } from './shared/args.ts';

const Args = args({
  data: Type.Unsafe<Vars>({ type: 'object', description: 'The statistics: names and values.' }),
  per_host: flag('The statistics belong to the host, not to the whole run.'),
  aggregate: flag(
    'A value is added to the one of before: numbers are summed, lists joined. false: it replaces it.',
    true,
  ),
});

export const set_stats = defineModule<typeof Args, null>({
  name: 'set_stats',
  summary: 'Sets statistics that are printed at the end of the run.',
  args: Args,
  examples: [{ title: 'Count what was done', args: { data: { restarted: 1 } } }],
  parse: () => null,
  plan: () => [],
  data: (_, { data, per_host, aggregate }) => ({
    ansible_stats: { data: isDict(data) ? (data as Value) : {}, per_host, aggregate },
  }),
});
