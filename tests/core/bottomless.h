/*
 * Functions that use up their task's stack, and the room that is left on it. What they do at depth
 * is their own code alone: nothing is called there but themselves.
 */
#ifndef TESTS_CORE_BOTTOMLESS_H
#define TESTS_CORE_BOTTOMLESS_H

#include "core/child.h"

#include <errno.h>

enum { BOTTOMLESS_STACK = 65536 };

/* How a task is spawned that may overflow. */
#define contained_task(...)                                                                        \
    (&(whorl_spawn_options){.stack_size = BOTTOMLESS_STACK, .contain_overflow = 1, __VA_ARGS__})

/* ThreadSanitizer's own calls would be what strikes the guard. */
#define PLAIN __attribute__((noinline, no_sanitize("thread"), unused))

PLAIN static int recurse_without_end(volatile int *above)
{
    volatile int here[64];

    here[0] = *above + 1;
    if (here[0] < 0)
        return 0;
    return recurse_without_end(here) + here[0];
}

/* Overflows; never returns. */
PLAIN static intptr_t overflow_now(void)
{
    volatile int start = 0;

    return recurse_without_end(&start);
}

/* The bytes between the caller's frame and the guard, for a stack of BOTTOMLESS_STACK bytes; the
 * block at its top and what lies above are counted as used. */
static inline long room_left(const volatile void *frame)
{
    uintptr_t handle = (uintptr_t)whorl_self() & (((uintptr_t)1 << 48) - 1);

    return BOTTOMLESS_STACK - (long)(handle - (uintptr_t)frame);
}

static inline size_t count_sentences(const struct child *child)
{
    size_t count = 0;

    for (const char *place = child->text; (place = strstr(place, "and was ended")) != NULL; place++)
        count++;
    return count;
}

#if (defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__)
#define skip_where_it_cannot_be() ((void)0)
#else
#define skip_where_it_cannot_be() skip_because("overflows are not contained on this processor")
#endif

/* fn(arg) as a main task in a child, with its checks; its stderr must have so many sentences. */
static inline void run_and_count(const whorl_config *config, whorl_fn *fn, size_t sentences)
{
    struct child child;

    skip_where_it_cannot_be();
    assert_int_equal(
        child_run(child_run_task, &(struct child_task){.config = config, .fn = fn}, &child), 0);
    assert_true(child_exited(&child, 0));
    if (count_sentences(&child) != sentences)
        fail_msg("not %zu sentences: %s", sentences, child.text);
}

static inline intptr_t overflow(void *arg)
{
    (void)arg;
    return overflow_now();
}

#endif
