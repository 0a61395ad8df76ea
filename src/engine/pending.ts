import type { Play, Task } from '../core/playbook.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Probe } from './answers.ts';

/**
 * Notified handlers wait on the host, in a file, from before the change that notifies them until they have run: neither a
 * failed play nor a lost laptop loses one. One line each: play, tab, handler.
 */
const FOLDER = sh`if [ "$(id -u)" = 0 ]; then d=/var/lib/bringup; else d=$HOME/.local/state/bringup; fi; f=$d/pending-handlers`;
/** The same, without a process that asks who we are. */
const ROOTS = sh`d=/var/lib/bringup; f=$d/pending-handlers`;

function folderOf(user: string | undefined): Script {
  return user === 'root' ? ROOTS : FOLDER;
}

export function pendingProbe(user: string | undefined): Probe {
  return { script: sh`${folderOf(user)}; [ ! -s "$f" ] || cat "$f"`, user, needs: [] };
}

export function rememberPending(keys: readonly string[], user: string | undefined): Script {
  return sh`${folderOf(user)}; [ -d "$d" ] || mkdir -p "$d"
for k in ${keys}; do
  if [ -e "$f" ]; then while IFS= read -r l; do [ "$l" != "$k" ] || continue 2; done <"$f"; fi
  printf '%s\n' "$k" >>"$f"
done`;
}

export function forgetPending(keys: readonly string[], user: string | undefined): Script {
  return sh`${folderOf(user)}; [ -e "$f" ] || exit 0
left=
while IFS= read -r l; do
  for k in ${keys}; do [ "$l" != "$k" ] || continue 2; done
  left="$left$l
"
done <"$f"
if [ -n "$left" ]; then printf %s "$left" >"$f.new" && mv -- "$f.new" "$f"; else rm -f -- "$f"; rmdir "$d" 2>/dev/null || :; fi`;
}

export function pendingKey(play: Play, handler: Task): string {
  return `${play.name}\t${typeof handler.name === 'string' ? handler.name : `${handler.at.file}:${handler.at.line}`}`;
}
