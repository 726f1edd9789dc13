/*
 * Files by their descriptors: the calls of POSIX, with its arguments; each parks only the calling
 * task.
 *
 * Every call also gives -EPERM outside a task, -ECANCELED in a cancelled one, and the errors of the
 * manual page that its text names. Memory behind a pointer is the engine's until the call returns.
 */
#ifndef WHORL_FS_H
#define WHORL_FS_H

#include <sys/uio.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* open(2), openat(2): a new descriptor, the caller's to close. `mode_t mode` follows the flags when
 * they hold O_CREAT or O_TMPFILE. Set O_CLOEXEC as with open(2). The kernel opens a FIFO without
 * waiting for its other end: O_WRONLY without a reader gives -ENXIO. */
WHORL_API int whorl_open(const char *path, int flags, ...);
WHORL_API int whorl_openat(int dirfd, const char *path, int flags, ...);

/* close(2), after ending what tasks of this loop have in flight on fd: those calls give -ECANCELED,
 * or their result where they had done their work, and new ones on it -EBADF. Costs nothing when
 * there is none. Works, and does not return before it has, in a cancelled task too. Other loops'
 * calls on fd are not seen.
 *   -EBADF  not a descriptor, or another task is closing it
 *   else    the descriptor is closed all the same, as close(2) says of Linux */
WHORL_API int whorl_close(int fd);

/* read(2), write(2): at the file's position. Bytes done, which may be fewer than asked; 0 at the
 * end of file. A write never raises SIGPIPE,
 * nor SIGXFSZ. One that the disk, a quota or a limit (RLIMIT_FSIZE) cuts short gives the count of
 * what was written, and moves the position by it; the next gives the error: -ENOSPC, -EDQUOT,
 * -EFBIG. */
WHORL_API ssize_t whorl_read(int fd, void *buf, size_t len);
WHORL_API ssize_t whorl_write(int fd, const void *buf, size_t len);

/* pread(2), pwrite(2): at an offset, leaving the position alone. On what has no position, such as a
 * pipe, the offset is ignored.
 *   -EINVAL  the offset is negative */
WHORL_API ssize_t whorl_pread(int fd, void *buf, size_t len, off_t offset);
WHORL_API ssize_t whorl_pwrite(int fd, const void *buf, size_t len, off_t offset);

/* readv(2), writev(2), preadv(2), pwritev(2).
 *   -EINVAL  count is negative or above IOV_MAX (1024), or the offset is negative */
WHORL_API ssize_t whorl_readv(int fd, const struct iovec *iov, int count);
WHORL_API ssize_t whorl_writev(int fd, const struct iovec *iov, int count);
WHORL_API ssize_t whorl_preadv(int fd, const struct iovec *iov, int count, off_t offset);
WHORL_API ssize_t whorl_pwritev(int fd, const struct iovec *iov, int count, off_t offset);

/* fsync(2), fdatasync(2). Once they run, a cancel does not end them; they are waited for. */
WHORL_API int whorl_fsync(int fd);
WHORL_API int whorl_fdatasync(int fd);

/* ftruncate(2). Linux 6.9; before, it runs on the loop's thread and other tasks wait for it. */
WHORL_API int whorl_ftruncate(int fd, off_t length);

/* fallocate(2). */
WHORL_API int whorl_fallocate(int fd, int mode, off_t offset, off_t len);

/* copy_file_range(2): bytes from one file to another, within the kernel, or shared by both where the
 * file system can. Offsets that are NULL are the files' positions; the others move on. On a thread:
 * once it runs, a cancel does not end it; so copy in pieces. Bytes done, which may be fewer than
 * asked; 0 at the end of file. */
WHORL_API ssize_t whorl_copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset,
                                        size_t len, unsigned flags);

/* syncfs(2): writes all that is cached of the file system that fd is on. On a thread. */
WHORL_API int whorl_syncfs(int fd);

/* flock(2). LOCK_SH and LOCK_EX wait for the lock without keeping a thread: it is asked for anew
 * after 1 ms, 2, 4, and so on up to every 64 ms. So a cancel ends the wait, but those who wait are
 * not served in order. A lock that is held already and asked for in the other kind is let go first
 * by the kernel: it may be lost in a cancel. LOCK_NB: once, on a thread. LOCK_UN never waits, and
 * works in a cancelled task.
 *   -EWOULDBLOCK  LOCK_NB, and somebody else has it */
WHORL_API int whorl_flock(int fd, int operation);

#ifdef __cplusplus
}
#endif

#endif
