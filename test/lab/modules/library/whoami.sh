#!/usr/bin/env bash
# Tells who runs it, and whether processes show its arguments.
. "$1"
words=$(cat | sed 's/.*"words":\["a","\([^"]*\)"\].*/\1/')
shows=false
if grep -qsa "$token" /proc/[0-9]*/cmdline /proc/$$/environ; then shows=true; fi
printf '{"user": "%s", "second": "%s", "shows": %s}\n' "$(id -un)" "$words" "$shows"
