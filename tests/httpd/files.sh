#!/bin/bash
# Files and directories, as curl sees them: whole, in parts, under conditions, and none at all.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/httpd/common.sh
. "$top_srcdir/tests/httpd/common.sh"

mkdir -p "$files/site" "$files/plain/below" "$files/empty"
head -c 3000000 /dev/urandom >"$files/big"
head -c 1000 /dev/urandom >"$files/small.bin"
printf '0123456789' >"$files/ten.txt"
: >"$files/nothing"
printf '<p>index' >"$files/site/index.html"
: >"$files/plain/a&b <c> \"d\" 'e'.txt"
: >"$files/plain/x:y?z#%41"
: >"$files/plain/.whorl-left"
ln -s ../ten.txt "$files/plain/link"

whole_files() {
    local file
    start_httpd
    for file in big small.bin ten.txt nothing; do
        expect_answer 200 "$url/$file"
        cmp "$scratch/body" "$files/$file"
        expect_header Content-Length "$(stat -c %s "$files/$file")"
        expect_header Accept-Ranges bytes
        expect_header Last-Modified "$(TZ=GMT LC_ALL=C date -r "$files/$file" '+%a, %d %b %Y %H:%M:%S GMT')"
    done
    expect_answer 200 "$url/ten.txt"
    expect_header Content-Type 'text/plain; charset=utf-8'
    expect_header Server whorl-httpd
    [[ $(header Date) =~ ^[A-Z][a-z]{2},\ [0-9]{2}\ [A-Z][a-z]{2}\ [0-9]{4}\ [0-9:]{8}\ GMT$ ]]
    touch -d '+1 hour' "$files/tomorrow"
    expect_answer 200 "$url/tomorrow"
    expect_header Last-Modified "$(header Date)"
    rm "$files/tomorrow"
    expect_answer 200 "$url/small.bin?query=/../x"
    cmp "$scratch/body" "$files/small.bin"
    expect_answer 200 "$url//./plain/./link"
    cmp "$scratch/body" "$files/ten.txt"
    stop_httpd
}

heads() {
    local file
    start_httpd
    for file in big small.bin site/ plain/; do
        expect_answer 200 "$url/$file"
        grep -v '^Date' "$scratch/head" >"$scratch/get"
        expect_answer 200 --head "$url/$file"
        grep -v '^Date' "$scratch/head" | diff "$scratch/get" -
    done
    expect_answer 404 --head "$url/none"
    stop_httpd
}

ranges() {
    start_httpd
    expect_answer 206 -r 2-4 "$url/ten.txt"
    expect 'the part' "$(cat "$scratch/body")" 234
    expect_header Content-Range 'bytes 2-4/10'
    expect_header Content-Length 3
    expect_answer 206 -r 7- "$url/ten.txt"
    expect 'the part' "$(cat "$scratch/body")" 789
    expect_answer 206 -r -2 "$url/ten.txt"
    expect 'the part' "$(cat "$scratch/body")" 89
    expect_answer 206 -r 5-500 "$url/ten.txt"
    expect_header Content-Range 'bytes 5-9/10'
    expect_answer 206 -r 1000000-2999998 "$url/big"
    cmp "$scratch/body" <(tail -c +1000001 "$files/big" | head -c 1999999)
    expect_answer 416 -r 10- "$url/ten.txt"
    expect_header Content-Range 'bytes */10'
    expect_answer 416 -r 0- "$url/nothing"
    expect_answer 200 -r 0-1,4-5 "$url/ten.txt"
    expect 'the whole' "$(cat "$scratch/body")" 0123456789
    expect_answer 200 -H 'Range: lines=1-2' "$url/ten.txt"
    expect_answer 200 --head -r 1-2 "$url/ten.txt"
    head -c 1234567 "$files/big" >"$scratch/begun"
    fetch -C - -o "$scratch/begun" "$url/big"
    cmp "$scratch/begun" "$files/big"
    stop_httpd
}

if_range() {
    local tag date
    start_httpd
    expect_answer 200 "$url/ten.txt"
    tag=$(header ETag) date=$(header Last-Modified)
    expect_answer 206 -r 1-2 -H "If-Range: $tag" "$url/ten.txt"
    expect_answer 206 -r 1-2 -H "If-Range: $date" "$url/ten.txt"
    expect_answer 200 -r 1-2 -H 'If-Range: "other"' "$url/ten.txt"
    expect_answer 200 -r 1-2 -H "If-Range: W/$tag" "$url/ten.txt"
    expect_answer 200 -r 1-2 -H 'If-Range: Sun, 06 Nov 1994 08:49:37 GMT' "$url/ten.txt"
    stop_httpd
}

conditions() {
    local tag date
    start_httpd
    expect_answer 200 "$url/ten.txt"
    tag=$(header ETag) date=$(header Last-Modified)
    expect_answer 304 -H "If-None-Match: $tag" "$url/ten.txt"
    expect_header ETag "$tag"
    expect_header Content-Length ''
    expect 'the body' "$(cat "$scratch/body")" ''
    expect_answer 304 -H 'If-None-Match: *' --head "$url/ten.txt"
    expect_answer 200 -H 'If-None-Match: "other"' "$url/ten.txt"
    expect_answer 304 -z "$files/ten.txt" "$url/ten.txt"
    expect_answer 304 -H "If-Modified-Since: $date" "$url/ten.txt"
    expect_answer 200 -H "If-Modified-Since: $date" -H "If-Modified-Since: $date" "$url/ten.txt"
    expect_answer 200 -z 'Sun, 06 Nov 1994 08:49:37 GMT' "$url/ten.txt"
    expect_answer 200 -H "If-Match: $tag" "$url/ten.txt"
    expect_answer 412 -H 'If-Match: "other"' "$url/ten.txt"
    expect_answer 412 -H 'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT' "$url/ten.txt"
    fetch --etag-save "$scratch/tag" -o "$scratch/copy" "$url/small.bin"
    expect_answer 304 --etag-compare "$scratch/tag" "$url/small.bin"
    stop_httpd
}

directories() {
    start_httpd
    expect_answer 200 "$url/site/"
    expect 'the index' "$(cat "$scratch/body")" '<p>index'
    expect_header Content-Type 'text/html; charset=utf-8'
    expect_answer 301 "$url/site?a=b"
    expect_header Location '/site/?a=b'
    expect_answer 200 -L "$url/plain"
    expect_answer 301 "$url//site"
    expect_header Location '/site/'
    expect_answer 404 "$url/ten.txt/"
    expect_answer 200 "$url/empty/"
    expect_answer 200 "$url/"
    grep -qF '<a href="./site/">site/</a>' "$scratch/body"
    grep -qF '<a href="./ten.txt">ten.txt</a>' "$scratch/body"
    lacks '"\.\./"' "$scratch/body"
    expect_answer 412 -H 'If-Match: "x"' "$url/plain/"
    expect_answer 200 -H 'If-Match: *' "$url/plain/"
    expect_answer 304304 -H 'If-None-Match: *' "$url/plain/" "$url/plain/"
    expect_header Content-Length ''
    stop_httpd
}

# One that is called as an index is none.
directory_as_index() {
    mkdir -p "$files/odd/index.html"
    start_httpd
    expect_answer 200 "$url/odd/"
    grep -qF '<a href="./index.html/">index.html/</a>' "$scratch/body"
    expect_answer 301 "$url/odd/index.html"
    expect_header Location '/odd/index.html/'
    expect_answer 200 "$url/odd/index.html/"
    await has_no_open_file
    stop_httpd
    rm -r "$files/odd"
}

listing_is_escaped() {
    local href
    start_httpd
    expect_answer 200 "$url/plain/"
    grep -qF '>a&amp;b &lt;c&gt; &quot;d&quot; &#39;e&#39;.txt</a>' "$scratch/body"
    grep -qF '<a href="../">' "$scratch/body"
    lacks whorl-left "$scratch/body"
    # Every link leads to what it names.
    expect 'the number of links' "$(grep -o 'href="\./[^"]*"' "$scratch/body" | wc -l)" 4
    for href in $(grep -o 'href="\./[^"]*"' "$scratch/body" | sed 's|href="\./||; s|"||'); do
        expect_answer 200 "$url/plain/$href"
    done
    stop_httpd
}

no_listing() {
    start_httpd --no-listing
    expect_answer 403 "$url/plain/"
    expect_answer 200 "$url/site/"
    expect_answer 404 "$url/none/"
    stop_httpd
}

nothing_there() {
    start_httpd
    expect_answer 404 "$url/none"
    grep -q '404 Not Found' "$scratch/body"
    expect_answer 404 "$url/none/deeper"
    expect_answer 404 "$url/$(printf '%0300d' 0)"
    expect_answer 404 "$url/plain/.whorl-left"
    mkfifo "$files/fifo"
    expect_answer 403 "$url/fifo"
    rm "$files/fifo"
    stop_httpd
}

no_permission() {
    [[ $(id -u) != 0 ]] || skip 'root may read every file'
    : >"$files/closed"
    chmod 0 "$files/closed"
    start_httpd
    expect_answer 403 "$url/closed"
    stop_httpd
    rm "$files/closed"
}

traversal() {
    local target
    echo secret >"$scratch/secret"
    ln -s "$scratch/secret" "$files/plain/absolute"
    ln -s "$files/ten.txt" "$files/plain/absolute_within"
    ln -s ../../secret "$files/plain/relative"
    ln -s ../.. "$files/plain/up"
    ln -s /proc/self "$files/plain/self"
    start_httpd
    for target in ../secret /../secret /plain/../../secret /%2e%2e/secret /.%2E/secret \
        /plain/%2e%2e/%2e%2e/secret '/..' '/plain/..' '/%00' '/ten.txt%00.html' '/%zz' '/%2'; do
        expect_answer 400 "$url/${target#/}"
    done
    for target in /..%2fsecret /plain%2f..%2f..%2fsecret /%2e%2e%2fsecret '/..%5csecret'; do
        expect_answer 404 "$url$target"
    done
    for target in /plain/absolute /plain/relative /plain/up/secret /plain/up/ /plain/self/cwd/x; do
        expect_answer 403 "$url$target"
        lacks secret "$scratch/body"
    done
    expect_answer 403 "$url/plain/absolute_within"
    expect_statuses 400 'GET secret HTTP/1.1\r\nHost: a\r\n\r\n'
    expect_statuses 200 'GET http://other/ten.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    stop_httpd
    rm "$files/plain/"{absolute,absolute_within,relative,up,self}
}

# A file that is replaced, or written to, is seen anew at once.
changes() {
    printf 'old' >"$files/changing"
    head -c 100000 /dev/zero >"$files/large"
    start_httpd
    expect_answer 200 "$url/changing"
    expect 'the content' "$(cat "$scratch/body")" old
    expect_answer 200 "$url/large"
    printf 'newer' >"$files/changing.new"
    mv "$files/changing.new" "$files/changing"
    printf 'end' >>"$files/large"
    expect_answer 200 "$url/changing"
    expect 'the content' "$(cat "$scratch/body")" newer
    expect_answer 200 "$url/large"
    cmp "$scratch/body" "$files/large"
    rm "$files/changing" "$files/large"
    expect_answer 404 "$url/changing"
    stop_httpd
}

# A file that becomes shorter while it is sent is not brought to its end, and one that grows is sent
# as long as it was.
changes_while_sent() {
    head -c 100M /dev/zero >"$files/growing"
    cp "$files/growing" "$files/shrinking"
    start_httpd
    fetch -o "$scratch/growing" --limit-rate 40M "$url/growing" &
    local growing=$!
    curl -sS --max-time 120 -o "$scratch/shrinking" --limit-rate 40M "$url/shrinking" \
        2>"$scratch/complaint" &
    local shrinking=$!
    await test -s "$scratch/growing"
    await test -s "$scratch/shrinking"
    echo more >>"$files/growing"
    truncate -s 1000 "$files/shrinking"
    wait "$growing"
    expect 'the bytes of the one that grows' "$(stat -c %s "$scratch/growing")" $((100 << 20))
    ! wait "$shrinking" || fail 'the other one seems to be whole'
    expect_answer 200 "$url/shrinking"
    expect 'its bytes now' "$(stat -c %s "$scratch/body")" 1000
    stop_httpd
    rm "$files/growing" "$files/shrinking"
}

# No file stays open.
many_files() {
    local i
    mkdir "$files/many"
    for ((i = 0; i < 600; i++)); do
        printf '%d' "$i" >"$files/many/$i"
    done
    start_httpd
    fetch --fail "$url/many/[0-599]" -o "$scratch/many-#1"
    (cd "$scratch" && cat many-{?,??,???}) | cmp - <(cd "$files/many" && cat {?,??,???})
    expect 'the descriptors that it keeps' \
        "$(($(find "/proc/$server/fd" | wc -l) < 50))" 1
    stop_httpd
    rm -r "$files/many"
}

no_descriptor_is_left() {
    local before i
    mkfifo "$files/fifo"
    start_httpd --upload
    expect_answer 201 -T - -H Expect: "$url/new" < <(echo x)
    expect_answer 200 "$url/plain/"
    before=$(count_descriptors)
    for ((i = 0; i < 5; i++)); do
        ln -sf ten.txt "$files/new"
        expect_answer 301 "$url/site"
        expect_answer 403 "$url/fifo"
        expect_answer 200 "$url/plain/"
        expect_answer 204 -T - -H Expect: "$url/new" < <(echo x)
    done
    await has_descriptors "$before"
    stop_httpd
    rm "$files/fifo" "$files/new"
}

# Nothing tells what a link out of the directory leads to.
links_are_not_looked_behind() {
    mkdir "$files/links"
    ln -s /tmp "$files/links/out"
    start_httpd
    expect_answer 200 "$url/links/"
    grep -qF '<a href="./out">out</a>' "$scratch/body"
    stop_httpd
    rm -r "$files/links"
}

# A file system that fails once the file is open, as one of a server that has gone (NFS): of what the
# file is, or of what its descriptor does.
cannot_be_looked_at() {
    use_library <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int fails(const char *what, int fd)
{
    struct stat stat;
    bool is_file = fstatat(fd, "", &stat, AT_EMPTY_PATH) == 0 && S_ISREG(stat.st_mode);
    bool is_httpd = strcmp(program_invocation_short_name, "httpd") == 0; /* and no shell before it */
    if (!is_file || !is_httpd || strcmp(getenv("WITHOUT"), what) != 0)
        return 0;
    errno = ESTALE;
    return 1;
}

int fstat(int fd, struct stat *stat)
{
    return fails("size", fd) ? -1 : fstatat(fd, "", stat, AT_EMPTY_PATH);
}

int fcntl(int fd, int command, ...)
{
    int (*next)(int, int, ...) = dlsym(RTLD_NEXT, "fcntl");
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return command == F_SETFL && fails("flags", fd) ? -1 : next(fd, command, argument);
}
END
    for without in size flags; do
        start_httpd
        [[ $(status_of "$url/ten.txt") == 500 ]] || skip 'this C library has other names for that'
        expect_answer 500 --head "$url/ten.txt"
        await has_no_open_file
        expect_answer 404 "$url/none"
        stop_httpd
    done
}

httpd_behaviour 'files are served whole, with what describes them' whole_files
httpd_behaviour 'HEAD gives the head that GET gives' heads
httpd_behaviour 'parts are served, or refused when they lie behind the end' ranges
httpd_behaviour 'If-Range asks for a part of what is there still' if_range
httpd_behaviour 'conditions are answered with 304 and 412' conditions
httpd_behaviour 'directories have an index, a listing, and a slash' directories
httpd_behaviour 'a directory is no index' directory_as_index
httpd_behaviour 'names in a listing are escaped, and lead where they should' listing_is_escaped
httpd_behaviour 'listings can be forbidden' no_listing
httpd_behaviour 'what is not there, or no file, is refused' nothing_there
httpd_behaviour 'what may not be read is forbidden' no_permission
httpd_behaviour 'what cannot be looked at is told, and not kept' cannot_be_looked_at
httpd_behaviour 'no target leads out of the directory' traversal
httpd_behaviour 'files that change are seen anew' changes
httpd_behaviour 'files that change while they are sent break no promise' changes_while_sent
httpd_behaviour 'many files are served, and none stays open' many_files
httpd_behaviour 'what is no plain file leaves no descriptor open' no_descriptor_is_left
httpd_behaviour 'a listing does not look behind links' links_are_not_looked_behind
end_of_tests
