#!/bin/sh
# switch.sh NAME HOME TARGET SECONDS KEEP SOCKET|PORT|none PATH: starts release TARGET. If it does not become ready, starts the
# previous release again.
set -eu
name=$1 home=$2 target=$3 seconds=$4 keep=$5 at=$6 path=$7
cd "$home"
[ -d "releases/$target" ] || { echo "release $target is not on this host" >&2; exit 1; }
before=$(readlink current 2>/dev/null || :)
before=${before#releases/}

point() { ln -sfn "$2" "$1.new" && mv -T "$1.new" "$1"; }
ask() {
	case $at in
		/*) curl -fsS -o /dev/null --max-time 2 --unix-socket "$at" "http://localhost$path" ;;
		*) curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$at$path" ;;
	esac
}
# Removes units that the app had before its app_runtime or app_port changed.
drop() {
	[ -e "/etc/systemd/system/$1" ] || return 0
	systemctl disable -q --now "$1"
	rm -f "/etc/systemd/system/$1"
}
run() {
	point current "releases/$1"
	[ "$at" != none ] || return 0
	systemctl daemon-reload
	systemctl restart "$name.service" || return 1
	starts=$(systemctl show -p NRestarts --value "$name.service")
	end=$(($(date +%s) + seconds))
	until why=$(ask 2>&1); do
		[ "$(date +%s)" -lt "$end" ] || return 1
		# After three restarts, the release will not become ready.
		[ "$(systemctl show -p NRestarts --value "$name.service")" -lt $((starts + 3)) ] || return 1
		sleep 0.2
	done
}

why=
if run "$target"; then
	[ -z "$before" ] || [ "$before" = "$target" ] || point previous "releases/$before"
	case $at in none) drop "$name.socket"; drop "$name.service" ;; /*) ;; *) drop "$name.socket" ;; esac
	# Keep the newest releases, and those that current and previous point to.
	kept=" $(readlink current) $(readlink previous 2>/dev/null || :) "
	ls -1t releases | tail -n "+$((keep + 1))" | while read -r old; do
		case $kept in *" releases/$old "*) ;; *) rm -rf "releases/$old" ;; esac
	done
	exit 0
fi
echo "release $target is not ready on $path: ${why:-the service does not start}" >&2
journalctl "_SYSTEMD_UNIT=$name.service" -n 12 -o cat --no-pager >&2 || :
if [ -n "$before" ] && [ "$before" != "$target" ]; then
	if run "$before"; then echo "rolled back to release $before" >&2; else echo "rollback failed, release $before is not ready either: $why" >&2; fi
fi
exit 1
