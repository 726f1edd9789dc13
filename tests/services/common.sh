# Sourced after report.sh by the tests of the services among the examples. Each test starts servers
# of its own, on a free port of 127.0.0.1; they are children of its subshell, and end with it,
# however it ends. Every wait here ends.
# shellcheck shell=bash
# shellcheck disable=SC2154  # report.sh and the Makefile set them

# shellcheck source=tests/await.sh
. "$top_srcdir/tests/await.sh"

examples=$top_builddir/examples
children=()

end_children() {
    ((${#children[@]} == 0)) || kill -KILL "${children[@]}" 2>/dev/null || :
    wait 2>/dev/null
}

# A child that was started last is ended when the test ends.
is_child() {
    children+=($!)
    trap end_children EXIT
}

# Starts examples/NAME/NAME, and sets server to its id and port to its (first) port, where it has
# one. What it prints goes to $scratch/OUT.out and .err.
start_service() { # NAME OUT ARGUMENTS...
    local tries log=$scratch/$2
    : >"$log.out"
    "$examples/$1/$1" "${@:3}" >"$log.out" 2>"$log.err" &
    server=$!
    is_child
    for ((tries = 0; tries < 600; tries++)); do
        has_line "$log.out" '^listening on ' && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    has_line "$log.out" '^listening on ' || {
        cat "$log.err"
        fail "$1 does not listen"
    }
    port=$(sed -nE '0,/^listening on/ s/^listening on .*:([0-9]+)$/\1/p' "$log.out")
}

# Waits for a server that was asked to end, or ends by itself.
expect_end() { # ID STATUS
    local status=0
    timeout 120 tail -s 0.02 --pid="$1" -f /dev/null || fail 'the server does not end'
    wait "$1" || status=$?
    expect "the server's status" "$status" "$2"
}

# A descriptor that is connected to port 127.0.0.1:$port, in the variable NAME.
connect() { # NAME
    eval "exec {$1}<>/dev/tcp/127.0.0.1/$port" || fail "cannot connect to port $port"
}

# What a descriptor gives up to its end.
read_to_end() { # FD
    timeout 60 cat <&"$1" || fail "descriptor $1 has no end"
}

# With 6 descriptors, fewer than which the shell before it may want, and with more up to 14, a service
# ends with a sentence that says why, or it listens, and is stopped by a SIGTERM that comes at once.
expect_begin_or_sentence() { # COMMAND...
    local most status began=0
    for ((most = 6; most <= 14; most++)); do
        : >"$scratch/few.out"
        (
            ulimit -n "$most"
            exec "$@"
        ) >"$scratch/few.out" 2>"$scratch/few.err" &
        server=$!
        is_child
        await begins_or_ends
        kill "$server" 2>/dev/null || :
        status=0
        timeout 60 tail --pid="$server" -f /dev/null || fail "with $most descriptors it does not end"
        wait "$server" || status=$?
        case $status in
        0) began=$((began + 1)) ;;
        1) grep -q ': cannot ' "$scratch/few.err" || fail "with $most descriptors it does not say why" ;;
        *) fail "with $most descriptors it ends with $status: $(cat "$scratch/few.err")" ;;
        esac
    done
    ((began > 0)) || fail 'it never begins'
}

begins_or_ends() {
    has_line "$scratch/few.out" '^listening on ' || ! kill -0 "$server" 2>/dev/null
}
