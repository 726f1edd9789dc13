#!/bin/bash
# Each fuzz target in libFuzzer's hands for some seconds, from its corpus and a fixed seed; in a build
# that was configured with --enable-fuzzers. WHORL_TEST_ROUNDS=N takes N times as many inputs.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

rounds=${WHORL_TEST_ROUNDS:-1}

# What ends it is kept, and named in the log: "Test unit written to".
runs_without_a_crash() { # NAME
    local program=$top_builddir/tests/fuzz/fuzz_$1 artifacts=$top_builddir/tests/fuzz/found/$1
    [[ -x $program ]] || skip 'it was not built, as libcurl is missing'
    mkdir -p "$scratch/corpus.$1" "$artifacts"
    "$program" -runs=$((20000 * rounds)) -max_total_time=$((5 * rounds)) -seed=1 \
        -max_len=4096 -timeout=20 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$artifacts/" "$scratch/corpus.$1" "$top_srcdir/tests/fuzz/corpus/$1" \
        >"$scratch/log.$1" 2>&1 || {
        cat "$scratch/log.$1"
        fail "$program has found what does not hold"
    }
    grep -a number_of_executed_units "$scratch/log.$1"
}

for folder in "$top_srcdir"/tests/fuzz/corpus/*/; do
    name=$(basename "$folder")
    behaviour "what is found from the corpus of $name does no harm" runs_without_a_crash "$name"
done
end_of_tests
