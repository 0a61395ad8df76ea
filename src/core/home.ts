// `~` at the beginning of paths on hosts.
import type { Module } from './module.ts';

/** The home of an account: '' stands for the account that the task runs as. undefined: it is not known. */
export type HomeOf = (account: string) => string | undefined;

/** The arguments of a module, with `~` and `~USER` replaced in paths on the host. One that is not known stays. */
export function withHomes(
  args: Readonly<Record<string, unknown>>,
  { args: { properties }, aliases }: Pick<Module, 'args' | 'aliases'>,
  homeOf: HomeOf,
): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args)) {
    const shape = properties[aliases[name] ?? name] as Shape | undefined;
    if (isPath(shape) && typeof value === 'string') all[name] = expanded(value, homeOf);
    else if (isPath(shape?.items) && Array.isArray(value))
      all[name] = value.map((one: unknown) => (typeof one === 'string' ? expanded(one, homeOf) : one));
    else all[name] = value;
  }
  return all;
}

type Shape = Readonly<{ pattern?: string; items?: Shape }>;
const isPath = (shape: Shape | undefined): boolean => shape?.pattern?.startsWith('^/') === true;

function expanded(path: string, homeOf: HomeOf): string {
  const [, account, rest = ''] = /^~([^/\s]*)(\/.*)?$/s.exec(path) ?? [];
  const home = account === undefined ? undefined : homeOf(account);
  return home === undefined ? path : `${home}${rest}`;
}
