#!/bin/sh
# replicates.sh SECONDS: waits until the database answers and, on a replica, until replication has caught up.
set -u
client=$(command -v mariadb || command -v mysql)
end=$(($(date +%s) + $1))
while [ "$(date +%s)" -lt "$end" ]; do
	if [ "$("$client" -NBe 'SELECT 1' 2>/dev/null)" = 1 ]; then
		state=$("$client" -Ee 'SHOW REPLICA STATUS' 2>/dev/null)
		[ -z "$state" ] && exit 0
		echo "$state" | grep -Eq '_IO_Running: Yes' && echo "$state" | grep -Eq '_SQL_Running: Yes' &&
			echo "$state" | grep -Eq 'Seconds_Behind_(Source|Master): 0$' && exit 0
	fi
	sleep 1
done
echo "after $1 s, the database does not answer or its replication has not caught up" >&2
exit 1
