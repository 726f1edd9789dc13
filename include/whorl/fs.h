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

struct open_how;

/* open(2), openat(2): a new descriptor, the caller's to close. `mode_t mode` follows the flags when
 * they hold O_CREAT or O_TMPFILE. Set O_CLOEXEC as with open(2).
 *
 * With O_CREAT or O_TRUNC, or where the kernel has to look for the name on the disk, a FIFO is
 * waited for until its other end is open, as by open(2); a cancel ends that, but meanwhile it keeps
 * one of config.workers. Else it is not waited for, and O_WRONLY without a reader gives -ENXIO.
 * O_NONBLOCK, which changes nothing for files on a disk, never waits. */
WHORL_API int whorl_open(const char *path, int flags, ...);
WHORL_API int whorl_openat(int dirfd, const char *path, int flags, ...);

/* openat2(2), with its RESOLVE_* rules for the path. `how`, of `size` bytes, is that of
 * <linux/openat2.h>.
 *   -EINVAL  how has unknown flags, or a mode that it has no use for, or size is too small
 *   -E2BIG   size is larger than the kernel's, and what lies beyond is not zero
 *   -EAGAIN  RESOLVE_CACHED, and a name is not in memory; or the path was changed in the middle of
 *            a walk that RESOLVE_BENEATH or _IN_ROOT bounds: try again
 *   -EXDEV   the path leaves what RESOLVE_* allows
 *   else     as open(2) */
WHORL_API int whorl_openat2(int dirfd, const char *path, const struct open_how *how, size_t size);

/* close(2), after ending what tasks of this loop have in flight on fd: those calls give -ECANCELED,
 * or their result where they had done their work, and new ones on it -EBADF. Costs nothing when
 * there is none. Works, and does not return before it has, in a cancelled task too. Not seen are
 * other loops' calls on fd, and those that a thread makes (path.h and xattr.h say which, and here
 * copy_file_range, syncfs and flock): close it when they have ended, since the number may soon be
 * another file's. The close of a socket with SO_LINGER and a time, and the last one of a serial
 * line, wait in the kernel for what is still to be sent, and the loop with them.
 *   -EBADF  not a descriptor, or another task is closing it
 *   else    the descriptor is closed all the same, as close(2) says of Linux */
WHORL_API int whorl_close(int fd);

/* read(2), write(2): at the file's position. Bytes done, which may be fewer than asked; 0 at the
 * end of file. A write never raises SIGPIPE, nor SIGXFSZ. One that the disk, a quota or a limit
 * (RLIMIT_FSIZE) cuts short gives the count of what was written, and moves the position by it; the
 * next gives the error: -ENOSPC, -EDQUOT, -EFBIG. A read that comes to a bad place of the disk
 * gives the count of what is before it, but there the kernel leaves the position (seen on Linux
 * 6.18): whorl_pread behind that count tells the error. */
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

/* preadv2(2), pwritev2(2): the same with flags (RWF_*); at offset -1, at the file's position.
 * RWF_NOWAIT gives what can be had without waiting. RWF_DSYNC and RWF_SYNC make one write durable,
 * as O_DSYNC and O_SYNC do all of a file. RWF_APPEND writes at the end, wherever the offset is.
 * RWF_HIPRI is taken and means nothing, as the loop's ring does not poll devices.
 *   -EAGAIN      RWF_NOWAIT, and it would wait; also for writes that the file system cannot do so
 *   -EINVAL      count as above; or the offset is negative, but for -1
 *   -EOPNOTSUPP  a flag that the kernel or the file does not know */
WHORL_API ssize_t whorl_preadv2(int fd, const struct iovec *iov, int count, off_t offset,
                                int flags);
WHORL_API ssize_t whorl_pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
                                 int flags);

/* fsync(2), fdatasync(2). Once they run, a cancel does not end them; they are waited for. */
WHORL_API int whorl_fsync(int fd);
WHORL_API int whorl_fdatasync(int fd);

/* sync_file_range(2): writes what is cached of a part of a file, by SYNC_FILE_RANGE_* flags; not
 * durable, as neither the file's size nor the disk's own cache is asked for. nbytes 0, and more
 * than 4 GiB, mean all from the offset on.
 *   -EINVAL  unknown flags; or offset, nbytes, or both together, are out of bounds
 *   -ESPIPE  neither a file nor a device nor a directory nor a link */
WHORL_API int whorl_sync_file_range(int fd, off_t offset, off_t nbytes, unsigned flags);

/* ftruncate(2). Linux 6.9; before, it runs on the loop's thread and other tasks wait for it. */
WHORL_API int whorl_ftruncate(int fd, off_t length);

/* fallocate(2). */
WHORL_API int whorl_fallocate(int fd, int mode, off_t offset, off_t len);

/* posix_fadvise(2), madvise(2): how a part of a file, or of memory, will be used (POSIX_FADV_*,
 * MADV_*). Note that MADV_DONTNEED and its like change memory, and that madvise works on a kernel's
 * worker, and so not on what belongs to a thread alone. More than 4 GiB at once: Linux 6.11;
 * before, on a thread (see thread.h), and as an op -EINVAL.
 *   -EINVAL  as the page says, but of fadvise: a negative length
 *   -ESPIPE  a pipe
 *   -EAGAIN, -ENOMEM  also: more than 4 GiB, and no thread can be had */
WHORL_API int whorl_fadvise(int fd, off_t offset, off_t len, int advice);
WHORL_API int whorl_madvise(void *addr, size_t len, int advice);

/* splice(2): moves bytes from fd_in to fd_out, of which one is a pipe, within the kernel. Offsets
 * that are NULL are the files' positions, or a pipe's; others move on by what was moved. Waits
 * until fd_in has something, and until fd_out has room; but not for a pipe with SPLICE_F_NONBLOCK,
 * or where either has O_NONBLOCK. Bytes moved, which may be fewer than asked; 0 at the end of
 * fd_in.
 *
 * Closing either descriptor (whorl_close) ends it. While it waits for room it keeps a kernel's
 * worker (config.peer_workers); for something to come it waits without. The ops keep a worker for
 * either: let a poll of fd_in go before, in a chain, as the calls do.
 *   -EAGAIN  it would wait, and must not
 *   -EBADF   fd_in cannot be read, or fd_out cannot be written
 *   -EINVAL  neither is a pipe, or both are the same; fd_out has O_APPEND; an offset is negative;
 *            unknown flags
 *   -ESPIPE  an offset for a pipe */
WHORL_API ssize_t whorl_splice(int fd_in, off_t *offset_in, int fd_out, off_t *offset_out,
                               size_t len, unsigned flags);

/* tee(2): the same from pipe to pipe, and what was in fd_in stays there. */
WHORL_API ssize_t whorl_tee(int fd_in, int fd_out, size_t len, unsigned flags);

/* copy_file_range(2): bytes from one file to another, within the kernel, or shared by both where
 * the file system can. Offsets that are NULL are the files' positions; the others move on. On a
 * thread: once it runs, a cancel does not end it; so copy in pieces. Bytes done, which may be fewer
 * than asked; 0 at the end of file. */
WHORL_API ssize_t whorl_copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset,
                                        size_t len, unsigned flags);

/* syncfs(2): writes all that is cached of the file system that fd is on. On a thread. */
WHORL_API int whorl_syncfs(int fd);

/* flock(2). LOCK_SH and LOCK_EX wait for the lock without keeping a thread: one asks for it, and
 * again after 1 ms, 2, 4, and so on up to every 64 ms. So a cancel ends the wait, but those who
 * wait are not served in order. A lock that is held already and asked for in the other kind is let
 * go first by the kernel: it may be lost in a cancel. With LOCK_NB it is asked for once. LOCK_UN
 * never waits, and works in a cancelled task.
 *   -EWOULDBLOCK  LOCK_NB, and somebody else has it, or there is no thread to ask */
WHORL_API int whorl_flock(int fd, int operation);

#ifdef __cplusplus
}
#endif

#endif
