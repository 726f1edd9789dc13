/*
 * Files by their names: the calls of POSIX, with its arguments; each parks only the calling task.
 *
 * Every call also gives -EPERM outside a task, -ECANCELED in a cancelled one, and the errors of the
 * manual page that its text names. Memory behind a pointer is the engine's until the call returns.
 */
#ifndef WHORL_PATH_H
#define WHORL_PATH_H

#include <time.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct statx;
struct statvfs;

/* statx(2). `buf` is filled when the call gives 0. (struct statx is glibc's, with _GNU_SOURCE.) */
WHORL_API int whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf);

/* rename(2), renameat2(2), unlink(2), rmdir(2), unlinkat(2), mkdir(2), mkdirat(2). */
WHORL_API int whorl_rename(const char *oldpath, const char *newpath);
WHORL_API int whorl_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                              unsigned flags);
WHORL_API int whorl_unlink(const char *path);
WHORL_API int whorl_rmdir(const char *path);
WHORL_API int whorl_unlinkat(int dirfd, const char *path, int flags);
WHORL_API int whorl_mkdir(const char *path, mode_t mode);
WHORL_API int whorl_mkdirat(int dirfd, const char *path, mode_t mode);

/* link(2), linkat(2): one more name for a file, with the flags AT_SYMLINK_FOLLOW and AT_EMPTY_PATH.
 * symlink(2), symlinkat(2): a name that leads to `target`, whatever that is. */
WHORL_API int whorl_link(const char *oldpath, const char *newpath);
WHORL_API int whorl_linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                           int flags);
WHORL_API int whorl_symlink(const char *target, const char *linkpath);
WHORL_API int whorl_symlinkat(const char *target, int newdirfd, const char *linkpath);

/*
 * What follows io_uring has not: a thread of the loop's does it (see whorl_to_thread). A call that
 * has not begun when its task is cancelled had no effect; one that runs is waited for, and its
 * result given. Each also gives -EAGAIN, -EMFILE, -ENFILE or -ENOMEM where not a single thread can
 * be had.
 */

/* readlink(2), readlinkat(2): the bytes that were put into buf, without a zero byte behind them. */
WHORL_API ssize_t whorl_readlink(const char *path, char *buf, size_t len);
WHORL_API ssize_t whorl_readlinkat(int dirfd, const char *path, char *buf, size_t len);

/* realpath(3): the absolute path without links, "." and "..", as a string of malloc's in *resolved,
 * the caller's to free(). Returns 0; after an error *resolved is NULL.
 *   -EINVAL  resolved is NULL, or path is */
WHORL_API int whorl_realpath(const char *path, char **resolved);

/* access(2), faccessat(2), with the flags AT_EACCESS and AT_SYMLINK_NOFOLLOW. */
WHORL_API int whorl_access(const char *path, int mode);
WHORL_API int whorl_faccessat(int dirfd, const char *path, int mode, int flags);

/* chmod(2), fchmod(2), fchmodat(2).
 *   -EOPNOTSUPP  flags has AT_SYMLINK_NOFOLLOW, and the path is a link: links have no mode */
WHORL_API int whorl_chmod(const char *path, mode_t mode);
WHORL_API int whorl_fchmod(int fd, mode_t mode);
WHORL_API int whorl_fchmodat(int dirfd, const char *path, mode_t mode, int flags);

/* chown(2), lchown(2), fchown(2), fchownat(2). */
WHORL_API int whorl_chown(const char *path, uid_t owner, gid_t group);
WHORL_API int whorl_lchown(const char *path, uid_t owner, gid_t group);
WHORL_API int whorl_fchown(int fd, uid_t owner, gid_t group);
WHORL_API int whorl_fchownat(int dirfd, const char *path, uid_t owner, gid_t group, int flags);

/* utimensat(2), futimens(3): sets when a file was last read and written; NULL: now.
 *   -EINVAL  also: path is NULL */
WHORL_API int whorl_utimensat(int dirfd, const char *path, const struct timespec times[2],
                              int flags);
WHORL_API int whorl_futimens(int fd, const struct timespec times[2]);

/* truncate(2); whorl_ftruncate (fs.h) is its like for descriptors. */
WHORL_API int whorl_truncate(const char *path, off_t length);

/* statvfs(3), fstatvfs(3): the file system that a file is on. (struct statvfs is that of
 * <sys/statvfs.h>.) */
WHORL_API int whorl_statvfs(const char *path, struct statvfs *buf);
WHORL_API int whorl_fstatvfs(int fd, struct statvfs *buf);

/* mkfifo(3), mkfifoat(3), mknod(2), mknodat(2). */
WHORL_API int whorl_mkfifo(const char *path, mode_t mode);
WHORL_API int whorl_mkfifoat(int dirfd, const char *path, mode_t mode);
WHORL_API int whorl_mknod(const char *path, mode_t mode, dev_t device);
WHORL_API int whorl_mknodat(int dirfd, const char *path, mode_t mode, dev_t device);

/* Makes a directory, and those above it that are missing, as mkdir -p does; those above get the
 * mode 0777 less the umask. A directory that is there already is as good as made, and stays as it
 * is. Others may make the same at the same time. Returns 0.
 *   -EEXIST   something that is no directory has that name
 *   -ENOTDIR  the same for one of those above
 *   -ENOENT   path is empty, or leads through a link to nowhere
 *   -ENOMEM
 *   else      as mkdir(2); some of those above may have been made */
WHORL_API int whorl_mkdir_all(const char *path, mode_t mode);

/* mkdtemp(3): makes a directory of mode 0700, whose name `pattern` becomes: its last six bytes are
 * "XXXXXX", and replaced. Returns 0.
 *   -EINVAL  they are not, or pattern is NULL */
WHORL_API int whorl_mkdtemp(char *pattern);

/* mkstemp(3), mkostemp(3), mkostemps(3): makes a file of mode 0600 in the same way, with
 * `suffix_len` bytes behind the "XXXXXX", and opens it for reading and writing. `flags` are more
 * flags for open(2), such as O_CLOEXEC, without which whorl_mkstemp does. Returns the descriptor,
 * the caller's to close; no cancel loses it.
 *   -EINVAL  as for whorl_mkdtemp */
WHORL_API int whorl_mkstemp(char *pattern);
WHORL_API int whorl_mkostemp(char *pattern, int flags);
WHORL_API int whorl_mkostemps(char *pattern, int suffix_len, int flags);

/* A file without a name in the file system of a directory, open for reading and writing, with
 * O_CLOEXEC; it is gone when it is closed. NULL or "": the directory of temporary files, which is
 * that of $TMPDIR, or /tmp. Where the file system knows no such files (O_TMPFILE), one is made with
 * a name that is taken away at once. Returns the descriptor, the caller's to close.
 *   -ENOMEM
 *   else     as open(2), mkstemp(3) */
WHORL_API int whorl_tmpfile(const char *directory);

/* Whether there is something at a path; whether that is a regular file, or a directory. Links are
 * followed: one that leads nowhere is not there. Whether the path itself is a symbolic link. By
 * statx(2), in the ring. 1 or 0.
 *   else  as statx(2), but for -ENOENT and -ENOTDIR: so it is not known */
WHORL_API int whorl_exists(const char *path);
WHORL_API int whorl_is_file(const char *path);
WHORL_API int whorl_is_dir(const char *path);
WHORL_API int whorl_is_link(const char *path);

#ifdef __cplusplus
}
#endif

#endif
