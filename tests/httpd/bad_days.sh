#!/bin/bash
# Clients that are slow, rude or many.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/httpd/common.sh
. "$top_srcdir/tests/httpd/common.sh"

printf '0123456789' >"$files/ten.txt"
head -c 20000000 /dev/urandom >"$files/big"

# Sends a byte every so often until the server has had enough.
drip() { # FD TEXT
    local i
    for ((i = 0; i < 300; i++)); do
        { printf '%s' "$2" >&"$1"; } 2>/dev/null || break
        sleep 0.2
    done &
    children+=($!)
}

expect_soon() { # FD PATTERN
    timeout 60 cat <&"$1" >"$scratch/raw" || fail 'the server waits for ever'
    disconnect "$1"
    kill "${children[-1]}" 2>/dev/null || :
    grep -qaE "$2" "$scratch/raw" || fail "it answers \"$(cat "$scratch/raw")\""
}

slow_head() {
    start_httpd --header-timeout 1
    connect 9
    printf 'GET /ten.txt HTTP/1.1\r\nX: ' >&9
    drip 9 x
    expect_soon 9 '^HTTP/1.1 408 '
    # One that has sent nothing is told nothing.
    expect 'the answer' "$(raw '')" ''
    stop_httpd
    # Less than can be counted is not none.
    start_httpd --header-timeout 0.0000000001
    expect 'the answer' "$(raw '')" ''
    stop_httpd
}

slow_body() {
    start_httpd --upload --body-timeout 1
    connect 9
    printf 'PUT /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n' >&9
    drip 9 x
    expect_soon 9 '^HTTP/1.1 408 '
    expect_answer 404 "$url/slow"
    stop_httpd
}

# What has come so far buys no time.
stalled_body() {
    start_httpd --upload --body-timeout 2
    connect 9
    printf 'PUT /stalled HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n' >&9
    head -c 999999 "$files/big" >&9
    timeout 60 cat <&9 >"$scratch/raw" || fail 'the server waits for ever'
    disconnect 9
    expect 'the statuses' "$(statuses <"$scratch/raw")" 408
    await has_no_open_file
    expect 'what is there' "$(ls -A "$files")" $'big\nten.txt'
    stop_httpd
}

# It takes longer than the time for a body that stalls.
patient_body() {
    start_httpd --upload --body-timeout 5
    head -c 700000 "$files/big" >"$scratch/some"
    expect_answer 201 --limit-rate 100K -H Expect: -T "$scratch/some" "$url/patient"
    cmp "$scratch/some" "$files/patient"
    rm "$files/patient"
    stop_httpd
}

# The rest waits for nobody.
others_go_on() {
    local fd
    start_httpd
    for fd in 11 12 13 14 15; do
        connect "$fd"
        printf 'GET /ten.txt HT' >&"$fd"
    done
    expect_answer 200 "$url/big"
    cmp "$scratch/body" "$files/big"
    for fd in 11 12 13 14 15; do
        printf 'TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' >&"$fd"
        grep -q '^0123456789' <(timeout 60 cat <&"$fd")
        disconnect "$fd"
    done
    stop_httpd
}

idle_ends() {
    start_httpd --keep-alive 0.5
    expect_statuses 200 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n'
    stop_httpd
}

# A client that takes nothing is given up, in the middle of a file and between many.
takes_nothing() {
    local i
    start_httpd --send-timeout 5
    count_listening
    connect 8
    printf 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n' >&8
    connect 9
    for ((i = 0; i < 20000; i++)); do
        printf 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n'
    done >&9 2>/dev/null &
    children+=($!)
    # shellcheck disable=SC2016  # it is perl that is to see $
    perl -MIO::Socket::INET -e 'my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
        syswrite $c, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n"; shutdown $c, 1; sleep 600' "$port" &
    children+=($!)
    await server_has_connections 3
    await server_has_connections 0
    disconnect 8
    disconnect 9
    stop_httpd
}

server_has_connections() { # N
    local links
    links=$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)
    ((links - listening == $1))
}

# The sockets of a server that nobody talks to.
count_listening() {
    listening=$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)
}

slow_reader_gets_all() {
    start_httpd
    fetch --limit-rate 8M -o "$scratch/slow" "$url/big" &
    children+=($!)
    local slow=$!
    expect_answer 200 "$url/ten.txt"
    wait "$slow"
    cmp "$scratch/slow" "$files/big"
    stop_httpd
}

# Answers that a client takes late are no silence of its own. How many fill the socket is not known:
# of so many clients, each of whom asks for more, some leave a part of the last ones in the server.
late_readers_get_all() {
    start_httpd --keep-alive 0.3
    head -c 8000 "$files/big" >"$files/some"
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MIO::Socket::INET -e '
        my @clients = map { IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $! } 1 .. 149;
        for my $i (1 .. @clients) {
            print {$clients[$i - 1]} "GET /some HTTP/1.1\r\nHost: a\r\n\r\n" x (5 * $i);
            $clients[$i - 1]->flush;
        }
        sleep 3;
        for my $i (1 .. @clients) {
            my ($all, $got, $client) = ("", 0, $clients[$i - 1]);
            shutdown $client, 1;
            1 while $got = sysread $client, $all, 65536, length $all;
            defined $got or print "of ", 5 * $i, ": $!\n";
            my $count = () = $all =~ m|HTTP/1\.1 200 OK\r\n|g;
            $count == 5 * $i && length $all > 8000 * $count or print "$count of ", 5 * $i, "\n";
        }' "$port" >"$scratch/late"
    expect 'what is missing' "$(cat "$scratch/late")" ''
    rm "$files/some"
    stop_httpd
}

# Its silence counts from when it has all of its answer, as much of which as the socket holds is on
# its way when the server has sent it.
late_asker_gets_all() {
    start_httpd --keep-alive 0.3
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MIO::Socket::INET -e '
        my $client = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!;
        my ($all, $size, $asked) = ("", 2500000);
        print $client "GET /big HTTP/1.1\r\nHost: a\r\nRange: bytes=0-", $size - 1, "\r\n\r\n";
        $client->flush;
        while (1) {
            sysread($client, $all, 65536, length $all) or last;
            if (length $all > $size - 1000000 and !$asked++) {
                print $client "GET /ten.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                $client->flush;
            }
            select undef, undef, undef, 0.05;
        }
        my $count = () = $all =~ m/HTTP.1\.1 20[06] /g;
        print length $all > $size && $all =~ m/0123456789\z/ ? "all" : length $all, " $count\n"
        ' "$port" >"$scratch/late"
    expect 'what it got' "$(cat "$scratch/late")" 'all 2'
    stop_httpd
}

# It asks for more before it has all, which is not to cost it the last answer.
late_last_answer() {
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    start_httpd
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MSocket -e '
        socket(my $client, PF_INET, SOCK_STREAM, 0) or die $!;
        setsockopt($client, SOL_SOCKET, SO_RCVBUF, 4096) or die $!;
        connect($client, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;
        my ($all, $got, $size) = ("", 0, 60000);
        syswrite $client, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: bytes=0-" .
                          ($size - 1) . "\r\n\r\n" or die $!;
        sleep 6;
        syswrite $client, "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n" or die $!;
        sleep 1;
        1 while $got = sysread $client, $all, 65536, length $all;
        defined $got or print "$!: ";
        print length($all) - index($all, "\r\n\r\n") - 4, "\n"' "$port" >"$scratch/late"
    expect 'the size of what it got' "$(<"$scratch/late")" 60000
    stop_httpd
}

resets() {
    local i
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    start_httpd --upload
    count_listening
    for ((i = 0; i < 20; i++)); do
        perl -MIO::Socket::INET -e '
            for my $text ("", "GET /big HT", "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
                          "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n" x 100,
                          "PUT /put HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
                          "GET /big HTTP/1.1\r\nHost: a\r\n\r\n" x 3) {
                my $socket = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
                print $socket $text;
                $socket->flush;
                sysread $socket, my $answer, 1000 if $ARGV[1] % 2 and $text =~ /\n\r\n$/;
                setsockopt($socket, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die;
                close $socket;
            }' "$port" "$i"
    done
    await server_has_connections 0
    expect_answer 200 "$url/ten.txt"
    expect_answer 404 "$url/put"
    stop_httpd
}

# It is accepted after that, and its request is in the log with its address.
resets_at_once() {
    local log=$scratch/access.log
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    start_httpd --access-log "$log"
    kill -STOP "$server"
    perl -MIO::Socket::INET -e '
        my $socket = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
        print $socket "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n";
        $socket->flush;
        setsockopt($socket, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die;
        close $socket;' "$port"
    kill -CONT "$server"
    await has_line "$log" '^127\.0\.0\.1 - - \[.*\] "GET /ten\.txt HTTP/1\.1" '
    stop_httpd
}

thousand() {
    ulimit -n 4096 2>/dev/null || skip 'too few descriptors are allowed'
    start_httpd --max-connections 2000
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MIO::Socket::INET -e '$/ = undef;
        my @clients = map { IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $! } 1 .. 1000;
        print $_ "GET /ten.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" for @clients;
        print scalar <$_>, "\n" for @clients;' "$port" >"$scratch/answers"
    expect 'the answers' "$(grep -c '^0123456789$' "$scratch/answers")" 1000
    stop_httpd
}

# Those beyond the limit wait, and are served when others have left.
waiting_line() {
    start_httpd --max-connections 2
    connect 8
    connect 9
    printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&8
    read -r -t 60 -u 8 _
    printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&9
    read -r -t 60 -u 9 _
    # It must hold neither of the two open.
    fetch -o "$scratch/waited" "$url/ten.txt" 8>&- 9>&- &
    local waiting=$!
    children+=("$waiting")
    sleep 0.3
    [[ ! -s $scratch/waited ]]
    disconnect 8
    wait "$waiting"
    expect 'the content' "$(cat "$scratch/waited")" 0123456789
    disconnect 9
    stop_httpd
}

# httpd may open so many descriptors.
use_few() { # N
    few=$1 program=$httpd httpd=httpd_with_few
}

httpd_with_few() { # ARGUMENTS...
    ulimit -n "$few"
    exec "$program" "$@"
}

# Those that are accepted have descriptors left for their files, and the others wait.
few_descriptors() {
    local i line fds=() fd
    use_few 40
    start_httpd
    expect 'what it tells' "$(cat "$scratch/httpd.err")" \
        'httpd: 40 descriptors are enough for 12 connections at a time, and not for 10000: more wait; raise ulimit -Hn'
    for ((i = 0; i < 60; i++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$port"
        fds+=("$fd")
        printf 'GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&"$fd"
    done
    for fd in "${fds[@]}"; do
        read -r -t 60 -u "$fd" line || fail 'a client hears nothing'
        expect 'the status' "$line" $'HTTP/1.1 200 OK\r'
        exec {fd}>&-
    done
    expect_answer 200 "$url/big"
    cmp "$scratch/body" "$files/big"
    kill "$server"
    wait "$server" || fail "httpd ended with $?"
}

# Uploads that stall hold three descriptors each, of 142: the others wait for theirs, and so does who
# wants a file; none is refused, as there are enough in time.
stalled_uploads() {
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    use_few 300
    start_httpd --upload
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MIO::Socket::INET -e '
        my @clients = map { IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $! } 0 .. 119;
        for my $i (0 .. 99) {
            print {$clients[$i]} "PUT /stalled$i HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" .
                                 "Content-Length: 5\r\n\r\nhal";
            $clients[$i]->flush;
        }
        sleep 1;
        print $_ "GET /ten.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" and $_->flush
            for @clients[100 .. 109];
        print $_ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" and $_->flush
            for @clients[110 .. 119];
        sleep 1;
        print $_ "f." and $_->flush for @clients[0 .. 99];
        print scalar readline $_ for @clients;' "$port" | sort | uniq -c | sed 's/^ *//' \
        >"$scratch/answers"
    expect 'the answers' "$(tr -d '\r' <"$scratch/answers")" \
        '20 HTTP/1.1 200 OK'$'\n''100 HTTP/1.1 201 Created'
    rm "$files"/stalled*
    kill "$server"
    wait "$server" || fail "httpd ended with $?"
}

# Those who hold descriptors for long are not waited for without end; who needs none is answered at
# once, and when they have ended all is as before.
none_left_for_long() {
    local i fds=() fd
    use_few 40
    start_httpd --upload
    for ((i = 0; i < 4; i++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$port"
        fds+=("$fd")
        printf 'PUT /long%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\na' \
            "$i" >&"$fd"
    done
    await has_open_files 4
    expect_answer 503 "$url/ten.txt"
    expect_answer 503 "$url/"
    expect_answer 405 -X DELETE --max-time 5 "$url/ten.txt"
    for fd in "${fds[@]}"; do
        printf b >&"$fd"
        expect 'the status' "$(timeout 60 cat <&"$fd" | statuses)" 201
        exec {fd}>&-
    done
    expect_answer 200 "$url/ten.txt"
    expect_answer 204 -T - "$url/long0" < <(echo new)
    rm "$files"/long*
    kill "$server"
    wait "$server" || fail "httpd ended with $?"
}

# The time in which a client takes something is not that in which it sends.
slow_upload() {
    start_httpd --upload --send-timeout 1
    connect 9
    printf 'PUT /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\na' >&9
    sleep 2
    printf b >&9
    expect 'the status' "$(timeout 60 cat <&9 | statuses)" 201
    disconnect 9
    rm "$files/slow"
    stop_httpd
}

# All of its answer is with the kernel, and it takes none of it.
takes_nothing_more() {
    start_httpd --keep-alive 0.3 --send-timeout 2
    count_listening
    # shellcheck disable=SC2016  # it is perl that is to see $
    perl -MSocket -e 'socket(my $c, PF_INET, SOCK_STREAM, 0);
        setsockopt($c, SOL_SOCKET, SO_RCVBUF, 4096);
        connect($c, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;
        syswrite $c, "GET /big HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1500000\r\n\r\n";
        sleep 600' "$port" &
    children+=($!)
    await server_has_connections 1
    await server_has_connections 0
    stop_httpd
}

# A client asks TIMES for PATH, which is more than the kernel holds, and takes nothing until it is
# given up. Then $scratch/raw is what has come, and $scratch/seen how that ends.
is_given_up() { # PATH TIMES
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    rm -f "$scratch/go"
    mkfifo "$scratch/go"
    exec 8<>"$scratch/go"
    start_httpd --send-timeout 2
    count_listening
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MSocket -MIO::Handle -e 'my ($port, $path, $times, $go) = @ARGV;
        socket(my $c, PF_INET, SOCK_STREAM, 0) or die $!;
        setsockopt($c, SOL_SOCKET, SO_RCVBUF, 4096) or die $!;
        connect($c, sockaddr_in($port, INADDR_LOOPBACK)) or die $!;
        $c->blocking(0);
        syswrite $c, "GET $path HTTP/1.1\r\nHost: a\r\n\r\n" x $times or die $!;
        $c->blocking(1);
        open my $told, "<", $go or die $!;
        my ($got, $bytes) = scalar <$told>;
        print $bytes while $got = sysread $c, $bytes, 65536;
        print STDERR defined $got ? "the end" : $!;' "$port" "$1" "$2" "$scratch/go" \
        >"$scratch/raw" 2>"$scratch/seen" &
    children+=($!)
    await server_has_connections 1
    await server_has_connections 0
    echo >&8
    wait "${children[-1]}"
    disconnect 8
    stop_httpd
}

# It must not take the answers that have come for all of them.
no_end_of_answers() {
    is_given_up /ten.txt 40000
    expect 'what it sees' "$(cat "$scratch/seen")" 'Connection reset by peer'
}

# The page has been made, and its first part has gone: nothing comes in the place of the rest.
part_of_a_page() {
    local length begun
    mkdir "$files/many"
    (cd "$files/many" && seq -f '%0250.0f' 10000 | xargs touch)
    is_given_up /many/ 1
    rm -r "$files/many"
    expect 'the statuses' "$(statuses <"$scratch/raw")" 200
    length=$(sed -nE '1,/^\r$/ s/^Content-Length: ([0-9]+)\r$/\1/p' "$scratch/raw")
    begun=$(stat -c %s "$scratch/raw")
    ((begun < length)) || fail "$begun bytes came, of a page of $length"
}

# By a library: looking for one path takes more stack than there is.
uses_up_its_stack() {
    local around=$scratch/around
    use_library <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <whorl.h>

static int dig(volatile char *hole, int depth)
{
    char deeper[1024];
    *hole = (char)depth;
    return depth == 0 ? *hole : dig(deeper, depth - 1) + deeper[0];
}

int whorl_openat2(int dirfd, const char *path, const struct open_how *how, size_t size)
{
    int (*next)(int, const char *, const struct open_how *, size_t) =
        dlsym(RTLD_NEXT, "whorl_openat2");
    char hole;
    if (strcmp(path, "deep") == 0)
        dig(&hole, 1 << 20);
    return next(dirfd, path, how, size);
}
END
    start_httpd
    fetch --limit-rate 20M "$url/big" >"$around" &
    children+=($!)
    await test -s "$around"
    ! status_of "$url/deep" >"$scratch/status" 2>"$scratch/err" ||
        skip 'this build uses no library that is shared'
    await is_told_or_ends
    kill -0 "$server" 2>/dev/null || skip 'who uses up a stack ends the program here'
    grep -q 'reset by peer' "$scratch/err" || fail "the client is told \"$(cat "$scratch/err")\""
    wait "${children[-1]}"
    cmp "$around" "$files/big"
    expect_answer 200 "$url/ten.txt"
    kill "$server"
    wait "$server" || fail "httpd ended with $?"
}

is_told_or_ends() {
    grep -qE '^httpd: the connection from 127\.0\.0\.1:[0-9]+: it has used up its stack$' \
        "$scratch/httpd.err" || ! kill -0 "$server" 2>/dev/null
}

httpd_behaviour 'a head that comes byte by byte is given up' slow_head
httpd_behaviour 'a body that comes byte by byte is given up' slow_body
httpd_behaviour 'a body that stalls is given up, however much has come' stalled_body
httpd_behaviour 'a body that keeps coming is taken' patient_body
httpd_behaviour 'clients in the middle of a head hold nobody up' others_go_on
httpd_behaviour 'a connection on which nothing comes is closed' idle_ends
httpd_behaviour 'a client that takes nothing is given up' takes_nothing
httpd_behaviour 'a client that took no answers sees no end of them' no_end_of_answers
httpd_behaviour 'a page that is not taken is not brought to its end' part_of_a_page
httpd_behaviour 'a client that takes little gets all' slow_reader_gets_all
httpd_behaviour 'a client that takes its answers late gets all of them' late_readers_get_all
httpd_behaviour 'a client that asks before it has all of an answer gets both' late_asker_gets_all
httpd_behaviour 'a client that takes its last answer late gets all of it' late_last_answer
httpd_behaviour 'clients that break off leave nothing behind' resets
httpd_behaviour 'one that breaks off before it is served is in the log' resets_at_once
httpd_behaviour 'a connection that uses up its stack harms nobody else' uses_up_its_stack
httpd_behaviour 'a thousand connections are served' thousand
httpd_behaviour 'connections beyond the limit wait for their turn' waiting_line
httpd_behaviour 'a lack of descriptors passes' few_descriptors
httpd_behaviour 'uploads that stall have nobody refused' stalled_uploads
httpd_behaviour 'but those that stall for long do' none_left_for_long
httpd_behaviour 'an upload has its own time' slow_upload
httpd_behaviour 'a client that has been sent all and takes nothing is given up' takes_nothing_more
end_of_tests
