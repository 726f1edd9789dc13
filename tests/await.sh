# Sourced after report.sh by the tests of programs that run beside the script: waits for what they
# will do, and what is waited for. The one that is asked about is $server. And libraries by which
# something fails.
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

# Sets library to one whose C source comes on stdin, and whose functions PROGRAM calls in the place
# of those of others when it runs with LD_PRELOAD=$library.
make_library() { # PROGRAM
    library=$scratch/before.so
    cat >"$scratch/before.c"
    # shellcheck disable=SC2086  # a command and its options
    $CC -shared -fPIC -I"$top_srcdir/include" -o "$library" "$scratch/before.c" -ldl
    (LD_PRELOAD=$library "$1" --help >"$scratch/out" 2>&1) || skip 'this build takes no such library'
}
