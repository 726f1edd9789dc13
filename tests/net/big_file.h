/* A file of some size, known bytes, and who receives it: for the tests of whorl_sendfile. */
#ifndef TESTS_NET_BIG_FILE_H
#define TESTS_NET_BIG_FILE_H

#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <net/bulk_buffers.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_BYTES = 1000003 };

static char *content;

/* What is sent from the page cache goes through buffers where nobody tells what that holds. */
static inline void need_cachestat(void)
{
    enum { CACHESTAT = 451 }; /* the same everywhere */
    if (syscall(CACHESTAT, -1, NULL, NULL, 0) != 0 && errno == ENOSYS)
        skip_because("the kernel has no cachestat(2)");
}

/* The file, anew, and what is in it. */
static inline int big_file(int flags)
{
    test_path path = path_of("big");
    if (!content) {
        random_source random = random_from_seed(7);
        content = malloc(FILE_BYTES);
        for (size_t i = 0; i < FILE_BYTES; i++)
            content[i] = (char)random_next(&random);
    }
    write_whole(path.text, content, FILE_BYTES);
    int fd = open(path.text, flags | O_CLOEXEC);
    check(fd >= 0);
    return fd;
}

/* Of the same bytes, one that is not read on the loop's thread, though it is in memory. */
static inline int memory_file(void)
{
    int fd = memfd_create("big", MFD_CLOEXEC);
    close(big_file(O_RDONLY));
    check_equal(write(fd, content, FILE_BYTES), FILE_BYTES);
    return fd;
}

struct receiver {
    int fd;
    size_t at;   /* what is expected from there on */
    size_t most; /* bytes to read; then it stops */
    bool is_slow;
};

/* Reads, comparing with the file; returns how many bytes came. */
static inline intptr_t receive(void *arg)
{
    struct receiver *to = arg;
    char buf[10000];
    size_t got = 0;
    while (got < to->most) {
        ssize_t came = whorl_read(to->fd, buf, sizeof buf);
        if (came <= 0)
            return came < 0 ? came : (intptr_t)got;
        if (to->at + got + (size_t)came > FILE_BYTES ||
            memcmp(buf, content + to->at + got, (size_t)came) != 0) {
            check_failed("other bytes, from %zu on", to->at + got);
            return -EIO;
        }
        got += (size_t)came;
        if (to->is_slow)
            whorl_yield();
    }
    return (intptr_t)got;
}

/* TCP, a local socket, a pipe; and the first two with a sender's end that does not block, to which
 * a file goes from the page cache. */
enum { KINDS = 5, KIND_NONBLOCKING = 3 };

static inline pair pair_of_kind(int kind)
{
    int base = kind % KIND_NONBLOCKING;
    pair both = base == 0 ? tcp_pair() : base == 1 ? unix_pair() : pipe_pair();
    if (kind >= KIND_NONBLOCKING)
        check_equal(fcntl(both.ends[1], F_SETFL, O_RDWR | O_NONBLOCK), 0);
    return both;
}

#endif
