/*
 * For tests of -ENOMEM: memory that comes to an end, in a forked child, and how to give it more.
 *
 * RLIMIT_AS limits the address space. A sanitizer's malloc has all of its own before that, so that
 * only what is large, or comes from mmap(2) as stacks do, is refused under one.
 */
#ifndef TESTS_STARVE_H
#define TESTS_STARVE_H

#include <stdlib.h>
#include <sys/resource.h>

#include "core/child.h"

#define SPARE_BYTES ((size_t)32 << 20)

/* An allocation that fails is what these tests are about: it must not end the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Sets the limit of address space, and gives the one before. */
static inline rlim_t limit_memory_to(rlim_t bytes)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_AS, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = bytes;
    check_equal(setrlimit(RLIMIT_AS, &limit), 0);
    return before;
}

/* So that no more than `spare` bytes can be had; gives the limit before. */
static inline rlim_t leave_memory(size_t spare)
{
    char pages[128] = "";
    check(read_whole("/proc/self/statm", pages, sizeof pages - 1) > 0);
    return limit_memory_to(strtoul(pages, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + spare);
}

/* Takes all that malloc has left, in pieces that become smaller, as a list for give_heap_back. */
static inline void *take_heap(void)
{
    void *taken = NULL;
    for (size_t size = 1 << 20; size >= 16; size -= size > 2048 ? size / 2 : 16) {
        void **piece;
        while ((piece = malloc(size)) != NULL) {
            *piece = taken;
            taken = piece;
        }
    }
    return taken;
}

static inline void give_heap_back(void *taken)
{
    while (taken) {
        void *next = *(void **)taken;
        free(taken);
        taken = next;
    }
}

#endif
