#!/bin/bash
# The workload sync of whorl-bench in a short run: each of its parts has its rows, and compares them
# with what is made by hand.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

bench=$top_builddir/whorl-bench

# The part's table has a row, and a line that compares it, for each of the pairs.
part_compares() { # PART SUBJECT/OTHER...
    local part=$1 pair
    shift
    sed -n "/^sync, $part: /,/^sync, /p" "$scratch/table" >"$scratch/part"
    [[ -s $scratch/part ]] || fail "no table of $part"
    for pair; do
        grep -qE "^  ${pair%/*} +[0-9.]+ [nu]s " "$scratch/part" || fail "no row of ${pair%/*}"
        grep -qE "^  ${pair%/*} / ${pair#*/} +[a-z ]+ [0-9.]+ " "$scratch/part" ||
            fail "${pair%/*} is not compared with ${pair#*/}"
    done
}

all_parts_are_measured() {
    "$bench" sync --seconds 0.02 --rounds 1 >"$scratch/table"
    part_compares lock whorl/pthread-mutex whorl-semaphore/pthread-mutex
    part_compares hand whorl/threads whorl-channel/threads whorl-generator/threads-one
    [[ $(nproc) == 1 ]] || part_compares post whorl/list whorl/eventfd whorl-with/list
    part_compares thread whorl/threads whorl-together/threads-together
}

behaviour 'sync measures locks, hand-overs, posts and threads' all_parts_are_measured
end_of_tests
