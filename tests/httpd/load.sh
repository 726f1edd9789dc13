#!/bin/bash
# Many requests at once: by wrk, and as a browser makes them.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/httpd/common.sh
. "$top_srcdir/tests/httpd/common.sh"

head -c 1024 /dev/urandom >"$files/small"
head -c 1048576 /dev/urandom >"$files/large"

# wrk prints a line of errors, and one of answers that are not 2xx, only where there are some.
wrk_is_content() { # CONNECTIONS PATH
    command -v wrk >/dev/null || skip 'wrk is missing (Debian: wrk)'
    timeout 120 wrk -t 1 -c "$1" -d 2 --timeout 60s "$url/$2" >"$scratch/wrk"
    cat "$scratch/wrk"
    ! grep -E 'Socket errors|Non-2xx' "$scratch/wrk" || fail 'wrk met errors'
    expect 'whether it got answers' "$(($(awk '/requests in/ { print $1 }' "$scratch/wrk") > 0))" 1
}

wrk_small() {
    start_httpd
    wrk_is_content 64 small
    wrk_is_content 1 small
    stop_httpd
}

wrk_large() {
    start_httpd
    wrk_is_content 16 large
    stop_httpd
}

wrk_logged() {
    start_httpd --access-log "$scratch/log"
    wrk_is_content 64 small
    stop_httpd
    expect 'the lines of the log, one for each answer' \
        "$(($(wc -l <"$scratch/log") >= $(awk '/requests in/ { print $1 }' "$scratch/wrk")))" 1
    ! grep -v '"GET /small HTTP/1.1" 200 1024$' "$scratch/log" || fail 'a line of the log is not right'
}

make_page() {
    local i
    mkdir -p "$files/page"
    for ((i = 0; i < 200; i++)); do
        head -c $((i * i * 10)) /dev/urandom >"$files/page/$i"
    done
}

expect_page() { # FOLDER
    (cd "$files/page" && sha256sum -- *) | (cd "$1" && sha256sum --quiet -c -)
}

browser() {
    make_page
    start_httpd
    mkdir "$scratch/page"
    fetch --fail -Z --parallel-max 50 -o "$scratch/page/#1" "$url/page/[0-199]"
    expect_page "$scratch/page"
    stop_httpd
}

browsers() {
    make_page
    start_httpd
    mkdir "$scratch/pages"
    seq 0 199 | xargs -P 50 -I{} curl -sS --fail --max-time 120 -o "$scratch/pages/{}" "$url/page/{}"
    expect_page "$scratch/pages"
    stop_httpd
}

httpd_behaviour 'wrk gets a small file without an error' wrk_small
httpd_behaviour 'wrk gets a large file without an error' wrk_large
httpd_behaviour 'each request that wrk makes is in the log' wrk_logged
httpd_behaviour "a browser's worth of parallel requests gets what it asks for" browser
httpd_behaviour 'fifty clients at once get what they ask for' browsers
end_of_tests
