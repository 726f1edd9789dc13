/*
 * System calls that fail when it is their turn: this stands between the engine and them, by the
 * linker's --wrap. For a program of one such header; the flags to link with are
 * failing_calls_ldflags of Makefile.am.
 */
#ifndef TESTS_FS_FAILING_CALLS_H
#define TESTS_FS_FAILING_CALLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *failing_name; /* set while nobody calls */
static int failing_error;
static atomic_int failing_left = -1; /* calls until one fails; negative: none does */

/* Has the call of this number fail, from 0, of those of the name from now on. */
static inline void fail_call(const char *name, int number, int error)
{
    failing_name = name;
    failing_error = error;
    atomic_store(&failing_left, number);
}

/* Whether it came to that. No call fails any more. */
static inline bool stop_failing(void)
{
    return atomic_exchange(&failing_left, -1) < 0;
}

static bool call_fails(const char *name)
{
    if (atomic_load(&failing_left) < 0 || strcmp(name, failing_name) != 0)
        return false;
    if (atomic_fetch_sub(&failing_left, 1) != 0)
        return false;
    errno = failing_error;
    return true;
}

#define MAY_FAIL(type, name, parameters, ...)                                                      \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return call_fails(#name) ? -1 : __real_##name(__VA_ARGS__);                                \
    }

MAY_FAIL(int, access, (const char *path, int mode), path, mode)
MAY_FAIL(int, faccessat, (int dir, const char *name, int mode, int flags), dir, name, mode, flags)
MAY_FAIL(int, fchmod, (int fd, mode_t mode), fd, mode)
MAY_FAIL(int, fchmodat, (int dir, const char *name, mode_t mode, int flags), dir, name, mode, flags)
MAY_FAIL(int, fchown, (int fd, uid_t user, gid_t group), fd, user, group)
MAY_FAIL(ssize_t, fgetxattr, (int fd, const char *name, void *value, size_t size), fd, name, value,
         size)
MAY_FAIL(ssize_t, flistxattr, (int fd, char *names, size_t size), fd, names, size)
MAY_FAIL(int, fsetxattr, (int fd, const char *name, const void *value, size_t size, int flags), fd,
         name, value, size, flags)
MAY_FAIL(int, fstat, (int fd, struct stat *status), fd, status)
MAY_FAIL(int, fstatat, (int dir, const char *name, struct stat *status, int flags), dir, name,
         status, flags)
MAY_FAIL(int, fsync, (int fd), fd)
MAY_FAIL(int, ftruncate, (int fd, off_t size), fd, size)
MAY_FAIL(int, futimens, (int fd, const struct timespec times[2]), fd, times)
MAY_FAIL(ssize_t, getdents64, (int fd, void *batch, size_t room), fd, batch, room)
MAY_FAIL(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
         from_dir, from, to_dir, to, flags)
MAY_FAIL(off_t, lseek, (int fd, off_t offset, int whence), fd, offset, whence)
MAY_FAIL(int, mkdirat, (int dir, const char *name, mode_t mode), dir, name, mode)
MAY_FAIL(int, mknodat, (int dir, const char *name, mode_t mode, dev_t device), dir, name, mode,
         device)
MAY_FAIL(ssize_t, pread, (int fd, void *buf, size_t len, off_t at), fd, buf, len, at)
MAY_FAIL(ssize_t, pwrite, (int fd, const void *buf, size_t len, off_t at), fd, buf, len, at)
MAY_FAIL(ssize_t, readlinkat, (int dir, const char *name, char *target, size_t room), dir, name,
         target, room)
MAY_FAIL(int, renameat, (int from_dir, const char *from, int to_dir, const char *to), from_dir,
         from, to_dir, to)
MAY_FAIL(ssize_t, sendfile, (int to, int from, off_t *at, size_t len), to, from, at, len)
MAY_FAIL(int, symlinkat, (const char *target, int dir, const char *name), target, dir, name)
MAY_FAIL(int, unlinkat, (int dir, const char *name, int flags), dir, name, flags)
MAY_FAIL(int, utimensat, (int dir, const char *name, const struct timespec times[2], int flags),
         dir, name, times, flags)
MAY_FAIL(ssize_t, copy_file_range,
         (int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags), from,
         from_at, to, to_at, len, flags)

/* One that fails has closed the descriptor all the same, as on Linux. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool fails = call_fails("close");
    int result = __real_close(fd);
    if (fails)
        errno = failing_error;
    return fails ? -1 : result;
}

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    bool has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = has_mode ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return call_fails("openat") ? -1 : __real_openat(dir, name, flags, mode);
}

/* A call of the engine's that has to do without some call of its own. */
struct failing_case {
    void (*prepare)(void);
    int (*act)(void);
    void (*judge)(int result); /* what was left behind */
};

/* Has the first call of a name fail, then in another run the second, until none does: each gives
 * its error, or does no harm. Gives how many gave it. In a task. */
static inline int fail_each_in_turn(const struct failing_case *on, const char *name, int error)
{
    int told = 0;
    bool has_failed = true;
    for (int number = 0; has_failed && failed_checks() == 0; number++) {
        on->prepare();
        int before = open_descriptors();
        fail_call(name, number, error);
        int result = on->act();
        has_failed = stop_failing();
        check(result == 0 || (has_failed && result == -error));
        check(has_failed || number > 0); /* it is called at all */
        check_equal(open_descriptors(), before);
        on->judge(result);
        told += result != 0;
        if (failed_checks() != 0)
            printf("%s, call %d: %s\n", name, number, strerror(-result));
        else if (!has_failed)
            printf("%s: %d of %d calls are worth an error\n", name, told, number);
    }
    return told;
}

#endif
