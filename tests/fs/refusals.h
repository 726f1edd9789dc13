/*
 * What the system refuses: this stands between the engine and the system, by the linker's --wrap,
 * and refuses memory, or changes what reading a directory gives, while it is told to. For a program
 * of one such header; the flags to link with are fs_refusals_ldflags of Makefile.am.
 */
#ifndef TESTS_FS_REFUSALS_H
#define TESTS_FS_REFUSALS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* --- Threads --- */

static atomic_bool refuses_threads;

typedef void *thread_body(void *arg);

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_body *body,
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_body *body,
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_body *body,
                          void *arg)
{
    return atomic_load(&refuses_threads) ? EAGAIN
                                         : __real_pthread_create(thread, attributes, body, arg);
}

/* --- Directories --- */

static atomic_int read_calls_left = -1; /* the getdents64 of this number fails; negative: none */
static atomic_int read_error;           /* with this errno */
static atomic_bool hides_types;         /* each entry comes as DT_UNKNOWN */
static atomic_bool hides_a_change;      /* and the file "vanishing" is removed just then */

ssize_t __real_getdents64(int fd, void *batch, size_t room);
ssize_t __wrap_getdents64(int fd, void *batch, size_t room);
ssize_t __wrap_getdents64(int fd, void *batch, size_t room)
{
    if (atomic_load(&read_calls_left) >= 0 && atomic_fetch_sub(&read_calls_left, 1) == 0) {
        errno = atomic_load(&read_error);
        return -1;
    }
    ssize_t got = __real_getdents64(fd, batch, room);
    for (ssize_t at = 0; atomic_load(&hides_types) && at < got;) {
        struct dirent64 *entry = (struct dirent64 *)((char *)batch + at);
        entry->d_type = DT_UNKNOWN;
        at += entry->d_reclen;
    }
    if (atomic_load(&hides_a_change))
        unlinkat(fd, "vanishing", 0);
    return got;
}

static inline void fail_reading(int call, int error)
{
    atomic_store(&read_error, error);
    atomic_store(&read_calls_left, call);
}

/* --- Files without a name --- */

static atomic_bool refuses_unnamed;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    bool has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = has_mode ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if ((flags & O_TMPFILE) != O_TMPFILE || !atomic_load(&refuses_unnamed))
        return __real_open(path, flags, mode);
    errno = EOPNOTSUPP;
    return -1;
}

#endif
