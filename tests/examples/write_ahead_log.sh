#!/bin/bash
# write_ahead_log loses nothing that was put, and refuses a file that is there.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

write_ahead_log() {
    expect_status 0 timeout 60 "$examples/write_ahead_log" "$scratch/store"
    expect 'the output' "$(cat "$scratch/out")" \
        "8 writers have put 25 values each: 200 records in 25 commits
    recovered 200 records, dropped 0 bytes; 40 keys, the first is 21
a program has put 5 more, and was killed
    recovered 205 records, dropped 0 bytes; 40 keys, the first is 1000
the power has failed in the middle of a record
    recovered 205 records, dropped 11 bytes; 40 keys, the first is 1000
the log was compacted
    recovered 40 records, dropped 0 bytes; 40 keys, the first is 1000"
    expect 'the complaints' "$(cat "$scratch/err")" ''
}

file_that_is_there() {
    echo text >"$scratch/text"
    expect_status 1 "$examples/write_ahead_log" "$scratch/text"
    expect 'the sentence' "$(cat "$scratch/err")" 'write_ahead_log: File exists'
    expect 'the file' "$(cat "$scratch/text")" text
    expect_status 1 "$examples/write_ahead_log" "$scratch/none/store"
    expect 'the sentence' "$(cat "$scratch/err")" 'write_ahead_log: No such file or directory'
}

write_ahead_log_arguments() {
    expect_status 2 "$examples/write_ahead_log"
    expect 'the sentence' "$(cat "$scratch/err")" \
        'write_ahead_log: give one name, of a file that is not there yet'
}

behaviour 'write_ahead_log loses nothing, whatever happens' write_ahead_log
behaviour 'write_ahead_log refuses a file that is there' file_that_is_there
behaviour 'write_ahead_log refuses nonsense arguments' write_ahead_log_arguments
behaviour 'write_ahead_log fails when its words cannot be written' \
    full_output write_ahead_log "$scratch/full"
end_of_tests
