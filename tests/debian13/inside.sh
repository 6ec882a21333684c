#!/usr/bin/env bash
# The part that run.sh has done on Debian 13: build with its compiler and libraries, run the tests.
# usage: inside.sh unit|all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

echo "Debian $(cat /etc/debian_version), $(gcc --version | head -n 1)"
meson setup build --buildtype=release -Dtests=enabled >setup.log 2>&1 || {
    cat setup.log
    exit 1
}
ninja -C build >build.log 2>&1 || {
    grep -v '^\[' build.log | head -n 100
    exit 1
}

# run FOLDER SUITE: a suite without any test is an error, not a success.
run() {
    meson test -C "$1" --list --suite "$2" >/dev/null 2>&1 || {
        echo "no tests of suite '$2'"
        exit 1
    }
    meson test -C "$1" --no-rebuild --print-errorlogs --suite "$2"
}

run build unit
if [ "$1" = all ]; then
    run build tidy
    run build interop
    meson setup build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined >/dev/null
    ninja -C build-asan >/dev/null
    run build-asan unit
fi
