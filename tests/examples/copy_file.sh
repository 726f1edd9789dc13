#!/bin/bash
# copy_file makes true copies, and refuses what it cannot copy with a sentence and a status.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

copies() { # BYTES
    head -c "$1" /dev/urandom >"$scratch/from"
    expect_status 0 "$examples/copy_file" "$scratch/from" "$scratch/to"
    cmp "$scratch/from" "$scratch/to"
    expect 'the output' "$(cat "$scratch/out" "$scratch/err")" ''
}

copies_over_a_longer_file() {
    head -c 1000000 /dev/urandom >"$scratch/to"
    copies 70000
}

keeps_the_mode() {
    echo text >"$scratch/from"
    chmod 640 "$scratch/from"
    rm -f "$scratch/to"
    (umask 0; expect_status 0 "$examples/copy_file" "$scratch/from" "$scratch/to")
    expect "the copy's mode" "$(stat -c %a "$scratch/to")" 640
}

refuses() { # STATUS SENTENCE ARGUMENTS...
    local status=$1 sentence=$2
    shift 2
    expect_status "$status" "$examples/copy_file" "$@"
    expect 'the sentence' "$(cat "$scratch/err")" "copy_file: $sentence"
}

missing_file() {
    refuses 1 "cannot open $scratch/none: No such file or directory" "$scratch/none" "$scratch/to2"
    [[ ! -e $scratch/to2 ]] || fail 'it made the copy of a missing file'
}

directories() {
    echo text >"$scratch/from"
    refuses 1 "$scratch is not a regular file" "$scratch" "$scratch/to2"
    [[ ! -e $scratch/to2 ]] || fail 'it made the copy of a directory'
    refuses 1 "$scratch is not a regular file" "$scratch/from" "$scratch"
}

same_file() {
    echo text >"$scratch/from"
    ln -f "$scratch/from" "$scratch/other_name"
    refuses 1 "$scratch/from and $scratch/other_name are the same file" \
        "$scratch/from" "$scratch/other_name"
    expect 'the file' "$(cat "$scratch/from")" text
}

not_a_file() {
    echo text >"$scratch/from"
    refuses 1 '/dev/null is not a regular file' "$scratch/from" /dev/null
}

# What has no offsets: neither waited for at the other end of a FIFO, nor copied wrongly.
not_a_file_to_copy() {
    local from
    mkfifo "$scratch/fifo"
    echo text >"$scratch/to3"
    for from in /dev/zero /dev/stdin "$scratch/fifo"; do
        expect_status 1 timeout 60 "$examples/copy_file" "$from" "$scratch/to2" \
            < <(head -c 300000 /dev/urandom)
        expect 'the sentence' "$(cat "$scratch/err")" "copy_file: $from is not a regular file"
        [[ ! -e $scratch/to2 ]] || fail "it made the copy of $from"
        expect_status 1 timeout 60 "$examples/copy_file" "$from" "$scratch/to3" < <(:)
        expect 'the file that was there' "$(cat "$scratch/to3")" text
    done
    expect_status 1 timeout 60 "$examples/copy_file" "$scratch/to3" "$scratch/fifo"
    expect 'the sentence' "$(cat "$scratch/err")" \
        "copy_file: $scratch/fifo is not a regular file"
}

# A limit on the size of files, its signal ignored, makes a write fail in the middle.
failing_write() {
    head -c 3000000 /dev/urandom >"$scratch/from"
    (
        trap '' XFSZ
        ulimit -f 1000
        expect_status 1 "$examples/copy_file" "$scratch/from" "$scratch/limited"
    )
    grep -qxF "copy_file: cannot write $scratch/limited: File too large" "$scratch/err" ||
        fail "it says: $(cat "$scratch/err")"
}

copy_file_arguments() {
    refuses 2 'give two names, FROM and TO; --help tells more'
    refuses 2 'give two names, FROM and TO; --help tells more' one two three
    expect_status 0 "$examples/copy_file" --help
    grep -q '^Usage: copy_file FROM TO$' "$scratch/out"
}

behaviour 'copy_file copies an empty file' copies 0
behaviour 'copy_file copies one byte' copies 1
behaviour 'copy_file copies exactly one piece' copies 131072
behaviour 'copy_file copies 8 MiB and an odd tail' copies 8392123
behaviour 'copy_file leaves nothing of a longer file' copies_over_a_longer_file
behaviour "copy_file keeps the file's mode" keeps_the_mode
behaviour 'copy_file names a missing file' missing_file
behaviour 'copy_file refuses directories' directories
behaviour 'copy_file does not empty the file that it is to copy' same_file
behaviour 'copy_file writes to no device' not_a_file
behaviour 'copy_file refuses what is no regular file, and leaves TO alone' not_a_file_to_copy
behaviour 'copy_file tells of a failing write' failing_write
behaviour 'copy_file refuses nonsense arguments' copy_file_arguments
end_of_tests
