#!/bin/bash
# What whorl-get shows: bars on a terminal, plain lines elsewhere, JSON, help, and refusals.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/get/common.sh
. "$top_srcdir/tests/get/common.sh"

start_nginx
start_bad_server
# At 1 MB/s it is on the way for two seconds, in which bars are drawn several times.
head -c 2000000 /dev/urandom >"$files/random"
escape=$'\033'

# whorl-get with a terminal of COLUMNS for its stderr; what that would show is in $scratch/shown.
on_terminal() { # COLUMNS ARGUMENTS...
    local columns=$1
    shift
    command -v script >/dev/null || skip 'script is missing (Debian: bsdutils)'
    printf '%q ' "$get" "$@" >"$scratch/command"
    timeout -k 10 120 script -qec "stty cols $columns rows 10; $(cat "$scratch/command")" \
        /dev/null </dev/null >"$scratch/shown"
}

bars() {
    in_new_folder
    TERM=xterm NO_COLOR='' on_terminal 100 "$nginx_url/slow/random"
    cmp random "$files/random"
    sed "s/$escape\[[0-9]*[A-Za-z]//g; s/\r//g" "$scratch/shown" >"$scratch/plain"
    grep -qE '^random +\[=+> *\] +[0-9]+% +[0-9.]+ [kM]B +[0-9.]+ [kM]B/s [0-9.]+ s$' \
        "$scratch/plain" || fail "no bar in: $(cat -v "$scratch/shown")"
    grep -q '^total .* 0 of 1 files$' "$scratch/plain"
    grep -qF "$escape[2A" "$scratch/shown" || fail 'the bars are not redrawn in place'
    grep -qF "$escape[36m" "$scratch/shown" || fail 'there is no colour'
    tail -n 1 "$scratch/shown" | grep -q '1 of 1 files saved'
}

# No line is as wide as the terminal, whatever its width.
narrow_bars() {
    local columns
    ln "$files/random" "$files/a-name-that-is-much-longer-than-a-terminal-has-columns-for-it"
    for columns in 20 40 60 80; do
        in_new_folder
        TERM=xterm NO_COLOR=1 on_terminal "$columns" --json "$scratch/json" \
            "$nginx_url/slow/a-name-that-is-much-longer-than-a-terminal-has-columns-for-it"
        tr '\r' '\n' <"$scratch/shown" | sed "s/$escape\[[0-9]*[A-Za-z]//g" |
            grep -v '^whorl-get: ' | awk -v most="$columns" '
                length($0) >= most { print "too wide: " $0; bad = 1 }
                END { exit bad }'
    done
}

# Characters that take two columns count as two.
wide_names() {
    local name=漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢漢
    [[ $(LC_ALL=C.UTF-8 locale charmap 2>/dev/null) == UTF-8 ]] || skip 'there is no C.UTF-8'
    in_new_folder
    TERM=xterm NO_COLOR=1 LC_ALL=C.UTF-8 on_terminal 60 -o "$name" "$nginx_url/slow/random"
    tr '\r' '\n' <"$scratch/shown" | sed "s/$escape\[[0-9]*[A-Za-z]//g" |
        grep -v '^whorl-get: ' | sed 's/漢/##/g' >"$scratch/plain"
    grep -q '^####.*\.\. ' "$scratch/plain" || fail 'the name is not shown'
    awk 'length($0) >= 60 { print "too wide: " $0; bad = 1 } END { exit bad }' "$scratch/plain"
}

no_colours() {
    in_new_folder
    TERM=xterm NO_COLOR=1 on_terminal 100 "$nginx_url/slow/random"
    grep -qF "$escape[2A" "$scratch/shown"
    ! grep -qE "$escape\[[0-9]*m" "$scratch/shown" || fail 'there are colours'
}

no_bars() { # ENVIRONMENT ARGUMENTS...
    in_new_folder
    export "$1"
    shift
    on_terminal 100 "$@" "$nginx_url/random" "$nginx_url/missing" || :
    ! grep -qF "$escape[2A" "$scratch/shown" || fail 'there are bars'
    grep -q 'answered 404' "$scratch/shown"
}

plain_on_a_pipe() {
    in_new_folder
    TERM=xterm gets 1 "$nginx_url/slow/random" "$nginx_url/missing"
    ! grep -q "$escape" "$scratch/out" "$scratch/err" || fail 'it is not plain'
    expect 'stdout' "$(cat "$scratch/out")" ''
    expect 'the number of lines' "$(wc -l <"$scratch/err")" 3
}

quiet() {
    in_new_folder
    gets 1 --quiet "$nginx_url/random" "$nginx_url/missing"
    expect 'what it says' "$(cat "$scratch/err")" \
        "whorl-get: $nginx_url/missing: the server answered 404 (not found): see that the URL is right"
}

# What a server or a list makes up reaches no terminal as an escape.
no_foreign_escapes() {
    in_new_folder
    gets 2 "$nginx_url/$escape]0;title"
    ! grep -q "$escape" "$scratch/err" || fail 'an escape came through'
    gets 1 "$nginx_url/%1b]0;title%c2%9b" "$bad_url/redirect/gopher://x/"$'\xc2\x9b'
    ! grep -q "$escape" "$scratch/err" || fail 'an escape came through'
}

json() {
    command -v jq >/dev/null || skip 'jq is missing (Debian: jq)'
    in_new_folder
    gets 1 --json report "$nginx_url/random" "$nginx_url/missing" "$nginx_url/caf%C3%A9"
    jq -e 'length == 3 and .[0].result == "saved" and .[0].file == "random"
        and .[0].bytes == 2000000 and .[0].received == 2000000 and .[0].resumed_from == 0
        and .[0].status == 200 and .[0].attempts == 1 and .[0].seconds > 0
        and (.[0] | has("error") | not) and .[1].result == "failed" and .[1].status == 404
        and (.[1].error | contains("404")) and .[2].file == "café"' report >/dev/null
    gets 0 --quiet --force --json - "$nginx_url/random"
    jq -e '.[0].result == "saved"' "$scratch/out" >/dev/null
    expect 'stderr' "$(cat "$scratch/err")" ''
}

json_that_cannot_be_written() {
    local status=0
    in_new_folder
    gets 2 --json "$folder/no/such/place" "$nginx_url/random"
    complains 'place" cannot be written: No such file or directory; name a file that can'
    expect 'what is there' "$(listing)" ''
    "$get" -q --json - "$nginx_url/random" >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    complains 'writing the JSON failed: see that there is room where it goes'
}

help_and_version() {
    local option
    expect_status 0 "$get" --help
    expect 'the first line' "$(head -n 1 "$scratch/out")" 'Usage: whorl-get [OPTION]... URL...'
    for option in $(grep -oE -e '--[a-z-]+' "$scratch/out" | sort -u); do
        grep -qE "Fl (. , )?-${option#--}( |\$)" "$top_srcdir/tools/get/whorl-get.1" ||
            fail "the manual page does not tell of $option"
    done
    expect_status 0 "$get" -V
    grep -qE '^whorl-get [0-9.]+ \(libcurl/' "$scratch/out"
}

help_that_cannot_be_written() {
    local asked status
    [[ -w /dev/full ]] || skip 'there is no /dev/full'
    for asked in --help --version; do
        status=0
        "$get" "$asked" >/dev/full 2>"$scratch/err" || status=$?
        expect 'the status' "$status" 1
        complains '^whorl-get: stdout takes nothing: No space left on device'
    done
}

manual_page() {
    command -v mandoc >/dev/null || skip 'mandoc is missing (Debian: mandoc)'
    mandoc -T lint -W warning "$top_srcdir/tools/get/whorl-get.1"
}

# Refused with a sentence like PATTERN, and nothing is done.
refused() { # PATTERN ARGUMENTS...
    gets 2 "${@:2}"
    complains "^whorl-get: .*$1"
    expect 'the number of sentences' "$(wc -l <"$scratch/err")" 1
    expect 'stdout' "$(cat "$scratch/out")" ''
}

refusals() {
    in_new_folder
    refused 'say what to download: whorl-get URL...'
    refused '"example.com/x" is no URL: .*; write it whole, as in https://host/file' example.com/x
    refused 'is neither http nor https' ftp://127.0.0.1/x
    refused 'is neither http nor https' file:///etc/passwd
    refused 'is no URL' http://
    refused 'there is no option "--no-such-thing"' --no-such-thing "$nginx_url/x"
    refused '--jobs is "0": give it a whole number from 1 to 1000' --jobs 0 "$nginx_url/x"
    refused '--jobs is "1.5"' -j 1.5 "$nginx_url/x"
    refused '--jobs is "two"' -j two "$nginx_url/x"
    refused '--timeout is "-1": give it a number of seconds' --timeout=-1 "$nginx_url/x"
    refused '--timeout is "1e3"' --timeout 1e3 "$nginx_url/x"
    refused '--timeout is "0x10"' --timeout 0x10 "$nginx_url/x"
    refused '--jobs needs a value' "$nginx_url/x" --jobs
    refused '--output is empty' --output '' "$nginx_url/x"
    refused '--output names one file' --output x "$nginx_url/x" "$nginx_url/y"
    refused 'cannot be the name of a file' --output . "$nginx_url/x"
    refused 'cannot be the name of a file' --output "$scratch/" "$nginx_url/x"
    refused '--header is "nonsense": write it as "Name: value"' --header nonsense "$nginx_url/x"
    refused '--header is ' -H $'A: b\r\nC: d' "$nginx_url/x"
    refused 'the directory "missing" cannot be used: No such file or directory; make it' \
        -d missing "$nginx_url/x"
    refused '--input-file "missing" cannot be read: No such file' -i missing
    printf '%s/x\nnonsense\n' "$nginx_url" >list
    refused 'list, line 2: "nonsense" is no URL' -i list
    printf '%s/x a/b\n' "$nginx_url" >list
    refused 'list, line 1: "a/b" cannot be the name of a file' -i list
    expect 'what is there' "$(listing)" list
}

behaviour 'a terminal shows bars that are redrawn in place' bars
behaviour 'bars fit into narrow terminals' narrow_bars
behaviour 'wide characters fit too' wide_names
behaviour 'there are no colours where they are not wanted' no_colours
behaviour 'there are no bars on a dumb terminal' no_bars TERM=dumb
behaviour 'there are no bars where they are not wanted' no_bars TERM=xterm --no-progress
behaviour 'a pipe gets plain lines' plain_on_a_pipe
behaviour 'quiet tells of failures only' quiet
behaviour 'escapes of others are not shown' no_foreign_escapes
behaviour 'JSON tells what became of each' json
behaviour 'JSON that cannot be written is told, before if it can be' json_that_cannot_be_written
behaviour 'help and the manual page tell of each option' help_and_version
behaviour 'help that cannot be written is told' help_that_cannot_be_written
behaviour 'the manual page is well written' manual_page
behaviour 'arguments that make no sense are refused with a sentence' refusals
end_of_tests
