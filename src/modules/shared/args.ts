import { type TObject, type TProperties, Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';

/** An object that refuses unknown names: what a module's arguments are. */
export function args<const P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false }) as unknown as TObject<P>;
}

/** A switch that is off unless said otherwise. */
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
  return Type.String({ pattern: '^/[^\\u0000]*$', expected: 'a path on the host that begins with /', description });
}

export function names(description: string) {
  return Type.Array(Type.String({ minLength: 1 }), { description });
}

/** The name or number of a user or group. One that begins with a dash would be an option of getent, chown or crontab. */
export const ACCOUNT = {
  pattern: '^[^-:\\s][^:\\n]*$',
  expected: 'the name or number of a user or group',
} as const;

/** Who owns a file and what may be done with it: file, copy, template and all that place a file. */
export const ownership = {
  mode: Type.Optional(
    Type.Union([Type.String({ pattern: '^\\s*(0?[0-7]{1,4}|0o[0-7]{1,4}|[ugoa]*[-+=].*)\\s*$' }), Type.Integer()], {
      expected: "a mode in quotes, as '0644' or 'u=rw,g=r,o='",
      description:
        "Permissions: '0644', or symbolic ('u=rw,go=r', resolved against the present mode). A new file gets what the umask leaves, an existing one keeps its own.",
    }),
  ),
  owner: Type.Optional(Type.String({ ...ACCOUNT, description: 'The user that owns it: a name or a number.' })),
  group: Type.Optional(Type.String({ ...ACCOUNT, description: 'The group that owns it: a name or a number.' })),
};

/** What every module that writes a file's content takes. */
export const placing = {
  ...ownership,
  backup: flag('Keep the old file beside the new one, under a name with the date.'),
  validate: Type.Optional(
    Type.String({
      pattern: '%s',
      expected: "a command with %s, as 'visudo -cf %s'",
      description:
        'A command that judges the new file (%s) before anything is touched; if it fails, the old file stays as it is.',
    }),
  ),
  unsafe_writes: flag('Overwrite in place where a rename cannot be (a bind-mounted file).'),
};

export type Ownership = Readonly<{
  mode?: string | number | undefined;
  owner?: string | undefined;
  group?: string | undefined;
}>;

/** The names of which at most one may be given. */
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

/** The names of which one must be given. */
export function oneOf(given: Readonly<Record<string, unknown>>, ...keys: readonly string[]): readonly ArgError[] {
  if (keys.some((key) => given[key] !== undefined)) return [];
  const all = keys.map((key) => `'${key}'`).join(' or ');
  return [argError([], 'E_MISSING_ARGUMENT', { name: `${all}` })];
}
