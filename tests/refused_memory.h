/*
 * Memory that is refused, call by call: this stands between the engine and malloc, by the linker's
 * --wrap, and refuses what it is told to. For a program of one such header; the flags to link with
 * are refused_memory_flags of Makefile.am.
 */
#ifndef TESTS_REFUSED_MEMORY_H
#define TESTS_REFUSED_MEMORY_H

#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long memory_calls_left = -1; /* until one is refused; negative: none is */
static atomic_bool memory_was_refused;
static atomic_bool memory_is_out;
static __thread bool is_the_test; /* whoever asks on this thread now is not the engine */

static bool refuses_memory(void)
{
    long left = atomic_load(&memory_calls_left);
    if (!is_the_test && atomic_load(&memory_is_out)) {
        errno = ENOMEM;
        return true;
    }
    if (is_the_test || left < 0 || atomic_fetch_sub(&memory_calls_left, 1) != 0)
        return false;
    atomic_store(&memory_was_refused, true);
    errno = ENOMEM;
    return true;
}

/* Refuses the call of this number from now on, counted from 0; negative: none. */
static inline void refuse_memory_call(long number)
{
    atomic_store(&memory_was_refused, false);
    atomic_store(&memory_calls_left, number);
}

/* Whether one was refused since. No more are. */
static inline bool refuse_no_more_memory(void)
{
    atomic_store(&memory_calls_left, -1);
    return atomic_load(&memory_was_refused);
}

/* Refuses every call, or none any more. */
static inline void refuse_all_memory(bool all)
{
    atomic_store(&memory_is_out, all);
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

int __real_posix_memalign(void **memory, size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size)
{
    return refuses_memory() ? ENOMEM : __real_posix_memalign(memory, alignment, size);
}

/* A body that may be refused memory: it gives -ENOMEM then, having changed nothing, or a result
 * that it has checked itself. */
typedef intptr_t may_be_refused(void *arg);

static inline long refuse_each_once(may_be_refused *body, void *arg)
{
    for (long number = 0;; number++) {
        refuse_memory_call(number);
        intptr_t result = body(arg);
        if (!refuse_no_more_memory()) {
            check_equal(result, 0);
            return number;
        }
        if (result != 0 && !check_equal(result, -ENOMEM))
            return number;
    }
}

/* Runs body(arg) with its first request for memory refused, then with the second, until none is;
 * and all that again: what the loop has made and keeps is asked for no more, so that there are
 * fewer requests then, among them some that were passed over. In a task. Returns how many were
 * refused in the round of more. */
static inline long refuse_each_in_turn(may_be_refused *body, void *arg)
{
    long refused = refuse_each_once(body, arg);
    long again = refuse_each_once(body, arg);
    return again > refused ? again : refused;
}

#endif
