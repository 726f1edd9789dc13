#!/bin/bash
# Servers that fail: what is told, what is tried again, and that nothing half-done gets a name.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/get/common.sh
. "$top_srcdir/tests/get/common.sh"

need_program jq jq
start_bad_server
bad_file A >"$scratch/A"
bad_file B >"$scratch/B"

# Each test uses paths of its own, as the server counts the visits of each.
unique=0
path() { # NAME: a path of that behaviour that is like no other
    unique=$((unique + 1))
    echo "$bad_url/$1?$BASHPID.$unique"
}

# Field FIELD of the only download in the JSON that was printed.
of_json() { # FIELD
    jq -r ".[0].$1" "$scratch/out"
}

is_saved() { # URL ATTEMPTS [ARGUMENTS...]
    in_new_folder
    gets 0 --json - -o file "${@:3}" "$1"
    cmp file "$scratch/A"
    expect 'what is there' "$(listing)" file
    expect 'the number of attempts' "$(of_json attempts)" "$2"
}

# The download fails with a sentence like PATTERN, after ATTEMPTS, and no file has its name.
is_failed() { # URL ATTEMPTS PATTERN [ARGUMENTS...]
    in_new_folder
    gets 1 --json - -o file "${@:4}" "$1"
    complains "$3"
    [[ ! -e file ]] || fail 'there is a file'
    expect 'the number of attempts' "$(of_json attempts)" "$2"
    expect 'the result' "$(of_json result)" failed
}

truncated() {
    is_failed "$(path short)" 3 'the server broke off in the middle: .*; run this again' --retries 2
}

truncated_chunks() {
    is_failed "$(path chunked/cut)" 1 'the ' --retries 0
}

# Three answers of 40,000 bytes each make 100,000.
broken_off() {
    is_saved "$(path breaks)" 3
    expect 'the bytes that came' "$(of_json received)" 100000
    complains 'trying again in 0\.0 s (1 of 5)'
}

ranges_ignored() {
    is_saved "$(path no-ranges)" 2
    expect 'the bytes that came' "$(of_json received)" 140000
}

# The file is anew that of the version that is there now.
changed_meanwhile() { # BEHAVIOUR
    in_new_folder
    gets 0 -o file "$(path "$1")"
    cmp file "$scratch/B"
    expect 'what is there' "$(listing)" file
}

unasked() {
    is_failed "$(path unasked-part)" 1 'sent a part of the file (206), unasked'
}

lengths_that_differ() {
    is_failed "$(path two-lengths)" 1 'the server gives the file more than one length'
}

statuses_that_pass() {
    local status
    for status in 408 429 500 502 503 504; do
        is_saved "$bad_url/status/$status/2?$BASHPID" 3
        is_failed "$bad_url/status/$status/9?$BASHPID" 2 "answered $status" --retries 1
    done
}

statuses_that_stay() {
    local status
    for status in 400 401 403 404 405 410 418 501; do
        is_failed "$bad_url/status/$status/9?$BASHPID" 1 "answered $status"
    done
}

# Not before: the wait is the server's, not ours of 10 ms.
asked_to_wait() {
    is_saved "$(path later/1)" 2
    jq -e '.[0].seconds >= 1' "$scratch/out" >/dev/null
    is_failed "$(path later/100000)" 1 'asks to come back in 100000 seconds: run this again then'
}

reset_then_well() {
    is_saved "$bad_url/resets/2?$BASHPID" 3
    is_failed "$bad_url/resets/9?$BASHPID" 2 'the connection broke: .*reset' --retries 1
}

no_answer() {
    is_failed "$(path nothing)" 2 'closed the connection without an answer' --retries 1
}

no_http() {
    is_failed "$(path garbage)" 1 'the server does not answer in HTTP: '
}

circle() {
    is_failed "$bad_url/redirect/redirect/redirect" 1 'redirects more than 0 times' \
        --max-redirects 0
    in_new_folder
    gets 1 "$bad_url/redirect/redirect/x/../redirect"
    complains 'redirect'
}

redirects_that_are_not_followed() {
    local to
    for to in ftp://127.0.0.1/x file:///etc/passwd gopher://127.0.0.1/; do
        is_failed "$bad_url/redirect/$to" 1 'neither http nor https'
    done
    is_failed "$bad_url/nowhere" 1 'a redirect without a good location'
}

bodies_of_errors() {
    is_failed "$(path endless-error)" 1 'answered 404'
}

other_lengths() {
    is_saved "$(path chunked)" 1
    is_saved "$(path until-close)" 1
}

refused() {
    local status=0
    in_new_folder
    gets 1 --retries 3 --json - http://127.0.0.1:1/file
    complains '^whorl-get: http://127.0.0.1:1/file: cannot connect: .*; see that the server is up$'
    expect 'the number of attempts' "$(of_json attempts)" 1
}

unknown_host() {
    in_new_folder
    gets 1 --retries 0 http://no-such-host.invalid/file
    complains 'the host "no-such-host.invalid" cannot be found: '
    expect 'what is there' "$(listing)" ''
}

stalled() {
    is_failed "$(path stalls)" 2 'sent nothing for 0.2 seconds' --stall-timeout 0.2 --retries 1
    is_failed "$(path silent)" 1 'sent nothing for 0.2 seconds' --stall-timeout 0.2 \
        --connect-timeout 0.2 --retries 0
}

# A byte now and then is no stall, but there is a limit for the whole.
whole_limit() {
    is_failed "$(path trickles)" 1 'was not whole after 4 seconds' --timeout 4 \
        --stall-timeout 20
    expect 'what is there' "$(listing)" 'file.part file.part.from'
}

# However soon it is reached, that is what is told.
limits_at_any_step() {
    local i
    in_new_folder
    for ((i = 0; i < 300; i++)); do
        echo "$bad_url/silent file$i"
    done >"$scratch/list"
    for ((i = 1; i < 40; i++)); do
        gets 1 --force -q --timeout "0.00$((1000 + 97 * i))" -i "$scratch/list"
        ! grep -v 'it was not whole after' "$scratch/err" || fail 'another failure is told'
    done
}

what_is_sent() {
    in_new_folder
    gets 0 -o sent -H 'X-One: 1' --header 'Authorization: secret' "$bad_url/head"
    grep -q '^X-One: 1' sent
    grep -q '^Authorization: secret' sent
    grep -q '^User-Agent: whorl-get/[0-9.]*.$' sent
    gets 0 -o agent --user-agent 'Somebody Else' "$bad_url/head"
    grep -q '^User-Agent: Somebody Else.$' agent
}

# localhost is not 127.0.0.1, as far as secrets go.
secrets_stay() {
    in_new_folder
    gets 0 -o elsewhere -H 'X-One: 1' -H 'Authorization: secret' -H 'Cookie: crumbs' \
        "$bad_url/redirect/http://localhost:$bad_port/head"
    grep -q '^X-One: 1' elsewhere
    ! grep -qE 'secret|crumbs' elsewhere || fail 'a secret went elsewhere'
    gets 0 -o same -H 'Authorization: secret' "$bad_url/redirect/head"
    grep -q '^Authorization: secret' same
    gets 0 -o password --json - "http://user:hidden@127.0.0.1:$bad_port/head"
    grep -q '^Authorization: Basic ' password
    ! grep -q hidden "$scratch/out" "$scratch/err" || fail 'the password is shown'
}

behaviour 'a truncated file is tried again, and gets no name' truncated
behaviour 'a body in chunks that is cut gets no name' truncated_chunks
behaviour 'a server that breaks off is asked for the rest' broken_off
behaviour 'a server that knows no ranges sends all of it anew' ranges_ignored
behaviour 'a file that changes between two attempts comes anew' changed_meanwhile changes
behaviour 'a wrong part is not taken' changed_meanwhile wrong-part
behaviour 'a part of a file of another size is not taken' changed_meanwhile other-size
behaviour 'more than was promised is not taken' changed_meanwhile swells
behaviour 'a part that nobody asked for is not taken' unasked
behaviour 'a file of two lengths is not taken' lengths_that_differ
behaviour 'answers that may pass are tried again' statuses_that_pass
behaviour 'answers that stay are not tried again' statuses_that_stay
behaviour 'a server that says when to come back is respected' asked_to_wait
behaviour 'a connection that is reset is made again' reset_then_well
behaviour 'a server that says nothing is asked again' no_answer
behaviour 'a server that speaks no HTTP is told' no_http
behaviour 'redirects in a circle end' circle
behaviour 'redirects to other protocols are not followed' redirects_that_are_not_followed
behaviour 'the body of an error is not read to its end' bodies_of_errors
behaviour 'a body in chunks, or without a length, is whole at its end' other_lengths
behaviour 'a refused connection is told at once' refused
behaviour 'a host that is not known is told' unknown_host
behaviour 'a stalled transfer is tried again' stalled
behaviour 'a file has a limit for the whole' whole_limit
behaviour 'a limit that is reached at any step is told as that' limits_at_any_step
behaviour 'headers are sent' what_is_sent
behaviour 'secrets are not sent to other hosts, nor told' secrets_stay
end_of_tests
