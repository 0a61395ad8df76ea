#!/bin/sh
printf "%s\n" "$*" > /root/script
