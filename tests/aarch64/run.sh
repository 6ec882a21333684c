#!/usr/bin/env bash
# Builds zsip for aarch64 and runs, emulated by qemu, those of its unit tests that need no io_uring,
# which that does not emulate: parser, transactions, most of core, load generator, simulator. The
# libraries are Debian's for arm64, unpacked and not installed, under build-aarch64/. Exits 77 where
# they can't be had.
#
# usage: run.sh PACKAGE...      libraries, by their -dev packages
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=$PWD/build-aarch64
root=$folder/root
build=$folder/build
tool=aarch64-linux-gnu

skip() {
    echo "skipped: $*"
    exit 77
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The libraries, of the release that this machine's compiler is of.
make_root() {
    local release mirror log=$folder/debootstrap.log include package
    mirror=$(tests/debian13/mirror.sh)
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    include=$(IFS=, && echo "$*")
    rm -rf --one-file-system "$folder"
    mkdir -p "$folder"
    echo "debootstrap $release arm64 $include"
    # shellcheck disable=SC2086 # no mirror is no argument
    as_root debootstrap --arch=arm64 --foreign --variant=minbase "--include=$include" \
        "$release" "$root" $mirror >"$log" 2>&1 || {
        tail -n 5 "$log"
        skip "debootstrap got no packages for arm64"
    }
    as_root chown -R "$(id -u):$(id -g)" "$root"
    for package in "$root"/var/cache/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" |
            tar -x --keep-directory-symlink --no-same-owner -C "$root"
    done
    rm -rf "$root"/var/cache/apt/archives
    # The linker would follow these into this machine's folders.
    find "$root/usr/lib/$tool" -lname '/*' -printf '%p\t%l\n' |
        while IFS=$'\t' read -r link target; do ln -sfn "$root$target" "$link"; done
    touch "$folder/made"
}

configure() {
    local qemu
    qemu=$(command -v qemu-aarch64)
    "$tool-gcc" "--sysroot=$root" -shared -fPIC -O1 -Wall -Wextra -Werror "-DQEMU=\"$qemu\"" \
        "-DROOT=\"$root\"" -o "$folder/exec.so" tests/aarch64/exec.c
    cat >"$folder/cross.ini" <<INI
[binaries]
c = ['$tool-gcc', '--sysroot=$root']
ar = '$tool-ar'
strip = '$tool-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['$qemu', '-E', 'LD_PRELOAD=$folder/exec.so', '-L', '$root']

[built-in options]
c_args = ['-DZSIP_TESTS_EMULATED']

[properties]
sys_root = '$root'
pkg_config_libdir = '$root/usr/lib/$tool/pkgconfig:$root/usr/share/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
INI
    meson setup "$build" --cross-file "$folder/cross.ini" --buildtype=release -Dtests=enabled \
        >"$folder/setup.log" 2>&1 || { cat "$folder/setup.log" && return 1; }
}

# Unit tests but those that need io_uring, or run a program of the build from a script.
tests() {
    meson test -C "$build" --list --suite unit 2>/dev/null | sed -n 's|^zsip:unit / ||p' |
        grep -vE '^(transport .*|core-(group|lines|memory|misuse)|txn (cells|pictures .*))$'
}

[ "$(uname -m)" != aarch64 ] || skip "this is one: ./dev step unit"
[ -f /etc/debian_version ] || skip "it takes Debian's packages"
for program in qemu-aarch64 "$tool-gcc" debootstrap; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
[ -f "$folder/made" ] || make_root "$@"
[ -f "$build/build.ninja" ] || configure
ninja -C "$build" >"$folder/build.log" 2>&1 || { tail -n 40 "$folder/build.log" && exit 1; }
mapfile -t names < <(tests)
[ ${#names[@]} -gt 40 ] || { echo "only ${#names[@]} tests" && exit 1; }
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 10 "${names[@]}"
