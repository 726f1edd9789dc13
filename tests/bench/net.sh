#!/bin/bash
# The workloads of whorl-bench on connections: echo --stream, idle and sendfile, in short runs; and
# that a list of numbers gives a table for each.
# shellcheck shell=bash
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

bench=$top_builddir/whorl-bench

# The titles of the tables, without rounds.
titles() {
    sed -n 's/^\([a-z]*: .*\), rounds [0-9]*$/\1/p'
}

a_stream_server_is_compared() {
    "$bench" echo --stream --seconds 0.3 --rounds 1 --connections 3 >"$scratch/table"
    expect 'the title' "$(titles <"$scratch/table")" \
        'echo: connections 3, size 64, seconds 0.3, stream'
    for subject in whorl-stream whorl liburing epoll; do
        grep -qE "^  $subject +[0-9,]+" "$scratch/table" || fail "no row of $subject"
    done
    for other in liburing epoll whorl; do
        grep -qE "^  whorl-stream / $other +CPU a message [0-9.]+ " "$scratch/table" ||
            fail "it is not compared with $other"
    done
    grep -q 'oneshot' "$scratch/table" && fail 'more is measured than is compared'
    return 0
}

lists_give_a_table_each() {
    "$bench" echo --stream --seconds 0.1 --rounds 1 --connections 1,3 --size 8,20000 |
        titles >"$scratch/titles"
    expect 'the titles' "$(cat "$scratch/titles")" \
        'echo: connections 1, size 8, seconds 0.1, stream
echo: connections 1, size 20000, seconds 0.1, stream
echo: connections 3, size 8, seconds 0.1, stream
echo: connections 3, size 20000, seconds 0.1, stream'
    "$bench" idle --rounds 1 --connections 5,10 | titles >"$scratch/titles"
    expect 'the titles of idle' "$(cat "$scratch/titles")" 'idle: connections 5
idle: connections 10'
}

batches_are_connected() {
    "$bench" echo --stream --seconds 0.05 --rounds 1 --connections 300 --size 16K --json - \
        >"$scratch/json"
    expect 'rows' "$(grep -c '"connections": 300' "$scratch/json")" 4
    expect 'spreads' "$(grep -c '"rounds": 1, "spread": 0}' "$scratch/json")" 4
}

idle_connections_are_measured() {
    "$bench" idle --rounds 1 --connections 300 --json "$scratch/json" >"$scratch/table"
    grep -qE '^  whorl-stream +[0-9,]+' "$scratch/table" || fail 'no row of whorl-stream'
    grep -qE '"workload": "idle", "subject": "whorl-stream", "connections": 300, .*"bytes_per_task": [0-9.]+' \
        "$scratch/json" || fail 'no row in the JSON'
}

files_are_sent() {
    "$bench" sendfile --rounds 1 --seconds 0.05 --size 100K --json "$scratch/json" \
        >"$scratch/table"
    expect 'the title' "$(titles <"$scratch/table")" 'sendfile: size 100 KiB, seconds 0.05'
    for subject in whorl whorl-thread read-send sendfile; do
        grep -qE "^  $subject +[0-9,]+" "$scratch/table" || fail "no row of $subject"
        grep -q "\"subject\": \"$subject\", \"size\": 102400" "$scratch/json" ||
            fail "no row of $subject in the JSON"
    done
    printf 'abcdefgh' >"$scratch/small"
    "$bench" sendfile --rounds 1 --seconds 0.02 --size 8 --file "$scratch/small" >"$scratch/table"
    expect 'the file' "$(cat "$scratch/small")" abcdefgh
    expect_status 2 "$bench" sendfile --size 9 --file "$scratch/small"
    grep -q 'fewer than the 9' "$scratch/err" || fail 'the sentence is another'
}

what_makes_no_sense_is_refused() {
    expect_status 2 "$bench" echo --stream --listen 0
    grep -q -- '--subject whorl-stream' "$scratch/err" || fail 'it does not say what to do'
    expect_status 2 "$bench" idle --connections 900000
    grep -q 'two descriptors for each' "$scratch/err" || fail 'the sentence is another'
    expect_status 2 "$bench" echo --connections 1,2,
    expect_status 2 "$bench" echo --connections 1,2,3,4,5,6,7,8,9
    grep -q 'more than 8 numbers' "$scratch/err" || fail 'the sentence is another'
    expect_status 2 "$bench" idle --stream
    expect_status 2 "$bench" sendfile --connections 1
}

servers_serve_alone() {
    : >"$scratch/server"
    "$bench" echo --listen 0 --subject whorl-stream >"$scratch/server" &
    local server=$! port=
    for _ in {1..100}; do
        port=$(sed -n 's/^whorl-stream serves on port \([0-9]*\) .*/\1/p' "$scratch/server")
        [[ -n $port ]] && break
        sleep 0.05
    done
    local status=0
    "$bench" echo --connect "$port" --seconds 0.1 --rounds 1 --connections 2 >"$scratch/table" ||
        status=$?
    kill "$server"
    wait "$server" 2>"$scratch/killed" || true
    expect 'the status of the load' "$status" 0
}

behaviour 'echo --stream compares a server on streams' a_stream_server_is_compared
behaviour 'a list of numbers gives a table for each' lists_give_a_table_each
behaviour 'more connections than are made at once are all served' batches_are_connected
behaviour 'idle measures the memory of a connection' idle_connections_are_measured
behaviour 'sendfile sends a temporary file, or one that is named' files_are_sent
behaviour 'a server on streams serves alone, too' servers_serve_alone
behaviour 'what makes no sense is refused with a sentence' what_makes_no_sense_is_refused
end_of_tests
