import { type Static, Type } from 'typebox';
import { blocked, type Context, defineModule } from '../core/module.ts';
import { isDict, type Value, type Vars } from '../core/value.ts';
import { args } from './shared/args.ts';
import { mistakesIn, type Options } from './shared/argument-spec.ts';

const Args = args({
  argument_spec: Type.Unsafe<Vars>({ type: 'object', description: 'The options, as in meta/argument_specs.yml.' }),
  provided_arguments: Type.Optional(
    Type.Unsafe<Vars>({
      type: 'object',
      description: 'The values, by option. Default: the variables of the same names.',
    }),
  ),
  validate_args_context: Type.Optional(
    Type.Unsafe<Vars>({ type: 'object', description: 'Where the specification comes from, for the message.' }),
  ),
});
type Args = Static<typeof Args>;

export const validate_argument_spec = defineModule<typeof Args, null>({
  name: 'validate_argument_spec',
  summary: 'Checks variables against a specification of arguments.',
  args: Args,
  examples: [
    {
      title: 'Require a port',
      args: { argument_spec: { port: { type: 'int', required: true } }, provided_arguments: { port: 80 } },
    },
  ],
  parse: () => null,
  plan(_, given, ctx) {
    const mistakes = mistakesIn(given.argument_spec as Options, valuesOf(given, ctx));
    return mistakes.length === 0 ? [] : blocked('E_ARGUMENT_SPEC', { mistakes });
  },
  data: (_, given, ctx) => {
    const mistakes = mistakesIn(given.argument_spec as Options, valuesOf(given, ctx));
    const context = given.validate_args_context ?? {};
    return mistakes.length === 0
      ? { msg: 'The arg spec validation passed', validate_args_context: context }
      : { msg: 'Validation of arguments failed', argument_errors: [...mistakes], validate_args_context: context };
  },
});

/** The values of the options. Variables that are not defined are left out. */
function valuesOf({ argument_spec, provided_arguments }: Args, ctx: Context): Vars {
  const given: Record<string, Value> = isDict(provided_arguments) ? { ...provided_arguments } : {};
  if (provided_arguments !== undefined) return given;
  for (const name of Object.keys(argument_spec)) {
    if (ctx.evaluate(`${name} is defined`) === true) given[name] = ctx.evaluate(name);
  }
  return given;
}
