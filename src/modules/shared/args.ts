import { type TObject, type TProperties, Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import type { Labels } from './labels.ts';

/** The schema of a module's arguments: an object that rejects unknown names. */
export function args<const P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false }) as unknown as TObject<P>;
}

/** A boolean argument, false by default. */
export function flag(description: string, on = false) {
  return Type.Boolean({ default: on, description });
}

export function optionalFlag(description: string) {
  return Type.Optional(Type.Boolean({ description }));
}

export function text(description: string) {
  return Type.Optional(Type.String({ description }));
}

export function absolutePath(description: string) {
  return Type.String({
    pattern: '^/[^\\u0000]*$',
    expected: 'a path on the host that begins with /, or with ~ if the home of the user is known from facts',
    description,
  });
}

export function names(description: string) {
  return Type.Array(Type.String({ minLength: 1 }), { description });
}

/** The same for an argument that may be missing: it is empty then. */
export function someNames(description: string) {
  return Type.Array(Type.String({ minLength: 1 }), { default: [], description });
}

/**
 * The name or number of a user or group. A name that begins with a dash would be read as an option by getent, chown or
 * crontab.
 */
export const ACCOUNT = {
  pattern: '^[^-:\\s][^:\\n]*$',
  expected: 'the name or number of a user or group',
} as const;

/** Arguments for owner and mode of a file, shared by file, copy, template and other modules that write files. */
export const ownership = {
  mode: Type.Optional(
    Type.Union([Type.String({ pattern: '^\\s*(0?[0-7]{1,4}|0o[0-7]{1,4}|[ugoa]*[-+=].*)\\s*$' }), Type.Integer()], {
      expected: "a mode in quotes, as '0644' or 'u=rw,g=r,o='",
      description:
        "Permissions: '0644', or symbolic ('u=rw,go=r', relative to the present mode). Default: a new file gets the mode that the umask gives, an existing file keeps its mode.",
    }),
  ),
  owner: Type.Optional(Type.String({ ...ACCOUNT, description: 'The user that owns the file: a name or a number.' })),
  group: Type.Optional(Type.String({ ...ACCOUNT, description: 'The group that owns the file: a name or a number.' })),
};

/** Arguments of every module that writes a file's content. */
export const placing = {
  ...ownership,
  backup: flag('Keep the old file beside the new one, with the date in its name.'),
  validate: Type.Optional(
    Type.String({
      pattern: '%s',
      expected: "a command with %s, as 'visudo -cf %s'",
      description:
        'A command that validates the new file (%s) before it replaces the old one. If the command fails, nothing changes.',
    }),
  ),
  unsafe_writes: flag('Overwrite the file in place if it cannot be renamed (a bind-mounted file).'),
};

export type Ownership = Readonly<{
  mode?: string | number | undefined;
  owner?: string | undefined;
  group?: string | undefined;
}> &
  Labels;

/** Reports an error if more than one of these arguments is given. */
export function exclude(given: Readonly<Record<string, unknown>>, ...keys: readonly string[]): readonly ArgError[] {
  const set = keys.filter((key) => given[key] !== undefined && given[key] !== false);
  const [first, second] = set;
  if (first === undefined || second === undefined) return [];
  return [
    argError([second], 'E_ARGUMENT_CONFLICT', {
      problem: `'${first}' and '${second}' exclude each other`,
      hint: 'keep one of the two',
    }),
  ];
}

/** Reports an error if none of these arguments is given. */
export function oneOf(given: Readonly<Record<string, unknown>>, ...keys: readonly string[]): readonly ArgError[] {
  if (keys.some((key) => given[key] !== undefined)) return [];
  const all = keys.map((key) => `'${key}'`).join(' or ');
  return [argError([], 'E_MISSING_ARGUMENT', { name: `${all}` })];
}
