# Sourced after report.sh by the tests of whorl-get. They download from a real nginx, and from a
# server of our own that behaves badly when it is asked to (server.h). Both listen on a free port of
# 127.0.0.1, are children of the script, and end with it, however it ends.
# shellcheck shell=bash
# shellcheck disable=SC2154  # report.sh and the Makefile set them

get=$top_builddir/whorl-get
bad_server=$top_builddir/tests/get/server
children=()
tested='whorl-get downloads'

end_children() {
    ((${#children[@]} == 0)) || kill "${children[@]}" 2>/dev/null || :
    wait
    rm -rf "$scratch"
}
trap end_children EXIT

# shellcheck source=tests/await.sh
. "$top_srcdir/tests/await.sh"
# shellcheck source=tests/nginx.sh
. "$top_srcdir/tests/nginx.sh"

[[ -x $get ]] || skip_all "$tested" \
    'whorl-get was not built: configure found no libcurl (Debian: libcurl4-openssl-dev, libssl-dev)'

start_bad_server() {
    local tries
    : >"$scratch/server.out"
    "$bad_server" >"$scratch/server.out" &
    children+=($!)
    for ((tries = 0; tries < 300; tries++)); do
        bad_port=$(sed -nE 's/^listening on .* port ([0-9]+)$/\1/p' "$scratch/server.out")
        [[ -n $bad_port ]] && bad_url=http://127.0.0.1:$bad_port && return
        sleep 0.1
    done
    fail 'the bad server does not listen'
}

# What the bad server serves.
bad_file() { # LETTER [BYTES]
    "$bad_server" "$1" "${2:-100000}"
}

# A new, empty folder, and the current one; every test has its own.
in_new_folder() {
    folder=$(mktemp -d "$scratch/folder.XXXXXX")
    cd "$folder" || exit 1
}

# whorl-get ends with STATUS within two minutes, with short waits between its attempts.
gets() { # STATUS ARGUMENTS...
    local status=$1
    shift
    expect_status "$status" timeout -k 10 120 "$get" --retry-delay 0.01 "$@"
}

# What stands in a folder, in one line.
listing() { # [FOLDER]
    ls -A "${1:-.}" | LC_ALL=C sort | paste -sd' '
}

complains() { # PATTERN
    grep -q -- "$1" "$scratch/err" || {
        cat "$scratch/err"
        fail "no complaint like \"$1\""
    }
}

holds_bytes() { # FILE BYTES
    [[ -f $1 && $(stat -c %s "$1") -ge $2 ]]
}
