#!/bin/bash
# The examples that tell a story (examples/story.h), in real time or, with --virtual, in a time that
# jumps: their whole output then, word for word.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

stories='cancel_worker gather_errors as_completed async_generator fan_in timeout chained asyncq
    download_simulation chess countasync countdown semaphore_limit scheduler to_thread'

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

to_thread_says() {
    says to_thread <<'END'
main: gives a computation to a thread
ticker: still responsive
ticker: still responsive
ticker: still responsive
main: prime number 10000 is 104729
END
}

# Two virtual runs come to their end while a real one, which began before them, still waits. A busy
# machine has ten tries for it.
takes_no_time() { # PROGRAM
    local try real status
    for try in {1..10}; do
        "$examples/$1" >"$scratch/real" &
        real=$!
        expect_status 0 timeout 60 "$examples/$1" --virtual
        expect_status 0 timeout 60 "$examples/$1" --virtual
        kill "$real" 2>/dev/null || :
        status=0
        wait "$real" 2>/dev/null || status=$?
        ((status == 128 + 15)) && return
        echo "try $try: the real run has ended first, with status $status"
    done
    fail 'virtual time passes like real time'
}

# A wait is never shorter than asked. That runners arrive in the order of their speed is seen in one
# of ten runs at least: a busy machine holds some of them up.
as_completed_in_real_time() {
    local run
    expect_status 0 timeout 60 "$examples/as_completed" --virtual
    sed 's/ s  .*//' "$scratch/out" >"$scratch/least"
    sed 's/.* s  //' "$scratch/out" >"$scratch/words"
    for run in {1..10}; do
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

behaviour 'cancel_worker cancels a worker that obeys, one that cleans up, one that goes on' \
    cancel_worker_says
behaviour 'gather_errors gathers with an error, by default and collecting' gather_errors_says
behaviour 'as_completed greets in the order of arrival, until a limit' as_completed_says
behaviour 'as_completed waits in real time without --virtual' as_completed_in_real_time
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
behaviour 'to_thread computes while a ticker goes on' to_thread_says
for program in $stories; do
    behaviour "$program fails when its words cannot be written" full_output "$program" --virtual
    behaviour "$program refuses nonsense arguments" virtual_arguments "$program"
    # The thread of to_thread takes real time.
    [[ $program == to_thread ]] ||
        behaviour "$program takes no time in virtual time" takes_no_time "$program"
done
end_of_tests
