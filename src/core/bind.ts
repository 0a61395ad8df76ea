import type { ErrorObject } from 'ajv';
import type { Static, TObject } from 'typebox';
import { coerce } from './coerce.ts';
import { compile } from './compile.ts';
import { type Diagnostic, didYouMean, type Pos } from './diagnostic.ts';
import { type ErrorArgs, tell } from './errors/index.ts';

type ArgCode =
  | 'E_UNKNOWN_ARGUMENT'
  | 'E_MISSING_ARGUMENT'
  | 'E_ARGUMENT_VALUE'
  | 'E_ARGUMENT_CONFLICT'
  | 'E_MODE_NOT_OCTAL';
/** `path` locates the argument, for example ['mode'] or ['env', 0]. */
export type ArgError = Readonly<{ path: readonly (string | number)[] }> & Diagnostic & Readonly<{ code: ArgCode }>;

export function argError<C extends ArgCode>(path: ArgError['path'], code: C, given: ErrorArgs<C>): ArgError {
  return { path, ...tell(code, given) };
}

/** The diagnostic for a wrong argument of `of`: a module, a check, a step. */
export function argDiagnostic(of: string, { path: _, ...wrong }: ArgError, at: Pos | undefined): Diagnostic {
  return { ...wrong, message: `${of}: ${wrong.message}`, at };
}

/**
 * Checks and coerces arguments against a schema and fills in defaults. The schema is compiled once, at the first use.
 * `id` names the schema, so that the build can compile it ahead of time.
 */
export function binder<A extends TObject>(schema: A, id: string, aliases: Readonly<Record<string, string>> = {}) {
  let validate: ReturnType<typeof compile> | undefined;
  return (input: Readonly<Record<string, unknown>>): { args: Static<A> } | { errors: readonly ArgError[] } => {
    validate ??= compile(schema, id);
    const given = coerce(renamed(input, aliases), schema);
    if (!validate(given)) return { errors: argErrors(validate.errors ?? [], schema, aliases) };
    return { args: given as Static<A> };
  };
}

function renamed(
  input: Readonly<Record<string, unknown>>,
  aliases: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(input)) args[aliases[key] ?? key] = value;
  return args;
}

/** Translates ajv's errors into messages for the user. For an anyOf, only the error of the union itself is reported. */
export function argErrors(
  errors: readonly ErrorObject[],
  schema: TObject,
  aliases: Readonly<Record<string, string>> = {},
): readonly ArgError[] {
  const unions = new Set(errors.filter((e) => e.keyword === 'anyOf').map((e) => e.instancePath));
  return errors
    .filter((e) => e.keyword === 'anyOf' || ![...unions].some((path) => e.instancePath.startsWith(path)))
    .map((error) => {
      const path = error.instancePath
        .split('/')
        .slice(1)
        .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
      if (error.keyword === 'additionalProperties') {
        const key = String(error.params['additionalProperty']);
        const known =
          path.length === 0 ? [...Object.keys(schema.properties), ...Object.keys(aliases)] : keysOf(error.parentSchema);
        return argError([...path, key], 'E_UNKNOWN_ARGUMENT', { name: key, known });
      }
      if (error.keyword === 'required') {
        return argError(path, 'E_MISSING_ARGUMENT', { name: `'${String(error.params['missingProperty'])}'` });
      }
      const { expected, enum: choices, anyOf } = (error.parentSchema ?? {}) as Record<string, unknown>;
      const literals = Array.isArray(choices)
        ? choices
        : Array.isArray(anyOf)
          ? anyOf.map((o: { const?: unknown }) => o.const)
          : [];
      const said =
        typeof expected === 'string'
          ? expected
          : literals.length > 0 && literals.every((l) => l !== undefined)
            ? `one of ${literals.join(', ')}`
            : undefined;
      const near =
        typeof error.data === 'string'
          ? didYouMean(
              error.data,
              literals.filter((l): l is string => typeof l === 'string'),
            ).hint
          : undefined;
      const what = path.length === 0 ? 'the arguments' : `'${path.join('.')}'`;
      const problem = said === undefined ? `${what} ${error.message ?? 'is not valid'}` : `${what} is not valid`;
      return argError(path, 'E_ARGUMENT_VALUE', { problem, expected: said, hint: near });
    });
}

function keysOf(schema: unknown): readonly string[] {
  const properties = (schema as { properties?: object } | undefined)?.properties;
  return properties === undefined ? [] : Object.keys(properties);
}
