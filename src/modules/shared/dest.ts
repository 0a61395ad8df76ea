import { type Script, sh } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import type { Fields } from './fields.ts';
import { probePath, type Seen, seen, type Want } from './path-state.ts';
import { join } from './paths.ts';

/** Resolves the path of a file: a `dest` that is a directory or ends in / gets the source's name appended. */
export type Destination = Readonly<{ path: string; now: Seen; inDirectory: boolean; fields: Fields }>;

/** Whether a link at the destination is followed. Default: true. */
type Following = Readonly<{ follow?: boolean }>;

export function probeDestination(
  dest: string,
  name: string | undefined,
  how: Ownership,
  want: Want & Following,
): Script {
  const { follow = true } = want;
  if (name === undefined) return probePath(dest, how, want, { follow });
  if (dest.endsWith('/')) return probePath(join(dest, name), how, want, { follow });
  return sh`d=${dest}
if [ -d "$d" ]; then echo 'inside yes'; d=${join(dest, name)}; fi
${probePath(sh`"$d"`, how, want, { follow, likely: dest, mayBeIn: true })}`;
}

export function destination(f: Fields, dest: string, name: string | undefined, how: Ownership): Destination {
  const inDirectory = name !== undefined && (dest.endsWith('/') || f.get('inside') === 'yes');
  const path = inDirectory && name !== undefined ? join(dest, name) : dest;
  return { path, now: seen(f, path, how), inDirectory, fields: f };
}
