#!/bin/bash
# The proxy passes connections on, byte for byte, to nginx and to what socat makes of a socket; its
# limits and timeouts hold, and bad clients and bad targets harm nobody else.
# shellcheck disable=SC2154  # connect sets variables
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/services/common.sh
. "$top_srcdir/tests/services/common.sh"
tested='the proxy passes connections on'
# shellcheck source=tests/nginx.sh
. "$top_srcdir/tests/nginx.sh"

need_program curl curl
need_program socat socat
proxy=$examples/proxy/proxy
trap 'end_children; rm -rf "$scratch"' EXIT
start_nginx
nginx=${nginx_url#http://}
head -c 50000003 /dev/urandom >"$files/large"
head -c 300007 /dev/urandom >"$files/small"
children_of_all=("${children[@]}")
children=() # of each test

end_of_all() {
    kill "${children_of_all[@]}" 2>/dev/null || :
    wait
    rm -rf "$scratch"
}
trap end_of_all EXIT

# No limit strikes for the slowness of a machine; tests of a limit set their own.
start_proxy() { # ARGUMENTS...
    start_service proxy proxy --connect-timeout 600 --grace 600 "$@"
    url=http://127.0.0.1:$port
}

fetch() { # ARGUMENTS...: within two minutes
    timeout 120 curl -sS "$@"
}

# The proxy is stopped, and has counted so many CONNECTIONS, UNSERVED and BROKEN.
stops_with() { # CONNECTIONS UNSERVED BROKEN
    kill "$server"
    expect_end "$server" 0
    grep -q "^$1 connections: $2 found no target, $3 were cut short; " "$scratch/proxy.out" || {
        cat "$scratch/proxy.out" "$scratch/proxy.err"
        fail "it has not counted $1, $2, $3"
    }
}

# A socat that listens, in children; sets socat_port, and socat_id. ARGUMENTS go before its
# addresses.
start_socat() { # LISTENING-OPTIONS ADDRESS ARGUMENTS...
    local log=$scratch/socat.$RANDOM$RANDOM
    socat -d -d "${@:3}" "TCP-LISTEN:0,bind=127.0.0.1$1" "$2" 2>"$log" &
    socat_id=$!
    is_child
    await has_line "$log" 'listening on'
    socat_port=$(sed -nE 's/.*listening on .*127\.0\.0\.1:([0-9]+)$/\1/p' "$log" | head -n 1)
}

large_file() {
    start_proxy 127.0.0.1:0 "$nginx"
    fetch "$url/large" | cmp - "$files/large"
    fetch "$url/large" | cmp - "$files/large"
    stops_with 2 0 0
    grep -qE ' [0-9]+ bytes there, 1000[0-9]{5} back$' "$scratch/proxy.out"
    expect 'its complaints' "$(grep -v '^proxy: stopping: ' "$scratch/proxy.err")" ''
}

# Whoever read where it listens has gone.
count_is_not_read() {
    local status=0
    mkfifo "$scratch/where"
    "$proxy" 127.0.0.1:0 "$nginx" >"$scratch/where" 2>"$scratch/proxy.err" &
    server=$!
    is_child
    grep -q '^listening on ' <(head -n 1 "$scratch/where")
    kill "$server"
    wait "$server" || status=$?
    expect 'the status' "$status" 0
    expect 'its complaints' "$(cat "$scratch/proxy.err")" \
        'proxy: cannot print what was counted: Broken pipe'
}

# One connection for several requests, one after the other.
kept_alive() {
    start_proxy 127.0.0.1:0 "$nginx"
    fetch "$url/small" "$url/small" "$url/small" -o "$scratch/1" -o "$scratch/2" -o "$scratch/3"
    cmp "$scratch/1" "$files/small"
    cmp "$scratch/3" "$files/small"
    stops_with 1 0 0
}

both_ways() {
    start_socat ',fork' EXEC:cat -t 60
    start_proxy 127.0.0.1:0 "127.0.0.1:$socat_port"
    timeout 120 socat -t 60 - "TCP:127.0.0.1:$port" <"$files/large" >"$scratch/echoed"
    cmp "$scratch/echoed" "$files/large"
    stops_with 1 0 0
}

# The first are answered while the last begin; all at once would be more than nginx takes.
many() {
    local i
    start_proxy --limit 60 127.0.0.1:0 "$nginx"
    for ((i = 0; i < 300; i++)); do
        printf 'url = "%s/small"\noutput = "%s/many.%s"\n' "$url" "$scratch" "$i"
    done >"$scratch/list"
    fetch --no-progress-meter --parallel --parallel-immediate --parallel-max 100 --no-keepalive \
        -H 'Connection: close' -K "$scratch/list"
    for ((i = 0; i < 300; i++)); do
        cmp "$scratch/many.$i" "$files/small"
    done
    rm "$scratch"/many.*
    stops_with 300 0 0
}

# sha256sum answers at the end of what it is given, which is not the end of the connection.
client_ends_first() {
    local sum
    start_socat '' EXEC:sha256sum -t 60
    start_proxy 127.0.0.1:0 "127.0.0.1:$socat_port"
    sum=$(timeout 120 socat -t 60 - "TCP:127.0.0.1:$port" <"$files/large")
    expect 'the sum' "$sum" "$(sha256sum <"$files/large")"
    stops_with 1 0 0
}

# A server that does to its one connection, $c, what CODE says; perl is always there. Sets perl_port.
start_perl() { # CODE
    : >"$scratch/perl.out"
    # shellcheck disable=SC2016  # it is perl that is to see $
    perl -MIO::Socket::INET -e '$| = 1;
        my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
        print $l->sockport(), "\n"; my $c = $l->accept(); close $l;'"$1" >"$scratch/perl.out" &
    is_child
    await test -s "$scratch/perl.out"
    perl_port=$(head -n 1 "$scratch/perl.out")
}

# A client of the proxy that does to its connection, $c, what CODE says.
run_client() { # CODE
    # shellcheck disable=SC2016
    timeout 120 perl -MIO::Socket::INET -e '
        my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;'"$1" "$port"
}

# Of a client: counts what comes until the end, and prints it.
# shellcheck disable=SC2016
count_all='my ($got, $more) = (0);
    while ($more = sysread $c, my $bytes, 65536) { $got += $more; } print $got;'

# Of either: its close is a reset.
# shellcheck disable=SC2016
reset_at_close='setsockopt $c, 1, 13, pack "ii", 1, 0;'

server_ends_first() {
    # shellcheck disable=SC2016
    start_perl 'print $c "hello\n"; shutdown $c, 1; print <$c>; print "end\n";'
    start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
    connect fd
    expect 'what comes before the end' "$(read_to_end "$fd")" hello
    echo 'said after the end' >&"$fd"
    exec {fd}>&-
    await has_line "$scratch/perl.out" '^end$'
    expect 'what was taken' "$(sed -n 2p "$scratch/perl.out")" 'said after the end'
    stops_with 1 0 0
}

# A byte that TCP calls urgent goes in its place; before it, behind it, and with the end behind it.
urgent_data() {
    # shellcheck disable=SC2016
    start_perl 'print <$c>; print "\nend\n";'
    start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    timeout 60 perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new($ARGV[0]) or die;
        $s->send("u", MSG_OOB); $s->send("before"); sleep 1; $s->send("v", MSG_OOB);
        $s->send("behind"); $s->send("w", MSG_OOB); shutdown $s, 1; print <$s>' "127.0.0.1:$port"
    await has_line "$scratch/perl.out" '^end$'
    expect 'what was taken' "$(sed -n 2p "$scratch/perl.out")" ubeforevbehindw
    stops_with 1 0 0
}

second_target() {
    start_proxy --verbose 127.0.0.1:0 127.0.0.1:1 "$nginx"
    fetch "$url/small" | cmp - "$files/small"
    stops_with 1 0 0
    has_line "$scratch/proxy.err" '127.0.0.1:1: Connection refused; the next target is tried$'
    has_line "$scratch/proxy.err" "^proxy: connection 1: to $nginx\$"
}

target_down() {
    start_proxy 127.0.0.1:0 127.0.0.1:1
    ! fetch "$url/small" || fail 'something was fetched from nowhere'
    ! fetch "$url/small" || fail 'something was fetched from nowhere'
    stops_with 2 2 0
    has_line "$scratch/proxy.err" '127.0.0.1:1: Connection refused; see that it is up and answers$'
}

no_such_target() {
    start_proxy 127.0.0.1:0 no-such-host.invalid:80
    ! fetch "$url/small" || fail 'something was fetched from nowhere'
    stops_with 1 1 0
    has_line "$scratch/proxy.err" 'cannot connect to no-such-host.invalid:80: '
}

# A target that is stopped, and whose queue is full, answers nothing at all.
target_hangs() {
    start_socat ',backlog=1' EXEC:cat
    kill -STOP "$socat_id"
    local hanging=$socat_port hanging_id=$socat_id
    port=$hanging
    connect one
    connect two
    start_proxy --connect-timeout 2 127.0.0.1:0 "127.0.0.1:$hanging" "$nginx"
    fetch "$url/small" | cmp - "$files/small"
    stops_with 1 0 0
    has_line "$scratch/proxy.err" ': it has not answered in time; the next target is tried$'
    start_proxy --connect-timeout 2 127.0.0.1:0 "127.0.0.1:$hanging"
    ! fetch "$url/small" || fail 'something was fetched from nowhere'
    stops_with 1 1 0
    has_line "$scratch/proxy.err" ': it has not answered in time; see that it is up and answers$'
    kill -CONT "$hanging_id"
}

# A stop does not wait for a target that hangs either.
stop_while_connecting() {
    start_socat ',backlog=1' EXEC:cat
    kill -STOP "$socat_id"
    port=$socat_port
    connect one
    connect two
    start_proxy --verbose --limit 1 --grace 0.2 127.0.0.1:0 "127.0.0.1:$socat_port" 127.0.0.1:1
    connect fd
    await has_line "$scratch/proxy.err" '^proxy: there are 1 connections: more wait'
    stops_with 1 1 0
    ! grep 'cannot connect' "$scratch/proxy.err" || fail 'the stop is no failure of a target'
    kill -CONT "$socat_id"
}

vanishes() {
    start_proxy --verbose 127.0.0.1:0 "$nginx"
    connect fd
    printf 'GET /large HTTP/1.0\r\n\r\n' >&"$fd"
    timeout 60 head -c 1000 <&"$fd" >"$scratch/begun"
    exec {fd}>&- # with bytes unread: a reset
    await has_line "$scratch/proxy.err" '^proxy: connection 1: [0-9]* bytes there, [0-9]* back, '
    fetch "$url/small" | cmp - "$files/small"
    stops_with 2 0 1
}

# One who takes little is not idle, though nothing else moves, and gets all of it.
takes_little() {
    # shellcheck disable=SC2016
    start_perl 'syswrite $c, "a" x 3000000; shutdown $c, 1; <$c>;'
    start_proxy --verbose --idle-timeout 2 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    run_client 'my ($got, $times) = (0, 0);
        while (my $more = sysread $c, my $bytes, $times < 50 ? 20000 : 65536) {
            $got += $more;
            select undef, undef, undef, 0.1 if $times++ < 50;
        }
        print $got;' >"$scratch/got"
    expect 'the bytes that come' "$(cat "$scratch/got")" 3000000
    stops_with 1 0 0
    has_line "$scratch/proxy.err" ' 0 bytes there, 3000000 back, ended$'
}

# The target's failure is the client's: it must not take what it has for the whole.
target_breaks() {
    # shellcheck disable=SC2016
    start_perl 'print $c "begun\n"; <$c>;'"$reset_at_close"
    start_proxy --verbose 127.0.0.1:0 "127.0.0.1:$perl_port"
    connect fd
    expect 'the beginning' "$(timeout 60 head -n 1 <&"$fd")" begun
    echo 'go away' >&"$fd"
    timeout 60 cat <&"$fd" 2>"$scratch/err" || :
    has_line "$scratch/err" 'reset by peer'
    stops_with 1 0 1
    has_line "$scratch/proxy.err" ' 8 bytes there, 6 back, Connection reset by peer$'
}

# A target that breaks off an upload has answered before: the client gets that. Of what a reset
# overtakes on its way to the proxy nobody knows.
answers_before_it_breaks() {
    local i
    for ((i = 0; i < 10; i++)); do
        # shellcheck disable=SC2016
        start_perl 'sysread $c, my $begun, 100; syswrite $c, "a" x 50000;'
        start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
        # shellcheck disable=SC2016
        run_client '$SIG{PIPE} = "IGNORE"; my $left = 80;
            $left-- while $left > 0 && syswrite $c, "b" x 65536;'"$count_all" >"$scratch/got"
        expect 'the bytes of the answer' "$(cat "$scratch/got")" 50000
        stops_with 1 0 1
    done
}

# What a target has sent before it breaks off is the client's, though that pauses.
pauses_while_it_breaks() {
    # shellcheck disable=SC2016
    start_perl 'syswrite $c, "a" x 3000000; sleep 1;'"$reset_at_close"
    start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
    run_client "sleep 3; $count_all" >"$scratch/got"
    expect 'the bytes that come' "$(cat "$scratch/got")" 3000000
    stops_with 1 0 1
}

# Nobody reads from the client, as its target takes nothing.
breaks_while_nothing_is_taken() {
    local end
    mkfifo "$scratch/end"
    exec {end}<>"$scratch/end"
    # shellcheck disable=SC2016
    start_perl 'open my $end, "<", "'"$scratch/end"'"; <$end>;'
    start_proxy --verbose 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    run_client '$c->blocking(0); for (my $i = 0; $i < 200; $i++) {
            syswrite($c, "b" x 65536) or select(undef, undef, undef, 0.01); }'"$reset_at_close"
    await has_line "$scratch/proxy.err" '^proxy: connection 1: .* Connection reset by peer$'
    echo >&"$end"
    exec {end}>&-
    stops_with 1 0 1
}

# A side that has said its last may break off all the same, and the other is told.
breaks_after_its_end() {
    local told
    mkfifo "$scratch/tell"
    exec {told}<>"$scratch/tell"
    # shellcheck disable=SC2016
    start_perl '<$c>; open my $told, "<", "'"$scratch/tell"'"; <$told>; $SIG{PIPE} = "IGNORE"; syswrite $c, "x"; print "$!\n";'
    start_proxy --verbose 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    run_client 'shutdown $c, 1; sleep 1;'"$reset_at_close"
    await has_line "$scratch/proxy.err" ' 0 bytes there, 0 back, \(Broken pipe\|Connection reset\)'
    echo >&"$told"
    await has_line "$scratch/perl.out" '^\(Broken pipe\|Connection reset by peer\)$'
    exec {told}>&-
    stops_with 1 0 1
    # shellcheck disable=SC2016
    start_perl 'shutdown $c, 1; sleep 1;'"$reset_at_close"
    start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
    connect fd
    expect 'what comes before the end' "$(read_to_end "$fd")" ''
    await breaks "$fd"
    stops_with 1 0 1
}

# A client that has sent all, and then takes no more, is none that has all of its answer.
takes_no_more_after_its_end() {
    local told
    rm -f "$scratch/tell"
    mkfifo "$scratch/tell"
    exec {told}<>"$scratch/tell"
    # shellcheck disable=SC2016
    start_perl '<$c>; print "all\n"; open my $told, "<", "'"$scratch/tell"'"; <$told>;
        $SIG{PIPE} = "IGNORE"; select undef, undef, undef, 0.05 while syswrite $c, "x"; print "$!\n";'
    start_service proxy proxy --verbose "$scratch/taken.sock" "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    timeout 120 perl -MIO::Socket::UNIX -e 'my $c = IO::Socket::UNIX->new($ARGV[0]) or die $!;
        shutdown $c, 0; shutdown $c, 1; sleep 100;' \
        "$scratch/taken.sock" &
    is_child
    await has_line "$scratch/perl.out" '^all$'
    echo >&"$told"
    exec {told}>&-
    await has_line "$scratch/perl.out" '^\(Broken pipe\|Connection reset by peer\)$'
    await has_line "$scratch/proxy.err" ' 0 bytes there, 0 back, Broken pipe$'
    stops_with 1 0 1
}

# Nothing comes of one side for too long when the other has sent all.
idle_after_an_end() {
    # shellcheck disable=SC2016
    start_perl '<$c>; print "all\n"; print sysread($c, my $bytes, 1) // $!, "\n"; sleep 100;'
    start_proxy --verbose --idle-timeout 1 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    expect 'what the client sees' \
        "$(run_client 'shutdown $c, 1; print sysread($c, my $bytes, 1) // $!')" \
        'Connection reset by peer'
    stops_with 1 0 1
    has_line "$scratch/proxy.err" ' 0 bytes there, 0 back, idle for too long$'
}

# The target has broken off, and nobody has seen that yet, as the client takes nothing, when the client
# sends its end: it gets some of what was sent before, and no regular end.
ends_after_a_break() {
    local breaks ends target
    mkfifo "$scratch/break" "$scratch/client"
    exec {breaks}<>"$scratch/break" {ends}<>"$scratch/client"
    # shellcheck disable=SC2016
    start_perl '$c->blocking(0); for (my $i = 0; $i < 200; $i++) {
            syswrite($c, "a" x 65536) or select(undef, undef, undef, 0.01); }
        print "all\n"; open my $told, "<", "'"$scratch/break"'"; <$told>;'"$reset_at_close"
    target=$!
    start_proxy --verbose 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    run_client 'open my $told, "<", "'"$scratch/client"'"; <$told>; shutdown $c, 1;
        print STDERR "ended\n"; <$told>;'"$count_all"'print " ", $more // $!;' \
        >"$scratch/got" 2>"$scratch/ended" &
    is_child
    local client=$!
    await has_line "$scratch/perl.out" '^all$'
    kill -STOP "$server"
    echo >&"$breaks"
    wait "$target"
    echo >&"$ends"
    await has_line "$scratch/ended" '^ended$'
    kill -CONT "$server"
    echo >&"$ends"
    wait "$client"
    grep -qE '^[0-9]{6,} Connection reset by peer$' "$scratch/got" ||
        fail "what comes is \"$(cat "$scratch/got")\""
    exec {breaks}>&- {ends}>&-
    stops_with 1 0 1
}

# A write to it fails.
breaks() { # FD
    ! (trap '' PIPE && echo x 1>&"$1" 2>/dev/null)
}

limit_reached() {
    start_proxy --verbose --limit 2 127.0.0.1:0 "$nginx"
    connect one
    connect two
    await has_line "$scratch/proxy.err" '^proxy: there are 2 connections: more wait'
    fetch "$url/small" >"$scratch/third" {one}>&- {two}>&- &
    third=$!
    is_child
    sleep 0.3
    kill -0 "$third" || fail 'a third connection was served'
    expect 'what the third one got' "$(stat -c %s "$scratch/third")" 0
    exec {one}>&-
    wait "$third"
    cmp "$scratch/third" "$files/small"
    exec {two}>&-
    stops_with 3 0 0
}

# As much as the buffers of two sockets and a pipe hold, which is less than a third of it.
slow_client() {
    local back
    start_proxy 127.0.0.1:0 "$nginx"
    connect fd
    printf 'GET /large HTTP/1.0\r\n\r\n' >&"$fd"
    fetch --limit-rate 20M "$url/large" | cmp - "$files/large"
    fetch "$url/small" | cmp - "$files/small"
    exec {fd}>&-
    stops_with 3 0 1
    back=$(sed -nE 's/.* ([0-9]+) back$/\1/p' "$scratch/proxy.out")
    ((back - 50300010 < 20000000)) || fail "$back bytes were taken for clients"
}

slow_reader_gets_all() {
    start_proxy 127.0.0.1:0 "$nginx"
    connect fd
    printf 'GET /large HTTP/1.0\r\n\r\n' >&"$fd"
    sleep 0.5
    timeout 120 cat <&"$fd" | tail -c 50000003 | cmp - "$files/large"
    exec {fd}>&-
    stops_with 1 0 0
}

# The one that moves a byte now and then outlives the one that moves none.
idle_timeout() {
    local i
    start_socat ',fork' EXEC:cat -t 60
    start_proxy --verbose --idle-timeout 4 127.0.0.1:0 "127.0.0.1:$socat_port"
    connect busy
    connect idle
    for ((i = 0; i < 30; i++)); do
        echo "$i" >&"$busy"
        sleep 0.2
    done &
    is_child
    timeout 60 cat <&"$idle" >"$scratch/idle" 2>&1 || :
    await has_line "$scratch/proxy.err" ' 0 bytes there, 0 back, idle for too long$'
    wait $!
    timeout 60 head -n 30 <&"$busy" | cmp - <(seq 0 29)
    stops_with 2 0 2
}

idle_for_ever() {
    start_socat '' EXEC:cat -t 60
    start_proxy --idle-timeout 0 127.0.0.1:0 "127.0.0.1:$socat_port"
    connect silent
    sleep 1.5
    echo 'still here' >&"$silent"
    expect 'what comes back' "$(timeout 60 head -n 1 <&"$silent")" 'still here'
    exec {silent}>&-
    stops_with 1 0 0
}

graceful_stop() {
    local slow status=0
    start_proxy --grace 100 127.0.0.1:0 "$nginx"
    timeout 100 curl -sS --limit-rate 20M "$url/large" >"$scratch/slow" &
    slow=$!
    is_child
    await test -s "$scratch/slow"
    kill "$server"
    await has_line "$scratch/proxy.err" '^proxy: stopping: connections that are open (1) may go on for 100 s'
    ! curl -sS "$url/small" >"$scratch/late" 2>&1 || fail 'it accepts after the stop'
    wait "$slow"
    cmp "$scratch/slow" "$files/large"
    expect_end "$server" 0
    has_line "$scratch/proxy.out" '^1 connections: 0 found no target, 0 were cut short; '
}

grace_over() {
    start_proxy --verbose --grace 0.3 127.0.0.1:0 "$nginx"
    connect fd
    await has_line "$scratch/proxy.err" "^proxy: connection 1: to $nginx"
    stops_with 1 0 1
    has_line "$scratch/proxy.err" ' cut by the stop$'
}

second_signal() {
    start_proxy --verbose 127.0.0.1:0 "$nginx"
    connect fd
    await has_line "$scratch/proxy.err" "^proxy: connection 1: to $nginx"
    kill -INT "$server"
    await has_line "$scratch/proxy.err" '^proxy: stopping'
    stops_with 1 0 1
}

# A stop that waits for nobody cuts what moves as fast as it can.
second_signal_while_much_moves() {
    local i client
    for ((i = 0; i < 4; i++)); do
        # shellcheck disable=SC2016
        start_perl '$SIG{PIPE} = "IGNORE"; my $left = 200000;
            $left-- while $left > 0 && syswrite $c, "a" x 65536;'
        start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
        : >"$scratch/got"
        # shellcheck disable=SC2016
        run_client '$| = 1; my ($got, $times) = (0, 0);
            while ($got = sysread $c, my $bytes, 65536) { print "much\n" if ++$times == 100; }
            print $got // $!, "\n";' >"$scratch/got" &
        is_child
        client=$!
        await has_line "$scratch/got" '^much$'
        kill "$server"
        await has_line "$scratch/proxy.err" '^proxy: stopping'
        stops_with 1 0 1
        wait "$client"
        expect 'what the client sees' "$(tail -n 1 "$scratch/got")" 'Connection reset by peer'
    done
}

# From TCP to an abstract socket, from there to one with a path, and from that to nginx.
unix_sockets() {
    local servers=()
    start_service proxy a "$scratch/a.sock" "$nginx"
    servers+=("$server")
    fetch --unix-socket "$scratch/a.sock" http://nginx/large | cmp - "$files/large"
    start_service proxy b "@whorl-$$" "$scratch/a.sock"
    servers+=("$server")
    fetch --abstract-unix-socket "whorl-$$" http://nginx/large | cmp - "$files/large"
    start_proxy 127.0.0.1:0 "$scratch/none.sock" "@whorl-$$"
    fetch "$url/large" | cmp - "$files/large"
    stops_with 1 0 0
    has_line "$scratch/proxy.err" '/none.sock: No such file or directory; the next target is tried$'
    kill "${servers[@]}"
    expect_end "${servers[0]}" 0
    expect_end "${servers[1]}" 0
    [[ ! -e $scratch/a.sock ]] || fail 'the unix socket is left behind'
}

# There is no room in its stderr.
stuck_stderr() {
    local err=$scratch/proxy.err
    rm -f "$err"
    mkfifo "$err"
    exec {stuck}<>"$err"
    dd if=/dev/zero of="$err" oflag=nonblock bs=4096 2>/dev/null || :
    start_proxy --verbose 127.0.0.1:0 127.0.0.1:1 "$nginx"
    rm "$err"
    fetch "$url/small" | cmp - "$files/small"
    fetch "$url/small" | cmp - "$files/small"
    kill "$server"
    expect_end "$server" 0
    exec {stuck}>&-
}

refuses() { # STATUS SENTENCE ARGUMENTS...
    expect_status "$1" timeout 60 "$proxy" "${@:3}"
    expect 'the sentence' "$(cat "$scratch/err")" "proxy: $2"
}

arguments() {
    local i many=()
    for ((i = 0; i < 17; i++)); do
        many+=("127.0.0.1:$((i + 1))")
    done
    refuses 2 'name a place to listen at, and one to connect to; --help tells more' :80
    refuses 2 'there may be 16 targets, not 17; --help tells more' :0 "${many[@]}"
    for bad in 80 127.0.0.1: ::1:80 '[]:80' '[::1:80' '' @ "$(printf 'x%.0s' {1..300}):80"; do
        refuses 2 "\"$bad\" is neither HOST:PORT nor a PATH nor @NAME; --help tells more" :0 "$bad"
    done
    refuses 2 '--limit wants a whole number from 1 to 1000000, not "0"; --help tells more' \
        --limit 0 :0 :1
    refuses 2 '--grace wants a number of seconds from 0 to 86400, not "-1"; --help tells more' \
        --grace -1 :0 :1
    refuses 2 '--grace needs a value; --help tells more' :0 :1 --grace
    refuses 2 'there is no option "--nonsense", or it takes no value; --help tells more' --nonsense
    refuses 1 "cannot listen on $nginx: Address already in use" "$nginx" :1
    refuses 1 'cannot listen on 192.0.2.1:0: Cannot assign requested address' 192.0.2.1:0 :1
    refuses 1 'cannot listen on x:99999: the port is above 65535' x:99999 :1
    expect_status 0 "$proxy" --help
    grep -q '^Usage: proxy ' "$scratch/out"
    expect 'its width' "$(awk 'length > 100' "$scratch/out")" ''
    status=0
    "$proxy" --help >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
}

few_descriptors() {
    local fds=() i fd
    (
        ulimit -n 40
        start_proxy --limit 20 127.0.0.1:0 "$nginx"
        has_line "$scratch/proxy.err" \
            '^proxy: 40 descriptors are enough for 4 connections at a time, and not for 20: '
        for ((i = 0; i < 12; i++)); do
            exec {fd}<>"/dev/tcp/127.0.0.1/$port" || break
            fds+=("$fd")
        done
        sleep 0.3
        for fd in "${fds[@]}"; do
            exec {fd}>&-
        done
        fetch --retry 20 --retry-all-errors --retry-delay 1 "$url/small" | cmp - "$files/small"
        kill "$server"
        expect_end "$server" 0
    )
}

# The server may have so many more.
leave_descriptors() { # COUNT
    local fd free=0
    for ((fd = 0; free < $1; fd++)); do
        [[ -L /proc/$server/fd/$fd ]] || free=$((free + 1))
    done
    prlimit --pid "$server" --nofile="$fd":
}

# Others have what there was for a client when it comes: its pipes, one of them, or its way to the
# target are missing.
no_descriptors_meanwhile() {
    local before limit lacks
    command -v prlimit >/dev/null || skip 'prlimit is missing (Debian: util-linux)'
    start_proxy 127.0.0.1:0 "$nginx"
    before=$(count_descriptors)
    limit=$(prlimit --pid "$server" --nofile --noheadings --output SOFT)
    for lacks in pipes pipe target; do
        case $lacks in
        pipes) leave_descriptors 1 ;;
        pipe) leave_descriptors 3 ;;
        target) leave_descriptors 5 ;;
        esac
        # shellcheck disable=SC2016
        expect "what a client sees without its $lacks" \
            "$(run_client 'print sysread($c, my $bytes, 1) // $!')" 'Connection reset by peer'
        await has_descriptors "$before"
    done
    prlimit --pid "$server" --nofile="$limit":
    fetch "$url/small" | cmp - "$files/small"
    stops_with 4 3 0
    expect 'its complaints' "$(grep -v '^proxy: stopping: ' "$scratch/proxy.err")" \
        "proxy: connection 1: cannot be served: Too many open files; lower --limit, or raise ulimit -Hn
proxy: connection 2: cannot be served: Too many open files; lower --limit, or raise ulimit -Hn
proxy: connection 3: cannot connect to $nginx: Too many open files; the proxy has none left: lower --limit, or raise ulimit -Hn"
}

fewer_descriptors() {
    expect_begin_or_sentence "$proxy" --limit 1 127.0.0.1:0 "$nginx"
}

# What a client has sent before it breaks off is its target's, though that pauses.
target_pauses_while_it_breaks() {
    # shellcheck disable=SC2016
    start_perl 'sleep 3; my $got = 0;
        while (my $more = sysread $c, my $bytes, 65536) { $got += $more; } print "$got\n";'
    start_proxy 127.0.0.1:0 "127.0.0.1:$perl_port"
    # shellcheck disable=SC2016
    run_client 'syswrite $c, "a" x 2000000; sleep 1;'"$reset_at_close"
    await has_line "$scratch/perl.out" '^2000000$'
    stops_with 1 0 1
}

no_descriptor_is_left() {
    local before i
    start_proxy --verbose 127.0.0.1:0 "$nginx"
    before=$(count_descriptors)
    for ((i = 0; i < 5; i++)); do
        fetch "$url/small" | cmp - "$files/small"
    done
    await has_line "$scratch/proxy.err" '^proxy: connection 5: .*, ended$'
    await has_descriptors "$before"
    stops_with 5 0 0
}

behaviour 'a large file comes through the proxy as it is' large_file
behaviour 'a connection is kept for several requests' kept_alive
behaviour '50 MB go both ways at once' both_ways
behaviour '300 files come through at most 60 connections at a time' many
behaviour 'a client that has sent all gets its answer after that' client_ends_first
behaviour 'a server that has sent all takes more after that' server_ends_first
behaviour 'urgent data goes in its place' urgent_data
behaviour 'the second target is taken when the first is down' second_target
behaviour 'a target that is down is told of' target_down
behaviour 'a target whose name does not exist is told of' no_such_target
behaviour 'a target that hangs is given up in time' target_hangs
behaviour 'a stop does not wait for a target that hangs' stop_while_connecting
behaviour 'a client that vanishes harms nobody else' vanishes
behaviour 'one who takes little is not idle' takes_little
behaviour 'a target that breaks off is no end of the file' target_breaks
behaviour 'a target that breaks off an upload is heard before' answers_before_it_breaks
behaviour 'a client that pauses gets what was sent before a reset' pauses_while_it_breaks
behaviour 'a client that breaks off is seen though its target takes nothing' breaks_while_nothing_is_taken
behaviour 'a side that breaks off after its end is told of' breaks_after_its_end
behaviour 'a client that ends when its target has broken off is told of that' ends_after_a_break
behaviour 'a client that takes no more after its end has no answer' takes_no_more_after_its_end
behaviour 'connections beyond the limit wait for their turn' limit_reached
behaviour 'a client that does not read is not read for' slow_client
behaviour 'a client that reads late gets all of it' slow_reader_gets_all
behaviour 'connections that move nothing are ended' idle_timeout
behaviour 'but not where there is no limit' idle_for_ever
behaviour 'a connection of which one side has ended may be idle for as long' idle_after_an_end
behaviour 'a stop lets a download end, and accepts no more' graceful_stop
behaviour 'a stop cuts what has not ended in time' grace_over
behaviour 'a second signal cuts at once' second_signal
behaviour 'a second signal cuts what moves, too' second_signal_while_much_moves
behaviour 'a stderr that nobody reads holds up nobody' stuck_stderr
behaviour 'unix sockets serve as either side' unix_sockets
behaviour 'a count that nobody reads is told of' count_is_not_read
behaviour 'the proxy outlives a want of descriptors' few_descriptors
behaviour 'a want of descriptors is told of, and leaves none open' no_descriptors_meanwhile
behaviour 'the proxy begins, or says why not, however few descriptors there are' fewer_descriptors
behaviour 'the proxy refuses nonsense arguments' arguments
behaviour 'a target that pauses gets what was sent before a reset' target_pauses_while_it_breaks
behaviour 'connections that have ended leave no descriptor open' no_descriptor_is_left
end_of_tests
