# Sourced after report.sh by the tests of programs that run beside the script: waits for what they
# will do, and what is waited for. The one that is asked about is $server.
# shellcheck shell=bash
# shellcheck disable=SC2154  # server is set by those who source this

# Waits until COMMAND succeeds: for what another program will do soon.
await() { # COMMAND...
    local tries
    for ((tries = 0; tries < 1200; tries++)); do
        "$@" && return
        sleep 0.05
    done
    fail "it never came to: $*"
}

has_line() { # FILE PATTERN
    grep -q -- "$2" "$1" 2>/dev/null
}

count_descriptors() {
    find "/proc/$server/fd" -type l | wc -l
}

has_descriptors() { # N
    [[ $(count_descriptors) == "$1" ]]
}
