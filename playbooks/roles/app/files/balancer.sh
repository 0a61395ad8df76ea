#!/bin/sh
# balancer.sh drain|drained|ready|up BACKEND SERVER SECONDS: removes a server from HAProxy or adds it again, one step at a time.
# Does nothing if HAProxy does not run, or does not have the server in its configuration yet.
set -eu
step=$1 backend=$2 server=$3 seconds=$4
socket=/run/haproxy/admin.sock
tell() { echo "$1" | socat -t 5 - "UNIX-CONNECT:$socket"; }
# Fields of the server's line: 5 is the number of sessions, 18 the state.
field() { tell "show stat $backend 4 -1" | awk -F, -v server="$server" -v n="$1" '$2 == server { print $n }'; }

[ -S "$socket" ] && state=$(field 18 2>/dev/null) && [ -n "$state" ] || exit 0
case $step in
	drain | ready)
		# HAProxy's answer is empty on success.
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
		# Requests that never end must not block a release: the restart cuts them.
		[ "$step" = drained ] && exit 0
		echo "$server is $(field 18) in HAProxy after $seconds s; expected UP" >&2
		exit 1
	fi
	sleep 0.2
done
