import { type Script, sh } from '../core/sh.ts';

/**
 * Replaces a directory with a small file system in memory that has the same content. The directory itself stays
 * untouched below it until `lift` has a complete copy of the small file system beside it, so a power cut loses only
 * what was written meanwhile. If something is already mounted there, it belongs to somebody else, and the script fails.
 */
export function lay(path: string, spare: number, units: readonly string[]): Script {
  return sh`set -eu
if mountpoint -q -- ${path}; then echo "something is mounted there already: leave 'spare' out" >&2; exit 1; fi
used=$(du -sm -- ${path} | cut -f 1)
size=$(( used + used / 20 + ${spare} ))
free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
if [ "$free" -lt $(( size * 2 )) ]; then echo "that takes $size MB of memory, and only $free are free" >&2; exit 1; fi
new=${`${path}.bringup-small`}
mkdir -p -- "$new"
${each('stop', units)}
mount -t tmpfs -o "size=$size"m bringup-drill "$new"
cp -a -- ${`${path}/.`} "$new"
mount --bind -- "$new" ${path}
umount -- "$new"
rmdir -- "$new"
${each('start', units)}`;
}

/** Reverts `lay`. It does no harm if it runs twice, or after `lay` was interrupted half-way. */
export function lift(path: string, units: readonly string[]): Script {
  return sh`set -eu
small() { awk -v at="$1" '$1 == "bringup-drill" && $2 == at { found = 1 } END { exit !found }' /proc/self/mounts; }
new=${`${path}.bringup-small`} copy=${`${path}.bringup-copy`} old=${`${path}.bringup-old`}
if small "$new"; then umount -- "$new"; fi
if [ -d "$new" ]; then rmdir -- "$new"; fi
if small ${path}; then
  ${each('stop', units)}
  rm -rf -- "$copy"
  cp -a -- ${path} "$copy"
  sync -f "$copy"
  umount -- ${path} 2>/dev/null || umount -l -- ${path}
  mv -T -- ${path} "$old"
fi
[ -d ${path} ] || mv -T -- "$copy" ${path}
${each('start', units)}
rm -rf -- "$copy" "$old"`;
}

function each(verb: 'start' | 'stop', units: readonly string[]): Script {
  return units.length === 0 ? sh`:` : sh`systemctl ${verb} -- ${units}`;
}
