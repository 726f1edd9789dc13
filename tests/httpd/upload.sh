#!/bin/bash
# Files that are put: whole, or not at all.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/httpd/common.sh
. "$top_srcdir/tests/httpd/common.sh"

head -c 3000000 /dev/urandom >"$scratch/data"

# What stands in the folder, in one line; temporary files, too.
listing() {
    ls -A "$files" | LC_ALL=C sort | paste -sd' '
}

in_empty_folder() {
    rm -rf "$files"
    mkdir "$files"
}

puts() {
    in_empty_folder
    start_httpd --upload
    expect_answer 201 -T "$scratch/data" "$url/new"
    cmp "$scratch/data" "$files/new"
    expect 'the mode' "$(stat -c %a "$files/new")" "$(printf '%o' $((0666 & ~$(umask))))"
    local tag
    tag=$(header ETag)
    expect_answer 200 "$url/new"
    expect_header ETag "$tag"
    cmp "$scratch/body" "$scratch/data"
    # One that replaces another is seen at once.
    chmod 640 "$files/new"
    expect_answer 204 -T - -H Expect: "$url/new" < <(printf 'shorter')
    expect 'the content' "$(cat "$files/new")" shorter
    expect 'the mode' "$(stat -c %a "$files/new")" 640
    chmod 6755 "$files/new"
    expect_answer 204 -T - -H Expect: "$url/new" < <(printf 'shorter')
    expect 'the mode' "$(stat -c %a "$files/new")" 755
    chmod 0 "$files/new"
    expect_answer 204 -T - -H Expect: "$url/new" < <(printf 'shorter')
    expect 'the mode' "$(stat -c %a "$files/new")" 0
    # Bits that are changed while the file comes count too.
    connect 9
    printf 'PUT /new HTTP/1.1\r\nConnection: close\r\nHost: a\r\nContent-Length: 7\r\n\r\nshort' >&9
    await has_open_file
    chmod 604 "$files/new"
    printf er >&9
    expect 'the status' "$(timeout 60 cat <&9 | statuses)" 204
    disconnect 9
    expect 'the mode' "$(stat -c %a "$files/new")" 604
    expect_answer 200 "$url/new"
    expect 'the answer' "$(cat "$scratch/body")" shorter
    : >"$scratch/empty"
    expect_answer 201 -T "$scratch/empty" "$url/empty%20one"
    expect 'the size' "$(stat -c %s "$files/empty one")" 0
    expect 'what is there' "$(listing)" 'empty one new'
    stop_httpd
}

puts_chunked() {
    in_empty_folder
    start_httpd --upload
    expect_answer 201 -T - "$url/chunked" <"$scratch/data"
    cmp "$scratch/data" "$files/chunked"
    expect_answer 204 -T - -H Expect: "$url/chunked" <"$scratch/data"
    cmp "$scratch/data" "$files/chunked"
    expect_statuses '201 200' "PUT /tiny HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\nGET /tiny HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    expect 'the content' "$(cat "$files/tiny")" abc
    stop_httpd
}

chunks_of_a_byte() {
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    in_empty_folder
    start_httpd --upload
    {
        printf 'PUT /bytes HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
        # shellcheck disable=SC2016  # it is perl that is to see $
        perl -e 'read STDIN, my $all, 20000; print "1\r\n$_\r\n" for split //, $all;' <"$scratch/data"
        printf '0\r\n\r\n'
    } >"$scratch/bytes"
    connect 9
    cat "$scratch/bytes" >&9
    expect 'the status' "$(timeout 60 cat <&9 | statuses)" 201
    disconnect 9
    head -c 20000 "$scratch/data" | cmp - "$files/bytes"
    stop_httpd
}

# As curl -C does when it takes an upload up again.
parts_replace_no_whole() {
    in_empty_folder
    printf whole >"$files/file"
    start_httpd --upload
    expect_answer 400 -T - -H Expect: -H 'Content-Range: bytes 1-4/5' "$url/file" < <(printf part)
    expect 'the content' "$(cat "$files/file")" whole
    expect 'what is there' "$(listing)" file
    stop_httpd
}

encoded() {
    in_empty_folder
    start_httpd --upload
    expect_answer 415 -T - -H Expect: -H 'Content-Encoding: gzip' "$url/file" < <(printf packed)
    expect 'what is there' "$(listing)" ''
    expect_answer 201 -T - -H Expect: -H 'Content-Encoding: identity' "$url/file" < <(printf plain)
    expect 'the content' "$(cat "$files/file")" plain
    stop_httpd
}

index_is_replaced() {
    in_empty_folder
    mkdir "$files/site"
    echo old >"$files/site/index.html"
    start_httpd --upload
    expect_answer 200 "$url/site/"
    expect_answer 204 -T - "$url/site/index.html" < <(echo new)
    expect_answer 200 "$url/site/"
    expect 'the index' "$(cat "$scratch/body")" new
    stop_httpd
}

expectations() {
    in_empty_folder
    start_httpd --upload
    fetch -v -H 'Expect: 100-continue' -T "$scratch/data" "$url/data" 2>"$scratch/talk"
    grep -q '^< HTTP/1.1 100 Continue' "$scratch/talk"
    grep -q '^< HTTP/1.1 201 ' "$scratch/talk"
    cmp "$scratch/data" "$files/data"
    # One that is refused has not sent its body.
    connect 9
    printf 'PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9%015d\r\n\r\n' 0 >&9
    expect 'the status' "$(timeout 60 cat <&9 | statuses)" 413
    disconnect 9
    expect_answer 412 -H 'Expect: 100-continue' -H 'If-None-Match: *' -T "$scratch/data" "$url/data"
    lacks ' 100 ' "$scratch/head"
    # Nor has HTTP/1.0 a word for it.
    expect_statuses 204 \
        'PUT /data HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc'
    stop_httpd
}

conditions() {
    local tag
    in_empty_folder
    start_httpd --upload
    expect_answer 412 -H 'If-Match: *' -T - "$url/file" < <(echo 1)
    expect_answer 201 -H 'If-None-Match: *' -T - "$url/file" < <(echo 1)
    tag=$(header ETag)
    expect_answer 412 -H 'If-None-Match: *' -T - "$url/file" < <(echo 2)
    expect_answer 412 -H 'If-Match: "other"' -T - "$url/file" < <(echo 2)
    expect_answer 204 -H "If-Match: $tag" -T - "$url/file" < <(echo 22)
    expect_answer 412 -H "If-Match: $tag" -T - "$url/file" < <(echo 3)
    expect 'the content' "$(cat "$files/file")" 22
    stop_httpd
}

refused() {
    in_empty_folder
    mkdir "$files/folder"
    ln -s "$scratch" "$files/out"
    start_httpd --upload --max-body 1000K
    expect_answer 413 -T "$scratch/data" "$url/large"
    expect_answer 413 -T - -H Expect: "$url/large" <"$scratch/data"
    expect_answer 413 -T "$scratch/data" -H Expect: "$url/large"
    expect_statuses 411 'PUT /a HTTP/1.1\r\nHost: a\r\n\r\n'
    expect_answer 409 -T - "$url/folder" < <(echo x)
    expect_answer 409 -T - "$url/name/" < <(echo x)
    expect_answer 409 -T - "$url/none/name" < <(echo x)
    expect_answer 403 -T - "$url/out/name" < <(echo x)
    expect_answer 400 -T - "$url/../name" < <(echo x)
    mkfifo "$files/fifo"
    expect_answer 409 -T - -H Expect: "$url/fifo" < <(echo x)
    [[ -p $files/fifo ]] || fail 'a pipe was replaced'
    rm "$files/fifo"
    expect_answer 404 -T - "$url/.whorl-name" < <(echo x)
    expect_answer 409 -X PUT -d x "$url/"
    expect_statuses 400 'PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'
    expect 'what is there' "$(listing)" 'folder out'
    [[ ! -e $scratch/name ]]
    stop_httpd
}

# A client that looks for its answer only when it has sent all, which is more than all buffers on the
# way hold.
refused_to_the_end() {
    in_empty_folder
    start_httpd --upload --max-body 1000K
    connect 9
    printf 'PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' $((64 << 20)) >&9
    head -c 64M /dev/zero >&9 || fail 'the server breaks off while its client sends'
    expect 'the statuses' "$(timeout 60 cat <&9 | statuses)" 413
    disconnect 9
    stop_httpd
}

# Nor does it break off while a client goes on for longer than one may be silent.
refused_and_goes_on() {
    local i
    in_empty_folder
    start_httpd --upload --max-body 1K
    connect 9
    printf 'PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n' >&9
    for ((i = 0; i < 14; i++)); do
        sleep 0.5
        printf 'some more\n' >&9 || fail 'the server breaks off while its client sends'
    done
    expect 'the statuses' "$(timeout 60 cat <&9 | statuses)" 413
    disconnect 9
    stop_httpd
}

not_followed() {
    in_empty_folder
    echo kept >"$scratch/outside"
    ln -s "$scratch/outside" "$files/link"
    start_httpd --upload
    expect_answer 204 -T - "$url/link" < <(echo new)
    expect 'what the link led to' "$(cat "$scratch/outside")" kept
    [[ ! -L $files/link && $(<"$files/link") == new ]]
    # One that leads nowhere is no file.
    ln -s nowhere "$files/dangling"
    expect_answer 412 -T - -H 'If-Match: *' "$url/dangling" < <(echo first)
    expect_answer 201 -T - -H 'If-None-Match: *' "$url/dangling" < <(echo first)
    [[ ! -L $files/dangling && $(<"$files/dangling") == first ]]
    # Its conditions are those of what a GET gives for it.
    ln -s link "$files/second"
    local tag
    expect_answer 200 "$url/second"
    tag=$(header ETag)
    expect_answer 412 -T - -H 'If-Match: "other"' "$url/second" < <(echo newer)
    expect_answer 204 -T - -H "If-Match: $tag" "$url/second" < <(echo newer)
    [[ ! -L $files/second && $(<"$files/second") == newer && $(<"$files/link") == new ]]
    # What a directory holds is not taken away.
    mkdir "$files/dir"
    ln -s dir "$files/to-dir"
    expect_answer 409 -T - "$url/to-dir" < <(echo new)
    [[ -L $files/to-dir ]]
    stop_httpd
}

# Only what COMMAND gives has come of the body when the client breaks off.
breaks_off() { # HEADERS COMMAND...
    connect 9
    # shellcheck disable=SC2059
    printf "PUT /broken HTTP/1.1\r\nHost: a\r\n$1\r\n" >&9
    "${@:2}" >&9
    await has_open_file
    disconnect 9
    await has_no_open_file
}

has_lines() { # COUNT PATTERN FILE
    [[ $(grep -c "$2" "$3") == "$1" ]]
}

directory_goes_meanwhile() {
    in_empty_folder
    mkdir "$files/dir"
    start_httpd --upload
    connect 9
    printf 'PUT /dir/new HTTP/1.1\r\nConnection: close\r\nHost: a\r\nContent-Length: 7\r\n\r\nshort' >&9
    await has_open_file
    rm -r "$files/dir"
    printf er >&9
    expect 'the status' "$(timeout 60 cat <&9 | statuses)" 409
    disconnect 9
    expect 'what is there' "$(listing)" ''
    stop_httpd
}

# The condition is of others' versions, and what came meanwhile is none of these.
name_is_taken_meanwhile() {
    in_empty_folder
    start_httpd --upload
    connect 9
    printf 'PUT /new HTTP/1.1\r\nConnection: close\r\nHost: a\r\nIf-None-Match: "x"\r\n' >&9
    printf 'Content-Length: 7\r\n\r\nshort' >&9
    await has_open_file
    echo other >"$files/new"
    printf er >&9
    expect 'the status' "$(timeout 60 cat <&9 | statuses)" 204
    disconnect 9
    expect 'the content' "$(cat "$files/new")" shorter
    expect 'what is there' "$(listing)" new
    stop_httpd
}

# It has its place elsewhere, and another one may have its own.
directory_moves_meanwhile() {
    local after
    for after in : 'mkdir dir' 'touch dir'; do
        in_empty_folder
        mkdir "$files/dir"
        start_httpd --upload
        connect 9
        printf 'PUT /dir/new HTTP/1.1\r\nConnection: close\r\nHost: a\r\n' >&9
        printf 'Content-Length: 7\r\n\r\nshort' >&9
        await has_open_file
        rm -rf "$scratch/moved"
        mv "$files/dir" "$scratch/moved"
        (cd "$files" && $after)
        printf er >&9
        expect 'the status' "$(timeout 60 cat <&9 | statuses)" 409
        disconnect 9
        expect 'what is there' "$(find "$scratch/moved" "$files/" -name new)" ''
        stop_httpd
    done
}

leaves_nothing() {
    in_empty_folder
    start_httpd --upload --access-log "$scratch/log"
    breaks_off 'Content-Length: 3000000\r\n' head -c 1000000 "$scratch/data"
    breaks_off 'Transfer-Encoding: chunked\r\n' printf '5\r\nabcde\r\n5\r\nabc'
    breaks_off 'Transfer-Encoding: chunked\r\n' printf '5\r\nabcde\r\n'
    expect 'what is there' "$(listing)" ''
    await has_lines 3 '^127.0.0.1 - - \[.*\] "PUT /broken HTTP/1.1" - 0$' "$scratch/log"
    # The server is killed in the middle.
    connect 9
    printf 'PUT /killed HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n' >&9
    head -c 1000000 "$scratch/data" >&9
    await has_open_file
    kill -9 "$server"
    wait "$server" 2>/dev/null || :
    disconnect 9
    expect 'what is there' "$(listing)" ''
}

# It has broken off before it could be told to go on: an earlier answer has met its reset. All of it
# comes while the server is stopped.
gone_before_it_is_told() {
    command -v perl >/dev/null || skip 'perl is missing (Debian: perl-base)'
    in_empty_folder
    echo old >"$files/old"
    start_httpd --upload --access-log "$scratch/log"
    kill -STOP "$server"
    # shellcheck disable=SC2016  # it is perl that is to see $
    perl -MIO::Socket::INET -e 'my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!;
        syswrite $c, "GET /old HTTP/1.1\r\nHost: a\r\n\r\nPUT /new HTTP/1.1\r\nHost: a\r\n" .
            "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" or die $!;
        setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die $!;' "$port"
    kill -CONT "$server"
    await has_lines 1 '"PUT /new HTTP/1.1" - 0$' "$scratch/log"
    await has_no_open_file
    expect 'what is there' "$(listing)" old
    stop_httpd
}

keeps_the_old() {
    in_empty_folder
    echo old >"$files/broken"
    start_httpd --upload
    breaks_off 'Content-Length: 3000000\r\n' head -c 1000000 "$scratch/data"
    expect 'the content' "$(cat "$files/broken")" old
    expect 'what is there' "$(listing)" broken
    stop_httpd
}

# Whoever reads a file that is put again and again finds one of its contents.
never_a_mixture() {
    local i
    in_empty_folder
    head -c 300000 /dev/zero | tr '\0' a >"$scratch/a"
    head -c 200000 /dev/zero | tr '\0' b >"$scratch/b"
    cp "$scratch/a" "$files/both"
    start_httpd --upload
    for ((i = 0; i < 20; i++)); do
        fetch -T "$scratch/a" -o /dev/null "$url/both"
        fetch -T "$scratch/b" -o /dev/null "$url/both"
    done &
    local writer=$!
    for ((i = 0; i < 60; i++)); do
        fetch -o "$scratch/read" "$url/both"
        cmp -s "$scratch/read" "$scratch/a" || cmp "$scratch/read" "$scratch/b"
    done
    wait "$writer"
    expect 'what is there' "$(listing)" both
    stop_httpd
}

many_at_once() {
    in_empty_folder
    start_httpd --upload
    seq 30 | xargs -P 10 -I{} curl -sS --fail --max-time 120 -T "$scratch/data" -o /dev/null "$url/{}"
    expect 'the sums' "$(sha256sum "$files/"* | cut -d' ' -f1 | sort | uniq -c | awk '{ print $1, $2 }')" \
        "30 $(sha256sum <"$scratch/data" | cut -d' ' -f1)"
    stop_httpd
}

# Clients that have seen the same version, and whose bodies end together: all have begun when the
# first one ends.
one_replaces() {
    local i
    in_empty_folder
    echo first >"$files/fought"
    start_httpd --upload
    expect_answer 200 "$url/fought"
    local tag
    tag=$(header ETag)
    for ((i = 0; i < 8; i++)); do
        { await test -e "$scratch/all" && echo "$i"; } |
            curl -sS --max-time 60 -T - -o /dev/null -w "%{http_code} $i\n" \
                -H "If-Match: $tag" -H Expect: "$url/fought" >"$scratch/fought.$i" &
    done
    end_together 8
    expect 'the answers' "$(cut -d' ' -f1 "$scratch"/fought.* | sort | uniq -c | awk '{ print $1, $2 }')" \
        $'1 204\n7 412'
    expect 'what is there' "204 $(cat "$files/fought")" "$(grep -h 204 "$scratch"/fought.*)"
    expect 'what is left' "$(listing)" fought
    stop_httpd
}

one_creates() {
    local i
    in_empty_folder
    start_httpd --upload
    for ((i = 0; i < 8; i++)); do
        { await test -e "$scratch/all" && echo "$i"; } |
            curl -sS --max-time 60 -T - -o /dev/null -w "%{http_code} $i\n" \
                -H 'If-None-Match: *' -H Expect: "$url/new" >"$scratch/new.$i" &
    done
    end_together 8
    expect 'the answers' "$(cut -d' ' -f1 "$scratch"/new.* | sort | uniq -c | awk '{ print $1, $2 }')" \
        $'1 201\n7 412'
    expect 'what is there' "201 $(cat "$files/new")" "$(grep -h 201 "$scratch"/new.*)"
    stop_httpd
}

# Has the bodies of clients end when all clients have begun, and waits for them.
end_together() { # CLIENTS
    await has_open_files "$1"
    : >"$scratch/all"
    wait_for_clients
    rm "$scratch/all"
}

wait_for_clients() {
    local job
    for job in $(jobs -p); do
        [[ $job == "$server" ]] || wait "$job"
    done
}

# Adds one to a number, so often, each time from the version that it has read. Each 412 comes of a
# step of another.
count_up() { # NAME TIMES STEPS_OF_OTHERS
    local i value tag lost=0
    for ((i = 0; i < $2 && lost <= $3; )); do
        value=$(curl -sS --fail --max-time 60 -D "$scratch/head.$1" "$url/number") || return
        tag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$scratch/head.$1")
        case $(echo $((value + 1)) | curl -sS --max-time 60 -T - -o /dev/null -w '%{http_code}' \
            -H "If-Match: $tag" "$url/number") in
        204) ((++i)) ;;
        412) ((++lost)) ;;
        *) return 1 ;;
        esac
    done
    ((i == $2))
}

no_update_is_lost() {
    local i
    in_empty_folder
    echo 0 >"$files/number"
    start_httpd --upload
    for ((i = 0; i < 4; i++)); do
        count_up "$i" 5 15 &
    done
    wait_for_clients
    expect 'the number' "$(cat "$files/number")" 20
    stop_httpd
}

# The clock of such a file system ticks each 4 ms, and a new file has the inode of one that was
# replaced.
every_upload_has_its_tag() {
    local i
    unshare -m true 2>/dev/null || skip 'no mount namespace can be made: run it as root'
    PATH=$PATH:/usr/sbin:/sbin
    command -v mkfs.ext3 >/dev/null || skip 'mkfs.ext3 is missing (Debian: e2fsprogs)'
    in_empty_folder
    truncate -s 16M "$scratch/disk"
    mkfs.ext3 -q -I 256 "$scratch/disk" # whose times have more than seconds
    unshare -m mount -o loop "$scratch/disk" "$files" 2>/dev/null ||
        skip 'no file can be mounted as a disk'
    # shellcheck disable=SC2016  # the inner shell's
    httpd_on_ext3() {
        exec unshare -m bash -c 'mount -o loop "$1" "$2" && exec "${@:3}"' - "$scratch/disk" \
            "$files" "$program" "$@"
    }
    local program=$httpd httpd=httpd_on_ext3
    start_httpd --upload
    connect 9
    for ((i = 100; i < 300; i++)); do
        printf 'PUT /number HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%d' "$i" >&9
    done
    printf 'GET / HTTP/1.0\r\n\r\n' >&9
    timeout 60 cat <&9 >"$scratch/raw"
    disconnect 9
    expect 'the number of tags' "$(sed -n 's/^ETag: "\(.*\)"\r$/\1/p' "$scratch/raw" | sort -u | wc -l)" 200
    stop_httpd
}

# httpd has a disk of 1 MiB of its own.
use_disk() {
    unshare -m true 2>/dev/null || skip 'no mount namespace can be made: run it as root'
    in_empty_folder
    program=$httpd httpd=httpd_on_disk
}

# shellcheck disable=SC2016  # the inner shell's
httpd_on_disk() { # ARGUMENTS...
    exec unshare -m bash -c 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "${@:2}"' - "$files" \
        "$program" "$@"
}

full_disk() {
    use_disk
    start_httpd --upload
    expect_answer 507 -T "$scratch/data" -H Expect: "$url/data"
    expect_answer 404 "$url/data"
    expect_answer 201 -T - "$url/small" < <(echo small)
    expect_answer 200 "$url/small"
    stop_httpd
}

# The last bytes of a file are written when all of it has come.
full_at_last() {
    use_disk
    start_httpd --upload
    head -c $((1048576 + 1)) "$scratch/data" >"$scratch/too-long"
    expect_answer 507 -T "$scratch/too-long" -H Expect: "$url/data"
    expect_answer 404 "$url/data"
    expect_answer 201 -T - "$url/small" < <(echo small)
    stop_httpd
}

# A file without a name gets its own by way of /proc.
no_proc() {
    unshare -m true 2>/dev/null || skip 'no mount namespace can be made: run it as root'
    in_empty_folder
    # shellcheck disable=SC2016  # the inner shell's
    httpd_without_proc() {
        exec unshare -m bash -c 'mount -t tmpfs tmpfs /proc && exec "$@"' - "$program" "$@"
    }
    local program=$httpd httpd=httpd_without_proc
    (httpd_without_proc --help >"$scratch/out" 2>&1) || skip 'this build does not run without /proc'
    ! grep -q WARNING "$scratch/out" || skip 'the sanitizers of this build want /proc'
    start_httpd --upload
    expect_answer 201 -T - "$url/new" < <(echo new)
    expect_answer 204 -T - "$url/new" < <(echo newer)
    expect 'the file' "$(cat "$files/new")" newer
    expect 'what is there' "$(ls -A "$files")" new
    stop_httpd
}

# A library that makes a poor one of the file system: it knows no files without a name, and, as
# $WITHOUT says, no links, or no flags of a renaming. Or it knows them, and fails, or has somebody
# else be faster.
use_poor() {
    use_library <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl.h>

static int lacks(const char *what)
{
    return strcmp(getenv("WITHOUT"), what) == 0;
}

int whorl_openat(int dirfd, const char *path, int flags, ...)
{
    int (*next)(int, const char *, int, ...) = dlsym(RTLD_NEXT, "whorl_openat");
    if (lacks("writing"))
        return (flags & O_ACCMODE) == O_RDWR ? -EROFS : next(dirfd, path, flags, 0666);
    bool is_nameless = (flags & O_TMPFILE) == O_TMPFILE;
    bool may_be = lacks("renaming") || lacks("luck") || lacks("looks");
    return is_nameless && !may_be ? -EOPNOTSUPP : next(dirfd, path, flags, 0666);
}

int whorl_linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)
{
    int (*next)(int, const char *, int, const char *, int) = dlsym(RTLD_NEXT, "whorl_linkat");
    if (lacks("luck"))
        close(openat(newdirfd, "new", O_WRONLY | O_CREAT, 0666));
    return lacks("links") ? -EPERM : next(olddirfd, oldpath, newdirfd, newpath, flags);
}

int whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *stat)
{
    int (*next)(int, const char *, int, unsigned, struct statx *) =
        dlsym(RTLD_NEXT, "whorl_statx");
    if (lacks("looks") && *path == '\0' && mask == STATX_BASIC_STATS)
        return -EIO;
    return next(dirfd, path, flags, mask, stat);
}

int whorl_futimens(int fd, const struct timespec times[2])
{
    int (*next)(int, const struct timespec[2]) = dlsym(RTLD_NEXT, "whorl_futimens");
    return lacks("times") ? -EPERM : next(fd, times);
}

int whorl_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                    unsigned flags)
{
    int (*next)(int, const char *, int, const char *, unsigned) =
        dlsym(RTLD_NEXT, "whorl_renameat2");
    if (flags != 0 && lacks("flags"))
        return -EINVAL;
    if (lacks("renaming"))
        return -EIO;
    return next(olddirfd, oldpath, newdirfd, newpath, flags);
}
END
}

# A file that takes the place of none has no other name before: not even a kill leaves one.
new_name_at_once() {
    use_poor
    without=renaming
    in_empty_folder
    start_httpd --upload
    expect_answer 201 -T - "$url/new" < <(echo first)
    [[ $(status_of -T - "$url/new" < <(echo second)) == 500 ]] ||
        skip 'this build uses no library that is shared'
    expect 'the content' "$(cat "$files/new")" first
    expect 'what is there' "$(listing)" new
    stop_httpd
}

# What could not be stored anyway is refused for that, whatever the conditions are.
no_writing() {
    use_poor
    without=writing
    in_empty_folder
    echo old >"$files/old"
    start_httpd --upload
    [[ $(status_of -T - "$url/old" < <(echo new)) == 403 ]] ||
        skip 'this build uses no library that is shared'
    expect_answer 403 -T - -H 'If-None-Match: *' "$url/old" < <(echo new)
    expect_answer 403 -T - -H 'If-Match: "x"' "$url/old" < <(echo new)
    stop_httpd
}

poor_file_system() {
    use_poor
    for without in links flags times; do
        in_empty_folder
        start_httpd --upload
        connect 9
        printf 'PUT /new HTTP/1.1\r\nConnection: close\r\nHost: a\r\nIf-None-Match: *\r\n' >&9
        printf 'Content-Length: 5\r\n\r\nfirs' >&9
        await has_open_file
        [[ $(listing) == .whorl-* ]] || skip 'this build uses no library that is shared'
        printf t >&9
        expect 'the status' "$(timeout 60 cat <&9 | statuses)" 201
        disconnect 9
        expect_answer 412 -T - -H 'If-None-Match: *' "$url/new" < <(echo second)
        expect 'the content' "$(cat "$files/new")" first
        expect_answer 204 -T - -H Expect: "$url/new" < <(echo third)
        expect 'the content' "$(cat "$files/new")" third
        expect 'what is there' "$(listing)" new
        stop_httpd
    done
}

# A name that is taken between the last look and the upload's own is another's: one that was to be
# the first is refused, and any other replaces it.
name_is_taken_at_last() {
    use_poor
    without=luck
    in_empty_folder
    start_httpd --upload
    local status
    status=$(status_of -T - -H Expect: -H 'If-None-Match: *' "$url/new" < <(echo mine))
    [[ -e $files/new && ! -s $files/new ]] || skip 'this build uses no library that is shared'
    expect 'the status' "$status" 412
    expect 'what is there' "$(listing)" new
    rm "$files/new"
    expect_answer 201 -T - -H Expect: "$url/new" < <(echo mine)
    expect 'the content' "$(cat "$files/new")" mine
    expect 'what is there' "$(listing)" new
    stop_httpd
}

# What was stored cannot be told of.
cannot_be_looked_at() {
    use_poor
    without=looks
    in_empty_folder
    start_httpd --upload
    [[ $(status_of -T - -H Expect: "$url/new" < <(echo new)) == 500 ]] ||
        skip 'this build uses no library that is shared'
    expect 'the content' "$(cat "$files/new")" new
    expect 'what is there' "$(listing)" new
    await has_no_open_file
    stop_httpd
}

# An upload that the stop's end cuts off leaves no name, where its file has one.
stop_leaves_nothing() {
    use_poor
    without=links
    in_empty_folder
    start_httpd --upload --grace 0.3
    connect 9
    printf 'PUT /new HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nshort' >&9
    await has_open_file
    [[ $(listing) == .whorl-* ]] || skip 'this build uses no library that is shared'
    stop_httpd
    disconnect 9
    expect 'what is there' "$(listing)" ''
}

httpd_behaviour 'a file that is put is there, and replaces the one that was' puts
httpd_behaviour 'bodies may come in chunks' puts_chunked
httpd_behaviour 'each of which may be a byte' chunks_of_a_byte
httpd_behaviour 'a part of a file replaces no whole' parts_replace_no_whole
httpd_behaviour 'what would be served without its encoding is refused' encoded
httpd_behaviour 'a new index is served at once' index_is_replaced
httpd_behaviour 'a client that asks before it sends is told to go on, or refused' expectations
httpd_behaviour 'conditions decide what may be replaced' conditions
httpd_behaviour 'what may not be put is refused, and leaves nothing' refused
httpd_behaviour 'a client that sends all of what is refused reads its answer' refused_to_the_end
httpd_behaviour 'so does one that is slow to send it' refused_and_goes_on
httpd_behaviour 'a link is replaced, not followed' not_followed
httpd_behaviour 'a directory that goes meanwhile is told' directory_goes_meanwhile
httpd_behaviour 'so is one that moves' directory_moves_meanwhile
httpd_behaviour 'a name that is taken meanwhile is judged as that' name_is_taken_meanwhile
httpd_behaviour 'an upload that breaks off leaves nothing' leaves_nothing
httpd_behaviour 'an upload that breaks off before it is told to go on leaves nothing' gone_before_it_is_told
httpd_behaviour 'an upload that breaks off leaves the old file' keeps_the_old
httpd_behaviour 'readers never see a mixture' never_a_mixture
httpd_behaviour 'many uploads at once are all whole' many_at_once
httpd_behaviour 'of several that replace one version, one does' one_replaces
httpd_behaviour 'of several that want to be the first, one is' one_creates
httpd_behaviour 'clients that count up together lose no step' no_update_is_lost
httpd_behaviour 'every upload has a tag of its own' every_upload_has_its_tag
httpd_behaviour 'a full disk is told' full_disk
httpd_behaviour 'a disk that the last bytes fill is told' full_at_last
httpd_behaviour 'a file is stored without /proc' no_proc
httpd_behaviour 'a poor file system takes files, too' poor_file_system
httpd_behaviour 'a new file has its name at once' new_name_at_once
httpd_behaviour 'a name that is taken at last is judged, too' name_is_taken_at_last
httpd_behaviour 'a file that cannot be looked at when it is stored is told' cannot_be_looked_at
httpd_behaviour 'what cannot be stored is told before conditions' no_writing
httpd_behaviour 'a stop amid an upload leaves nothing' stop_leaves_nothing
end_of_tests
