#!/usr/bin/env bash
# The ABI of the library beside the one that was recorded. What a program compiled before would
# stumble over is a failure; what was added is told, and recorded with --record.
# usage: abi.sh [--record]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
recorded=tests/package/libzsip.abi

[ "$(uname -m)" = x86_64 ] || {
    echo "skipped: the record is of x86-64"
    exit 77
}
[ -f build-abi/build.ninja ] ||
    meson setup build-abi --buildtype=debugoptimized -Dprogram=false >/dev/null
ninja -C build-abi >/dev/null
library=$(find build-abi/core -name 'libzsip.so.*' -type f | head -n 1)
# Only what the public headers declare, and nothing of where or by what it was built.
abidw --headers-dir include --drop-private-types --no-show-locs --no-corpus-path \
    --no-comp-dir-path --type-id-style hash "$library" >build-abi/libzsip.abi

if [ "${1:-}" = --record ]; then
    cp build-abi/libzsip.abi "$recorded"
    echo "abi: recorded, $(stat -c %s "$recorded") bytes"
    exit 0
fi
status=0
abidiff --no-show-locs "$recorded" build-abi/libzsip.abi >build-abi/abidiff.log || status=$?
# abidiff leaves it to its reader whether a member that moved is harmless. It is not.
! grep -qE 'offset changed|deletion|enumerator change|type (name )?changed (from|:)' \
    build-abi/abidiff.log || status=$((status | 8))
if [ $((status & 8)) -ne 0 ] || { [ "$status" -ne 0 ] && [ "$status" -ne 4 ]; }; then
    cat build-abi/abidiff.log
    echo "abi: changed (abidiff: $status). After a release that takes another soversion in" \
        "core/meson.build; where it is meant, ./dev abi records it."
    exit 1
elif [ "$status" -ne 0 ]; then
    cat build-abi/abidiff.log
    echo "abi: grown since it was recorded; ./dev abi records it"
else
    echo "abi: as recorded"
fi
