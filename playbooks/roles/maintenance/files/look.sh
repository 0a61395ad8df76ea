#!/bin/sh
# look.sh ADDRESS: prints as JSON how many updates are pending, whether a reboot is required, whether this host holds ADDRESS, and
# whether its database is writable.
set -u
lists=/var/lib/apt/lists
[ -n "$(find "$lists" -maxdepth 0 -mmin -60)" ] || apt-get -qq update >&2 || exit 1
updates=$(LC_ALL=C apt-get -s -q dist-upgrade | grep -c '^Inst ')
needs=false
[ -e /run/reboot-required ] && needs=true
holds=false
[ -n "$1" ] && ip -o addr show | grep -qF " $1/" && holds=true
writes=false
client=$(command -v mariadb || command -v mysql || :)
[ -n "$client" ] && [ "$("$client" -NBe 'SELECT @@global.read_only' 2>/dev/null)" = 0 ] && writes=true
printf '{"updates": %d, "reboot": %s, "holds": %s, "writes": %s}\n' "$updates" "$needs" "$holds" "$writes"
