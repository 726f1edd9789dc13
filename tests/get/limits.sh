#!/bin/bash
# Limits: connections, threads, and what the disk gives.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/get/common.sh
. "$top_srcdir/tests/get/common.sh"

start_nginx
start_bad_server
head -c 20000000 /dev/urandom >"$files/random"

# N URLs of the bad server that take their time, on stdout.
busy_urls() { # N [HOST]
    local i
    for ((i = 0; i < $1; i++)); do
        echo "http://${2-127.0.0.1}:$bad_port/busy?$i ${2-127.0.0.1}-$i"
    done
}

# The bad server counts for itself, and as long as it lives: one for each test.
most_at_once() {
    timeout 60 "$get" -q -o most "$bad_url/most" >&2
    cat most
}

by_host() {
    start_bad_server
    in_new_folder
    gets 0 -j 50 --per-host 3 -i <(busy_urls 30)
    expect 'the most at once' "$(most_at_once)" 3
}

by_jobs() {
    start_bad_server
    in_new_folder
    gets 0 -j 5 --per-host 4 -i <(busy_urls 20 && busy_urls 20 localhost)
    expect 'the most at once' "$(most_at_once)" 5
}

without_descriptors() {
    local pid
    in_new_folder
    "$get" "$nginx_url/slow/random" 0<&- 1>&- 2>&- &
    pid=$!
    await holds_bytes random.part 1
    expect 'what is at their places' "$(readlink "/proc/$pid/fd/"{0,1,2} | sort -u)" /dev/null
    kill "$pid"
}

# Threads of process PID that are not the kernel's workers of its ring, which write what cannot be
# written at once.
threads() { # PID
    cat "/proc/$1/task/"*/comm 2>/dev/null | grep -cv '^iou-' || :
}

no_thread() {
    local pid host most=0 now
    for host in 127.0.0.1 localhost; do
        in_new_folder
        "$get" -q -j 20 --per-host 20 -i <(
            for ((i = 0; i < 20; i++)); do
                echo "http://$host:${nginx_url##*:}/slow/random file$i"
            done
        ) &
        pid=$!
        await holds_bytes file19.part 1
        for ((i = 0; i < 20; i++)); do
            now=$(threads "$pid")
            ((now <= most)) || most=$now
            sleep 0.02
        done
        kill -9 "$pid"
        wait "$pid" 2>/dev/null || :
    done
    expect 'the most threads' "$most" 1
}

# What moves the bytes to disk calls neither write(2) nor any of its kin: only the ring can do it.
only_the_ring_writes() {
    local object called
    for object in transfer output download driver watcher version; do
        # shellcheck disable=SC2086
        called=$(${NM:-nm} -u "$top_builddir/tools/get/whorl_get-$object.o" |
            grep -wE 'p?write(v|v2|64)?|fwrite|fputs|fputc|sendfile|copy_file_range|splice' || :)
        expect "what $object.o calls" "$called" ''
        ${NM:-nm} -u "$top_builddir/tools/get/whorl_get-$object.o" >>"$scratch/called"
    done
    grep -qw whorl_pwrite "$scratch/called"
}

# Nor does anything in it wait but by whorl: the ring polls curl's sockets, and whorl's timers are
# curl's.
only_whorl_waits() {
    local called
    ${NM:-nm} -u "$top_builddir"/tools/get/whorl_get-*.o | awk 'NF > 1 { print $NF }' | sort -u \
        >"$scratch/waits"
    called=$(grep -xE -e 'p?poll|p?select|epoll_.*|timerfd_.*|timer_create|setitimer|alarm|u?sleep' \
        -e '(clock_)?nanosleep|pthread_(create|cond_.*)|curl_easy_perform' \
        -e 'curl_multi_(perform|poll|wait|fdset|wakeup)' "$scratch/waits" || :)
    expect 'what waits otherwise' "$called" ''
    for called in curl_multi_socket_action whorl_op_poll whorl_call_later; do
        grep -qx "$called" "$scratch/waits" || fail "nothing calls $called"
    done
}

without_curl() {
    [[ -e $top_builddir/.libs/libwhorl.so ]] || skip 'no shared library was built'
    ! ldd "$top_builddir/.libs/libwhorl.so" | grep -E 'curl|ssl|crypto'
}

# COMMAND in a mount namespace of its own, where $scratch/disk is a disk of SIZE.
with_disk() { # SIZE COMMAND...
    local size=$1
    shift
    mkdir -p "$scratch/disk"
    unshare -m true 2>/dev/null || skip 'no mount namespace can be made: run it as root'
    # shellcheck disable=SC2016  # the inner shell's
    unshare -m bash -eu -c 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && "$@"' \
        - "$size" "$scratch/disk" "$@"
}

# Runs in that namespace, as a script of its own.
cat >"$scratch/full-disk" <<'END'
cd "$2"
status=0
"$1" "$3" 2>"$4" || status=$?
[[ $status == 1 && $(ls -A) == $'random.part\nrandom.part.from' ]]
grep -q 'writing "random.part" failed: No space left on device; make room' "$4"
cmp -n "$(stat -c %s random.part)" random.part "$5"
mount -o remount,size=40m "$2"
"$1" "$3" 2>"$4"
cmp random "$5"
END

full_disk() {
    with_disk 6m bash -eux "$scratch/full-disk" "$get" "$scratch/disk" "$nginx_url/random" \
        "$scratch/err" "$files/random" || {
        local status=$?
        cat "$scratch/err"
        return $status
    }
}

cat >"$scratch/read-only" <<'END'
mount -o remount,ro "$2"
status=0
"$1" -d "$2" "$3" 2>"$4" || status=$?
[[ $status == 1 ]]
grep -q 'opening "random.part" failed: Read-only file system; choose a directory that you may' "$4"
END

read_only() {
    with_disk 6m bash -eux "$scratch/read-only" "$get" "$scratch/disk" "$nginx_url/random" \
        "$scratch/err"
}

# The program must be where that user can read it.
no_permission() {
    [[ $(id -u) == 0 ]] || skip 'only root can become another user'
    command -v setpriv >/dev/null || skip 'setpriv is missing (Debian: util-linux)'
    in_new_folder
    mkdir closed
    chmod 755 closed "$folder" "$scratch"
    cp "$get" "$scratch/whorl-get"
    expect_status 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$scratch/whorl-get" -d "$folder/closed" "$nginx_url/random"
    complains 'opening "random.part" failed: Permission denied; choose a directory'
}

file_limit() {
    in_new_folder
    (
        ulimit -f 4000
        gets 1 "$nginx_url/random"
    )
    complains 'writing "random.part" failed: File too large; the limit on the size of files'
    gets 0 "$nginx_url/random"
    cmp random "$files/random"
}

no_limits() {
    in_new_folder
    gets 0 --connect-timeout 0 --stall-timeout 0 --timeout 0 "$nginx_url/random"
    gets 0 --force --connect-timeout 2592000 --stall-timeout 2592000 "$nginx_url/random"
}

few_descriptors() {
    in_new_folder
    (
        ulimit -n 12
        gets 1 --retries 0 -j 30 --per-host 30 -i <(busy_urls 30)
    )
    gets 0 --force -j 30 --per-host 30 -i <(busy_urls 30)
}

behaviour 'a host has no more transfers than it may' by_host
behaviour 'all hosts together have no more transfers than they may' by_jobs
behaviour 'descriptors 0 to 2 that are closed become none of its files' without_descriptors
behaviour 'there is one thread, however many transfers' no_thread
behaviour 'bytes are written by the ring alone' only_the_ring_writes
behaviour 'sockets and timers are waited for by whorl alone' only_whorl_waits
behaviour 'the library does not need libcurl' without_curl
behaviour 'a full disk is told, and gone on with when there is room' full_disk
behaviour 'a disk that is read-only is told' read_only
behaviour 'a directory that belongs to others is told' no_permission
behaviour 'a limit on the size of files is told' file_limit
behaviour 'times can be without limit' no_limits
behaviour 'a lack of descriptors fails what it hits, and no more' few_descriptors
end_of_tests
