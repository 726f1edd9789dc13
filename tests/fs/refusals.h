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
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- Memory: the call of this number fails, counted from 0; negative: none does --- */

static atomic_long memory_calls_left = -1;
static atomic_bool memory_was_refused;
static __thread bool is_the_test; /* whoever asks on this thread now is not the engine */

static bool refuses_memory(void)
{
    long left = atomic_load(&memory_calls_left);
    if (is_the_test || left < 0 || atomic_fetch_sub(&memory_calls_left, 1) != 0)
        return false;
    atomic_store(&memory_was_refused, true);
    errno = ENOMEM;
    return true;
}

static inline void refuse_memory_call(long number)
{
    atomic_store(&memory_was_refused, false);
    atomic_store(&memory_calls_left, number);
}

static inline void refuse_no_memory(void)
{
    atomic_store(&memory_calls_left, -1);
}

#define WRAPPED(type, name, parameters, ...)                                                       \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return refuses_memory() ? NULL : __real_##name(__VA_ARGS__);                               \
    }

WRAPPED(void *, malloc, (size_t size), size)
WRAPPED(void *, calloc, (size_t count, size_t size), count, size)
WRAPPED(char *, strdup, (const char *text), text)
WRAPPED(char *, strndup, (const char *text, size_t len), text, len)

/* Always moves, and spoils what it leaves behind: who looks there yet sees that. */
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    void *moved = refuses_memory() ? NULL : __real_malloc(size);
    if (!moved || !memory)
        return moved;
    size_t had = malloc_usable_size(memory);
    memcpy(moved, memory, had < size ? had : size);
    memset(memory, 0xdd, had);
    free(memory);
    return moved;
}

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

/* --- All of memory, call by call --- */

/* A body that may be refused memory: it gives -ENOMEM then, having changed nothing, or a result
 * that it has checked itself. */
typedef intptr_t may_be_refused(void *arg);

/* Runs body(arg) with its first request for memory refused, then with the second, until none is. In
 * a task. Returns how many were. */
static inline long refuse_each_in_turn(may_be_refused *body, void *arg)
{
    for (long number = 0;; number++) {
        refuse_memory_call(number);
        intptr_t result = body(arg);
        refuse_no_memory();
        if (!atomic_load(&memory_was_refused)) {
            check_equal(result, 0);
            return number;
        }
        if (result != 0 && !check_equal(result, -ENOMEM))
            return number;
    }
}

#endif
