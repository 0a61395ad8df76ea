import { Ajv, type ErrorObject } from 'ajv';
import type { TObject } from 'typebox';

/** Fills defaults into what it is given; `errors` says what was wrong with the last. */
export type Validate = ((data: unknown) => boolean) & { errors?: readonly ErrorObject[] | null | undefined };

export const OPTIONS = {
  allErrors: true,
  useDefaults: true,
  strict: true,
  strictTypes: false,
  allowUnionTypes: true,
  verbose: true,
} as const;
/** Words of ours in schemas. `expected`: said to the user as it stands; `secret`: the value is never shown. */
export const WORDS = ['expected', 'secret'];

const ajv = new Ajv(OPTIONS).addFormat('regex', isRegex).addVocabulary(WORDS);

/**
 * A schema as a function. Compiling takes ajv milliseconds each, which a short run feels: the built command has all of
 * them compiled already, by `id`, in the place of this file (src/setup.mjs, src/compiled.ts).
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
