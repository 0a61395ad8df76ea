import { type ArgError, argError } from '../../core/bind.ts';

/** A package as users write it: nginx, nginx=1.22*, nginx:arm64, lib*, nginx/trixie-backports. */
export type Wanted = Readonly<{ text: string; name: string; version?: string; release?: string }>;

export function aptErrors(names: readonly string[]): readonly ArgError[] {
  return names
    .filter((name) => !/^[A-Za-z0-9*?[][\w.+*?[\]:~-]*([=/][\w.+*?[\]:~-]+)?$/.test(name))
    .map((name) =>
      argError(['name'], 'E_ARGUMENT_VALUE', {
        problem: `'${name}' is not the name of a package`,
        expected: 'name, name=version or name/release',
      }),
    );
}

export function wantedOf(text: string): Wanted {
  const [, name = text, mark, rest = ''] = /^([^=/]+)(?:([=/])(.+))?$/.exec(text) ?? [];
  if (mark === '=') return { text, name, version: rest };
  return mark === '/' ? { text, name, release: rest } : { text, name };
}

export function isGlob(name: string): boolean {
  return /[*?[]/.test(name);
}
