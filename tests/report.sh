# Sourced by the test scripts: each of their tests is reported as cmocka reports its own, so that
# one reader counts them all. A script calls `behaviour NAME COMMAND...` for each test and
# `end_of_tests` last. COMMAND runs in a subshell with errexit and pipefail: its first failing
# command fails the test, and `skip REASON` skips it.
#
# From the Makefile: top_srcdir, top_builddir (absolute), CC, CXX, NM, MAKE, libdir, includedir,
# bindir. Below $scratch, removed at the end, a script may do as it likes.
# shellcheck shell=bash

set -u -o pipefail
: "${top_srcdir:?is set by make check}" "${top_builddir:?is set by make check}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/whorl-test.XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0 skipped_status=77

# The test ends as skipped.
skip() {
    printf 'skipped: %s: %s\n' "$behaviour" "$*"
    exit $skipped_status
}

# The test ends as failed.
fail() {
    printf '[  ERROR   ] --- %s\n' "$*"
    exit 1
}

# The two texts are equal.
expect() { # WHAT ACTUAL EXPECTED
    [[ $2 == "$3" ]] || fail "$1 is \"$2\", not \"$3\""
}

# COMMAND ends with STATUS; what it prints goes to $scratch/out and $scratch/err.
expect_status() { # STATUS COMMAND...
    local expected=$1 status=0
    shift
    "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    [[ $status == "$expected" ]] && return
    cat "$scratch/out" "$scratch/err"
    fail "status $status, not $expected, of: $*"
}

behaviour() { # NAME COMMAND...
    local status
    behaviour=$1
    shift
    printf '[ RUN      ] %s\n' "$behaviour"
    (
        set -e
        trap - EXIT
        "$@"
    )
    status=$?
    case $status in
    0)
        passed=$((passed + 1))
        printf '[       OK ] %s\n' "$behaviour"
        ;;
    "$skipped_status")
        skipped=$((skipped + 1))
        printf '[  SKIPPED ] %s\n' "$behaviour"
        ;;
    *)
        failed=$((failed + 1))
        printf '[  FAILED  ] %s\n' "$behaviour"
        ;;
    esac
}

end_of_tests() {
    printf '[==========] %d test(s) run.\n' $((passed + failed + skipped))
    printf '[  PASSED  ] %d test(s).\n' "$passed"
    if ((skipped > 0)); then
        printf '[  SKIPPED ] %d test(s), listed above.\n' "$skipped"
    fi
    if ((failed > 0)); then
        printf '\n %d FAILED TEST(S)\n' "$failed"
        exit 1
    fi
    exit 0
}
