#!/usr/bin/env bash
# The packages: built from the release tarball in a Debian that has what debian/control asks for and
# nothing else (no Ragel), looked at by lintian, then installed in a Debian that has nothing at
# all, where the guide is followed to the letter. Needs root and, for its mounts, unshare; exits 77
# where a container does not give that.
#
# usage: debian.sh [SUITE]     default: what this machine runs
#
# Under build-package/: the base root is kept and used again for a week.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
# shellcheck disable=SC1091 # whatever this machine is
suite=${1:-$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")}
folder=$top/build-package/$suite
base=$top/build-package/base-$suite.tar

# Once more in a mount namespace of our own: whatever is mounted goes with the last process in it.
if [ "${ZSIP_PACKAGE_INSIDE:-}" != yes ]; then
    unshare --mount --pid --fork true 2>/dev/null || {
        echo "skipped: this container does not allow mount namespaces"
        exit 77
    }
    status=0
    trap 'rm -rf --one-file-system "$folder/build" "$folder/use"' EXIT
    ZSIP_PACKAGE_INSIDE=yes unshare --mount --pid --fork --kill-child "$0" "$@" || status=$?
    exit $status
fi

# The mirror that this machine's own packages come from, by what apt says of its main archive.
mirror() {
    command -v apt-get >/dev/null || return 0
    # shellcheck disable=SC2016 # apt-get fills in the variable
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' \
        'Component: main' 2>/dev/null | head -n 1
}

quietly() {
    "$@" >"$folder/log" 2>&1 || {
        tail -n 40 "$folder/log"
        echo "failed: $*"
        return 1
    }
}

make_base() {
    [ -z "$(find "$base" -mtime -7 2>/dev/null)" ] || return 0
    echo "debootstrap $suite"
    # shellcheck disable=SC2046 # no mirror is no argument
    quietly debootstrap --variant=minbase "$suite" "$folder/base" $(mirror)
    tar -C "$folder/base" -cf "$base.new" .
    mv "$base.new" "$base"
    rm -rf --one-file-system "$folder/base"
}

# root NAME: a root from the base, ready for apt and for programs.
make_root() {
    local root=$folder/$1
    mkdir -p "$root"
    tar -C "$root" -xf "$base"
    mount -t proc proc "$root/proc"
    mkdir -p "$root/dev/shm"
    mount -t tmpfs tmpfs "$root/dev/shm"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    # No man pages or documentation are laid otherwise than a package lays them.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    # Nothing here outlives the test, so nothing need reach the disk at once.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe"
}

inside() {
    local root=$folder/$1
    shift
    chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy:-}" \
        https_proxy="${https_proxy:-}" "$@"
}

build_packages() {
    local tarball name
    tarball=$(echo "$top"/dist/zsip-*.tar.xz)
    name=$(basename "$tarball" .tar.xz)
    make_root build
    mkdir "$folder/build/src"
    tar -xf "$tarball" -C "$folder/build/src"
    # A fresh base has its lists from debootstrap; a kept one may be behind.
    quietly inside build apt-get -qq update
    quietly inside build apt-get -qq install -y --no-install-recommends gcc libc6-dev make dpkg-dev
    quietly inside build sh -c "cd /src/$name && apt-get -qq build-dep -y --no-install-recommends ."
    ! inside build sh -c 'command -v ragel' >/dev/null || {
        echo "Ragel got in"
        return 1
    }
    quietly inside build sh -c "cd /src/$name && dpkg-buildpackage -b -us -uc"
    rm -f "$folder"/*.deb "$folder"/*.changes "$folder"/*.buildinfo
    cp "$folder"/build/src/*.{deb,changes,buildinfo} "$folder/"
    umount "$folder/build/proc" "$folder/build/dev/shm"
    rm -rf --one-file-system "$folder/build"
    echo "built: $(cd "$folder" && echo *.deb)"
}

look_at_packages() {
    local package
    for package in "$folder"/*.deb; do
        case $package in
        *-dbgsym_*) continue ;;
        esac
        echo "$(basename "$package"):"
        dpkg-deb -c "$package" | awk '$1 !~ /^d/ { print "  " $6, $7, $8 }' |
            sed -E 's/ +$//' >"$folder/contents"
        # Pages of functions are many, and all of a kind.
        grep -v -e '/man3/' -e '/html/' "$folder/contents" || true
        echo "  $(grep -c '/man3/' "$folder/contents" || true) pages of man3," \
            "$(grep -c '/html/.*\.html' "$folder/contents" || true) of HTML"
    done
    dpkg-deb -c "$folder"/libzsip-doc_*.deb >"$folder/contents"
    grep -q '/html/worker_8h\.html$' "$folder/contents" || {
        echo "libzsip-doc lacks the reference of zsip/worker.h"
        return 1
    }
    lintian --fail-on error --suppress-tags initial-upload-closes-no-bugs,bogus-mail-host \
        "$folder"/zsip_*.changes || return 1
    echo "lintian: no errors"
}

# The blocks of the guide: a file where its fence names one, a shell script where it is "sh".
guide() {
    awk -v folder="$folder/use/root" '
        /^```/ && open { open = 0; close(file); next }
        /^```c [a-z]/ { open = 1; file = folder "/" $2; next }
        /^```sh/ { open = 1; file = folder "/guide.sh"; next }
        /^```/ { open = 1; file = "/dev/null"; next }
        open && /^zsip send/ { print "sleep 3" >>file } # what was started before it is up
        open && file ~ /guide.sh/ { print >>file; next }
        open { print >file }' "$top/docs/embedding.md"
    sed -i '1i set -e\ncd /root' "$folder/use/root/guide.sh"
}

use_packages() {
    make_root use
    cp "$folder"/{zsip,libzsip0,libzsip-dev,libzsip-doc}_*.deb "$folder/use/root/"
    guide
    quietly inside use apt-get -qq update
    inside use bash -m /root/guide.sh \
        >"$folder/guide.log" 2>&1 || {
        tail -n 30 "$folder/guide.log"
        return 1
    }
    # What the guide promises of its two programs.
    local line
    for line in 'Watson, come here.' 'from sip:alice@example.com' 'via proxy.example.com' \
        'via 192.0.2.1'; do
        grep -qxF "$line" "$folder/guide.log" || {
            tail -n 30 "$folder/guide.log"
            echo "the guide did not print: $line"
            return 1
        }
    done
    echo "guide: followed to the letter"
    # shellcheck disable=SC2016 # the shell inside expands
    inside use sh -c 'cd /usr/share/doc/libzsip-dev/examples && for each in echo bulk epoll filter
        do cc $each.c $(pkg-config --cflags --libs zsip) -pthread -o /root/$each || exit 1; done'
    inside use sh -c 'zsip --version && zsip parse --help >/dev/null &&
        test -e /usr/share/man/man3/zsip_parse.3.gz -o -e /etc/dpkg/dpkg.cfg.d/docker'
    quietly inside use sh -c 'apt-get -qq install -y /root/libzsip-doc_*.deb'
    quietly inside use apt-get -qq purge -y zsip libzsip-dev libzsip0 libzsip-doc
    local left
    left=$(inside use find / -xdev -name '*zsip*' -not -path '/root/*' -not -path '/proc/*' \
        -not -path '/var/*')
    [ -z "$left" ] || {
        echo "left behind after the purge: $left"
        return 1
    }
    echo "used: installed, run and purged in a clean $suite"
}

mkdir -p "$folder"
rm -rf --one-file-system "$folder/build" "$folder/use" "$folder/base"
make_base
build_packages
look_at_packages
use_packages
