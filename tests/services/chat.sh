#!/bin/bash
# The chat serves rooms to clients that know nothing of it: bash's /dev/tcp and /dev/udp, curl and
# socat. Who reads slowly, sends too much, or breaks off, harms nobody else.
# shellcheck disable=SC2154  # connect and enter set variables
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/services/common.sh
. "$top_srcdir/tests/services/common.sh"

chat=$examples/chat/chat

# However slow the machine is, who reads gets its goodbye; tests of that limit set their own.
start_chat() { # ARGUMENTS...
    start_service chat chat --discovery-port 0 --linger 600 "$@"
    udp_port=$(sed -nE 's/^found by UDP on .*:([0-9]+)$/\1/p' "$scratch/chat.out")
}

say() { # FD LINES...
    printf '%s\n' "${@:2}" >&"$1"
}

# The next line of a descriptor.
next_is() { # FD LINE
    local line
    IFS= read -r -t 60 -u "$1" line || fail "nothing comes where \"$2\" should"
    expect 'the next line' "$line" "$2"
}

# Passes over lines until LINE comes.
hears() { # FD LINE
    local line
    while IFS= read -r -t 60 -u "$1" line; do
        [[ $line != "$2" ]] || return 0
    done
    fail "\"$2\" never comes"
}

# A member of ROOM, on a descriptor in the variable that is named as it is.
enter() { # NAME ROOM
    connect "$1"
    say "${!1}" "nick $1" "join $2"
    hears "${!1}" "ok: you are in $2"
}

# Stops it, with nothing to complain of.
stops() {
    kill "$server"
    expect_end "$server" 0
    expect 'its complaints' "$(cat "$scratch/chat.err")" ''
}

two_rooms() {
    start_chat
    enter ann kitchen
    enter bob kitchen
    enter carl hall
    next_is "$ann" 'kitchen bob joins'
    say "$ann" 'say kitchen hello, all of you'
    next_is "$ann" 'kitchen ann: hello, all of you'
    next_is "$bob" 'kitchen ann: hello, all of you'
    say "$carl" 'say hall  nobody here?'
    next_is "$carl" 'hall carl: nobody here?'
    say "$bob" 'join hall'
    next_is "$bob" 'hall bob joins'
    next_is "$bob" 'ok: you are in hall'
    next_is "$carl" 'hall bob joins'
    say "$bob" 'say hall I am' 'say kitchen and here too'
    next_is "$carl" 'hall bob: I am'
    next_is "$ann" 'kitchen bob: and here too'
    say "$bob" 'leave kitchen'
    next_is "$ann" 'kitchen bob leaves'
    say "$ann" 'say kitchen alone again' 'who kitchen' 'who hall' rooms
    next_is "$ann" 'kitchen ann: alone again'
    next_is "$ann" 'ok: 1 in kitchen: ann'
    next_is "$ann" 'ok: 2 in hall: carl bob'
    next_is "$ann" 'ok: 2 rooms: kitchen (1) hall (2)'
    say "$bob" quit
    hears "$bob" 'bye: you are always welcome'
    next_is "$carl" 'hall bob leaves'
    stops
    next_is "$carl" 'bye: the server stops'
    next_is "$ann" 'bye: the server stops'
}

names() {
    start_chat
    connect one
    next_is "$one" 'hello: say who you are by "nick NAME"; "help" tells more'
    say "$one" 'join kitchen'
    next_is "$one" 'error: say who you are first: nick NAME'
    say "$one" 'nick ann' 'nick ann'
    next_is "$one" 'ok: you are ann'
    next_is "$one" 'ok: you are ann'
    enter bob kitchen
    say "$bob" 'nick ann' 'NICK Bob-2_x.y'
    next_is "$bob" 'error: somebody has that name already: choose another'
    next_is "$bob" 'kitchen bob is now Bob-2_x.y'
    next_is "$bob" 'ok: you are Bob-2_x.y'
    say "$bob" quit
    read_to_end "$bob" >/dev/null
    say "$one" 'nick bob'
    next_is "$one" 'ok: you are bob'
    stops
}

# Each of these is answered by an error, and nothing else happens.
refused() { # SENTENCE LINES...
    local sentence=$1 line
    shift
    for line; do
        say "$ann" "$line"
        next_is "$ann" "error: $sentence"
    done
}

bad_lines() {
    local name_rule='a name is 1 to 32 letters, digits, "-", "_" and "."' long
    local text_rule='a line is UTF-8 without control characters'
    long=$(printf 'x%.0s' {1..33})
    start_chat --rate 0
    enter ann kitchen
    refused "$name_rule" 'nick a,b' "nick $long" "join $long" 'nick ä' 'join #a' 'say a: b'
    refused 'write it as: nick NAME' nick 'nick a b'
    refused 'write it as: join ROOM' join ' join  ' 'join a b'
    refused 'write it as: leave ROOM' leave
    refused 'write it as: say ROOM TEXT' say 'say kitchen' 'say kitchen  '
    refused 'write it as: who ROOM' who
    refused 'write it as: rooms' 'rooms all'
    refused 'write it as: quit' 'quit now'
    refused 'there is no such command; "help" lists them' hello sayit nicks
    refused "$text_rule" $'say kitchen \a' $'say kitchen a\tb' $'say kitchen \x7f' \
        $'say kitchen \e[31m' $'say kitchen \xc3' $'say kitchen \xff\xfe' $'say kitchen \xc2\x9b1m' \
        $'say kitchen \xed\xa0\x80' $'say kitchen \xc0\xaf' $'\r\r' $'say kitchen \xe2\x82'
    refused 'you are not in that room: join it first' 'say hall hello'
    refused 'you are not in that room' 'leave hall'
    refused 'nobody is in that room' 'who hall'
    refused 'you are in that room already' 'join kitchen'
    say "$ann" '' ' ' $'\r' $'say kitchen Gr\xc3\xbc\xc3\x9fe, \xf0\x9f\x8e\x89\r'
    next_is "$ann" $'kitchen ann: Gr\xc3\xbc\xc3\x9fe, \xf0\x9f\x8e\x89'
    printf 'say kitchen a\0b\n' >&"$ann"
    next_is "$ann" "error: $text_rule"
    say "$ann" help
    next_is "$ann" 'ok: the commands are'
    stops
}

limits() {
    local i
    start_chat --members 2 --rooms 11 --rate 0
    enter ann room0
    enter bob other
    connect carl
    next_is "$carl" 'bye: there are 2 members already: come again later'
    expect 'what comes after' "$(read_to_end "$carl")" ''
    for i in {1..9}; do
        say "$ann" "join room$i"
        hears "$ann" "ok: you are in room$i"
    done
    refused 'you are in as many rooms as one may be: leave another first' 'join room10'
    say "$bob" 'join room10'
    next_is "$bob" 'error: there are as many rooms as there may be: join one of them'
    say "$bob" quit
    read_to_end "$bob" >/dev/null
    await in_its_place
    stops
}

# Somebody who comes when another has gone is taken in.
in_its_place() {
    local line
    connect dora
    IFS= read -r -t 60 -u "$dora" line
    [[ $line == hello:* ]]
}

# The two who read go on, batch by batch, until the one who does not has been told to go; and what
# it was sent until then is whole.
slow_reader() {
    local batch i text
    text=$(printf 'x%.0s' {1..900})
    start_chat --verbose --rate 0 --behind 200
    enter ann kitchen
    enter bob kitchen
    enter slow kitchen
    cat <&"$bob" >"$scratch/bob" &
    is_child
    cat <&"$ann" >"$scratch/ann" &
    is_child
    for ((batch = 0; batch < 40; batch++)); do
        for ((i = 0; i < 50; i++)); do
            echo "say kitchen $((batch * 50 + i)) $text"
        done >&"$ann"
        await has_line "$scratch/bob" "^kitchen ann: $((batch * 50 + 49)) "
        await has_line "$scratch/ann" "^kitchen ann: $((batch * 50 + 49)) "
    done
    for i in ann bob; do
        grep '^kitchen ann: ' "$scratch/$i" | cut -d' ' -f3 | cmp - <(seq 0 1999)
    done
    has_line "$scratch/chat.err" '^chat: slow is gone: you are more than 200 lines behind$'
    has_line "$scratch/bob" '^kitchen slow leaves$'
    read_to_end "$slow" >"$scratch/slow"
    expect 'its last line' "$(tail -n 1 "$scratch/slow")" 'bye: you are more than 200 lines behind'
    i=$(grep -c '^kitchen ann: ' "$scratch/slow")
    grep '^kitchen ann: ' "$scratch/slow" | cut -d' ' -f3 | cmp - <(seq 0 $((i - 1)))
    ((i >= 200)) || fail "it was $i lines behind at most"
    exec {slow}>&-
    kill "$server"
    expect_end "$server" 0
}

# The server finds all of it at once, more than anybody may be behind.
much_at_once() {
    local i said members=(ann bob carl)
    start_chat --rate 0 --behind 20
    for i in "${members[@]}"; do
        enter "$i" kitchen
        cat <&"${!i}" >"$scratch/$i" &
        is_child
    done
    kill -STOP "$server"
    for i in "${members[@]}"; do
        seq -f 'say kitchen %.0f' 0 499 >&"${!i}"
    done
    kill -CONT "$server"
    for i in "${members[@]}"; do
        await has_lines "$scratch/$i" 1500 '^kitchen [a-z]*: '
        for said in "${members[@]}"; do
            grep "^kitchen $said: " "$scratch/$i" | cut -d' ' -f3 | cmp - <(seq 0 499)
        done
    done
    stops
}

has_lines() { # FILE COUNT PATTERN
    (($(grep -c -- "$3" "$1") >= $2))
}

# One that never reads again is cut when its time is up, and holds up no stop.
stuck_reader() {
    local i text
    text=$(printf 'x%.0s' {1..900})
    start_chat --verbose --rate 0 --behind 1000 --linger 3
    enter ann kitchen
    enter stuck kitchen
    cat <&"$ann" >"$scratch/ann" &
    is_child
    for ((i = 0; i < 500; i++)); do
        echo "say kitchen $i $text"
    done >&"$ann"
    await has_line "$scratch/ann" '^kitchen ann: 499 '
    kill "$server"
    expect_end "$server" 0
    expect 'the last line of one who reads' "$(tail -n 1 "$scratch/ann")" 'bye: the server stops'
    ! timeout 60 cat <&"$stuck" >"$scratch/stuck" 2>/dev/null ||
        fail 'the one who does not read saw a regular end'
}

# What it says before it has read its goodbye does not cost it what is still on its way.
slow_goodbye() {
    start_chat --rate 0 --behind 5000 --linger 60 --idle-timeout 1
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 120 perl -MSocket -MIO::Socket::INET -MTime::HiRes=time,sleep -e '
        my ($all, $heard, $reads, $begin) = ("", "", 0);
        socket(my $slow, PF_INET, SOCK_STREAM, 0) or die $!;
        setsockopt($slow, SOL_SOCKET, SO_RCVBUF, 2048) or die $!;
        connect($slow, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;
        my $ann = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!;
        syswrite $slow, "nick slow\njoin hall\n";
        $begin = time;
        sysread($slow, $all, 1000, length $all) or die "$!" until $all =~ /you are in hall/;
        syswrite $ann, "nick ann\njoin hall\n";
        syswrite $ann, "say hall " . "z" x 900 . "\n" for 1 .. 110;
        sysread($ann, $heard, 100000, length $heard) or die "$!" until ($heard =~ tr/z//) == 99000;
        while (sysread $slow, $all, 3000, length $all) {
            sleep .1;
            syswrite $ann, "rooms\n";
            syswrite $slow, "say hall hi\n" if time - $begin > 1.2 && ++$reads % 5 == 0;
        }
        print +(split /\n/, $all)[-1];' "$port" >"$scratch/slow" || fail 'perl failed'
    expect 'its last line' "$(cat "$scratch/slow")" 'bye: you sent no line for 1 s'
    stops
}

# It asks for long lists, and reads none: what waits for it is bounded in bytes too.
greedy() {
    local i
    start_chat --verbose --rate 0 --line 64 --behind 1000 --linger 2
    for ((i = 0; i < 150; i++)); do
        enter "$(printf 'member%026d' "$i")" hall
    done
    connect greedy
    for ((i = 0; i < 900; i++)); do
        echo 'who hall'
    done 1>&"$greedy" 2>/dev/null || :
    await has_line "$scratch/chat.err" '^chat: one without a name is gone: you are more than 131999 bytes'
    kill "$server"
    kill "$server"
    expect_end "$server" 0
}

# What it sends without having been asked would turn the close into a reset.
turned_away() {
    start_chat --members 2
    enter ann kitchen
    enter bob kitchen
    # shellcheck disable=SC2016  # it is perl that is to see $
    perl -MIO::Socket::INET -e 'my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
        for my $i (1 .. 5) {
            syswrite $c, "say kitchen you hear me\n" x 100;
            select undef, undef, undef, 0.05;
        }
        shutdown $c, 1;
        my ($all, $got) = ("");
        while ($got = sysread $c, my $text, 1000) { $all .= $text }
        print $all, defined $got ? "and the end\n" : "and $!\n"' "$port" >"$scratch/away" ||
        fail 'it could not connect'
    expect 'what one hears who is turned away' "$(<"$scratch/away")" \
        "bye: there are 2 members already: come again later"$'\n'"and the end"
    stops
}

# Nobody is told of it, however often.
turned_away_and_gone() {
    start_chat --members 1
    enter ann kitchen
    perl -MSocket -e '
        for (1 .. 200) {
            socket(my $c, PF_INET, SOCK_STREAM, 0) or die;
            connect($c, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die;
            setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die;
        }' "$port" || fail 'it could not connect'
    say "$ann" 'rooms'
    hears "$ann" 'ok: 1 rooms: kitchen (1)'
    stops
}

# At most as much of it is taken as its rate allows, and what is not taken it cannot send.
flood() {
    local start taken most flooding
    start_chat --rate 20
    enter ann kitchen
    enter noisy kitchen
    cat <&"$ann" >"$scratch/ann" &
    is_child
    start=$EPOCHREALTIME
    yes "say kitchen $(printf 'y%.0s' {1..900})" 1>&"$noisy" 2>/dev/null &
    flooding=$!
    is_child
    cat <&"$noisy" >/dev/null &
    is_child
    sleep 2
    say "$ann" 'say kitchen can you hear me?'
    await has_line "$scratch/ann" '^kitchen ann: can you hear me?$'
    await has_lines "$scratch/ann" 21 '^kitchen noisy: '
    taken=$(grep -c '^kitchen noisy: ' "$scratch/ann")
    most=$(((${EPOCHREALTIME//[!0-9]/} - ${start//[!0-9]/}) * 20 / 1000000 + 20 + 2))
    ((taken <= most)) || fail "$taken lines were taken, and $most is the most"
    kill -0 "$flooding" || fail 'all that it sends is taken'
    connect bob
    next_is "$bob" 'hello: say who you are by "nick NAME"; "help" tells more'
    kill "$flooding"
    stops
}

endless_line() {
    start_chat
    enter ann kitchen
    enter long kitchen
    head -c 200000 /dev/zero | tr '\0' x 1>&"$long" 2>/dev/null || :
    next_is "$long" 'error: a line has at most 1000 bytes'
    next_is "$long" 'bye: your line was too long'
    hears "$ann" 'kitchen long leaves'
    say "$ann" "say kitchen $(printf 'z%.0s' {1..988})"
    next_is "$ann" "kitchen ann: $(printf 'z%.0s' {1..988})"
    # With the end that telnet sends it is as long.
    say "$ann" "say kitchen $(printf 'z%.0s' {1..988})"$'\r'
    next_is "$ann" "kitchen ann: $(printf 'z%.0s' {1..988})"
    say "$ann" "say kitchen $(printf 'z%.0s' {1..989})"
    next_is "$ann" 'error: a line has at most 1000 bytes'
    next_is "$ann" 'bye: your line was too long'
    expect 'what comes after' "$(read_to_end "$ann")" ''
    stops
}

# A byte now and then is no line.
idle() {
    local i
    start_chat --idle-timeout 1
    connect one
    for ((i = 0; i < 40; i++)); do
        printf x 1>&"$one" 2>/dev/null || break
        sleep 0.1
    done &
    is_child
    hears "$one" 'bye: you sent no line for 1 s'
    expect 'what comes after' "$(read_to_end "$one")" ''
    stops
}

# For longer than a limit of 1 s, which idle() holds, would last.
idle_for_ever() {
    start_chat --idle-timeout 0
    enter ann kitchen
    sleep 1.5
    say "$ann" 'say kitchen still here'
    hears "$ann" 'kitchen ann: still here'
    stops
}

# Closed with bytes unread, as by a client that is killed.
reset() {
    start_chat --verbose
    enter ann kitchen
    enter bob kitchen
    hears "$ann" 'kitchen bob joins'
    say "$bob" 'say kitchen do I get this?'
    hears "$ann" 'kitchen bob: do I get this?'
    exec {bob}>&-
    next_is "$ann" 'kitchen bob leaves'
    has_line "$scratch/chat.err" '^chat: bob is gone: the connection broke: Connection reset by peer$'
    kill "$server"
    expect_end "$server" 0
}

half_a_line() {
    start_chat --verbose
    enter ann kitchen
    printf 'nick bob\njoin kitchen\nsay kitchen done\nsay kitchen hal' |
        timeout 60 socat -t 60 - "TCP:127.0.0.1:$port" >"$scratch/out"
    hears "$ann" 'kitchen bob: done'
    next_is "$ann" 'kitchen bob: hal'
    next_is "$ann" 'kitchen bob leaves'
    expect 'the last line' "$(tail -n 1 "$scratch/out")" 'bye: you are always welcome'
    kill "$server"
    expect_end "$server" 0
}

curl_as_telnet() {
    command -v curl >/dev/null || skip 'curl is missing (Debian: curl)'
    start_chat
    printf 'nick curl\r\njoin kitchen\r\nsay kitchen hello\r\nquit\r\n' |
        timeout 60 curl -sS "telnet://127.0.0.1:$port" >"$scratch/out"
    has_line "$scratch/out" '^kitchen curl: hello$'
    has_line "$scratch/out" '^bye: you are always welcome$'
    stops
}

thousand() {
    (($(ulimit -Hn) == -1 || $(ulimit -Hn) >= 2080)) || skip 'fewer than 2080 descriptors are allowed'
    ulimit -n 2080
    start_chat --behind 4000
    # shellcheck disable=SC2016  # it is perl that is to see $
    timeout 600 perl -MIO::Socket::INET -e 'my @members;
        sub hears { my ($who, $line) = @_; while (<$who>) { return 1 if $_ eq "$line\n"; } die; }
        for my $i (0 .. 999) {
            $members[$i] = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!;
            print {$members[$i]} "nick member$i\njoin hall\n";
        }
        hears($members[0], "hall member999 joins");
        print {$members[0]} "say hall hello, thousand\n";
        hears($_, "hall member0: hello, thousand") for @members;' "$port" ||
        fail 'a member has not heard it'
    kill "$server"
    expect_end "$server" 0
}

# What cannot be printed is none of the asking, and nothing is sent in its place.
found_and_not_printed() {
    local status=0
    start_chat
    "$chat" --wait 1 --discover --discovery-port "$udp_port" 127.0.0.1 >&- 2>"$scratch/err" ||
        status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" \
        'chat: cannot print the answers: Bad file descriptor'
    stops
}

# Asks by bash's own UDP, with BYTES; the answer's lines, joined.
ask_by_udp() { # BYTES
    local fd
    exec {fd}<>"/dev/udp/127.0.0.1/$udp_port"
    printf "%-$1s" 'who serves chat?' >&"$fd"
    timeout 60 head -n 1 <&"$fd" | tr '\n' ';'
}

# What it has said stays unread, as it is too fast, and more than its connection.
breaks_off_in_a_burst() {
    start_chat
    # shellcheck disable=SC2016
    perl -MIO::Socket::INET -e 'my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
        sysread $c, my $hello, 1; syswrite $c, "nick ghost\n" . "\n" x 20000; sleep 1;
        setsockopt $c, 1, 13, pack "ii", 1, 0;' "$port"
    connect one
    await takes_name ghost
    exec {one}>&-
    stops
}

# Whose close is a reset, as the greeting is unread or comes too late: it was heard all the same. Not
# what its own kernel holds back (Nagle's algorithm) until the reset drops it.
says_and_is_gone() {
    local pause
    start_chat
    enter ann kitchen
    for pause in 0 0.3 0 0.3 0; do
        # shellcheck disable=SC2016
        perl -MSocket=:all -MIO::Socket::INET -e '
            my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
            setsockopt $c, IPPROTO_TCP, TCP_NODELAY, 1;
            select undef, undef, undef, $ARGV[1];
            syswrite $c, "nick ghost\njoin kitchen\n" . "say kitchen boo\n" x 9;
            syswrite $c, "say kitchen out\n";' "$port" "$pause"
        hears "$ann" 'kitchen ghost: out'
        next_is "$ann" 'kitchen ghost leaves'
    done
    stops
}

takes_name() { # NAME
    local line
    say "$one" "nick $1"
    while IFS= read -r -t 60 -u "$one" line; do
        [[ $line != 'ok: '* ]] || return 0
        [[ $line != 'error: '* ]] || return 1
    done
    fail 'there is no answer'
}

found() {
    start_chat
    expect 'an answer without rooms' "$(ask_by_udp 16)" "chat $port;"
    enter ann kitchen
    enter bob kitchen
    enter carl hall
    expect_status 0 "$chat" --discover --discovery-port "$udp_port" --wait 2 127.0.0.1
    expect 'who is found' "$(cat "$scratch/out")" "127.0.0.1:$port, rooms: kitchen (2), hall (1)"
    expect_status 0 "$chat" --discover --discovery-port "$udp_port" --wait 2 localhost
    expect 'the answer to a short question' "$(ask_by_udp 17)" "chat $port;"
    exec {udp}<>"/dev/udp/127.0.0.1/$udp_port"
    printf "%-$((${#port} + 16))s" 'who serves chat?' >&"$udp"
    expect 'an answer as long as its question' "$(timeout 60 sed '/^kitchen /q' <&"$udp")" \
        "chat $port"$'\n''kitchen 2'
    printf 'who serves tea?%100s' '' >&"$udp"
    printf 'who serves chat?' >&"$udp"
    printf 'w' >&"$udp"
    printf 'who serves chat?%100s' '' >&"$udp"
    expect 'the answers, of which the last has rooms' "$(timeout 60 sed '/^hall /q' <&"$udp")" \
        "chat $port"$'\n'"chat $port"$'\nkitchen 2\nhall 1'
    stops
    expect_status 1 "$chat" --discover --discovery-port "$udp_port" --wait 0.3 127.0.0.1
    has_line "$scratch/err" '^chat: nobody has answered; see that a server runs'
}

# A network namespace of one's own has nothing that is up.
nobody_can_be_asked() {
    unshare -n true 2>/dev/null || skip 'no network namespace can be made: run it as root'
    expect_status 1 unshare -n "$chat" --discover --discovery-port 7775 --wait 0.3 127.0.0.1
    expect 'the sentence' "$(cat "$scratch/err")" \
        'chat: cannot ask 127.0.0.1: Network is unreachable'
}

# By a library: one's line cannot be written for another reason than that it has gone, and no datagram
# is received.
parts_fail() {
    local line
    make_library "$chat" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <whorl.h>

ssize_t whorl_stream_puts(whorl_stream *stream, const char *text)
{
    ssize_t (*next)(whorl_stream *, const char *) = dlsym(RTLD_NEXT, "whorl_stream_puts");
    return strncmp(text, "ok: 2 in hall: ", 15) == 0 ? -EHOSTUNREACH : next(stream, text);
}

int whorl_datagram_receive(whorl_datagram *socket, whorl_message *message)
{
    return -ENOBUFS;
}
END
    LD_PRELOAD=$library start_chat --verbose
    enter ann hall
    enter bob hall
    next_is "$ann" 'hall bob joins'
    say "$bob" 'who hall'
    IFS= read -r -t 60 -u "$bob" line || fail 'nothing comes'
    [[ $line != 'ok: '* ]] || skip 'this build uses no library that is shared'
    expect 'the line' "$line" 'bye: the connection broke: No route to host'
    expect 'what comes after' "$(read_to_end "$bob")" ''
    next_is "$ann" 'hall bob leaves'
    say "$ann" 'say hall still here'
    next_is "$ann" 'hall ann: still here'
    kill "$server"
    next_is "$ann" 'bye: the server stops'
    exec {ann}>&-
    expect_end "$server" 0
    expect 'its complaints' "$(cat "$scratch/chat.err")" \
        'chat: cannot be found by UDP any more: No buffer space available
chat: bob is gone: the connection broke: No route to host
chat: ann is gone: the server stops'
}

# Though "localhost" is first of all an address of IPv6.
found_by_name() {
    unshare -m true 2>/dev/null || skip 'no mount namespace can be made: run it as root'
    grep -qs '^0\{31\}1 ' /proc/net/if_inet6 || skip 'there is no ::1 here'
    printf '::1 localhost\n127.0.0.1 localhost\n' >"$scratch/hosts"
    start_chat
    # shellcheck disable=SC2016  # the inner shell's
    expect_status 0 unshare -m bash -eu -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' - \
        "$scratch/hosts" "$chat" --discover --discovery-port "$udp_port" --wait 5 localhost
    expect 'who is found' "$(cat "$scratch/out")" "127.0.0.1:$port"
    stops
}

# 127.255.255.255 is loopback's broadcast address.
found_by_broadcast() {
    local first
    start_chat --host 0.0.0.0
    first=$port
    expect_status 0 "$chat" --discover --discovery-port "$udp_port" --wait 2 127.255.255.255
    has_line "$scratch/out" ":$first\$"
    stops
}

stop_by_sigint() {
    start_chat
    enter ann kitchen
    connect unnamed
    kill -INT "$server"
    hears "$unnamed" 'bye: the server stops'
    hears "$ann" 'bye: the server stops'
    expect 'what comes after' "$(read_to_end "$ann")" ''
    expect_end "$server" 0
}

# Both come while the server sleeps, the signal first.
comes_with_the_stop() {
    start_chat
    enter ann kitchen
    kill -STOP "$server"
    kill "$server"
    connect late
    kill -CONT "$server"
    expect 'what the late one hears at last' "$(read_to_end "$late" | tail -n 1)" \
        'bye: the server stops'
    hears "$ann" 'bye: the server stops'
    expect_end "$server" 0
    expect 'its complaints' "$(cat "$scratch/chat.err")" ''
}

second_signal() {
    start_chat
    enter ann kitchen
    kill "$server"
    hears "$ann" 'bye: the server stops'
    kill "$server"
    expect_end "$server" 0
}

few_descriptors() {
    expect_begin_or_sentence "$chat" --discovery-port 0
}

refuses() { # STATUS SENTENCE ARGUMENTS...
    expect_status "$1" timeout 60 "$chat" "${@:3}"
    expect 'the sentence' "$(cat "$scratch/err")" "chat: $2"
}

arguments() {
    local status=0
    start_chat
    refuses 1 "cannot listen on 127.0.0.1, port $port: Address already in use" "$port"
    refuses 1 "cannot be found by UDP; give another --discovery-port, or --hidden: Address already in use" \
        --discovery-port "$udp_port"
    refuses 1 'cannot listen on 127.0.0.1, port 70000: the port is above 65535' 70000
    stops
    start_service chat chat --hidden
    ! grep -q UDP "$scratch/chat.out" || fail 'one that is hidden can be found'
    stops
    refuses 2 'there is one PORT, not "2"; --help tells more' 1 2
    refuses 2 'there is one HOST, not "b"; --help tells more' --discover a b
    refuses 2 'nobody can be asked at port 0: give a --discovery-port; --help tells more' \
        --discover --discovery-port 0
    refuses 2 '--line wants a whole number from 64 to 60000, not "63"; --help tells more' --line 63
    refuses 2 '--wait wants a number of seconds from 0.01 to 3600, not "1e3"; --help tells more' \
        --wait 1e3
    refuses 2 '--wait wants a number of seconds from 0.01 to 3600, not "."; --help tells more' \
        --wait .
    refuses 2 '--host is empty; --help tells more' --host ''
    refuses 2 '"--li" is short for several options; --help tells more' --li 64
    refuses 2 '"--h" is short for several options; --help tells more' --h
    refuses 2 'there is no option "--nonsense", or it takes no value; --help tells more' --nonsense
    refuses 2 'there is no option "--discover=x", or it takes no value; --help tells more' \
        --discover=x
    refuses 1 'cannot find "no-such-host.invalid", port 7775: no such host' \
        --wait .5 --discover no-such-host.invalid
    status=0
    "$chat" --hidden >&- 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" 'chat: cannot go on: Bad file descriptor'
    status=0
    expect_status 0 "$chat" --help
    grep -q '^Usage: chat ' "$scratch/out"
    expect 'its width' "$(awk 'length > 100' "$scratch/out")" ''
    "$chat" --help >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
}

rooms_end() {
    start_chat --rooms 1 --rate 0
    enter ann kitchen
    enter bob kitchen
    next_is "$ann" 'kitchen bob joins'
    say "$bob" quit
    next_is "$ann" 'kitchen bob leaves'
    say "$ann" 'nick ann' 'leave kitchen' 'who kitchen' rooms 'join hall'
    next_is "$ann" 'ok: you are ann'
    next_is "$ann" 'ok: you left kitchen'
    next_is "$ann" 'error: nobody is in that room'
    next_is "$ann" 'ok: 0 rooms:'
    hears "$ann" 'ok: you are in hall'
    stops
}

behaviour 'what is said in a room is heard there, and in no other' two_rooms
behaviour 'names are taken, changed and given back' names
behaviour 'lines that make no sense are answered, and no more' bad_lines
behaviour 'members and rooms have their limits' limits
behaviour 'one who is turned away hears why, whatever it sends' turned_away
behaviour 'one who is turned away and breaks off is not worth a word' turned_away_and_gone
behaviour 'one who reads late is told to go, and all others hear everything in order' slow_reader
behaviour 'those who read hear everything, however much is said at once' much_at_once
behaviour 'one who never reads holds up no stop' stuck_reader
behaviour 'one who must go hears why, however slowly it reads' slow_goodbye
behaviour 'one who asks for long lists and reads none is told to go' greedy
behaviour 'one who sends too much is slowed down, and heard at its rate' flood
behaviour 'a line without end is refused, and its member goes' endless_line
behaviour 'one who sends no whole line in time goes' idle
behaviour 'one may be silent for ever where there is no limit' idle_for_ever
behaviour 'one who breaks off has left' reset
behaviour 'what comes before an end without a newline is said' half_a_line
behaviour 'curl is a member, by telnet' curl_as_telnet
behaviour 'a thousand members hear one' thousand
behaviour 'a datagram finds the server and its rooms' found
behaviour 'an answer that cannot be printed is told' found_and_not_printed
behaviour 'one who breaks off in a burst has left' breaks_off_in_a_burst
behaviour 'one who says something and is gone is heard' says_and_is_gone
behaviour 'a question that cannot be sent is told' nobody_can_be_asked
behaviour 'a part that fails fails alone' parts_fail
behaviour 'a name finds the server' found_by_name
behaviour 'a broadcast finds the server' found_by_broadcast
behaviour 'a stop says goodbye to everybody' stop_by_sigint
behaviour 'one who comes with the stop hears of it' comes_with_the_stop
behaviour 'a second signal waits for nobody' second_signal
behaviour 'the chat begins, or says why not, however few descriptors there are' few_descriptors
behaviour 'the chat refuses nonsense arguments' arguments
behaviour 'a room goes with its last member, and makes place for another' rooms_end
end_of_tests
