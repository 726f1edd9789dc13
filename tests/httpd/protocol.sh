#!/bin/bash
# What HTTP asks of a server, spoken byte by byte, and what it writes to its log.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/httpd/common.sh
. "$top_srcdir/tests/httpd/common.sh"

printf '0123456789' >"$files/ten.txt"
printf 'other' >"$files/other.txt"
head -c 500000 /dev/urandom >"$files/big"

last='Host: a\r\nConnection: close\r\n\r\n'

keeps_alive() {
    local connects
    start_httpd
    connects=$(fetch -o /dev/null -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects}' \
        "$url/ten.txt" "$url/none" "$url/big" --head "$url/other.txt")
    expect 'the connections that curl made' "$connects" 1000
    expect_answer 200 -H 'Connection: close' "$url/ten.txt"
    expect_header Connection close
    expect_answer 200 "$url/ten.txt"
    expect_header Connection ''
    stop_httpd
    start_httpd --keep-alive 0
    expect_answer 200 "$url/ten.txt"
    expect_header Connection close
    stop_httpd
}

old_clients() {
    start_httpd
    expect_answer 200 --http1.0 "$url/ten.txt"
    expect_header Connection close
    expect_answer 200 --http1.0 -H 'Connection: keep-alive' "$url/ten.txt"
    expect_header Connection keep-alive
    expect_statuses 200 'GET /ten.txt HTTP/1.0\r\n\r\n'
    expect_statuses '200 200' \
        'GET /ten.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /other.txt HTTP/1.0\r\n\r\n'
    expect_statuses 200 'GET /ten.txt HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n'
    stop_httpd
}

pipelines() {
    local i
    start_httpd
    for ((i = 0; i < 100; i++)); do
        printf 'GET /%s HTTP/1.1\r\nHost: a\r\n\r\n' ten.txt none other.txt
    done >"$scratch/requests"
    printf 'HEAD /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\n%b' "$last" \
        >>"$scratch/requests"
    raw '%s' "$(cat "$scratch/requests")"$'\n' >"$scratch/raw"
    expect 'the number of answers' "$(statuses <"$scratch/raw" | wc -w)" 302
    expect 'the numbers of each' "$(statuses <"$scratch/raw" | tr ' ' '\n' | sort | uniq -c |
        awk '{ print $2 "x" $1 }' | paste -sd' ')" '200x202 404x100'
    tail -c 500000 "$scratch/raw" | cmp - "$files/big"
    # The answers come in the order of the requests.
    expect 'the first bodies' \
        "$(grep -aoE '0123456789|404 Not Found</h1>|other' "$scratch/raw" | head -n 6 | paste -sd' ')" \
        '0123456789 404 Not Found</h1> other 0123456789 404 Not Found</h1> other'
    stop_httpd
}

methods() {
    local method
    start_httpd
    for method in POST DELETE OPTIONS TRACE PATCH PROPFIND PUT; do
        expect_answer 405 -X "$method" "$url/ten.txt"
        expect_header Allow 'GET, HEAD'
    done
    expect_answer 501 -X BREW "$url/ten.txt"
    # One that begins as another is none of it: it gets a page.
    raw "HEADX / HTTP/1.1\r\n$last" >"$scratch/raw"
    expect 'the status' "$(statuses <"$scratch/raw")" 501
    grep -q '<h1>501 Not Implemented</h1>' "$scratch/raw"
    expect_statuses 405 "OPTIONS * HTTP/1.1\r\n$last"
    expect_statuses 405 "CONNECT a:80 HTTP/1.1\r\n$last"
    stop_httpd
    start_httpd --upload
    expect_answer 405 -X DELETE "$url/ten.txt"
    expect_header Allow 'GET, HEAD, PUT'
    expect_answer 405 -d 'some data' "$url/ten.txt"
    stop_httpd
}

malformed() {
    start_httpd
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\n\r\n'
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\nHost : a\r\n\r\n'
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n b\r\n\r\n'
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\nHost: a\r\nX\r\n\r\n'
    expect_statuses 400 'GET /ten.txt HTTP/1.1\nHost: a\n\n'
    expect_statuses 400 'GET /ten .txt HTTP/1.1\r\nHost: a\r\n\r\n'
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n'
    expect_statuses 400 \
        'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'
    expect_statuses 400 '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
    expect_statuses 400 'hello\r\n\r\n'
    expect_statuses 400 '\x00\x00\x00\x00'
    expect_statuses 501 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n'
    expect_statuses 505 'GET /ten.txt HTTP/1.2\r\nHost: a\r\n\r\n'
    expect_statuses 505 'GET /ten.txt HTTP/3.0\r\nHost: a\r\n\r\n'
    expect_statuses 505 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    expect_statuses 505 'GET /ten.txt\r\n\r\n'
    expect_statuses 400 "GET http://:80/ten.txt HTTP/1.1\r\n$last"
    expect_statuses 417 "GET /ten.txt HTTP/1.1\r\nExpect: tea\r\n$last"
    expect_statuses '200 400' 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n'
    expect_answer 200 "$url/ten.txt"
    stop_httpd
}

long_heads() {
    start_httpd
    expect_answer 200 "$url/ten.txt?$(printf '%08000d' 0)"
    expect_answer 414 "$url/ten.txt?$(printf '%09000d' 0)"
    expect_answer 200 -H "X: $(printf '%015000d' 0)" "$url/ten.txt"
    expect_answer 431 -H "X: $(printf '%020000d' 0)" "$url/ten.txt"
    expect_answer 431 -H "X: $(printf '%0100000d' 0)" "$url/ten.txt"
    stop_httpd
    start_httpd --max-uri 100 --max-header 64K
    expect_answer 200 "$url/ten.txt?$(printf '%090d' 0)"
    expect_answer 414 "$url/ten.txt?$(printf '%092d' 0)"
    expect_answer 200 -H "X: $(printf '%050000d' 0)" "$url/ten.txt"
    expect_answer 431 -H "X: $(printf '%070000d' 0)" "$url/ten.txt"
    stop_httpd
    start_httpd --max-header 1K
    expect_answer 200 "$url/ten.txt?$(printf '%0500d' 0)"
    expect_answer 414 "$url/ten.txt?$(printf '%02000d' 0)"
    expect_answer 431 -H "X: $(printf '%02000d' 0)" "$url/ten.txt"
    stop_httpd
}

# A word that is no method comes in two pieces, behind a request that moves it in memory.
long_methods() {
    start_httpd --access-log "$scratch/access.log"
    connect 9
    {
        printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\nX: %09900d\r\n\r\n' 0
        printf '%06000d' 0 | tr 0 B
        sleep 0.2
        printf '%08000d' 0 | tr 0 B
        sleep 0.2
        printf ' '
    } >&9 2>"$scratch/err" || :
    timeout 60 cat <&9 >"$scratch/raw"
    disconnect 9
    expect 'the statuses' "$(statuses <"$scratch/raw")" '200 501'
    stop_httpd
    expect 'the lines of the log' "$(wc -l <"$scratch/access.log")" 2
}

# An empty line behind a request, which some clients send, begins none.
empty_lines() {
    start_httpd --header-timeout 1
    connect 9
    printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n\r\n' >&9
    sleep 1.5
    printf 'GET /other.txt HTTP/1.1\r\n%b' "$last" >&9
    timeout 60 cat <&9 >"$scratch/raw"
    disconnect 9
    expect 'the statuses' "$(statuses <"$scratch/raw")" '200 200'
    stop_httpd
    start_httpd
    connect 9
    printf '\r\n' >&9
    sleep 0.2
    stop_httpd # at once: nothing has begun
    disconnect 9
}

# A target, and headers, that never end: the server answers and closes, the client is told in time.
endless_heads() {
    local begin
    start_httpd
    for begin in 'GET /' 'GET / HTTP/1.1\r\nX: ' '\r\n' 'GET / HTTP/1.1\r\n'; do
        connect 9
        (
            # shellcheck disable=SC2059
            printf "$begin"
            if [[ $begin == *'\r\n' ]]; then
                yes $'X: y\r' 
            else
                yes a | tr -d '\n'
            fi
        ) >&9 2>/dev/null &
        children+=($!)
        timeout 60 head -c 20 <&9 >"$scratch/raw"
        disconnect 9
        kill "$!" 2>/dev/null || :
        wait "$!" || :
        grep -qaE '^HTTP/1.1 (400|414|431) ' "$scratch/raw" || fail "it answers $(cat "$scratch/raw")"
    done
    expect_answer 200 "$url/ten.txt"
    stop_httpd
}

# Whatever a body is not wanted for, the next request is the one behind it.
unwanted_bodies() {
    start_httpd
    expect_statuses '405 200' \
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /ten.txt HTTP/1.1\r\n$last"
    expect_statuses '405 200' "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /ten.txt HTTP/1.1\r\n$last"
    expect_statuses '200 200' \
        "GET /ten.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /ten.txt HTTP/1.1\r\n$last"
    expect_statuses 405 \
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'
    grep -q '^Connection: close' "$scratch/raw" # as the body was not asked for
    expect_statuses 405 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n'
    grep -q '^Connection: close' "$scratch/raw"
    expect_answer 405 --data-binary "@$files/big" "$url/ten.txt"
    stop_httpd
}

# The client has sent all that it will: it gets its answers all the same.
half_closed() {
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    start_httpd
    perl -MIO::Socket::INET -e '
        my $socket = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
        print $socket "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n";
        $socket->flush;
        shutdown($socket, 1);
        print while <$socket>;' "$port" >"$scratch/raw"
    expect 'the statuses' "$(statuses <"$scratch/raw")" '200 200'
    tail -c 500000 "$scratch/raw" | cmp - "$files/big"
    perl -MIO::Socket::INET -e '
        my $socket = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
        print $socket "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n" x 200, "GET /ten";
        $socket->flush;
        shutdown($socket, 1);
        print while <$socket>;' "$port" >"$scratch/raw"
    expect 'the number of answers' "$(statuses <"$scratch/raw" | wc -w)" 200
    stop_httpd
}

log_lines() {
    local log=$scratch/access.log
    echo 'an older line' >"$log"
    start_httpd --access-log "$log"
    expect_answer 200 "$url/ten.txt?a=b"
    expect_answer 404 "$url/none"
    expect_answer 304 -H 'If-None-Match: *' "$url/ten.txt"
    expect_answer 206 -r 0-3 "$url/ten.txt"
    expect_answer 200 --head "$url/big"
    raw 'GET /"\\x\x7f HTTP/1.0\r\n\r\n' >"$scratch/raw"
    raw 'NONSENSE\r\n' >"$scratch/raw"
    stop_httpd
    sed -E 's|\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} \+0000\]|[TIME]|' "$log" >"$scratch/lines"
    diff "$scratch/lines" - <<'END'
an older line
127.0.0.1 - - [TIME] "GET /ten.txt?a=b HTTP/1.1" 200 10
127.0.0.1 - - [TIME] "GET /none HTTP/1.1" 404 117
127.0.0.1 - - [TIME] "GET /ten.txt HTTP/1.1" 304 0
127.0.0.1 - - [TIME] "GET /ten.txt HTTP/1.1" 206 4
127.0.0.1 - - [TIME] "HEAD /big HTTP/1.1" 200 0
127.0.0.1 - - [TIME] "GET /\x22\x5Cx\x7F HTTP/1.0" 400 121
127.0.0.1 - - [TIME] "NONSENSE" 400 121
END
}

log_to_stderr() {
    start_httpd --access-log -
    expect_answer 200 "$url/ten.txt"
    await grep -q '"GET /ten.txt HTTP/1.1" 200 10$' "$scratch/httpd.err"
    kill "$server"
    wait "$server"
}

# One of chunks may be of any length: so much is read, and no more.
long_unwanted_body() {
    local i
    start_httpd
    {
        printf 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
        for ((i = 0; i < 40; i++)); do
            printf '1000\r\n%04096d\r\n' 0
        done
        printf '0\r\n\r\nGET /ten.txt HTTP/1.1\r\n%b' "$last"
    } >"$scratch/long"
    connect 9
    cat "$scratch/long" >&9 || :
    expect 'the statuses' "$(timeout 60 cat <&9 | statuses)" 405
    disconnect 9
    stop_httpd
}

# Nobody here changes the protocol.
no_upgrade() {
    local behind="Content-Length: 5\r\n\r\nabcdeGET /ten.txt HTTP/1.1\r\n$last"
    start_httpd
    expect_statuses '405 200' "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n$behind"
    expect_statuses '405 200' \
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n$behind"
    stop_httpd
}

odd_hosts() {
    local host
    start_httpd
    expect_statuses 400 'GET /ten.txt HTTP/1.1\r\nHost: a::1]\r\nConnection: close\r\n\r\n'
    host='[0000:0000:0000:0000:0000:ffff:192.168.100.228]:80'
    expect_statuses 200 "GET /ten.txt HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n"
    stop_httpd
}

httpd_behaviour 'connections are kept, and closed when that is asked' keeps_alive
httpd_behaviour 'HTTP/1.0 is spoken' old_clients
httpd_behaviour 'requests that come at once are answered in their order' pipelines
httpd_behaviour 'methods are refused by 405 and 501' methods
httpd_behaviour 'what breaks the rules is refused' malformed
httpd_behaviour 'targets and heads have their limits' long_heads
httpd_behaviour 'words that are no methods are refused, however long' long_methods
httpd_behaviour 'empty lines before a request are none of it' empty_lines
httpd_behaviour 'heads without end are cut off' endless_heads
httpd_behaviour 'bodies that nobody wants do no harm' unwanted_bodies
httpd_behaviour 'a client that has said its last is answered' half_closed
httpd_behaviour 'each request is a line of the log' log_lines
# Nobody takes the log: that holds up neither connections nor the end.
log_to_nobody() {
    local i
    mkfifo "$scratch/fifo"
    exec 8<>"$scratch/fifo"
    start_httpd --access-log "$scratch/fifo"
    for ((i = 0; i < 100; i++)); do
        printf 'GET /ten.txt?%02000d HTTP/1.1\r\nHost: a\r\n\r\n' 0
    done >"$scratch/requests"
    printf 'GET /ten.txt HTTP/1.1\r\n%b' "$last" >>"$scratch/requests"
    raw '%s' "$(cat "$scratch/requests")"$'\n' >"$scratch/raw"
    expect 'the number of answers' "$(statuses <"$scratch/raw" | wc -w)" 101
    kill "$server"
    wait "$server" || fail "httpd ended with $?"
    expect 'the complaint' "$(cat "$scratch/httpd.err")" \
        'httpd: the access log cannot be written: whoever takes it is too slow'
    exec 8>&-
}

# A limit, as a full disk would, has a line written in part; then it is lifted.
log_after_a_failure() {
    local log=$scratch/limited.log program=$httpd httpd=httpd_with_limit
    command -v prlimit >/dev/null || skip 'prlimit is missing (Debian: util-linux)'
    httpd_with_limit() {
        ulimit -S -f 1 # KiB
        exec "$program" "$@"
    }
    start_httpd --access-log "$log"
    fetch -o /dev/null "$url/ten.txt?$(printf '%0700d' 0)[1-3]"
    await grep -q ': File too large$' "$scratch/httpd.err"
    expect 'the bytes of the log' "$(stat -c %s "$log")" 1024
    prlimit --pid "$server" --fsize=1000000:
    fetch -o /dev/null "$url/ten.txt?last"
    kill "$server"
    wait "$server" || fail "httpd ended with $?"
    local line='^127\.0\.0\.1 - - \[[^]]*\] "GET /ten\.txt\?[0-9a-z]* HTTP/1\.1" 200 10$'
    expect 'what is no line' "$(grep -vE "$line" "$log")" ''
    grep -q 'last' "$log"
}

# A pipe without a reader, who may come later.
log_to_fifo() {
    rm -f "$scratch/fifo"
    mkfifo "$scratch/fifo"
    start_httpd --access-log "$scratch/fifo"
    expect_answer 200 "$url/ten.txt"
    timeout 60 head -n 1 "$scratch/fifo" >"$scratch/lines" || fail 'no line comes'
    grep -q '"GET /ten.txt HTTP/1.1" 200 10$' "$scratch/lines"
    expect_answer 200 "$url/ten.txt"
    stop_httpd
}

# The last line waits for whoever takes the log, who comes in time.
log_taken_at_the_end() {
    local size
    rm -f "$scratch/fifo"
    mkfifo "$scratch/fifo"
    exec 8<>"$scratch/fifo"
    start_httpd --access-log "$scratch/fifo"
    size=$(perl -e 'print fcntl(STDIN, 1032, 0)' <&8) # F_GETPIPE_SZ
    head -c "$size" /dev/zero >&8
    expect_answer 200 "$url/ten.txt"
    kill "$server"
    sleep 0.3
    head -c "$size" <&8 >"$scratch/zeros"
    expect_end
    timeout 60 head -n 1 <&8 >"$scratch/lines"
    grep -q '"GET /ten.txt HTTP/1.1" 200 10$' "$scratch/lines"
    exec 8>&-
}

# More than its memory holds goes to a stderr that nobody reads: it cannot even tell that.
log_to_stuck_stderr() {
    rm -f "$scratch/httpd.err"
    mkfifo "$scratch/httpd.err"
    exec 8<>"$scratch/httpd.err"
    start_httpd --access-log -
    rm "$scratch/httpd.err"
    fetch --fail-early -o /dev/null "$url/ten.txt?$(printf '%08000d' 0)[1-300]"
    expect_answer 200 "$url/ten.txt"
    kill "$server"
    timeout 60 tail -s 0.02 --pid="$server" -f /dev/null || fail 'SIGTERM does not end it'
    wait "$server" || fail "httpd ended with $?"
    exec 8>&-
}

httpd_behaviour 'a log that nobody takes holds up nobody' log_to_nobody
httpd_behaviour 'lines of the log are whole after a failure, too' log_after_a_failure
httpd_behaviour 'a log that nobody reads yet holds up nobody' log_to_fifo
httpd_behaviour 'a log that is taken at the end is whole' log_taken_at_the_end
httpd_behaviour 'a stderr that nobody reads holds up nobody' log_to_stuck_stderr
httpd_behaviour 'the log goes to stderr when that is asked' log_to_stderr
httpd_behaviour 'of a long body that nobody wants not all is read' long_unwanted_body
httpd_behaviour 'what comes behind a request for another protocol is a request' no_upgrade
httpd_behaviour 'hosts are addresses as long as there are, and have their brackets' odd_hosts
end_of_tests
