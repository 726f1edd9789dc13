#!/bin/bash
# copy_tree copies trees, says what it copied, and names what it could not.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

copies() { # FROM SUMMARY
    rm -rf "$scratch/to"
    expect_status 0 "$examples/copy_tree" "$1" "$scratch/to"
    expect 'the summary' "$(cat "$scratch/out")" "$2"
    expect 'the complaints' "$(cat "$scratch/err")" ''
    diff -r --no-dereference "$1" "$scratch/to" || fail 'the copy is another'
}

small_trees() {
    mkdir "$scratch/one"
    copies "$scratch/one" 'copied 0 bytes in 0 files, 1 directory'
    echo text >"$scratch/one/file"
    copies "$scratch/one" 'copied 5 bytes in 1 file, 1 directory'
}

all_kinds() {
    local from=$scratch/kinds
    mkdir -p "$from/sub/deep" "$from/empty"
    head -c 100000 /dev/urandom >"$from/sub/deep/large"
    echo text >"$from/sub/file"
    ln -s nowhere "$from/sub/link"
    ln -s . "$from/itself"
    chmod 500 "$from/empty"
    touch -d 2001-02-03 "$from/sub/file" "$from/sub"
    copies "$from" 'copied 100005 bytes in 2 files, 4 directories, 2 links'
    expect 'the mode' "$(stat -c %a "$scratch/to/empty")" 500
    expect 'the time of a file' "$(stat -c %Y "$scratch/to/sub/file")" "$(date -d 2001-02-03 +%s)"
    expect 'the time of a directory' "$(stat -c %Y "$scratch/to/sub")" "$(date -d 2001-02-03 +%s)"
    mkfifo "$from/fifo"
    rm -rf "$scratch/to"
    expect_status 0 "$examples/copy_tree" "$from" "$scratch/to"
    expect 'the summary' "$(cat "$scratch/out")" \
        'copied 100005 bytes in 2 files, 4 directories, 2 links, 1 special file'
    [[ -p $scratch/to/fifo ]] || fail 'the FIFO was not copied'
}

refuses() { # STATUS SENTENCE ARGUMENTS...
    local status=$1 sentence=$2
    shift 2
    expect_status "$status" "$examples/copy_tree" "$@"
    expect 'the sentence' "$(cat "$scratch/err")" "copy_tree: $sentence"
    expect 'the summary' "$(cat "$scratch/out")" ''
}

wrong_roots() {
    local from=$scratch/from
    mkdir -p "$from/sub" "$scratch/there"
    refuses 1 "cannot copy $scratch/none: No such file or directory" "$scratch/none" "$scratch/new"
    refuses 1 "cannot copy $scratch/there: File exists" "$from" "$scratch/there"
    refuses 1 "cannot copy $from/sub/to: Invalid argument" "$from" "$from/sub/to"
    refuses 1 "cannot copy /dev/null: Not a directory" /dev/null "$scratch/new"
    [[ ! -e $scratch/new ]] || fail 'it made a copy of nothing'
    [[ -d $scratch/there ]] || fail 'it removed what was there'
}

# A limit on the size of files, its signal ignored, makes two of three fail.
goes_on() {
    local from=$scratch/sizes
    mkdir "$from"
    echo text >"$from/small"
    head -c 300000 /dev/zero | tr '\0' x | tee "$from/large" >"$from/larger"
    (
        trap '' XFSZ
        ulimit -f 100
        expect_status 1 "$examples/copy_tree" "$from" "$scratch/limited"
    )
    expect 'the summary' "$(cat "$scratch/out")" 'copied 5 bytes in 1 file, 1 directory'
    grep -qx "copy_tree: cannot copy $scratch/limited/larger\?: File too large" "$scratch/err" ||
        fail "it says: $(cat "$scratch/err")"
    grep -qxF 'copy_tree: and 1 more after that' "$scratch/err" ||
        fail "it says: $(cat "$scratch/err")"
    expect 'the copy' "$(ls "$scratch/limited")" small
}

# Where the interrupt comes in time, nothing is left of the copy. --foreground: one
# SIGINT, not two, of which the second would kill.
interrupted() {
    local from=$scratch/big status cut=0 round
    mkdir "$from"
    head -c 50000000 /dev/zero | tr '\0' x >"$from/large"
    cp "$from/large" "$from/other"
    for round in 1 2 3 4 5 6 7 8; do
        status=0
        timeout --foreground -s INT "0.0$round" "$examples/copy_tree" "$from" "$scratch/cut" \
            >"$scratch/out" 2>"$scratch/err" || status=$?
        if grep -q interrupted "$scratch/err"; then
            expect 'the sentence' "$(cat "$scratch/err")" \
                'copy_tree: interrupted, and what was copied is removed'
            [[ ! -e $scratch/cut ]] || fail 'it left a part of the copy'
            cut=$((cut + 1))
        elif [[ -e $scratch/cut ]]; then
            diff -r "$from" "$scratch/cut" || fail 'the copy is another'
        fi
        rm -rf "$scratch/cut"
    done
    echo "$cut of 8 copies were interrupted"
}

copy_tree_arguments() {
    refuses 2 'give two names, FROM and TO; --help tells more'
    refuses 2 'give two names, FROM and TO; --help tells more' one two three
    expect_status 0 "$examples/copy_tree" --help
    grep -q '^Usage: copy_tree FROM TO$' "$scratch/out"
}

summary_is_not_lost() {
    mkdir "$scratch/any"
    full_output copy_tree "$scratch/any" "$scratch/copy_of_any"
}

behaviour 'copy_tree copies small trees' small_trees
behaviour 'copy_tree copies directories, files, links and FIFOs with modes and times' all_kinds
behaviour 'copy_tree names the root that is wrong' wrong_roots
behaviour 'copy_tree goes on past errors, and counts them' goes_on
behaviour 'copy_tree removes what it has copied when it is interrupted' interrupted
behaviour 'copy_tree refuses nonsense arguments' copy_tree_arguments
behaviour 'copy_tree tells of a summary that could not be written' summary_is_not_lost
end_of_tests
