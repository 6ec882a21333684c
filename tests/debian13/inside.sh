#!/usr/bin/env bash
# The part that run.sh has done on Debian 13: build with its compiler and libraries, run the tests.
# usage: inside.sh unit|all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

echo "Debian $(cat /etc/debian_version)"
[ "$1" = unit ] || exec ./dev test

gcc --version | head -n 1
meson setup build --buildtype=release -Dtests=enabled >setup.log 2>&1 || {
    cat setup.log
    exit 1
}
ninja -C build >build.log 2>&1 || {
    grep -v '^\[' build.log | head -n 100
    exit 1
}
# Meson calls it a success when there is no such test.
meson test -C build --list --suite unit >/dev/null
meson test -C build --no-rebuild --print-errorlogs --suite unit
