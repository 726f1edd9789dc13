/*
 * Files by their names: the calls of POSIX, with its arguments; each parks only the calling task.
 *
 * Every call also gives -EPERM outside a task, -ECANCELED in a cancelled one, and the errors of the
 * manual page that its text names. Memory behind a pointer is the engine's until the call returns.
 */
#ifndef WHORL_PATH_H
#define WHORL_PATH_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct statx;

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

#ifdef __cplusplus
}
#endif

#endif
