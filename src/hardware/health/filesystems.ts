import { sh } from '../../core/sh.ts';
import { named, type Probe } from './contract.ts';

/** A file system turns read-only when its disk fails. */
export const filesystems: Probe = {
  name: 'filesystems',
  summary: 'File systems that turned read-only, their errors, and arrays that lack a disk.',
  inContainers: true,
  metrics: {
    filesystem_readonly: 'Whether a file system on a disk is mounted read-only and /etc/fstab does not say so.',
    filesystem_errors: 'Errors that the file system has noted since it was checked.',
    raid_degraded: 'Disks that an array of md lacks.',
  },
  script: sh`
seen=0
inside=
while read -r device mount type options _; do
  case $device in /dev/loop*) continue ;; /dev/*) ;; *) continue ;; esac
  case $type in ext[234] | xfs | btrfs | f2fs | vfat | exfat | zfs) ;; *) continue ;; esac
  case " $inside " in *" $device "*) continue ;; esac
  case ",$options," in
  *,ro,*)
    # who mounts it read-only on purpose says so
    if awk -v m="$mount" '$2 == m && ("," $4 ",") ~ /,ro,/ { found = 1 } END { exit !found }' "$R/etc/fstab" 2>/dev/null; then ro=0; else ro=1; fi
    # a container or a sandbox has read-only binds of a file system that is writable elsewhere
    if [ "$ro" = 1 ] && awk -v d="$device" '$1 == d && ("," $4 ",") ~ /,rw,/ { found = 1 } END { exit !found }' "$R/proc/1/mounts" 2>/dev/null; then continue; fi ;;
  *) ro=0 ;;
  esac
  inside="$inside $device"
  put filesystem_readonly "$ro" mountpoint "$mount" device "$device" type "$type"
  seen=1
  case $type in ext[234])
    name=$(readlink -f "$device") || name=$device
    read_ "$R/sys/fs/ext4/\${name##*/}/errors_count" && put filesystem_errors "$REPLY" mountpoint "$mount" device "$device" ;;
  btrfs)
    sum=0
    for f in "$R"/sys/fs/btrfs/*/devinfo/*/error_stats; do
      [ -r "$f" ] && while read -r _ count; do sum=$((sum + count)); done <"$f"
    done
    put filesystem_errors "$sum" mountpoint "$mount" device "$device" ;;
  esac
done <"$R/proc/mounts"
for f in "$R"/sys/block/md*/md/degraded; do
  read_ "$f" || continue
  array=\${f%/md/degraded}
  put raid_degraded "$REPLY" array "\${array##*/}"
  seen=1
done
[ "$seen" = 1 ] || why "no file system is on a disk"`,
  judge: (samples) => [
    ...named(samples, 'filesystem_readonly').map(({ labels, value }) => {
      const { mountpoint = '', device, type } = labels;
      const errors =
        named(samples, 'filesystem_errors').find((one) => one.labels['mountpoint'] === mountpoint)?.value ?? 0;
      const words = [type, ...(value > 0 ? ['read-only'] : []), ...(errors > 0 ? [`${errors} errors`] : [])];
      const verdict = value > 0 ? ('critical' as const) : errors > 0 ? ('warning' as const) : ('ok' as const);
      const hint = `read why: dmesg | grep -i error; then check it from another system: fsck ${device}`;
      return { part: mountpoint, seen: words.join(', '), verdict, ...(verdict !== 'ok' && { hint }) };
    }),
    ...named(samples, 'raid_degraded').map(({ labels, value }) => ({
      part: labels['array'] ?? '',
      seen: value > 0 ? `lacks ${value} disks` : 'all disks are there',
      verdict: value > 0 ? ('critical' as const) : ('ok' as const),
      ...(value > 0 && { hint: 'replace the failed disk: mdadm --detail shows it' }),
    })),
  ],
};
