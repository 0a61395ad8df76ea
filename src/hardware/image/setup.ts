// What the shell does to make an image from Debian's packages.

/** The size of the EFI system partition in MiB. It begins at 1 MiB, and the root follows it. */
export const ESP_MIB = 64;

const NAMES = {
  amd64: { efi: 'x64', boot: 'BOOTX64.EFI', console: 'ttyS0,115200' },
  arm64: { efi: 'aa64', boot: 'BOOTAA64.EFI', console: 'ttyAMA0,115200' },
} as const;

/** Runs in the finished tree as `sh -c`, with its root as $1. */
export function setupOf(arch: 'amd64' | 'arm64'): string {
  const { console } = NAMES[arch];
  return `set -eu
root=$1
printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication no\\n' > "$root/etc/ssh/sshd_config.d/10-keys-only.conf"
printf 'LABEL=root / ext4 errors=remount-ro,noatime 0 1\\nLABEL=CIDATA /boot/efi vfat umask=0077,nofail 0 1\\n' > "$root/etc/fstab"
printf 'datasource_list: [NoCloud, None]\\n' > "$root/etc/cloud/cloud.cfg.d/90-nocloud.cfg"
mkdir -p "$root/boot/efi" "$root/boot/grub"
printf 'GRUB_DEFAULT=0\\nGRUB_TIMEOUT=1\\nGRUB_DISTRIBUTOR=Debian\\nGRUB_CMDLINE_LINUX="console=tty0 console=${console}"\\n' > "$root/etc/default/grub"
cat > "$root/boot/grub/grub.cfg" <<EOF
# For the first boot. update-grub replaces this file.
set timeout=0
linux /vmlinuz root=LABEL=root ro console=tty0 console=${console}
initrd /initrd.img
boot
EOF
systemctl --root="$root" --quiet enable systemd-networkd.service systemd-resolved.service ssh.service
ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
# Each host makes its own.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
: > "$root/etc/machine-id"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
find "$root/var/cache" "$root/var/log" -type f -delete
# systemd would otherwise rebuild caches at the first boot, which takes seconds.
touch "$root/etc/.updated" "$root/var/.updated"
`;
}

/**
 * Makes a disk image from the tree of a root. Runs as `sh -c`, as root or as root of a user namespace, with: the tree's
 * archive, the image, its size in MiB, the time of everything in it, a UUID, a directory to work in, and the names of
 * the boot loader's files.
 * Nothing is mounted. With the same arguments it writes the same bytes.
 */
export const SETUP = `set -eu
tar=$1 image=$2 mib=$3 epoch=$4 uuid=$5 work=$6 efi=$7 boot=$8
export SOURCE_DATE_EPOCH=$epoch E2FSPROGS_FAKE_TIME=$epoch TZ=UTC
mkdir "$work/root"
tar -C "$work/root" --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' -xf "$tar"
rm -f "$tar"
cd "$work"
truncate -s "\${mib}M" "$image"
start=$((1 + ${ESP_MIB}))
sfdisk -q "$image" <<EOF
label: gpt
label-id: $uuid
start=2048, size=$((${ESP_MIB} * 2048)), type=uefi, name=ESP, uuid=\${uuid%?}1
start=$((start * 2048)), type=linux, name=root, uuid=\${uuid%?}2
EOF
# mtools needs clusters of one sector on so small a partition.
mkfs.vfat --invariant -F 32 -s 1 -n CIDATA --offset 2048 "$image" $((${ESP_MIB} * 1024)) > /dev/null
esp="$image@@1M"
mmd -i "$esp" ::EFI ::EFI/BOOT ::EFI/debian
cat > grub.cfg <<EOF
search.fs_label root root
set prefix=(\\$root)/boot/grub
configfile \\$prefix/grub.cfg
EOF
put() { mcopy -i "$esp" "$1" "::EFI/$2"; }
shim=root/usr/lib/shim/shim$efi.efi.signed
grub=$(echo root/usr/lib/grub/*-efi-signed/grub$efi.efi.signed)
put "$shim" "BOOT/$boot"; put "$grub" "BOOT/grub$efi.efi"; put grub.cfg BOOT/grub.cfg
put "$shim" "debian/shim$efi.efi"; put "$grub" "debian/grub$efi.efi"; put grub.cfg debian/grub.cfg
mke2fs -q -t ext4 -L root -U "$uuid" -d root \\
  -E "hash_seed=$uuid,offset=$((start * 1048576)),lazy_itable_init=1,nodiscard" "$image" "$((mib - start - 1))M"
# mke2fs copies the times at which the files were unpacked.
{
  cd root
  find . -print0 | LC_ALL=C sort -z | tr '\\0\\n' '\\n?' | sed 's/^\\.//; s/"/""/g; s/^$/\\//'
  echo /lost+found
} | while IFS= read -r path; do
  printf 'sif "%s" ctime @%s\\nsif "%s" atime @%s\\n' "$path" "$epoch" "$path" "$epoch"
done > "$work/times"
debugfs -w -f "$work/times" "$image?offset=$((start * 1048576))" > "$work/log" 2>&1
if grep -m 5 'not found' "$work/log" >&2; then exit 1; fi
sync "$image"
`;

export const bootNames = (arch: 'amd64' | 'arm64'): Readonly<{ efi: string; boot: string }> => NAMES[arch];
