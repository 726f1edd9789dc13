#!/bin/bash
# hello and say_after, which wait in real time, and ping_test, which is a test itself: their output.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

hello() {
    expect_status 0 "$examples/hello"
    expect 'the output' "$(cat "$scratch/out")" $'Hello ...\n... world!'
}

# The lines with the times and durations blotted out.
say_after_shape() {
    sed -E 's/ at [0-9:]{8}/ at TIME/; s/[0-9]+\.[0-9] seconds/N seconds/' "$scratch/out"
}

durations() {
    sed -nE 's/^finished .* after ([0-9.]+) seconds$/\1/p' "$scratch/out"
}

# Waits are never shorter than asked; that the two together take less than one after the other is
# seen in one of ten runs at least: a busy machine holds some of them up.
say_after() {
    local run turn both
    for run in {1..10}; do
        expect_status 0 "$examples/say_after"
        expect 'the output' "$(say_after_shape)" "one after another:
started at TIME
hello
world
finished at TIME, after N seconds
together:
started at TIME
hello
world
finished at TIME, after N seconds"
        { read -r turn && read -r both; } < <(durations)
        echo "run $run: $turn and $both seconds"
        awk -v turn="$turn" -v both="$both" 'BEGIN { exit !(turn >= 3 && both >= 2) }' ||
            fail 'a wait was shorter than asked'
        awk -v turn="$turn" -v both="$both" 'BEGIN { exit !(both < turn) }' && return
    done
    fail 'the sleeps together took as long as one after another'
}

# cmocka's report goes to stdout and stderr alike.
ping_test_passes() {
    [[ -x $examples/ping_test ]] || skip 'cmocka is not installed'
    expect_status 0 timeout 60 "$examples/ping_test"
    expect 'the report' "$(sed 's/^\[==========\] .*/=/' "$scratch/out" "$scratch/err")" \
        '=
[ RUN      ] an_echo_answers
[       OK ] an_echo_answers
[ RUN      ] a_silent_peer_is_given_up_after_an_hour
[       OK ] a_silent_peer_is_given_up_after_an_hour
=
[  PASSED  ] 2 test(s).'
}

behaviour 'hello says its two words' hello
behaviour 'say_after sleeps one after another, and together' say_after
behaviour 'hello fails when its words cannot be written' full_output hello
behaviour 'say_after fails when its words cannot be written' full_output say_after
behaviour 'ping_test passes' ping_test_passes
end_of_tests
