#!/bin/bash
# The shared library shows what the headers declare, and nothing else.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

library=$top_builddir/.libs/libwhorl.so

# Without a shared library (configure --disable-shared) there is nothing to look at.
need_library() {
    [[ -e $library ]] || skip 'no shared library was built'
}

# NM may hold options.
# shellcheck disable=SC2086
symbols() { # NM-OPTIONS...
    ${NM:-nm} -D "$@" "$library"
}

exported() {
    symbols --defined-only | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort
}

# Every function that a header marks WHORL_API, over however many lines it is declared.
declared() {
    cat "$top_srcdir"/include/whorl.h "$top_srcdir"/include/whorl/*.h | tr '\n' ' ' |
        grep -o 'WHORL_API [^();]*(' | grep -o 'whorl_[a-z0-9_]*($' | tr -d '(' | sort
}

only_whorl_names() {
    local foreign
    need_library
    exported >"$scratch/exported"
    grep -qx whorl_run "$scratch/exported" || fail 'whorl_run is not exported'
    foreign=$(awk '!/^whorl_/' "$scratch/exported")
    expect 'the list of foreign names' "$foreign" ''
}

every_declared_call() {
    need_library
    declared >"$scratch/declared"
    exported >"$scratch/exported"
    grep -qx whorl_run "$scratch/declared" || fail 'no declaration was found in the headers'
    diff "$scratch/declared" "$scratch/exported" ||
        fail 'declared (<) and exported (>) names differ'
}

versioned_name() {
    need_library
    local name
    name=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')
    expect 'the soname' "$name" libwhorl.so.0
}

# A lazy access to thread-local storage calls __tls_get_addr at every switch.
no_lazy_tls() {
    need_library
    symbols >"$scratch/symbols"
    ! grep __tls_get_addr "$scratch/symbols" || fail 'it calls __tls_get_addr'
}

# The archive's insides have short names that a program may use for its own.
archive_shows_only_whorl_names() {
    local archive=$top_builddir/.libs/libwhorl.a foreign
    [[ -e $archive ]] || skip 'no archive was built'
    # shellcheck disable=SC2086
    ${NM:-nm} -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' >"$scratch/shown"
    grep -qx whorl_run "$scratch/shown" || fail 'whorl_run is not in the archive'
    foreign=$(awk '!/^whorl_/' "$scratch/shown")
    expect 'the list of foreign names' "$foreign" ''
}

behaviour 'the archive shows only whorl_ names' archive_shows_only_whorl_names
behaviour 'the shared library exports only whorl_ names' only_whorl_names
behaviour 'the shared library exports every declared call, and no other' every_declared_call
behaviour 'the shared library has a versioned name' versioned_name
behaviour 'the shared library has no lazy thread-local storage' no_lazy_tls
end_of_tests
