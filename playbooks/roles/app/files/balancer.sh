#!/bin/sh
# balancer.sh drain|drained|ready|up BACKEND SERVER SECONDS: one step of taking a server out of HAProxy and back.
# A balancer that does not run, or does not know the server yet, has nothing to say.
set -eu
step=$1 backend=$2 server=$3 seconds=$4
socket=/run/haproxy/admin.sock
tell() { echo "$1" | socat -t 5 - "UNIX-CONNECT:$socket"; }
# Of the server's line: 5 its sessions, 18 its state.
field() { tell "show stat $backend 4 -1" | awk -F, -v server="$server" -v n="$1" '$2 == server { print $n }'; }

[ -S "$socket" ] && state=$(field 18 2>/dev/null) && [ -n "$state" ] || exit 0
case $step in
	drain | ready)
		# HAProxy says nothing when it has done it.
		answer=$(tell "set server $backend/$server state $step")
		[ -z "$answer" ] || { echo "$answer" >&2; exit 1; }
		exit 0
		;;
	drained) settled() { [ "$(field 5)" = 0 ]; } ;;
	up) settled() { [ "$(field 18)" = UP ]; } ;;
esac
end=$(($(date +%s) + seconds))
until settled; do
	if [ "$(date +%s)" -ge "$end" ]; then
		# Requests that never end must not hold up a release: they are cut by the restart.
		[ "$step" = drained ] && exit 0
		echo "$server is not up but $(field 18) after $seconds s" >&2
		exit 1
	fi
	sleep 0.2
done
