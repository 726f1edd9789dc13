#!/bin/bash
# tcp_echo sends back what it receives, to several at once, and ends when it is asked to.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

# What bash starts in the background ignores an interrupt, unless it is told otherwise.
heeds_interrupts=(env --default-signal=INT)

# Starts the server in the background and sets port to where it listens. Every wait here ends.
start_server() { # ARGUMENTS...
    local tries
    : >"$scratch/server.out"
    "${heeds_interrupts[@]}" "$examples/tcp_echo" "$@" >"$scratch/server.out" 2>"$scratch/server.err" &
    server=$!
    trap 'kill "$server" 2>/dev/null' EXIT
    for ((tries = 0; tries < 300; tries++)); do
        port=$(sed -nE 's/^listening on 127\.0\.0\.1 port ([0-9]+)$/\1/p' "$scratch/server.out")
        [[ -n $port ]] && return
        sleep 0.1
    done
    cat "$scratch/server.err"
    fail 'the server does not listen'
}

# The server ends by itself with status 0 and nothing to complain of.
expect_clean_end() {
    local status=0
    wait "$server" || status=$?
    trap - EXIT
    expect "the server's status" "$status" 0
    expect "the server's complaints" "$(cat "$scratch/server.err")" ''
}

# Sends a line over descriptor FD and takes the answer.
exchange() { # FD TEXT
    local answer
    printf '%s\n' "$2" >&"$1"
    IFS= read -r -t 60 -u "$1" answer || fail "no answer to \"$2\""
    expect 'the answer' "$answer" "$2"
}

echoes_to_several() {
    start_server --connections 3
    exec 5<>"/dev/tcp/127.0.0.1/$port" 6<>"/dev/tcp/127.0.0.1/$port"
    exec 7<>"/dev/tcp/127.0.0.1/$port"
    exchange 7 'the last one first'
    exchange 5 'and then the first'
    exchange 6 'and one between'
    exchange 5 'and the first again'
    exec 5>&- 6>&- 7>&-
    expect_clean_end
}

# More than fits in the buffers of both sockets, so that sends are cut short and must go on.
echoes_much() {
    local reader
    start_server --connections 1
    head -c 20000003 /dev/urandom >"$scratch/sent"
    exec 5<>"/dev/tcp/127.0.0.1/$port"
    timeout 120 head -c 20000003 <&5 >"$scratch/received" &
    reader=$!
    timeout 120 cat "$scratch/sent" >&5
    wait "$reader"
    exec 5>&-
    cmp "$scratch/sent" "$scratch/received"
    expect_clean_end
}

ends_gracefully() {
    start_server
    exec 5<>"/dev/tcp/127.0.0.1/$port"
    exchange 5 'before the interrupt'
    kill -INT "$server"
    exchange 5 'and after it'
    exec 5>&-
    expect_clean_end
}

taken_port() {
    start_server
    expect_status 1 "$examples/tcp_echo" "$port"
    expect 'the sentence' "$(cat "$scratch/err")" 'tcp_echo: cannot listen: Address already in use'
}

tcp_echo_arguments() {
    expect_status 2 "$examples/tcp_echo" 65536
    expect 'the sentence' "$(cat "$scratch/err")" \
        'tcp_echo: PORT is a number from 0 to 65535, not "65536"; --help tells more'
    expect_status 2 "$examples/tcp_echo" 7x
    expect_status 2 "$examples/tcp_echo" 1 2
    expect_status 2 "$examples/tcp_echo" --connections 0
    expect_status 2 "$examples/tcp_echo" --no-such-option
    expect_status 0 "$examples/tcp_echo" --help
    grep -q '^Usage: tcp_echo ' "$scratch/out"
}

behaviour 'tcp_echo serves several connections at once and ends' echoes_to_several
behaviour 'tcp_echo sends 20 MB back' echoes_much
behaviour 'tcp_echo lets connections end when it is interrupted' ends_gracefully
behaviour 'tcp_echo names a port that is taken' taken_port
behaviour 'tcp_echo refuses nonsense arguments' tcp_echo_arguments
end_of_tests
