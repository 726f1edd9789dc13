/*
 * Whether the kernel moves a file's position by what a short write wrote.
 *
 * Since Linux 6.0 io_uring goes on with a write to a regular file or a block device that came to
 * less than asked. Where going on fails (the disk is full, the file is as large as it may become)
 * the write gives the count of before; but the position stays where it was (seen on 6.18). It is
 * tried, with a file that may not grow, rather than told by a version: a kernel that has mended
 * this must not be corrected.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <core/ring.h>
#include <core/ring_compat.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_MOST 65536 /* of any machine */

static bool position_stays;

/* Writes twice what the file has room for, at its position. */
static int write_too_much(struct io_uring *uring, int fd)
{
    static const char zeros[2 * PAGE_MOST];
    struct io_uring_cqe *completion;
    struct io_uring_sqe *slot = io_uring_get_sqe(uring);
    io_uring_prep_write(slot, fd, zeros, sizeof zeros, (__u64)-1);
    if (io_uring_submit_and_wait(uring, 1) < 0 || io_uring_peek_cqe(uring, &completion) < 0)
        return 0;
    return completion->res;
}

static void try_short_write(void)
{
    struct io_uring uring;
    int fd = memfd_create("whorl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return;
    if (ftruncate(fd, PAGE_MOST) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 &&
        io_uring_queue_init(1, &uring, 0) == 0) {
        position_stays = write_too_much(&uring, fd) > 0 && lseek(fd, 0, SEEK_CUR) == 0;
        io_uring_queue_exit(&uring);
    }
    close(fd);
}

bool ring_leaves_position(void)
{
    static pthread_once_t tried = PTHREAD_ONCE_INIT;
    pthread_once(&tried, try_short_write);
    return position_stays;
}
