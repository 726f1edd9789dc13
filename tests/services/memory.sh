#!/bin/bash
# A service has one request for memory refused: its first, then its second, and so on until it makes
# no more. It does not begin, and says why; or one client may have less, and the others have all.
# shellcheck disable=SC2154  # connect sets variables
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/services/common.sh
. "$top_srcdir/tests/services/common.sh"

no_memory='Cannot allocate memory|no memory'
refused=$scratch/refused
folder=$scratch/folder

# A library that refuses the request of that number in the program of that name, and leaves a mark.
make_stingy() {
    cat >"$scratch/stingy.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool refuses(void)
{
    static atomic_long requests;
    const char *name = getenv("STINGY_TO"), *number = getenv("STINGY_AT");
    if (!name || strcmp(program_invocation_short_name, name) != 0 ||
        atomic_fetch_add(&requests, 1) != atol(number))
        return false;
    close(open(getenv("STINGY_MARK"), O_WRONLY | O_CREAT, 0666));
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return refuses() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refuses() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return refuses() ? NULL : __libc_realloc(memory, size);
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* Of pages, and of what guards a stack; the C library's own requests do not come here. */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *(*map)(void *, size_t, int, int, int, off_t) = next("mmap");
    bool is_memory = (flags & MAP_ANONYMOUS) != 0;
    return is_memory && refuses() ? MAP_FAILED : map(address, size, protection, flags, fd, offset);
}

int mprotect(void *address, size_t size, int protection)
{
    int (*protect)(void *, size_t, int) = next("mprotect");
    return protection == PROT_NONE && refuses() ? -1 : protect(address, size, protection);
}

int madvise(void *address, size_t size, int advice)
{
    int (*advise)(void *, size_t, int) = next("madvise");
    bool is_guard = advice == 102; /* MADV_GUARD_INSTALL, of Linux 6.13 */
    return is_guard && refuses() ? -1 : advise(address, size, advice);
}
END
    # shellcheck disable=SC2086  # a command and its options
    $CC -shared -fPIC -o "$scratch/stingy.so" "$scratch/stingy.c" -ldl
}

# Sets server, and port where it has begun; false: it has not.
begins() { # NUMBER NAME ARGUMENTS...
    rm -f "$refused"
    : >"$scratch/poor.out"
    STINGY_TO=$2 STINGY_AT=$1 STINGY_MARK=$refused LD_PRELOAD=$scratch/stingy.so \
        "$examples/$2/$2" "${@:3}" >"$scratch/poor.out" 2>"$scratch/poor.err" &
    server=$!
    is_child
    await begun_or_ended
    port=$(sed -nE 's/^(listening on|serving) .*:([0-9]+)\/?$/\2/p' "$scratch/poor.out")
    kill -0 "$server" 2>/dev/null
}

# The last that one does to begin, when it has said where it listens, is to wait for signals.
begun_or_ended() {
    [[ -n $(find "/proc/$server/fd" -lname '*signalfd*' 2>/dev/null) ]] ||
        ! kill -0 "$server" 2>/dev/null
}

# It may do so when the client has seen it.
tells_why() {
    await grep -qE -- "$no_memory" "$scratch/poor.err" >&2
}

# NAME serves CLIENT with one request after the other refused, until it takes none of them to serve
# one. CLIENT prints what it gets; while one is refused, each line may be like ALLOWED instead.
goes_on() { # CLIENT ALLOWED NAME ARGUMENTS...
    local number expected
    make_stingy
    begins 0 "$3" --help || [[ -e $refused ]] || skip 'this build takes no such library'
    begins 1000000 "${@:3}" || fail 'it does not begin'
    expected=$("$1")
    kill "$server"
    expect_end "$server" 0
    for ((number = 0; number < 1000; number++)); do
        if ! begins "$number" "${@:3}"; then
            expect_end "$server" 1
            tells_why
            continue
        fi
        "$1" >"$scratch/got"
        [[ -e $refused ]] || break
        [[ -s $scratch/got ]] || tells_why
        ! grep -vxF -- "$expected" "$scratch/got" | grep -vxE -- "$2" ||
            fail "request $number: that is not for a client to see"
        expect "what comes after request $number" "$("$1")" "$expected"
        kill "$server"
        expect_end "$server" 0
    done
    kill "$server"
    expect_end "$server" 0
    ((number > 5 && number < 1000)) || fail "$number requests were refused"
}

# --- httpd ---

# What an answer is; one that is none, or breaks off, must have been told of.
get() { # NAME CURL-ARGUMENTS...
    local seen
    rm -f "$scratch/body"
    if seen=$(curl -sS --max-time 60 --path-as-is -o "$scratch/body" \
        -w '%{http_code} %header{location}' "${@:2}" 2>"$scratch/curl.err"); then
        seen=${seen/#20[14]/stored}
        printf '%s: %s %s\n' "$1" "$seen" "$(grep -vF '503 Service' "$scratch/body" | cksum)"
    else
        tells_why
        printf '%s: nothing\n' "$1"
    fi
}

get_and_put() {
    local url=http://127.0.0.1:$port
    rm -f "$folder"/put*
    get whole "$url/file"
    get part -r 5-100000 "$url/file"
    get listing "$url/many/"
    get slash "$url/many"
    get put -T "$folder/file" "$url/put"
    get chunked -T - "$url/put2" <"$folder/file"
    [[ ! -e $folder/put ]] || cmp "$folder/file" "$folder/put"
    [[ ! -e $folder/put2 ]] || cmp "$folder/file" "$folder/put2"
    expect 'what is left behind' "$(find "$folder" -name '.*' -mindepth 1)" ''
}

httpd_goes_on() {
    [[ -x $examples/httpd/httpd ]] ||
        skip 'httpd was not built: configure found no llhttp (Debian: node-llhttp)'
    command -v curl >/dev/null || skip 'curl is missing (Debian: curl)'
    mkdir -p "$folder/many"
    seq 100000 >"$folder/file"
    (cd "$folder/many" && touch {1..99})
    goes_on get_and_put '[a-z]+: (nothing|503 .*)' httpd --upload --port 0 \
        --access-log "$scratch/log" "$folder"
}

# --- The chat, and the proxy before one ---

talk() {
    local member
    connect member
    {
        (
            trap '' PIPE # of who is closed already
            printf '%s\n' 'nick ann' 'join hall' 'say hall hello' 'who hall' rooms help \
                'leave hall' quit >&"$member"
        ) || :
        timeout 60 cat <&"$member" || :
    } 2>"$scratch/reset"
    exec {member}>&-
}

chat_goes_on() {
    goes_on talk '(error|bye): .*|ok: 0 rooms:' chat --discovery-port 0
}

proxy_goes_on() {
    start_service chat chat --hidden
    goes_on talk '' proxy 127.0.0.1:0 "127.0.0.1:$port"
}

behaviour 'httpd goes on when memory was refused' httpd_goes_on
behaviour 'the chat goes on when memory was refused' chat_goes_on
behaviour 'the proxy goes on when memory was refused' proxy_goes_on
end_of_tests
