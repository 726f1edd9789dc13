#!/bin/bash
# make install puts everything where it belongs, programs build against it, and make uninstall
# takes it all away.
# shellcheck disable=SC2154  # the Makefile sets includedir and bindir
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/stage.sh
. "$top_srcdir/tests/stage.sh"

cat >"$scratch/version.c" <<'EOF'
#include <stdio.h>
#include <whorl.h>

int main(void)
{
    puts(whorl_version());
    return 0;
}
EOF
cp "$scratch/version.c" "$scratch/version.cc"

# The version of the header's macros: 1.2.3.
header_version() {
    sed -n 's/^#define WHORL_VERSION_[A-Z]* //p' "$top_srcdir/include/whorl/base.h" | paste -sd.
}

files_are_there() {
    local header
    stage_install
    for header in whorl.h $(cd "$top_srcdir/include" && echo whorl/*.h); do
        cmp "$top_srcdir/include/$header" "$stage$includedir/$header"
    done
    [[ -f $stage$libdir/pkgconfig/whorl.pc ]] || fail 'whorl.pc is missing'
    [[ -e $stage$libdir/libwhorl.so || -f $stage$libdir/libwhorl.a ]] || fail 'no library'
    [[ -x $stage$bindir/whorl-bench ]] || fail 'whorl-bench is missing'
}

downloader_is_there() {
    [[ -x $top_builddir/whorl-get ]] || skip 'whorl-get was not built: libcurl is missing'
    stage_install
    expect_status 0 "$stage$bindir/whorl-get" --version
    grep -qF "whorl-get $(header_version)" "$scratch/out"
    [[ -n $(find "$stage" -path '*/man1/whorl-get.1') ]] || fail 'its manual page is missing'
}

tool_runs() {
    stage_install
    expect_status 0 "$stage$bindir/whorl-bench" --version
    grep -qF "$(header_version)" "$scratch/out" || fail "whorl-bench says: $(cat "$scratch/out")"
}

# The compiler's command and pkg-config's flags are words to be split.
# shellcheck disable=SC2046,SC2086
program_builds() { # COMPILER SOURCE PKG-CONFIG-OPTIONS...
    local compiler=$1 source=$2
    shift 2
    stage_install
    use_stage
    $compiler -o "$scratch/version" "$scratch/$source" $(pkg-config "$@" --cflags --libs whorl)
    expect 'the version that runs' "$("$scratch/version")" "$(header_version)"
}

c_program() {
    program_builds cc version.c
}

cxx_program() {
    [[ -n $CXX ]] || skip 'there is no C++ compiler'
    program_builds "$CXX" version.cc
}

static_program() {
    stage_install
    [[ -f $stage$libdir/libwhorl.a ]] || skip 'no static library was built'
    rm -f "$stage$libdir"/libwhorl.so* "$scratch/staged"
    program_builds_static
}

# Only the archive is left, so -lwhorl takes it, and what it needs comes from Requires.private.
# shellcheck disable=SC2046
program_builds_static() {
    use_stage
    cc -o "$scratch/version" "$scratch/version.c" $(pkg-config --static --cflags --libs whorl)
    expect 'the version that runs' "$("$scratch/version")" "$(header_version)"
}

pc_version() {
    stage_install
    use_stage
    expect "whorl.pc's version" "$(pkg-config --modversion whorl)" "$(header_version)"
    pkg-config --print-requires --print-requires-private whorl >"$scratch/requires"
    grep '^liburing' "$scratch/requires" || fail 'whorl.pc does not require liburing'
}

cat >"$scratch/suite.c" <<'EOF'
#include <whorl/test.h>

static void sleeps_for_an_hour(void **state)
{
    (void)state;
    assert_int_equal(whorl_sleep(WHORL_SECONDS(3600)), 0);
}

static void fails(void **state)
{
    (void)state;
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        whorl_unit_test_with(sleeps_for_an_hour, .clock = WHORL_CLOCK_VIRTUAL),
        whorl_unit_test(fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
EOF

# shellcheck disable=SC2046
test_program() {
    pkg-config --exists cmocka || skip 'cmocka is not installed'
    stage_install
    use_stage
    cc -Wall -Wextra -Werror -o "$scratch/suite" "$scratch/suite.c" \
        $(pkg-config --cflags --libs whorl cmocka)
    expect_status 1 "$scratch/suite"
    grep -q 'OK ] sleeps_for_an_hour' "$scratch/out" || fail "it prints: $(cat "$scratch/out")"
    grep -qF 'FAILED  ] fails' "$scratch/err" || fail "it complains: $(cat "$scratch/err")"
}

uninstall() {
    stage_install
    stage_install uninstall
    expect 'the list of files left' "$(find "$stage" ! -type d)" ''
}

behaviour 'make install installs headers, libraries, whorl.pc and whorl-bench' files_are_there
behaviour 'make install installs whorl-get and its manual page' downloader_is_there
behaviour 'the installed whorl-bench runs and tells its version' tool_runs
behaviour 'whorl.pc has the version and the needs of the library' pc_version
behaviour 'a C program builds against the installed library' c_program
behaviour 'a C++ program builds against the installed library' cxx_program
behaviour 'a program builds against the static library alone' static_program
behaviour 'a test program builds against the installed library and cmocka' test_program
behaviour 'make uninstall leaves no file' uninstall
end_of_tests
