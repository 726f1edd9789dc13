# Sourced by common.sh of the tests that have an nginx serve files. It listens on a free port of
# 127.0.0.1, is a child of the script, and is to be ended with `children`, which is the script's, as
# is `tested`: what is skipped where something is missing.
# shellcheck shell=bash
# shellcheck disable=SC2154  # report.sh and the Makefile set them
# shellcheck disable=SC2034  # the urls are used by those who source this

# All tests of the script are skipped, as one that is counted.
skip_all() { # NAME REASON
    behaviour "$1" skip "$2"
    end_of_tests
}

need_program() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null || skip_all "$tested" "$1 is missing (Debian: $2)"
}

# A port may be taken: then nginx ends, and another is tried.
# $scratch/tls/template is taken in, if it is there. Sets files, nginx_url and tls_url.
start_nginx() {
    local nginx port try tries
    PATH=$PATH:/usr/sbin need_program nginx nginx-core
    nginx=$(PATH=$PATH:/usr/sbin && command -v nginx)
    files=$scratch/files
    mkdir -p "$scratch/nginx" "$scratch/tls" "$files"
    for ((try = 0; try < 30; try++)); do
        port=$((20000 + RANDOM % 12000))
        sed "s|TLS_PORT|$((port + 12000))|; s|PORT|$port|; s|FILES|$files|; s|TLS|$scratch/tls|" \
            "$top_srcdir/tests/get/nginx.conf" >"$scratch/nginx/nginx.conf"
        [[ ! -f $scratch/tls/template ]] ||
            sed "s|TLS_PORT|$((port + 12000))|; s|PORT|$port|; s|TLS|$scratch/tls|" \
                "$scratch/tls/template" >"$scratch/tls/nginx.conf"
        "$nginx" -p "$scratch/nginx" -c nginx.conf -e error.log 2>"$scratch/nginx/complaints" &
        children+=($!)
        for ((tries = 0; tries < 100; tries++)); do
            kill -0 "${children[-1]}" 2>/dev/null || break
            if [[ -s $scratch/nginx/nginx.pid ]]; then
                nginx_url=http://127.0.0.1:$port tls_url=https://localhost:$((port + 12000))
                return
            fi
            sleep 0.05
        done
        kill "${children[-1]}" 2>/dev/null || :
        unset 'children[-1]'
    done
    cat "$scratch/nginx/complaints" "$scratch/nginx/error.log"
    skip_all "$tested" 'nginx does not start: see its complaints above'
}
