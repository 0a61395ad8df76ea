import { type Script, sh } from '../core/sh.ts';

/**
 * Puts a small file system in memory in the place of a folder, with what is in it. The folder itself lies untouched below
 * until `lift` has a whole copy of the small one beside it, so that a power cut costs no more than what was written
 * meanwhile. What is mounted there already is somebody else's.
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

/** The other way; does no harm twice, nor where the first went only half of its way. */
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
