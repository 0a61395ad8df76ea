// `~` at the beginning of paths on hosts, and relative paths.
import type { Module } from './module.ts';

/** The home of an account: '' stands for the account that the task runs as. undefined: it is not known. */
export type HomeOf = (account: string) => string | undefined;

export type Places = Readonly<{
  homeOf: HomeOf;
  /** The directory that relative paths begin at. undefined: the task does not run on this machine. */
  base: () => string | undefined;
}>;

/**
 * The arguments of a module, with paths on the host made absolute: `~` and `~USER` are replaced, and a relative path is
 * joined with `base`. What is not known stays.
 */
export function withFullPaths(
  args: Readonly<Record<string, unknown>>,
  { args: { properties }, aliases }: Pick<Module, 'args' | 'aliases'>,
  places: Places,
): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args)) {
    const shape = properties[aliases[name] ?? name] as Shape | undefined;
    if (isPath(shape) && typeof value === 'string') all[name] = expanded(value, places);
    else if (isPath(shape?.items) && Array.isArray(value))
      all[name] = value.map((one: unknown) => (typeof one === 'string' ? expanded(one, places) : one));
    else all[name] = value;
  }
  return all;
}

/** The paths on the host that are relative, by their arguments. */
export function relativePaths(
  args: Readonly<Record<string, unknown>>,
  { args: { properties }, aliases }: Pick<Module, 'args' | 'aliases'>,
): readonly (readonly [string, string])[] {
  return Object.entries(args).flatMap(([name, value]) => {
    const shape = properties[aliases[name] ?? name] as Shape | undefined;
    const paths = isPath(shape) ? [value] : isPath(shape?.items) && Array.isArray(value) ? value : [];
    return paths.flatMap((one: unknown) => (typeof one === 'string' && isRelative(one) ? [[name, one] as const] : []));
  });
}

const isRelative = (path: string): boolean => /^[^/~]/.test(path);

type Shape = Readonly<{ pattern?: string; items?: Shape }>;
const isPath = (shape: Shape | undefined): boolean => shape?.pattern?.startsWith('^/') === true;

function expanded(path: string, { homeOf, base }: Places): string {
  if (isRelative(path)) {
    const dir = base();
    return dir === undefined ? path : `${dir}/${path.replace(/^(\.\/+)+/, '')}`;
  }
  const [, account, rest = ''] = /^~([^/\s]*)(\/.*)?$/s.exec(path) ?? [];
  const home = account === undefined ? undefined : homeOf(account);
  return home === undefined ? path : `${home}${rest}`;
}
