#!/usr/bin/env bash
# Prints the mirror that this machine's own packages come from, by what apt says of its main
# archive; nothing where apt does not know, which leaves the choice to debootstrap.
set -euo pipefail
command -v apt-get >/dev/null || exit 0
# shellcheck disable=SC2016 # apt-get fills in the variable
apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' \
    'Component: main' 2>/dev/null | head -n 1
