#!/usr/bin/env bash
# `meson install`, and who uses what it lays: pkg-config, the static library, CMake, a Meson project
# that has zsip inside, systemd. Everything under build-package/install/, made anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
folder=$top/build-package/install
prefix=$folder/prefix
consumer=$top/tests/package/consumer.c
rm -rf "$folder"
mkdir -p "$folder"

fail() {
    printf 'install: %s\n' "$*"
    exit 1
}

quietly() {
    "$@" >"$folder/log" 2>&1 || {
        cat "$folder/log"
        fail "$*"
    }
}

lay() {
    quietly meson setup "$folder/build" "$top" --buildtype=release --prefix="$prefix" \
        --libdir=lib -Dtests=disabled -Dbenches=false -Db_lto=false
    quietly ninja -C "$folder/build"
    quietly meson install -C "$folder/build" --no-rebuild
    local file
    for file in bin/zsip include/zsip/{base,endpoint,host,parser,worker,zsip}.h \
        lib/{libzsip.a,libzsip.so,libzsip.so.0} lib/pkgconfig/zsip.pc \
        lib/cmake/zsip/zsip-config.cmake lib/systemd/system/zsip{.service,.socket,-tcp.socket} \
        share/bash-completion/completions/zsip \
        share/man/man1/zsip{,-serve,-send,-load,-parse}.1 share/man/man3/zsip_parse.3 \
        share/man/man7/zsip{,-api}.7; do
        [ -e "$prefix/$file" ] || fail "$file is not laid"
    done
    echo "laid: $(find "$prefix" -type f | wc -l) files"
}

# Only zsip_* leaves, and the library is small.
look_into() {
    local shared static bytes
    shared=$(nm -D --defined-only "$prefix/lib/libzsip.so" | awk '$2 != "A" { print $3 }' |
        grep -v '^zsip_' || true)
    static=$(nm -g --defined-only "$prefix/lib/libzsip.a" | awk 'NF == 3 { print $3 }' |
        grep -v '^zsip_' || true)
    [ -z "$shared$static" ] || fail "these leave the library: $shared $static"
    readelf -d "$prefix/lib/libzsip.so" | grep -q 'SONAME.*\[libzsip.so.0\]' || fail "SONAME"
    strip -o "$folder/stripped.so" "$prefix/lib/libzsip.so"
    bytes=$(stat -c %s "$folder/stripped.so")
    [ "$bytes" -lt 500000 ] || fail "stripped it has $bytes bytes"
    echo "library: $bytes bytes stripped," \
        "$(nm -D --defined-only "$prefix/lib/libzsip.so" | grep -c ' T ') functions"
}

headers_alone() {
    local header
    for header in "$prefix"/include/zsip/*.h; do
        echo "#include <zsip/$(basename "$header")>" |
            cc -x c -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$prefix/include" -
        echo "#include <zsip/$(basename "$header")>" |
            c++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
                -I"$prefix/include" -
    done
    echo "headers: each alone, as C11 and as C++17"
}

by_pkg_config() {
    local flags
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    read -ra flags <<<"$(pkg-config --cflags --libs zsip)"
    cc -std=c11 "$consumer" "${flags[@]}" -Wl,-rpath,"$prefix/lib" -o "$folder/shared"
    "$folder/shared"
    # The static library, and what it needs of others.
    read -ra flags <<<"$(pkg-config --static --cflags --libs zsip)"
    cc -std=c11 "$consumer" -Wl,-Bstatic "${flags[@]}" -Wl,-Bdynamic -o "$folder/static"
    ! ldd "$folder/static" | grep -q libzsip || fail "linked with the shared library"
    "$folder/static"
    unset PKG_CONFIG_PATH
    echo "pkg-config: shared and static"
}

by_cmake() {
    mkdir "$folder/cmake"
    cat >"$folder/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(consumer C)
find_package(zsip 0.1 REQUIRED)
add_executable(consumer $consumer)
target_link_libraries(consumer PRIVATE zsip::zsip)
END
    quietly cmake -S "$folder/cmake" -B "$folder/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
    quietly cmake --build "$folder/cmake/build"
    "$folder/cmake/build/consumer"
    echo "CMake: find_package(zsip)"
}

# What `dist` wrote, as a subproject of a project that would fail on a warning.
by_meson() {
    mkdir -p "$folder/meson/subprojects/zsip"
    tar -xf "$(echo "$top"/dist/zsip-*.tar.xz)" -C "$folder/meson/subprojects/zsip" \
        --strip-components=1
    cp "$consumer" "$folder/meson/"
    cat >"$folder/meson/meson.build" <<'END'
project('consumer', 'c', default_options: ['werror=true', 'c_std=c11'])
zsip_dep = dependency('zsip', fallback: ['zsip', 'zsip_dep'])
executable('consumer', 'consumer.c', dependencies: zsip_dep)
END
    quietly meson setup "$folder/meson/build" "$folder/meson"
    quietly ninja -C "$folder/meson/build"
    "$folder/meson/build/consumer"
    echo "Meson: subproject"
}

lay
look_into
headers_alone
by_pkg_config
by_cmake
by_meson
python3 tests/package/service.py "$prefix"
