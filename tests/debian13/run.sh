#!/usr/bin/env bash
# Builds zsip and runs its tests on Debian 13, in a chroot made for the purpose under
# build-debian13/ and removed at the end. Needs root and, for its own mounts, CAP_SYS_ADMIN; exits
# 77 where a container does not give that.
#
# usage: run.sh unit PACKAGE...   build and unit tests, with these packages
#        run.sh all               ./dev test, which installs what it needs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

suites=$1
shift
include=()
[ $# -eq 0 ] || include=("--include=$(IFS=, && echo "$*")")
folder=$PWD/build-debian13
root=$folder/root

# Once more inside a mount namespace of our own: whatever is mounted, here or by debootstrap, goes
# with the last process in it, however that ends.
if [ "${ZSIP_DEBIAN13_INSIDE:-}" != yes ]; then
    unshare --mount --pid --fork true 2>/dev/null || {
        echo "skipped: this container does not allow mount namespaces"
        exit 77
    }
    trap 'rm -rf --one-file-system "$folder"' EXIT
    status=0
    ZSIP_DEBIAN13_INSIDE=yes unshare --mount --pid --fork --kill-child \
        tests/debian13/run.sh "$suites" "$@" || status=$?
    exit $status
fi

make_root() {
    local log=$folder/debootstrap.log mirror_uri
    mirror_uri=$(tests/debian13/mirror.sh)
    echo "debootstrap trixie ${include[*]}"
    # shellcheck disable=SC2086 # no mirror is no argument
    debootstrap --variant=minbase "${include[@]}" trixie "$root" $mirror_uri >"$log" 2>&1 || {
        tail -n 20 "$log"
        return 1
    }
}

copy_sources() {
    mkdir "$root/zsip"
    # By file, for other steps may be at work in folders of theirs: tar complains of a folder that
    # changes.
    find . \( -path './build*' -o -path ./dist -o -path ./.git -o -name __pycache__ \) -prune -o \
        \( -type f -o -type l \) -print0 |
        tar --null --no-recursion --files-from=- -cf - | tar -xf - -C "$root/zsip"
}

rm -rf --one-file-system "$folder"
mkdir -p "$folder"
make_root
copy_sources
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null ||
    { mkdir -p "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm"; }
mkdir -p "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -sf pts/ptmx "$root/dev/ptmx"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# As the installer of Debian leaves it.
printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' \
    "$(uname -n)" >"$root/etc/hosts"
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
    /zsip/tests/debian13/inside.sh "$suites"
