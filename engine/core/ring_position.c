/*
 * Whether the kernel moves a file's position by what a short write wrote.
 *
 * Since Linux 6.0 io_uring goes on with a write to a regular file or a block device that came to
 * less than asked. Where going on fails (the disk is full, the file is as large as it may become)
 * the write gives the count of before; but the position stays where it was (seen on 6.18). It is
 * tried rather than told by a version: a kernel that has mended this must not be corrected. Half of
 * what is written lies where nothing may be read, which cuts the write short on whatever day it is:
 * the file stays small, as it may have to, where the size of files is limited. Where it cannot be
 * tried now, the answer is that of the kernels that were seen, and the next time it is tried again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <core/ring.h>
#include <core/ring_compat.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define READABLE 16 /* bytes */

enum answer { UNKNOWN, MOVES, STAYS };

/* Writes at the file's position from the last bytes of a page and on into the next, which has
 * none. */
static enum answer write_too_much(struct io_uring *uring, int fd, const char *last)
{
    struct io_uring_cqe *completion;
    struct io_uring_sqe *slot = io_uring_get_sqe(uring);
    io_uring_prep_write(slot, fd, last, 2 * READABLE, (__u64)-1);
    if (io_uring_submit_and_wait(uring, 1) < 0 || io_uring_peek_cqe(uring, &completion) < 0 ||
        completion->res <= 0)
        return UNKNOWN;
    return lseek(fd, 0, SEEK_CUR) == 0 ? STAYS : MOVES;
}

static enum answer try_with(int fd, char *pages, size_t page)
{
    struct io_uring uring;
    if (mprotect(pages + page, page, PROT_NONE) != 0 || io_uring_queue_init(1, &uring, 0) != 0)
        return UNKNOWN;
    enum answer answer = write_too_much(&uring, fd, pages + page - READABLE);
    io_uring_queue_exit(&uring);
    return answer;
}

static enum answer try_short_write(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int kind = MAP_PRIVATE | MAP_ANONYMOUS;
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, kind, -1, 0);
    if (pages == MAP_FAILED)
        return UNKNOWN;
    int fd = memfd_create("whorl", MFD_CLOEXEC);
    enum answer answer = fd < 0 ? UNKNOWN : try_with(fd, pages, page);
    if (fd >= 0)
        close(fd);
    munmap(pages, 2 * page);
    return answer;
}

/* Several threads may find it out at once, and find the same. */
bool ring_leaves_position(void)
{
    static atomic_int known;
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == UNKNOWN) {
        answer = try_short_write();
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer != MOVES;
}
