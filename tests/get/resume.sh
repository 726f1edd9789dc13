#!/bin/bash
# Going on from a part: after ctrl-C, after kill -9, and not when that would be wrong. And sums.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/get/common.sh
. "$top_srcdir/tests/get/common.sh"

need_program jq jq
start_nginx
start_bad_server
head -c 4000000 /dev/urandom >"$files/random"
bad_file A >"$scratch/A"
sum=$(sha256sum <"$scratch/A")
sum=${sum%% *}
wrong_sum=${sum//[0-7]/8}

some_part_holds() { # BYTES
    [[ -n $(find . -name '*.part' -size "+$1c") ]]
}

# Ends slow downloads by SIGNAL when one has more than BYTES; the status is in $status.
end_at() { # BYTES SIGNAL ARGUMENTS...
    local bytes=$1 signal=$2 pid
    shift 2
    # A shell that is not interactive has its children in the background ignore SIGINT, and one
    # that was started so itself cannot undo it.
    env --default-signal=INT "$get" "$@" >"$scratch/out" 2>"$scratch/err" &
    pid=$!
    await some_part_holds "$bytes"
    kill "-$signal" "$pid"
    status=0
    wait "$pid" 2>/dev/null || status=$?
}

interrupted() {
    in_new_folder
    end_at 300000 INT "$nginx_url/slow/random"
    expect 'the status' "$status" 130
    expect 'what is there' "$(listing)" 'random.part random.part.from'
    complains '^whorl-get: 0 of 1 files saved, .*; 1 interrupted: run this again to go on$'
    cmp -n "$(stat -c %s random.part)" random.part "$files/random"
    gets 0 --json - "$nginx_url/slow/random"
    cmp random "$files/random"
    expect 'what is there' "$(listing)" random
    jq -e '.[0].resumed_from >= 300000 and .[0].received + .[0].resumed_from == 4000000' \
        "$scratch/out" >/dev/null
}

killed() {
    local round
    in_new_folder
    for round in 1 2 3; do
        end_at $((round * 400000)) KILL "$nginx_url/slow/random"
        expect 'the status' "$status" 137
        cmp -n "$(stat -c %s random.part)" random.part "$files/random"
    done
    gets 0 --json - "$nginx_url/slow/random"
    cmp random "$files/random"
    jq -e '.[0].resumed_from >= 1200000' "$scratch/out" >/dev/null
}

# All are as slow, so none is whole by then; most wait for a place.
many_interrupted() {
    local i
    in_new_folder
    for ((i = 0; i < 30; i++)); do
        echo "$nginx_url/slow/random part$i"
    done >"$scratch/list"
    end_at 300000 INT --json - -i "$scratch/list" "$nginx_url/slow/random"
    expect 'the status' "$status" 130
    expect 'files with their names' "$(find . -type f ! -name '*.part' ! -name '*.from')" ''
    expect 'files that are told' "$(jq 'map(select(.result == "interrupted")) | length' \
        "$scratch/out")" 31
}

# At the first sign of a file, and at other times soon after.
interrupted_early() {
    local round pid urls
    urls=("$bad_url/whole"/{1..40})
    for ((round = 0; round < 30; round++)); do
        in_new_folder
        env --default-signal=INT "$get" -q "${urls[@]}" 2>"$scratch/err" &
        pid=$!
        until compgen -G '*.part' >/dev/null || ! kill -0 "$pid" 2>/dev/null; do :; done
        sleep "0.00$((round % 10))"
        kill -INT "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
        expect 'the empty files' "$(find . -size 0)" ''
        expect 'files with their names that are not whole' \
            "$(find . -type f ! -name '*.part' ! -name '*.from' ! -size 100000c)" ''
    done
}

# A part, and the note of a version, made by hand.
make_part() { # URL VALIDATOR [BYTES]
    head -c "${3-5000}" "$scratch/A" >file.part
    printf 'url %s\nvalidator %s\nsize 100000\nend\n' "$1" "$2" >file.part.from
}

# URL comes whole, of which RESUMED bytes were there before.
comes_whole() { # URL RESUMED [ARGUMENTS...]
    gets 0 --json - -o file "${@:3}" "$1"
    cmp file "$scratch/A"
    expect 'what is there' "$(listing)" file
    expect 'what was resumed' "$(jq '.[0].resumed_from' "$scratch/out")" "$2"
    rm file
}

by_etag() {
    in_new_folder
    make_part "$bad_url/whole" '"one"'
    comes_whole "$bad_url/whole" 5000
    make_part "$bad_url/whole" '"another"'
    comes_whole "$bad_url/whole" 0
}

by_date() {
    in_new_folder
    gets 1 --retries 0 -o file "$bad_url/dated"
    grep -q '^validator Sat, 01 Jan 2000' file.part.from
    comes_whole "$bad_url/dated" 40000
}

not_by_the_date_of_a_fresh_file() {
    in_new_folder
    gets 1 --retries 0 -o file "$bad_url/dated/fresh"
    grep -qx 'validator ' file.part.from
}

not_from_what_is_not_known() {
    in_new_folder
    make_part "$bad_url/whole" ''
    comes_whole "$bad_url/whole" 0
    make_part "$bad_url/other" '"one"'
    comes_whole "$bad_url/whole" 0
    make_part "$bad_url/whole" '"one"'
    rm file.part.from
    comes_whole "$bad_url/whole" 0
    make_part "$bad_url/whole" '"one"'
    truncate -s -4 file.part.from
    comes_whole "$bad_url/whole" 0
    make_part "$bad_url/whole" '"one"'
    head -c 10000 /dev/zero >file.part.from
    comes_whole "$bad_url/whole" 0
    make_part "$bad_url/whole" '"one"'
    truncate -s 100001 file.part
    comes_whole "$bad_url/whole" 0
}

not_if_not_wanted() {
    in_new_folder
    make_part "$bad_url/whole" '"one"'
    comes_whole "$bad_url/whole" 0 --no-resume
}

# Killed between the last byte and the new name: nginx answers 416, as nothing is left.
whole_already() {
    in_new_folder
    cp "$files/random" file.part
    etag=$(printf 'HEAD /random HTTP/1.0\r\n\r\n' |
        { exec 5<>"/dev/tcp/127.0.0.1/${nginx_url##*:}" && cat >&5 && timeout 20 cat <&5; } |
        sed -nE 's/^ETag: ([^\r]*)\r?$/\1/p')
    printf 'url %s\nvalidator %s\nsize 4000000\nend\n' "$nginx_url/random" "$etag" >file.part.from
    gets 0 --json - -o file "$nginx_url/random"
    cmp file "$files/random"
    expect 'what came' "$(jq -c '.[0] | [.status, .received]' "$scratch/out")" '[416,0]'
}

two_at_once() {
    local pid
    in_new_folder
    "$get" -q "$nginx_url/slow/random" &
    pid=$!
    await holds_bytes random.part 1
    gets 1 "$nginx_url/random"
    complains '"random.part" is being written by another whorl-get: wait until'
    wait "$pid"
    cmp random "$files/random"
}

right_sum() {
    in_new_folder
    gets 0 --json - "$bad_url/whole#sha256=$sum"
    cmp whole "$scratch/A"
    expect 'the sum that is told' "$(jq -r '.[0].sha256' "$scratch/out")" "$sum"
    gets 0 --force "$bad_url/whole#sha256=${sum^^}"
    sha256sum whole >"$scratch/SUMS"
    gets 0 --force --checksum "$scratch/SUMS" "$bad_url/whole"
    sha256sum --binary whole | sed 's|\*|*some/where/|' >"$scratch/SUMS"
    gets 0 --force --checksum "$scratch/SUMS" "$bad_url/whole"
}

wrong_one() {
    in_new_folder
    gets 1 "$bad_url/whole#sha256=$wrong_sum" "$nginx_url/random"
    complains "the SHA-256 sum is $sum, not $wrong_sum: "
    expect 'what is there' "$(listing)" random
    echo "$wrong_sum  whole" >"$scratch/SUMS"
    gets 1 --checksum "$scratch/SUMS" "$bad_url/whole"
    expect 'what is there' "$(listing)" random
}

# What was resumed does not fit, though the server says so: it comes anew, once.
wrong_piece() {
    in_new_folder
    gets 1 --retries 0 -o file "$bad_url/lies"
    bad_file B >"$scratch/B"
    gets 0 --retries 0 -o file "$bad_url/lies#sha256=$(sha256sum <"$scratch/B" | cut -d' ' -f1)"
    cmp file "$scratch/B"
}

sums_that_are_none() {
    in_new_folder
    gets 2 "$bad_url/whole#sha256=12ab"
    complains 'has no SHA-256 sum behind its #sha256=: that has 64 hexadecimal digits'
    echo "$sum whole" >"$scratch/SUMS"
    gets 2 --checksum "$scratch/SUMS" "$bad_url/whole"
    complains 'SUMS, line 1 is no SHA-256 sum and name'
    echo "$sum  other" >"$scratch/SUMS"
    gets 2 --checksum "$scratch/SUMS" "$bad_url/whole"
    complains 'SUMS has no sum for "whole": add it'
    echo "$sum  whole" >"$scratch/SUMS"
    gets 2 --checksum "$scratch/SUMS" "$bad_url/whole#sha256=$wrong_sum"
    complains 'gives "whole" another sum'
    gets 2 --checksum "$scratch/missing" "$bad_url/whole"
    complains 'missing" cannot be read: No such file'
    expect 'what is there' "$(listing)" ''
}

behaviour 'ctrl-C leaves no file with its name, and the next run goes on' interrupted
behaviour 'after kill -9 the next run goes on' killed
behaviour 'ctrl-C ends many downloads, and all are told' many_interrupted
behaviour 'ctrl-C at the very beginning leaves no empty files' interrupted_early
behaviour 'a part is gone on with if its ETag is still that of the file' by_etag
behaviour 'a part is gone on with by the time of the last change' by_date
behaviour 'the time of the last change says nothing when that was this second' \
    not_by_the_date_of_a_fresh_file
behaviour 'a part of which nothing is known is not gone on with' not_from_what_is_not_known
behaviour 'a part is not gone on with if that is not wanted' not_if_not_wanted
behaviour 'a part that is whole already gets its name' whole_already
behaviour 'a file that another whorl-get writes is left alone' two_at_once
behaviour 'a file with the right sum is saved' right_sum
behaviour 'a file with a wrong sum gets no name' wrong_one
behaviour 'pieces that do not fit, by their sum, are not kept' wrong_piece
behaviour 'sums that are none are refused before anything is done' sums_that_are_none
end_of_tests
