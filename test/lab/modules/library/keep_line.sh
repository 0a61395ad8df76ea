#!/bin/sh
# Keeps one line in a file.
# supports_check_mode: true
set -eu
. "$1"
if [ "$(cat "$path" 2>/dev/null)" = "$line" ]; then
  echo '{"changed": false}'
  exit
fi
[ "$_ansible_check_mode" = True ] || printf '%s\n' "$line" >"$path"
echo '{"changed": true}'
