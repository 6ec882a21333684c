#!/usr/bin/env bash
# The manual pages and the HTML reference, without a warning.
# usage: docs.sh BUILD
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
ninja -C "$build" >/dev/null

faults=0 pages=0
for page in "$build"/docs/man/*.[137]; do
    pages=$((pages + 1))
    # Another name of a page: one line that says which.
    if grep -q '^\.so man' "$page"; then
        [ -f "$build/docs/man/$(sed -n 's|^\.so man[137]/||p' "$page")" ] || {
            echo "$page: names a page that is not there"
            faults=$((faults + 1))
        }
        continue
    fi
    said=$(
        mandoc -T lint -W warning "$page" || true
        LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null || true
    )
    [ -z "$said" ] || {
        echo "$said"
        faults=$((faults + 1))
    }
done
echo "manual: $pages pages, $faults with faults"

# Doxygen fails on a warning by itself.
rm -rf "$build/docs/html/html"
ninja -C "$build" docs/html/html >"$build/doxygen.log" 2>&1 || {
    cat "$build/doxygen.log"
    faults=$((faults + 1))
}
[ -f "$build/docs/html/html/worker_8h.html" ] || faults=$((faults + 1))
echo "reference: $(find "$build/docs/html/html" -name '*.html' | wc -l) pages of HTML"
[ "$faults" -eq 0 ]
