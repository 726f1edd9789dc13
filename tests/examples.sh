#!/bin/bash
# The examples do what they say: their real output, their files, their errors and exit codes.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

examples=$top_builddir/examples

# --- hello, say_after

hello() {
    expect_status 0 "$examples/hello"
    expect 'the output' "$(cat "$scratch/out")" $'Hello ...\n... world!'
}

# The lines with the times and durations blotted out.
say_after_shape() {
    sed -E 's/ at [0-9:]{8}/ at TIME/; s/[0-9]+\.[0-9] seconds/N seconds/' "$scratch/out"
}

durations() {
    sed -nE 's/^finished .* after ([0-9.]+) seconds$/\1/p' "$scratch/out"
}

# Waits are never shorter than asked; that the two together take less than one after the other is
# seen in one of three runs at least, however busy the machine.
say_after() {
    local run turn both
    for run in 1 2 3; do
        expect_status 0 "$examples/say_after"
        expect 'the output' "$(say_after_shape)" "one after another:
started at TIME
hello
world
finished at TIME, after N seconds
together:
started at TIME
hello
world
finished at TIME, after N seconds"
        { read -r turn && read -r both; } < <(durations)
        echo "run $run: $turn and $both seconds"
        awk -v turn="$turn" -v both="$both" 'BEGIN { exit !(turn >= 3 && both >= 2) }' ||
            fail 'a wait was shorter than asked'
        awk -v turn="$turn" -v both="$both" 'BEGIN { exit !(both < turn) }' && return
    done
    fail 'the sleeps together took as long as one after another'
}

# Nothing that was to be said may be lost without a word.
full_output() { # PROGRAM ARGUMENTS...
    local status=0
    "$examples/$1" "${@:2}" >/dev/full 2>"$scratch/err" || status=$?
    expect 'the status' "$status" 1
    expect 'the sentence' "$(cat "$scratch/err")" "$1: No space left on device"
}

# --- cancel_worker, gather_errors, as_completed, timeout, chained, asyncq, download_simulation,
# chess: programs that wait, in real time or, with --virtual, in a time that jumps
# --- Programs that wait, in real time or, with --virtual, in a time that jumps
# --- cancel_worker, gather_errors, as_completed, timeout, chained, async_generator, fan_in: programs
# that wait, in real time or, with --virtual, in a time that jumps
# --- cancel_worker, gather_errors, as_completed, timeout, chained, async_generator, fan_in:
# programs that wait, in real time or, with --virtual, in a time that jumps

# The whole output in virtual time is what stands on stdin, word for word.
says() { # PROGRAM
    expect_status 0 timeout 60 "$examples/$1" --virtual
    expect 'the output' "$(cat "$scratch/out")" "$(cat)"
    expect 'the complaints' "$(cat "$scratch/err")" ''
}

cancel_worker_says() {
    says cancel_worker <<'END'
0.0 s  main: starts a worker that lets the cancel through
1.0 s  worker: piece 1 is done
2.0 s  worker: piece 2 is done
3.0 s  worker: piece 3 is done
3.5 s  main: cancels the worker
3.5 s  main: the worker ended with "Operation canceled"
0.0 s  main: starts a worker that cleans up first
1.0 s  worker: piece 1 is done
2.0 s  worker: piece 2 is done
3.0 s  worker: piece 3 is done
3.5 s  main: cancels the worker
3.5 s  worker: cancelled, puts its tools away
4.0 s  worker: has put its tools away
4.0 s  main: the worker ended with "Operation canceled"
0.0 s  main: starts a worker that goes on
1.0 s  worker: piece 1 is done
2.0 s  worker: piece 2 is done
3.0 s  worker: piece 3 is done
3.5 s  main: cancels the worker
3.5 s  worker: cancelled, but has a piece to finish
4.0 s  worker: piece 4 is done
4.0 s  main: the worker ended with 4 pieces
END
}

gather_errors_says() {
    says gather_errors <<'END'
By default, the first error cancels the others:
after 1.0 s: Connection refused
  How many sheep?   12
  How many wolves?  Connection refused
  How many dogs?    Operation canceled
With WHORL_COLLECT, an error is an answer like another:
after 1.5 s: all have ended
  How many sheep?   12
  How many wolves?  Connection refused
  How many dogs?    2
END
}

scheduler_says() {
    says scheduler <<'END'
0.00 s  5 jobs are planned
0.50 s  beat
1.00 s  report
1.00 s  beat
1.25 s  rotate the logs
1.50 s  beat
2.00 s  remind of the tea
2.00 s  report
2.00 s  beat
2.50 s  beat
3.00 s  report
3.00 s  beat
3.20 s  taken back: beat, due at 3.50 s
3.20 s  taken back: report, due at 4.00 s
3.20 s  taken back: close the shop, due at 9.00 s
END
}

# cmocka's report goes to stdout and stderr alike.
ping_test_passes() {
    [[ -x $examples/ping_test ]] || skip 'cmocka is not installed'
    expect_status 0 timeout 60 "$examples/ping_test"
    expect 'the report' "$(sed 's/^\[==========\] .*/=/' "$scratch/out" "$scratch/err")" \
        '=
[ RUN      ] an_echo_answers
[       OK ] an_echo_answers
[ RUN      ] a_silent_peer_is_given_up_after_an_hour
[       OK ] a_silent_peer_is_given_up_after_an_hour
=
[  PASSED  ] 2 test(s).'
}

as_completed_says() {
    says as_completed <<'END'
0.3 s  the hare has arrived, after 3 rounds
0.5 s  the cat has arrived, after 2 rounds
1.2 s  the tortoise has arrived, after 2 rounds
1.5 s  the race is closed
1.5 s  the snail was called back
END
}

async_generator_says() {
    says async_generator <<'END'
0.0 s  ticker: begins
0.5 s  main: gets 0
1.0 s  main: gets 1
1.5 s  main: gets 2
1.7 s  ticker: is put away
1.7 s  main: has seen all 3
1.7 s  ticker: begins
2.2 s  main: gets 0
2.7 s  main: gets 1
3.2 s  main: gets 2
3.2 s  ticker: nobody asks any more
3.4 s  ticker: is put away
3.4 s  main: has found 2, and left early
END
}

fan_in_says() {
    says fan_in <<'END'
0.3 s  north sends report 1
0.6 s  north sends report 2
0.7 s  south sends report 1
0.9 s  north sends report 3
0.9 s  north has closed
1.1 s  west sends report 1
1.4 s  south sends report 2
1.4 s  south has closed
2.0 s  nothing is to be heard
2.2 s  west sends report 2
2.8 s  nothing is to be heard
3.3 s  west sends report 3
3.9 s  nothing is to be heard
4.0 s  it is closing time
END
}

timeout_says() {
    says timeout <<'END'
1.0 s  2 seconds of work within 1 second: Connection timed out
3.0 s  2 seconds of work within 3 seconds: done
3.5 s  the first half second of it: done
5.5 s  2.5 seconds of work within a limit that was moved: done
6.5 s  2 seconds of work within 5 seconds: Operation canceled
6.5 s  all of this within 1 second: Connection timed out
7.5 s  a task of 2 seconds, awaited for 1 second: Connection timed out
9.5 s  a task of 2 seconds, awaited for 3 seconds: done
END
}

chained_says() {
    says chained <<'END'
0.0 s  red    first part starts, and takes 2.2 s
0.0 s  green  first part starts, and takes 4.5 s
0.0 s  blue   first part starts, and takes 2.4 s
2.2 s  red    second part starts, and takes 1.3 s
2.4 s  blue   second part starts, and takes 2.0 s
3.5 s  red    ends, after 3.5 s
4.4 s  blue   ends, after 4.4 s
4.5 s  green  second part starts, and takes 3.6 s
8.1 s  green  ends, after 8.1 s
8.1 s  main   all have ended, after 16.0 s of work
END
}

asyncq_says() {
    says asyncq <<'END'
0.2 s  Anna puts dish 1 on the counter
0.2 s  Carl takes dish 1 of Anna, which was ready for 0.0 s
0.6 s  Bert puts dish 2 on the counter
0.6 s  Dora takes dish 2 of Bert, which was ready for 0.0 s
0.7 s  Bert puts dish 3 on the counter
0.7 s  Emil takes dish 3 of Bert, which was ready for 0.0 s
0.9 s  Anna puts dish 4 on the counter
0.9 s  Carl takes dish 4 of Anna, which was ready for 0.0 s
1.3 s  Anna puts dish 5 on the counter
1.3 s  Emil takes dish 5 of Anna, which was ready for 0.0 s
1.6 s  Bert puts dish 6 on the counter
1.6 s  the cooks have ended
2.8 s  Emil takes dish 6 of Bert, which was ready for 1.2 s
3.4 s  all dishes are served
3.4 s  Carl goes home, and has served 2
3.4 s  Dora goes home, and has served 1
3.4 s  Emil goes home, and has served 3
END
}

download_simulation_says() {
    says download_simulation <<'END'
0.0 s  map.png     starts
0.0 s  song.ogg    starts
0.0 s  film.mkv    starts
0.0 s  letter.txt  starts
0.0 s  book.pdf    starts
0.3 s  letter.txt  is here
0.8 s  map.png     is here
0.9 s  book.pdf    is here
1.2 s  song.ogg    is here
2.0 s  film.mkv    is here
2.0 s  5 downloads took 2.0 s; one after another it would have been 5.2 s
END
}

chess_says() {
    says chess <<'END'
one after another: 1440 moves in 12 h  0 min  0 s, her last one after 11 h 59 min  5 s
all at once      : 1440 moves in  1 h  0 min 55 s, her last one after  1 h  0 min  0 s
END
}

# Each program tells of 1.5 seconds at least. That it takes less than one is seen in one of three
# runs at least, however busy the machine.
countasync_says() {
    says countasync <<'END'
0.0 s  One
0.0 s  One
0.0 s  One
1.0 s  Two
1.0 s  Two
1.0 s  Two
1.0 s  all have counted
END
}

countdown_says() {
    says countdown <<'END'
0.0 s  kettle: 3
0.0 s  rocket: 5
1.0 s  rocket: 4
1.5 s  kettle: 2
2.0 s  rocket: 3
3.0 s  kettle: 1
3.0 s  rocket: 2
4.0 s  rocket: 1
4.5 s  kettle: go!
5.0 s  rocket: go!
END
}

semaphore_limit_says() {
    says semaphore_limit <<'END'
30 jobs are done, after 8.0 s
at most 10 worked at once
END
}

# Each program tells of a second at least. That it takes less than one is seen in one of three runs
# at least, however busy the machine.
takes_no_time() { # PROGRAM
    local run start spent
    for run in 1 2 3; do
        start=${EPOCHREALTIME/[.,]/}
        expect_status 0 timeout 60 "$examples/$1" --virtual
        spent=$((${EPOCHREALTIME/[.,]/} - start))
        echo "run $run: $spent microseconds"
        ((spent < 1000000)) && return
    done
    fail 'virtual time passes like real time'
}

# A wait is never shorter than asked. That runners arrive in the order of their speed is seen in one
# of three runs at least, however busy the machine.
to_thread_says() {
    says to_thread <<'END'
main: gives a computation to a thread
ticker: still responsive
ticker: still responsive
ticker: still responsive
main: prime number 10000 is 104729
END
}

as_completed_in_real_time() {
    local run
    expect_status 0 timeout 60 "$examples/as_completed" --virtual
    sed 's/ s  .*//' "$scratch/out" >"$scratch/least"
    sed 's/.* s  //' "$scratch/out" >"$scratch/words"
    for run in 1 2 3; do
        expect_status 0 timeout 60 "$examples/as_completed"
        echo "run $run:"
        cat "$scratch/out"
        sed 's/.* s  //' "$scratch/out" | cmp -s - "$scratch/words" || continue
        sed 's/ s  .*//' "$scratch/out" | paste "$scratch/least" - |
            awk '$2 < $1 { exit 1 }' || fail 'a wait was shorter than asked'
        return
    done
    fail 'the runners did not arrive in their order'
}

virtual_arguments() { # PROGRAM
    local arguments
    for arguments in --no-such-option 1 '--virtual 1' '--help 1'; do
        # shellcheck disable=SC2086
        expect_status 2 "$examples/$1" $arguments
        expect 'the sentence' "$(cat "$scratch/err")" \
            "$1: takes --virtual or nothing; --help tells more"
        expect 'the output' "$(cat "$scratch/out")" ''
    done
    expect_status 0 "$examples/$1" --help
    expect 'the first line of the help' "$(head -n 1 "$scratch/out")" "Usage: $1 [--virtual]"
    full_output "$1" --help
}

# --- process_pipeline

process_pipeline() {
    expect_status 0 timeout 60 "$examples/process_pipeline"
    expect 'the output' "$(cat "$scratch/out")" "1. apple
2. fig
3. medlar
4. pear
5. quince"
    expect_status 0 timeout 60 "$examples/process_pipeline" b 'two words' -a ''
    expect 'the output' "$(cat "$scratch/out")" "1. -a
2. b
3. two words"
    expect 'the complaints' "$(cat "$scratch/err")" ''
}

# Where sort is no good.
pipeline_of_failures() {
    mkdir "$scratch/bin"
    printf '#!/bin/sh\nexit 3\n' >"$scratch/bin/sort"
    chmod +x "$scratch/bin/sort"
    expect_status 1 env PATH="$scratch/bin:$PATH" "$examples/process_pipeline"
    expect 'the sentences' "$(cat "$scratch/err")" 'sort failed with status 3
process_pipeline: Input/output error'
    expect 'the output' "$(cat "$scratch/out")" ''
    printf '#!/bin/sh\nkill -KILL $$\n' >"$scratch/bin/sort"
    expect_status 1 env PATH="$scratch/bin:$PATH" "$examples/process_pipeline"
    expect 'the sentences' "$(cat "$scratch/err")" 'sort was killed by signal 9
process_pipeline: Input/output error'
}

process_pipeline_arguments() {
    # shellcheck disable=SC2046
    expect_status 2 "$examples/process_pipeline" $(seq 101)
    expect 'the sentence' "$(cat "$scratch/err")" 'process_pipeline: takes at most 100 words'
    expect_status 0 "$examples/process_pipeline" --help
    grep -q '^Usage: process_pipeline ' "$scratch/out"
    full_output process_pipeline --help
}

# --- copy_file

copies() { # BYTES
    head -c "$1" /dev/urandom >"$scratch/from"
    expect_status 0 "$examples/copy_file" "$scratch/from" "$scratch/to"
    cmp "$scratch/from" "$scratch/to"
    expect 'the output' "$(cat "$scratch/out" "$scratch/err")" ''
}

copies_over_a_longer_file() {
    head -c 1000000 /dev/urandom >"$scratch/to"
    copies 70000
}

keeps_the_mode() {
    echo text >"$scratch/from"
    chmod 640 "$scratch/from"
    rm -f "$scratch/to"
    (umask 0; expect_status 0 "$examples/copy_file" "$scratch/from" "$scratch/to")
    expect "the copy's mode" "$(stat -c %a "$scratch/to")" 640
}

refuses() { # STATUS SENTENCE ARGUMENTS...
    local status=$1 sentence=$2
    shift 2
    expect_status "$status" "$examples/copy_file" "$@"
    expect 'the sentence' "$(cat "$scratch/err")" "copy_file: $sentence"
}

missing_file() {
    refuses 1 "cannot open $scratch/none: No such file or directory" "$scratch/none" "$scratch/to2"
    [[ ! -e $scratch/to2 ]] || fail 'it made the copy of a missing file'
}

directories() {
    echo text >"$scratch/from"
    refuses 1 "$scratch is not a regular file" "$scratch" "$scratch/to2"
    [[ ! -e $scratch/to2 ]] || fail 'it made the copy of a directory'
    refuses 1 "$scratch is not a regular file" "$scratch/from" "$scratch"
}

same_file() {
    echo text >"$scratch/from"
    ln -f "$scratch/from" "$scratch/other_name"
    refuses 1 "$scratch/from and $scratch/other_name are the same file" \
        "$scratch/from" "$scratch/other_name"
    expect 'the file' "$(cat "$scratch/from")" text
}

not_a_file() {
    echo text >"$scratch/from"
    refuses 1 '/dev/null is not a regular file' "$scratch/from" /dev/null
}

# What has no offsets: neither waited for at the other end of a FIFO, nor copied wrongly.
not_a_file_to_copy() {
    local from
    mkfifo "$scratch/fifo"
    echo text >"$scratch/to3"
    for from in /dev/zero /dev/stdin "$scratch/fifo"; do
        expect_status 1 timeout 60 "$examples/copy_file" "$from" "$scratch/to2" \
            < <(head -c 300000 /dev/urandom)
        expect 'the sentence' "$(cat "$scratch/err")" "copy_file: $from is not a regular file"
        [[ ! -e $scratch/to2 ]] || fail "it made the copy of $from"
        expect_status 1 timeout 60 "$examples/copy_file" "$from" "$scratch/to3" < <(:)
        expect 'the file that was there' "$(cat "$scratch/to3")" text
    done
    expect_status 1 timeout 60 "$examples/copy_file" "$scratch/to3" "$scratch/fifo"
    expect 'the sentence' "$(cat "$scratch/err")" \
        "copy_file: $scratch/fifo is not a regular file"
}

# A limit on the size of files, its signal ignored, makes a write fail in the middle.
failing_write() {
    head -c 3000000 /dev/urandom >"$scratch/from"
    (
        trap '' XFSZ
        ulimit -f 1000
        expect_status 1 "$examples/copy_file" "$scratch/from" "$scratch/limited"
    )
    grep -qxF "copy_file: cannot write $scratch/limited: File too large" "$scratch/err" ||
        fail "it says: $(cat "$scratch/err")"
}

copy_file_arguments() {
    refuses 2 'give two names, FROM and TO; --help tells more'
    refuses 2 'give two names, FROM and TO; --help tells more' one two three
    expect_status 0 "$examples/copy_file" --help
    grep -q '^Usage: copy_file FROM TO$' "$scratch/out"
}

# --- tcp_echo

# Starts the server in the background and sets port to where it listens. Every wait here ends.
start_server() { # ARGUMENTS...
    local tries
    : >"$scratch/server.out"
    "$examples/tcp_echo" "$@" >"$scratch/server.out" 2>"$scratch/server.err" &
    server=$!
    trap 'kill "$server" 2>/dev/null' EXIT
    for ((tries = 0; tries < 300; tries++)); do
        port=$(sed -nE 's/^listening on 127\.0\.0\.1 port ([0-9]+)$/\1/p' "$scratch/server.out")
        [[ -n $port ]] && return
        sleep 0.1
    done
    cat "$scratch/server.err"
    fail 'the server does not listen'
}

# The server ends by itself with status 0 and nothing to complain of.
expect_clean_end() {
    local status=0
    wait "$server" || status=$?
    trap - EXIT
    expect "the server's status" "$status" 0
    expect "the server's complaints" "$(cat "$scratch/server.err")" ''
}

# Sends a line over descriptor FD and takes the answer.
exchange() { # FD TEXT
    local answer
    printf '%s\n' "$2" >&"$1"
    IFS= read -r -t 60 -u "$1" answer || fail "no answer to \"$2\""
    expect 'the answer' "$answer" "$2"
}

echoes_to_several() {
    start_server --connections 3
    exec 5<>"/dev/tcp/127.0.0.1/$port" 6<>"/dev/tcp/127.0.0.1/$port"
    exec 7<>"/dev/tcp/127.0.0.1/$port"
    exchange 7 'the last one first'
    exchange 5 'and then the first'
    exchange 6 'and one between'
    exchange 5 'and the first again'
    exec 5>&- 6>&- 7>&-
    expect_clean_end
}

# More than fits in the buffers of both sockets, so that sends are cut short and must go on.
echoes_much() {
    local reader
    start_server --connections 1
    head -c 20000003 /dev/urandom >"$scratch/sent"
    exec 5<>"/dev/tcp/127.0.0.1/$port"
    timeout 120 head -c 20000003 <&5 >"$scratch/received" &
    reader=$!
    timeout 120 cat "$scratch/sent" >&5
    wait "$reader"
    exec 5>&-
    cmp "$scratch/sent" "$scratch/received"
    expect_clean_end
}

taken_port() {
    start_server
    expect_status 1 "$examples/tcp_echo" "$port"
    expect 'the sentence' "$(cat "$scratch/err")" 'tcp_echo: cannot listen: Address already in use'
}

tcp_echo_arguments() {
    expect_status 2 "$examples/tcp_echo" 65536
    expect 'the sentence' "$(cat "$scratch/err")" \
        'tcp_echo: PORT is a number from 0 to 65535, not "65536"; --help tells more'
    expect_status 2 "$examples/tcp_echo" 7x
    expect_status 2 "$examples/tcp_echo" 1 2
    expect_status 2 "$examples/tcp_echo" --connections 0
    expect_status 2 "$examples/tcp_echo" --no-such-option
    expect_status 0 "$examples/tcp_echo" --help
    grep -q '^Usage: tcp_echo ' "$scratch/out"
}

behaviour 'hello says its two words' hello
behaviour 'say_after sleeps one after another, and together' say_after
behaviour 'hello fails when its words cannot be written' full_output hello
behaviour 'say_after fails when its words cannot be written' full_output say_after
behaviour 'cancel_worker cancels a worker that obeys, one that cleans up, one that goes on' \
    cancel_worker_says
behaviour 'gather_errors gathers with an error, by default and collecting' gather_errors_says
behaviour 'as_completed greets in the order of arrival, until a limit' as_completed_says
behaviour 'async_generator loops to the end, and leaves early' async_generator_says
behaviour 'fan_in listens to whoever reports, until closing time' fan_in_says
behaviour 'timeout tells which limits ran out' timeout_says
behaviour 'chained starts a second part as soon as its first ends' chained_says
behaviour 'asyncq serves all that was cooked, and sends the waiters home' asyncq_says
behaviour 'download_simulation takes as long as its longest download' download_simulation_says
behaviour 'chess takes twelve hours, or one' chess_says
behaviour 'countasync counts thrice at once' countasync_says
behaviour 'countdown counts down at two speeds' countdown_says
behaviour 'semaphore_limit lets ten jobs work at once' semaphore_limit_says
behaviour 'scheduler runs jobs in order, once and again, and takes them back' scheduler_says
behaviour 'ping_test passes' ping_test_passes
behaviour 'to_thread computes while a ticker goes on' to_thread_says
behaviour 'to_thread fails when its words cannot be written' full_output to_thread --virtual
behaviour 'to_thread refuses nonsense arguments' virtual_arguments to_thread
behaviour 'as_completed waits in real time without --virtual' as_completed_in_real_time
for program in cancel_worker gather_errors as_completed timeout chained async_generator fan_in \
    asyncq download_simulation chess countasync countdown semaphore_limit scheduler; do
    behaviour "$program takes no time in virtual time" takes_no_time $program
    behaviour "$program fails when its words cannot be written" full_output $program --virtual
    behaviour "$program refuses nonsense arguments" virtual_arguments $program
done
behaviour 'process_pipeline sorts words by two programs' process_pipeline
behaviour 'process_pipeline tells of a program that fails or is killed' pipeline_of_failures
behaviour 'process_pipeline fails when its words cannot be written' full_output process_pipeline
behaviour 'process_pipeline refuses too many words' process_pipeline_arguments
behaviour 'copy_file copies an empty file' copies 0
behaviour 'copy_file copies one byte' copies 1
behaviour 'copy_file copies exactly one piece' copies 131072
behaviour 'copy_file copies 8 MiB and an odd tail' copies 8392123
behaviour 'copy_file leaves nothing of a longer file' copies_over_a_longer_file
behaviour "copy_file keeps the file's mode" keeps_the_mode
behaviour 'copy_file names a missing file' missing_file
behaviour 'copy_file refuses directories' directories
behaviour 'copy_file does not empty the file that it is to copy' same_file
behaviour 'copy_file writes to no device' not_a_file
behaviour 'copy_file refuses what is no regular file, and leaves TO alone' not_a_file_to_copy
behaviour 'copy_file tells of a failing write' failing_write
behaviour 'copy_file refuses nonsense arguments' copy_file_arguments
behaviour 'tcp_echo serves several connections at once and ends' echoes_to_several
behaviour 'tcp_echo sends 20 MB back' echoes_much
behaviour 'tcp_echo names a port that is taken' taken_port
behaviour 'tcp_echo refuses nonsense arguments' tcp_echo_arguments
end_of_tests
