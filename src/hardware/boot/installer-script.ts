// What runs on a machine while a system is written to its disk: Debian's kernel and initramfs-tools, with these parts.

/** Drivers of disks and network cards. They need no firmware files of their own. */
const MODULES = [
  ...['virtio_pci', 'virtio_net', 'virtio_blk', 'virtio_scsi', 'vmw_pvscsi', 'vmxnet3', 'hv_netvsc', 'hv_storvsc'],
  ...['nvme', 'ahci', 'ata_piix', 'sd_mod', 'megaraid_sas', 'mpt3sas', 'hpsa', 'smartpqi', 'aacraid'],
  ...['usb_storage', 'uas', 'xhci_pci', 'ehci_pci', 'sdhci_pci', 'sdhci_acpi', 'mmc_block'],
  ...['e1000', 'e1000e', 'igb', 'igc', 'ixgbe', 'i40e', 'ice', 'r8169', 'r8152', 'ax88179_178a', 'cdc_ether'],
  ...['tg3', 'bnx2', 'bnxt_en', 'mlx4_en', 'atlantic', 'sky2', 'forcedeth'],
  ...['vfat', 'nls_ascii', 'nls_cp437', 'nls_iso8859-1', 'efivarfs'],
];

/** A hook of initramfs-tools: the programs that the script needs beside udev, kmod and busybox. */
const HOOK = `#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
for program in busybox curl zstd dd sha256sum lsblk blkid wipefs blockdev efibootmgr; do
  rm -f "$DESTDIR/usr/bin/$program"
  copy_exec "$(command -v $program)" "/usr/bin/$program"
done
`;

/**
 * A boot script of initramfs-tools: init sources it for boot=bringup and calls mountroot, which never returns. The
 * kernel's command line says whom to ask. The controller's key is known from it, so what is asked for travels
 * encrypted and comes from the controller; curl makes a key for that on this machine.
 */
const SCRIPT = `mount_top() { :; }
mount_premount() { :; }
mount_bottom() { :; }

say() { echo "bringup: $1" > /dev/console; }

# Calls the controller. The token is in a file, so that no process list has it.
call() {
  path=$1; shift
  curl -sS --fail --config /run/bringup/curl -m 60 "$@" "$url/$path"
}

tell_it() { call "$1" -X POST --data-binary "$2" > /dev/null 2>&1 || :; }

# Without an installation, the disk's own system is started again, if there is one.
give_up() {
  say "failed: $1"
  tell_it failed "$1"
  sync
  sleep 20
  reboot -f
}

field() { sed -n "s/^$1=//p" /run/bringup/task; }

# Finds the network card with our MAC address, and gives it our address.
network() {
  for tries in $(seq 60); do
    for card in /sys/class/net/*; do
      [ "$(cat "$card/address" 2>/dev/null)" = "$mac" ] || continue
      name=\${card##*/}
      busybox ip link set "$name" up
      for carrier in $(seq 30); do [ "$(cat "$card/carrier" 2>/dev/null)" = 1 ] && break; sleep 1; done
      if [ -n "$address" ]; then
        busybox ip addr add "$address" dev "$name" 2>/dev/null
        return 0
      fi
      printf '#!/bin/sh\\n[ "$1" = bound ] || exit 0\\nbusybox ip addr add "$ip/$mask" dev "$interface"\\n[ -z "$router" ] || busybox ip route add default via "\${router%%%% *}"\\n' > /run/bringup/dhcp
      chmod 755 /run/bringup/dhcp
      busybox udhcpc -i "$name" -n -q -t 10 -s /run/bringup/dhcp > /dev/null 2>&1 && return 0
    done
    sleep 1
  done
  return 1
}

# The disks that may get the system, one a line: device, bytes, serial number, model.
disks() {
  for disk in /sys/block/*; do
    name=\${disk##*/}
    case $name in loop*|ram*|zram*|sr*|fd*|dm-*|md*|mtd*|nbd*|mmcblk*boot*|mmcblk*rpmb) continue;; esac
    [ "$(cat "$disk/ro")" = 0 ] && [ "$(cat "$disk/removable")" = 0 ] && [ "$(cat "$disk/size")" -gt 0 ] || continue
    serial=$(lsblk -dno SERIAL "/dev/$name" 2>/dev/null | tr -d ' ')
    model=$(lsblk -dno MODEL "/dev/$name" 2>/dev/null)
    echo "/dev/$name $(($(cat "$disk/size") * 512)) \${serial:--} $model"
  done
}

choose() {
  rule=$(field DISK) least=$(field BYTES) disk= count=0
  while read -r name bytes serial model; do
    case $rule in
      only) ;;
      serial=*) [ "$serial" = "\${rule#serial=}" ] || continue ;;
      *) continue ;;
    esac
    [ "$bytes" -ge "$least" ] || continue
    disk=$name; count=$((count + 1))
  done < /run/bringup/disks
  [ "$count" = 1 ]
}

# Writes the image while it arrives. Its beginning, with the partition table, is written last: without it nothing boots
# from the disk, wherever the power was lost. The checksum is that of the compressed image; zstd verifies what it unpacks.
write() {
  rm -f /run/bringup/sum /run/bringup/fifo /run/bringup/bad
  wipe || return 1
  mkfifo /run/bringup/fifo
  sha256sum < /run/bringup/fifo > /run/bringup/sum & summing=$!
  {
    curl -sS --fail --speed-limit 1000 --speed-time 60 "$(field IMAGE)" || echo fetch > /run/bringup/bad
  } | tee /run/bringup/fifo | { zstd -dcq || echo unpack > /run/bringup/bad; } | {
    dd of=/run/bringup/head bs=4M count=1 iflag=fullblock 2> /run/bringup/dd
    dd of="$disk" bs=4M seek=1 iflag=fullblock conv=fsync 2> /run/bringup/dd || echo write > /run/bringup/bad
  }
  wait "$summing"
  read -r sum rest < /run/bringup/sum
  [ ! -e /run/bringup/bad ] && [ "$sum" = "$(field SHA256)" ] || return 1
  dd if=/run/bringup/head of="$disk" bs=4M conv=fsync 2> /run/bringup/dd
}

# What is on the disk is no system: nothing may boot from it.
wipe() {
  wipefs -qaf "$disk" 2>/dev/null
  dd if=/dev/zero of="$disk" bs=4M count=1 conv=fsync 2> /run/bringup/dd
}

# The seed makes the system this host. It holds the private host key, so it is asked for once, when the disk is ready.
seed() {
  blockdev --rereadpt "$disk" 2>/dev/null
  wait_for_udev 20
  boot=
  for part in "$disk"?*; do
    [ "$(blkid -p -o value -s LABEL "$part" 2>/dev/null)" = CIDATA ] && boot=$part
  done
  [ -n "$boot" ] || return 1
  mkdir -p /run/bringup/boot
  mount -t vfat "$boot" /run/bringup/boot || return 1
  for name in meta-data network-config user-data; do
    call "seed/$name" > "/run/bringup/boot/$name" || { umount /run/bringup/boot; return 1; }
  done
  sync
  umount /run/bringup/boot
}

# Puts the disk first in the firmware's order, and removes the entry of an earlier installation.
boot_entry() {
  [ -d /sys/firmware/efi ] || return 0
  mount -t efivarfs none /sys/firmware/efi/efivars 2>/dev/null
  for old in $(efibootmgr | sed -n 's/^Boot\\([0-9A-F]\\{4\\}\\)[* ] *bringup\\b.*/\\1/p'); do efibootmgr -q -b "$old" -B; done
  number=\${boot##*[!0-9]}
  efibootmgr -q -c -d "$disk" -p "$number" -L bringup -l '\\EFI\\debian\\shimx64.efi' 2>/dev/null \\
    || say 'the firmware keeps no boot entry; it finds the disk by itself'
}

mountroot() {
  umask 077
  mkdir -p /run/bringup
  url= pin= token= mac= address=
  for word in $(cat /proc/cmdline); do
    case $word in
      bringup.url=*) url=\${word#bringup.url=} ;;
      bringup.pin=*) pin=\${word#bringup.pin=} ;;
      bringup.token=*) token=\${word#bringup.token=} ;;
      bringup.mac=*) mac=\${word#bringup.mac=} ;;
      bringup.address=*) address=\${word#bringup.address=} ;;
    esac
  done
  # The key is verified by its pin, so no authority has to vouch for it, and the clock may be wrong.
  printf 'insecure\\npinnedpubkey = "%s"\\nheader = "Authorization: Bearer %s"\\n' "$pin" "$token" > /run/bringup/curl
  modprobe -q vfat; modprobe -q nls_cp437; modprobe -q nls_ascii; modprobe -q nls_iso8859-1; modprobe -q efivarfs
  network || give_up "no network card with the MAC address $mac has a network"
  for tries in $(seq 30); do
    call task > /run/bringup/task 2> /run/bringup/error && break
    sleep 2
  done
  [ -s /run/bringup/task ] || give_up "no task: $(cat /run/bringup/error)"
  wait_for_udev 20
  disks > /run/bringup/disks
  choose || { tell_it disks "$(cat /run/bringup/disks)"; give_up disk; }
  for tries in 1 2 3; do
    say "writing $disk"
    tell_it step "writing $disk"
    write && break
    wipe
    [ "$tries" != 3 ] || give_up "the image arrived damaged: $(cat /run/bringup/bad 2>/dev/null) $(tail -n 1 /run/bringup/dd)"
  done
  tell_it step 'writing the seed'
  seed || { wipe; give_up 'the seed cannot be written to the boot partition'; }
  boot_entry
  call done -X POST --retry 5 --retry-connrefused > /dev/null || give_up 'the controller does not take the end of the installation'
  say 'done'
  sync
  reboot -f
}
`;

/** Runs in the finished tree as `sh -c`, with its root as $1: makes /initrd and /kernel. */
const BUILD = `set -eu
root=$1
cat > "$root/etc/initramfs-tools/hooks/bringup" <<'EOF'
${HOOK}EOF
chmod 755 "$root/etc/initramfs-tools/hooks/bringup"
cat > "$root/etc/initramfs-tools/scripts/bringup" <<'EOF'
${SCRIPT}EOF
printf 'MODULES=list\\nCOMPRESS=zstd\\nBUSYBOX=y\\n' > "$root/etc/initramfs-tools/conf.d/bringup"
printf '%s\\n' ${MODULES.join(' ')} >> "$root/etc/initramfs-tools/modules"
version=$(ls "$root/lib/modules")
chroot "$root" mkinitramfs -o /initrd "$version"
cp "$root/boot/vmlinuz-$version" "$root/kernel"
cp "$root/usr/lib/shim/shimx64.efi.signed" "$root/shim"
cp "$root/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed" "$root/grub"
`;

/** What determines an installer. */
export const INSTALLER = {
  suite: 'trixie',
  packages: [
    ...['linux-image-amd64', 'initramfs-tools', 'zstd', 'busybox', 'curl', 'udev', 'kmod', 'util-linux', 'efibootmgr'],
    ...['shim-signed', 'grub-efi-amd64-signed'],
  ],
  build: BUILD,
  /** What is taken out of the tree, by the name under which it is kept. */
  files: { vmlinuz: '/kernel', initrd: '/initrd', 'bootx64.efi': '/shim', 'grubx64.efi': '/grub' },
} as const;
