#!/bin/sh
# observe.sh BACKEND: prints as JSON what this host does for the site. `up`: the servers that its HAProxy sees up. `data`: it has a
# database, or nobody can tell. `writes`: the database accepts writes.
set -u
up=$(echo "show stat $1 4 -1" | socat -t 5 - UNIX-CONNECT:/run/haproxy/admin.sock 2>/dev/null |
	awk -F, '$18 == "UP" { printf "%s\"%s\"", sep, $2; sep = "," }')
etcd=false data=false writes=false
systemctl -q is-active etcd 2>/dev/null && etcd=true
[ -e /var/lib/mysql/ibdata1 ] && data=true
client=$(command -v mariadb || command -v mysql || :)
[ -n "$client" ] && [ "$("$client" -NBe 'SELECT @@global.read_only' 2>/dev/null)" = 0 ] && writes=true
status=$(db-guard status 2>/dev/null | base64 | tr -d '\n')
printf '{"up": [%s], "etcd": %s, "data": %s, "writes": %s, "status": "%s"}\n' "$up" "$etcd" "$data" "$writes" "$status"
