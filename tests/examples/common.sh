# Sourced after report.sh by the tests of the examples.
# shellcheck shell=bash
# shellcheck disable=SC2154  # report.sh and the Makefile set them

examples=$top_builddir/examples

# Nothing that was to be said may be lost without a word.
full_output() { # PROGRAM ARGUMENTS...
    local status=0
    "$examples/$1" "${@:2}" >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" "$1: No space left on device"
}
