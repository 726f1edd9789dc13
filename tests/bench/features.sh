#!/bin/bash
# What whorl-bench features prints: the features, and the table of operations, which must hold each
# call on files and sockets once, and no call that there is not.
# shellcheck shell=bash
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

bench=$top_builddir/whorl-bench

# The rows of the table of operations, without its head.
operations() {
    "$bench" features | sed '1,/^operation /d'
}

# The calls of the table, one a line.
calls_of_table() {
    operations | cut -c "$("$bench" features | awk '/^operation / {print index($0, "calls")}')"- |
        tr ' ' '\n' | grep . | sort
}

# The calls that headers declare, one a line.
calls_of_headers() { # HEADER...
    local header
    for header; do
        grep -o 'whorl_[a-z0-9_]*(' "$top_srcdir/include/whorl/$header"
    done | tr -d '(' | sed 's/^whorl_//' | sort -u
}

features_are_listed() {
    "$bench" features >"$scratch/table"
    grep -qE '^Linux [0-9]+\.[0-9].*; whorl [0-9]' "$scratch/table" || fail 'no kernel, no version'
    grep -qxE 'feature +since +here +without it' "$scratch/table" || fail 'no heads'
    grep -qxE 'abs_timer +6\.12 +(yes|no) +waits for a duration' "$scratch/table" ||
        fail 'no abs_timer'
    grep -qxE 'op_readv_fixed +6\.15 +(yes|no) +none: -EOPNOTSUPP' "$scratch/table" ||
        fail 'no op_readv_fixed'
}

# Of the features some are operations, too.
tables_agree() {
    "$bench" features | awk '
        /^op_/ {
            name = substr($1, 4)
            since[name] = $2
            sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "")
            words[name] = $0
            next
        }
        $1 in since {
            row = $0
            sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +/, "", row)
            if ($3 != since[$1] || index(row, words[$1]) != 1) { print $1 " is told otherwise"; bad = 1 }
            rows++
        }
        END { exit bad || rows != 5 }' >"$scratch/lines" || fail "$(cat "$scratch/lines")"
}

columns_are_aligned() {
    "$bench" features | awk '
        /^operation / {
            split("opcode since here without calls", heads, " ")
            for (i in heads) at[i] = index($0, heads[i])
            next
        }
        at[1] {
            for (i in heads)
                if (length($0) >= at[i] && (substr($0, at[i] - 1, 1) != " " || substr($0, at[i], 1) == " "))
                    { print "out of line: " $0; bad = 1 }
            if (/ $/) { print "a blank at the end: " $0; bad = 1 }
            rows++
        }
        END { exit bad || rows < 50 }' >"$scratch/lines" || fail "$(cat "$scratch/lines")"
}

rows_tell_opcode_kernel_and_fallback() {
    operations >"$scratch/rows"
    grep -qE '^openat2 +IORING_OP_OPENAT2 +5\.6 +yes +- +openat2$' "$scratch/rows" ||
        fail 'openat2 is not as it should be'
    grep -qE "^ftruncate +IORING_OP_FTRUNCATE +6\.9 +(yes|no) +ftruncate\(2\) on the loop's thread" \
        "$scratch/rows" || fail 'ftruncate is not as it should be'
    grep -qE '^readlinkat +thread +2\.6\.16 +yes +- +readlink ' "$scratch/rows" ||
        fail 'readlinkat is not as it should be'
}

calls_exist() {
    calls_of_table >"$scratch/table"
    $NM -D --defined-only "$top_builddir/.libs/libwhorl.so" | sed -n 's/.* T whorl_//p' | sort \
        >"$scratch/library"
    expect 'what the table names and the library lacks' \
        "$(comm -23 "$scratch/table" "$scratch/library")" ''
    expect 'what stands there twice' "$(uniq -d "$scratch/table")" ''
}

calls_are_all_there() {
    calls_of_table >"$scratch/table"
    calls_of_headers fs.h path.h xattr.h net.h >"$scratch/headers"
    expect 'what the headers have and the table lacks' \
        "$(comm -13 "$scratch/table" "$scratch/headers")" ''
}

# What the kernel's header names, and is neither for files nor for sockets: it serves rings and what
# stands in them, waits for what is not a descriptor, or is a device's own.
others='LAST|ASYNC_CANCEL|LINK_TIMEOUT|TIMEOUT|TIMEOUT_REMOVE|POLL_REMOVE|MSG_RING|FILES_UPDATE'
others+='|PROVIDE_BUFFERS|REMOVE_BUFFERS|FIXED_FD_INSTALL|FUTEX_WAIT|FUTEX_WAKE|FUTEX_WAITV'
others+='|EPOLL_CTL|EPOLL_WAIT|READ_MULTISHOT|RECV_ZC|PIPE|URING_CMD|URING_CMD128|NOP128'

# That of the machine may be older than the table, or newer than this test.
opcodes_are_all_there() {
    local header=/usr/include/linux/io_uring.h
    [[ -r $header ]] || skip "$header is missing (Debian: linux-libc-dev)"
    sed -nE 's/^[[:space:]]*IORING_OP_([A-Z0-9_]+)([ ,=].*)?$/\1/p' "$header" |
        grep -vxE "$others" | sort -u >"$scratch/header"
    (($(wc -l <"$scratch/header") >= 37)) || fail 'the header does not name its operations'
    operations | sed -nE 's/^[a-z0-9_]+ +IORING_OP_([A-Z0-9_]+) .*/\1/p' | sort >"$scratch/table"
    expect 'what the header has and the table lacks' \
        "$(comm -23 "$scratch/header" "$scratch/table")" ''
}

json_has_the_same_rows() {
    "$bench" features --json - >"$scratch/json"
    expect 'the first line' "$(head -n 1 "$scratch/json")" '{'
    expect 'the last line' "$(tail -n 1 "$scratch/json")" '}'
    expect 'the number of operations' "$(grep -c '"opcode": ' "$scratch/json")" \
        "$(operations | wc -l)"
    grep -qF '{"name": "splice", "opcode": "IORING_OP_SPLICE", "kernel": "5.7", "here": true, "fallback": null, "calls": ["splice"]}' \
        "$scratch/json" || fail 'splice is not as it should be'
    grep -qE '\{"name": "abs_timer", "kernel": "6\.12", "here": (true|false), "fallback": "waits for a duration"\}' \
        "$scratch/json" || fail 'no abs_timer'
    "$bench" features --json "$scratch/file" >"$scratch/table"
    cmp "$scratch/json" "$scratch/file"
    grep -q '^operation ' "$scratch/table" || fail 'no table beside the JSON'
    command -v python3 >"$scratch/python" || return 0
    python3 -c 'import json, sys; json.load(sys.stdin)' <"$scratch/json"
}

statuses_tell_what_happened() {
    expect_status 0 "$bench" features
    expect_status 0 "$bench" features --help
    grep -q 'Measures nothing' "$scratch/out" || fail 'the help does not say what it does'
    expect_status 2 "$bench" features --rounds 3
    grep -q 'has no option --rounds' "$scratch/err" || fail 'the sentence is another'
    expect_status 2 "$bench" features --json "$scratch/none/file"
    expect_status 2 "$bench" feature
    grep -q 'all and features' "$scratch/err" || fail 'it is not among the subcommands'
    [[ -w /dev/full ]] || return 0
    local status=0
    "$bench" features >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status of a table that cannot be written' "$status" 1
    expect_status 1 "$bench" features --json /dev/full
}

behaviour 'whorl-bench features lists the features of io_uring' features_are_listed
behaviour 'what is both a feature and an operation is told in the same words' tables_agree
behaviour 'the columns of the table of operations are aligned' columns_are_aligned
behaviour 'its rows tell opcode, kernel and fallback' rows_tell_opcode_kernel_and_fallback
behaviour 'every call that it names is in the library, once' calls_exist
behaviour 'every call on files and sockets is in it' calls_are_all_there
behaviour 'every operation of io_uring on files and sockets is in it' opcodes_are_all_there
behaviour 'the JSON has the same rows' json_has_the_same_rows
behaviour 'exit statuses tell what happened' statuses_tell_what_happened
end_of_tests
