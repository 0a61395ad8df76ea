#!/bin/sh
# build.sh folder|archive|git SOURCE OUT VERSION: builds the source of an app with $BUILD and packs it into the archive OUT.
set -eu
kind=$1 source=$2 out=$3 version=$4
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/app"
cd "$work/app"
case $kind in
	folder) cp -a "$source/." . ; rm -rf node_modules .git .venv ;;
	archive)
		case $source in *.zip) unzip -q "$source" ;; *) tar -xzf "$source" ;; esac
		# Many downloads have one top-level folder; the app is its content.
		if [ "$(ls -A | wc -l)" = 1 ] && [ -d "$(ls -A)" ]; then cd "$(ls -A)"; fi
		;;
	git)
		git clone -q --no-checkout -- "$source" .
		git checkout -q --detach "$version"
		rm -rf .git
		;;
esac
[ -z "$BUILD" ] || sh -euc "$BUILD" >&2
: >.bringup.whole
find . -mindepth 1 -maxdepth 1 ! -name .bringup.whole -print0 |
	tar --null -T - -cf "$work/out.tar" --owner=0 --group=0 --mode='a+rX,go-w'
tar -rf "$work/out.tar" --owner=0 --group=0 --mode='a+rX,go-w' ./.bringup.whole
gzip -c "$work/out.tar" >"$out.new"
mv "$out.new" "$out"
