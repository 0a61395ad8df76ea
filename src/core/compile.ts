import { Ajv, type ErrorObject } from 'ajv';
import type { TObject } from 'typebox';

/** Validates its argument and fills in defaults. `errors` holds the errors of the last call. */
export type Validate = ((data: unknown) => boolean) & { errors?: readonly ErrorObject[] | null | undefined };

export const OPTIONS = {
  allErrors: true,
  useDefaults: true,
  strict: true,
  strictTypes: false,
  allowUnionTypes: true,
  verbose: true,
} as const;
/**
 * Our own keywords in schemas. `expected` is the text of the error message's `expected` line; the value of a `secret`
 * is never shown. An argument with `keepsNull` may be null; of any other, null means that it is absent.
 */
export const WORDS = ['expected', 'secret', 'keepsNull'];

const ajv = new Ajv(OPTIONS).addFormat('regex', isRegex).addVocabulary(WORDS);

/**
 * Compiles a schema to a validating function. ajv takes milliseconds for each schema, which would slow a short run
 * down. The build therefore replaces this file with schemas that are already compiled, by `id` (src/setup.mjs,
 * src/compiled.ts).
 */
export function compile(schema: TObject, _id: string): Validate {
  return ajv.compile(schema) as Validate;
}

function isRegex(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}
