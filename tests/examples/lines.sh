#!/bin/bash
# lines counts what wc -l counts, in the order of its arguments, and tells what it cannot read.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

# Three files, in the scratch directory.
make_files() {
    printf 'one\ntwo\nthree\n' >"$scratch/three"
    printf 'one\ntwo' >"$scratch/one"
    : >"$scratch/empty"
}

counts_files() {
    make_files
    cd "$scratch"
    expect_status 0 "$examples/lines" three one empty three
    expect 'the output' "$(cat out)" "$(printf '%8d %s\n' 3 three 1 one 0 empty 3 three 7 total)"
    expect 'what it complains of' "$(cat err)" ''
    expect_status 0 "$examples/lines" three
    expect 'the output' "$(cat out)" '       3 three'
}

counts_the_standard_input() {
    make_files
    expect_status 0 "$examples/lines" <"$scratch/three"
    expect 'the output' "$(cat "$scratch/out")" '       3'
    expect_status 0 "$examples/lines" < <(printf 'a\n\nb\n'; sleep 0.1; printf 'c\n')
    expect 'the output' "$(cat "$scratch/out")" '       4'
}

# More files than it opens at once, some with long lines and zero bytes.
agrees_with_wc() {
    local i
    cd "$scratch"
    mkdir -p many
    for i in {1..300}; do
        head -c $((i * 997 % 300000)) /dev/urandom >"many/$i"
    done
    head -c 5000000 /dev/zero >many/zeros
    expect_status 0 "$examples/lines" many/*
    expect 'the counts' "$(awk '{print $1, $2}' out)" "$(wc -l many/* | awk '{print $1, $2}')"
}

tells_what_it_cannot_read() {
    make_files
    cd "$scratch"
    expect_status 1 "$examples/lines" three none . one
    expect 'the output' "$(cat out)" "$(printf '%8d %s\n' 3 three 1 one 4 total)"
    expect 'the sentences' "$(cat err)" "lines: none: No such file or directory
lines: .: Is a directory"
}

lines_help() {
    expect_status 0 "$examples/lines" --help
    expect 'the text' "$(cat "$scratch/out")" "Usage: lines [FILE]...
Counts the lines of each FILE, and of all; of the standard input if there is none."
}

behaviour 'lines counts in the order of its arguments' counts_files
behaviour 'lines counts the standard input' counts_the_standard_input
behaviour 'lines agrees with wc on many files' agrees_with_wc
behaviour 'lines tells what it cannot read, and goes on' tells_what_it_cannot_read
behaviour 'lines explains itself' lines_help
behaviour 'lines tells when its output is lost' full_output lines "$top_srcdir/README.md"
end_of_tests
