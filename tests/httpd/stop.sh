#!/bin/bash
# How a server begins, and how it ends.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/httpd/common.sh
. "$top_srcdir/tests/httpd/common.sh"

printf '0123456789' >"$files/ten.txt"
head -c 20000000 /dev/urandom >"$files/big"

# Asks the server to stop, and waits until it has begun to: it has closed an idle connection.
begin_stop() {
    connect 7
    printf 'HEAD /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&7
    read -r -t 60 -u 7 _
    kill "$server"
    timeout 60 cat <&7 >"$scratch/idle" || fail 'an idle connection is not closed'
    disconnect 7
}

has_bytes() { # FILE BYTES
    [[ -f $1 && $(stat -c %s "$1") -ge $2 ]]
}

ends_idle() { # SIGNAL
    start_httpd
    connect 8
    printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&8
    read -r -t 60 -u 8 _
    connect 9
    kill "-$1" "$server"
    expect_end
    timeout 60 cat <&8 >"$scratch/raw"
    grep -q '^0123456789$' "$scratch/raw"
    timeout 60 cat <&9 >"$scratch/raw"
    expect 'what the other was told' "$(cat "$scratch/raw")" ''
    disconnect 8
    disconnect 9
}

lets_downloads_end() {
    start_httpd
    fetch --limit-rate 10M -o "$scratch/slow" "$url/big" &
    local slow=$!
    children+=("$slow")
    await has_bytes "$scratch/slow" 1
    begin_stop
    wait "$slow" || fail "the download ended with status $?"
    expect_end
    cmp "$scratch/slow" "$files/big"
}

lets_uploads_end() {
    start_httpd --upload
    # The answer to the last says that it is.
    connect 9
    printf 'PUT /last HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nshort' >&9
    await has_open_file
    fetch --limit-rate 5M -T "$files/big" -H Expect: "$url/put" &
    local slow=$!
    children+=("$slow")
    await has_open_files 2
    begin_stop
    printf er >&9
    timeout 60 cat <&9 >"$scratch/last"
    disconnect 9
    grep -q '^HTTP/1.1 201 ' "$scratch/last"
    grep -q '^Connection: close' "$scratch/last"
    wait "$slow" || fail "the upload ended with status $?"
    expect_end
    cmp "$files/put" "$files/big"
    rm "$files/put" "$files/last"
}

# What runs still is answered, and nothing after it.
closes_after_the_answer() {
    start_httpd
    connect 9
    printf 'GET /ten.txt HT' >&9
    connect 8
    printf 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n' >&8
    read -r -t 60 -u 8 _
    begin_stop
    # printf may write each line by itself, and the server close before the last.
    printf 'TP/1.1\r\nHost: a\r\n\r\nGET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&9 || :
    timeout 60 cat <&9 >"$scratch/raw" || :
    expect 'the statuses' "$(statuses <"$scratch/raw")" 200
    grep -q '^Connection: close' "$scratch/raw"
    timeout 60 cat <&8 | tail -c 20000000 | cmp - "$files/big"
    disconnect 8
    disconnect 9
    expect_end
}

# The kernel holds the rest of an answer when the server stops, or closes: what its client sends
# after that does not cost it the answer.
answer_arrives() {
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    local closes
    head -c 1500000 "$files/big" >"$files/some"
    for closes in stop header option; do
        case $closes in
        option) start_httpd --keep-alive 0 ;;
        *) start_httpd ;;
        esac
        # shellcheck disable=SC2016
        perl -MSocket -e '
            my ($port, $server, $how) = @ARGV;
            socket(my $c, PF_INET, SOCK_STREAM, 0) or die;
            setsockopt($c, SOL_SOCKET, SO_RCVBUF, 4096) or die;
            connect($c, sockaddr_in($port, INADDR_LOOPBACK)) or die;
            my $close = $how eq "header" ? "Connection: close\r\n" : "";
            syswrite $c, "GET /some HTTP/1.1\r\nHost: a\r\n$close\r\n";
            select(undef, undef, undef, 0.5);
            kill "TERM", $server if $how eq "stop";
            select(undef, undef, undef, 0.3);
            syswrite $c, "GET /some HTTP/1.1\r\nHost: a\r\n\r\n";
            while (sysread $c, my $bytes, 65536) { print $bytes }' \
            "$port" "$server" "$closes" >"$scratch/raw"
        tail -c 1500000 "$scratch/raw" | cmp - "$files/some"
        [[ $closes == stop ]] || kill "$server"
        expect_end
    done
}

# A client that has all of its answer, and goes on sending, is not waited for.
has_its_answer() {
    start_httpd --grace 60
    connect 9
    printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' >&9
    expect 'the answer' "$(timeout 60 cat <&9 | tail -n 1)" 0123456789
    { while kill -0 "$server" && printf x && sleep 0.2; do :; done >&9; } 2>/dev/null &
    children+=("$!")
    sleep 0.5
    kill "$server"
    timeout 15 tail -s 0.02 --pid="$server" -f /dev/null || fail 'it lingers'
    expect_end
    disconnect 9
}

deadline() {
    start_httpd --grace 0.5
    connect 9
    printf 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n' >&9
    read -r -t 60 -u 9 _
    kill "$server"
    expect_end
    disconnect 9
}

second_signal() {
    start_httpd
    connect 9
    printf 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n' >&9
    read -r -t 60 -u 9 _
    begin_stop
    kill "$server"
    expect_end
    disconnect 9
}

begins() {
    start_httpd
    expect_status 1 "$httpd" --port "$port" "$files"
    expect 'the sentence' "$(cat "$scratch/err")" \
        "httpd: cannot listen at 127.0.0.1, port $port: Address already in use"
    stop_httpd
    expect_status 1 "$httpd" --port 0 "$scratch/none"
    expect 'the sentence' "$(cat "$scratch/err")" "httpd: $scratch/none: No such file or directory"
    expect_status 1 "$httpd" --port 0 --access-log "$scratch/none/log" "$files"
    expect 'the sentence' "$(cat "$scratch/err")" \
        "httpd: $scratch/none/log: No such file or directory"
    expect_status 1 "$httpd" --port 0 "$files/ten.txt"
    expect_status 0 "$httpd" --help
    grep -q '^Usage: httpd ' "$scratch/out"
    grep -q '^nor are absolute ones\.$' "$scratch/out"
    expect_status 1 "$httpd" --port 0 --address no.such.name.invalid "$files"
    grep -q '^httpd: cannot listen at no.such.name.invalid, port 0: ' "$scratch/err"
    lacks 'No such file' "$scratch/err"
}

# Of the error EPERM, whose number is also that of a call that has failed.
log_that_may_not_be_written() {
    local status=0
    : >"$scratch/fixed"
    chattr +i "$scratch/fixed" 2>/dev/null || skip 'no file can be made immutable here'
    timeout 20 "$httpd" --port 0 --access-log "$scratch/fixed" "$files" \
        >"$scratch/out" 2>"$scratch/err" || status=$?
    chattr -i "$scratch/fixed"
    expect 'the status' "$status" 1
    grep -q '/fixed: Operation not permitted$' "$scratch/err"
}

# Of how many descriptors it may have nobody tells it, as where a sandbox forbids to ask.
unknown_limit() {
    use_library <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    errno = EPERM;
    return -1;
}
END
    ulimit -n 40
    start_httpd
    expect_answer 200 "$url/ten.txt"
    [[ ! -s $scratch/httpd.err ]] || skip 'this C library has another name for that'
    stop_httpd
}

# The log is to be a copy of stderr. A library lowers the limit, as whatever runs before may want more
# than there is.
log_without_descriptor() {
    local status=0
    use_library <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

__attribute__((constructor)) static void lower(void)
{
    rlim_t most = strtoul(getenv("WITHOUT"), NULL, 10);
    if (most > 0 && strcmp(program_invocation_short_name, "httpd") == 0)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, most});
}
END
    for ((without = 4; without < 40; without++)); do
        : >"$scratch/few.out"
        "$httpd" --port 0 --access-log - "$files" >"$scratch/few.out" 2>"$scratch/few.err" &
        server=$!
        children+=("$server")
        await begins_or_ends
        kill -9 "$server" 2>/dev/null || :
        status=0
        wait "$server" || status=$?
        ! has_line "$scratch/few.err" '^httpd: -: Too many open files$' || break
    done
    expect 'the status of one that says why' "$status" 1
}

begins_or_ends() {
    has_line "$scratch/few.out" '^serving ' || ! kill -0 "$server" 2>/dev/null
}

full_help() {
    local status=0
    "$httpd" --help >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" 'httpd: No space left on device'
    status=0
    "$httpd" --port 0 "$files" >&- 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" \
        'httpd: cannot say where it listens: Bad file descriptor'
    status=0
    "$httpd" --port 0 "$files" >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" \
        'httpd: cannot say where it listens: No space left on device'
}

nonsense() {
    local arguments
    for arguments in '--no-such-option' '--port' '--port 65536' '--port x' '--port 1.5' \
        '--max-body 1T' '--max-body 1KK' '--max-body -1' '--grace x' '--grace 1e9' \
        '--max-connections 0' '--max-uri 32768' '--address=' '--upload=yes' 'one two'; do
        # shellcheck disable=SC2086
        expect_status 2 "$httpd" $arguments
        grep -q '^httpd: ' "$scratch/err"
    done
    expect_status 2 "$httpd" "$files" -xy
    grep -q '^httpd: there is no option "-x"' "$scratch/err"
}

every_address() {
    start_httpd --address '*'
    expect_answer 200 "http://127.0.0.1:$port/ten.txt"
    stop_httpd
    start_httpd --address localhost
    expect_answer 200 "http://localhost:$port/ten.txt"
    stop_httpd
}

ipv6_address() {
    start_httpd --address ::1
    url=$(sed -n 's|^serving .* at ||p' "$scratch/httpd.out")
    expect 'its address' "$url" "http://[::1]:$port/"
    expect_answer 200 "${url}ten.txt"
    stop_httpd
}

httpd_behaviour 'SIGTERM ends a server whose clients are idle' ends_idle TERM
httpd_behaviour 'SIGINT does the same' ends_idle INT
httpd_behaviour 'downloads that run come to their end' lets_downloads_end
httpd_behaviour 'uploads that run come to their end' lets_uploads_end
httpd_behaviour 'a request that has begun is answered, and is the last' closes_after_the_answer
httpd_behaviour 'an answer arrives though its connection is closed' answer_arrives
httpd_behaviour 'a client that has all of its answer is not waited for' has_its_answer
httpd_behaviour 'what takes longer than its grace is cancelled' deadline
httpd_behaviour 'a second signal cancels what runs' second_signal
httpd_behaviour 'a server that cannot begin says why' begins
httpd_behaviour 'a server that finds out no limit has none' unknown_limit
httpd_behaviour 'a log that may not be written is told' log_that_may_not_be_written
httpd_behaviour 'a log that no descriptor is left for is told' log_without_descriptor
httpd_behaviour 'what cannot be printed is told' full_help
httpd_behaviour 'arguments that make no sense are refused' nonsense
httpd_behaviour 'it listens where it is told' every_address
if grep -qs '^0\{31\}1 ' /proc/net/if_inet6; then
    httpd_behaviour 'an address of IPv6 has its brackets' ipv6_address
else
    behaviour 'an address of IPv6 has its brackets' skip 'there is no ::1 here'
fi
end_of_tests
