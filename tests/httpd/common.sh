# Sourced after report.sh by the tests of httpd. Each test starts a server of its own, on a free port
# of 127.0.0.1, over $files; it is a child of the script, and ends with it, however it ends.
# shellcheck shell=bash
# shellcheck disable=SC2154  # report.sh and the Makefile set them

# shellcheck source=tests/await.sh
. "$top_srcdir/tests/await.sh"

httpd=${HTTPD:-$top_builddir/examples/httpd/httpd}
files=$scratch/files
mkdir "$files"
children=()

end_children() {
    ((${#children[@]} == 0)) || kill -9 "${children[@]}" 2>/dev/null || :
    wait
}
trap 'end_children; rm -rf "$scratch"' EXIT

# All tests of the script are skipped, as one that is counted.
skip_all() { # REASON
    behaviour 'httpd serves files' skip "$1"
    end_of_tests
}

[[ -x $httpd ]] || skip_all \
    'httpd was not built: configure found no llhttp (Debian: node-llhttp)'
command -v curl >/dev/null || skip_all 'curl is missing (Debian: curl)'

# Behaviours run in subshells: what one of them starts, it ends.
httpd_behaviour() { # NAME COMMAND...
    local name=$1
    shift
    behaviour "$name" with_children "$@"
}

# A server that closes while a test still writes ends the write, and not the test.
with_children() { # COMMAND...
    children=()
    trap '' PIPE
    trap end_children EXIT
    "$@"
}

# So that no limit strikes for the slowness of a machine; tests of a limit set their own.
patient=(--header-timeout 600 --body-timeout 600 --send-timeout 600 --keep-alive 600 --grace 600)

# Sets server, its process; port; and url.
start_httpd() { # OPTIONS...
    local tries
    : >"$scratch/httpd.out"
    "$httpd" --port 0 "${patient[@]}" "$@" "$files" >"$scratch/httpd.out" 2>"$scratch/httpd.err" &
    server=$!
    children+=("$server")
    for ((tries = 0; tries < 600; tries++)); do
        port=$(sed -nE 's|^serving .* at http://[^ ]*:([0-9]+)/$|\1|p' "$scratch/httpd.out")
        [[ -n $port ]] && url=http://127.0.0.1:$port && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    cat "$scratch/httpd.err"
    fail 'httpd does not listen'
}

# The server that was asked to stop ends by itself, with status 0 and nothing to complain of.
expect_end() {
    local status=0
    wait "$server" || status=$?
    expect "httpd's complaints" "$(cat "$scratch/httpd.err")" ''
    expect "httpd's status" "$status" 0
}

stop_httpd() {
    kill -TERM "$server"
    expect_end
}

fetch() { # CURL-ARGUMENTS...
    curl -sS --max-time 120 --path-as-is "$@"
}

# The status of an answer; its head goes to $scratch/head, its body to $scratch/body.
status_of() { # CURL-ARGUMENTS...
    : >"$scratch/head"
    : >"$scratch/body"
    fetch -D "$scratch/head" -o "$scratch/body" -w '%{http_code}' "$@"
}

expect_answer() { # STATUS CURL-ARGUMENTS...
    local status
    status=$(status_of "${@:2}") || fail "curl ended with $? for: ${*:2}"
    expect "the status of ${*:2}" "$status" "$1"
}

# A header of the last answer.
header() { # NAME
    tr -d '\r' <"$scratch/head" | sed -nE "s/^$1: (.*)$/\1/Ip" | tail -n 1
}

# How many files of the served directory the server has open.
open_files() {
    find "/proc/$server/fd" -lname "$files/*" | wc -l
}

has_open_file() {
    [[ $(open_files) -gt 0 ]]
}

has_no_open_file() {
    has_open_files 0
}

has_open_files() { # N
    [[ $(open_files) == "$1" ]]
}

expect_header() { # NAME VALUE
    expect "the header $1" "$(header "$1")" "$2"
}

lacks() { # PATTERN FILE
    if grep -q -- "$1" "$2"; then
        cat "$2"
        fail "there is something like \"$1\""
    fi
}

# Opens a connection as descriptor FD.
connect() { # FD
    eval "exec $1<>/dev/tcp/127.0.0.1/$port"
}

disconnect() { # FD
    eval "exec $1>&-"
}

# Sends bytes, as printf writes them, and prints all that comes until the server closes.
raw() { # FORMAT ARGUMENTS...
    local status=0
    connect 9
    # shellcheck disable=SC2059
    printf "$@" >&9 2>/dev/null || :
    timeout 60 cat <&9 || status=$?
    disconnect 9
    ((status != 124)) || fail 'the server does not close the connection'
}

# The statuses of the answers that raw prints, in one line.
statuses() {
    tr -d '\0' | grep -aoE '(^|[^[:space:]])HTTP/1\.1 [0-9]{3} ' | grep -oE '[0-9]{3} $' |
        tr -d ' ' | paste -sd' '
}

expect_statuses() { # STATUSES FORMAT ARGUMENTS...
    raw "${@:2}" >"$scratch/raw"
    expect "the statuses of ${*:2:1}" "$(statuses <"$scratch/raw")" "$1"
}

# From now on httpd runs with a library before its others, whose C source comes on stdin, and which
# finds $without in its environment, as WITHOUT.
use_library() {
    without=nothing
    WITHOUT=$without make_library "$httpd"
    program=$httpd httpd=poor_httpd
}

poor_httpd() { # ARGUMENTS...
    WITHOUT=$without LD_PRELOAD=$library exec "$program" "$@"
}
