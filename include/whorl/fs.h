/*
 * Files: the calls of POSIX, with its arguments; each parks only the calling task.
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

struct statx;

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

/* statx(2). `buf` is filled when the call gives 0. (struct statx is glibc's, with _GNU_SOURCE.) */
WHORL_API int whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf);

/* rename(2), renameat2(2), unlink(2), unlinkat(2), mkdir(2), mkdirat(2). */
WHORL_API int whorl_rename(const char *oldpath, const char *newpath);
WHORL_API int whorl_renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                             unsigned flags);
WHORL_API int whorl_unlink(const char *path);
WHORL_API int whorl_unlinkat(int dirfd, const char *path, int flags);
WHORL_API int whorl_mkdir(const char *path, mode_t mode);
WHORL_API int whorl_mkdirat(int dirfd, const char *path, mode_t mode);

/* ftruncate(2). Linux 6.9; before, it runs on the loop's thread and other tasks wait for it. */
WHORL_API int whorl_ftruncate(int fd, off_t length);

/* fallocate(2). */
WHORL_API int whorl_fallocate(int fd, int mode, off_t offset, off_t len);

#ifdef __cplusplus
}
#endif

#endif
