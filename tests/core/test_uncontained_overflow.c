/*
 * Where a stack overflow ends the program though its task is contained: in the middle of the C
 * library's work, or of the engine's. It dies of SIGSEGV, with a sentence; it never goes on with a
 * lock that stays taken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/bottomless.h"
#include "core/child.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { ROOM_LEAST = 64, ROOM_MOST = 4096, ROOM_STEP = 96, FRAME = 32 };

typedef void deep_call(void);

/* Calls `call` when so much room is left. */
struct depth {
    deep_call *call;
    long room;
};

PLAIN static int descend(const struct depth *depth)
{
    volatile char here[FRAME];

    here[0] = 1;
    if (room_left(here) <= depth->room)
        depth->call();
    else
        here[0] = (char)descend(depth);
    return here[0];
}

static intptr_t descend_and_call(void *arg)
{
    return descend(arg) == 1 ? 0 : -EIO;
}

static intptr_t join_one_that_descends(void *arg)
{
    intptr_t result = whorl_join(whorl_spawn_with(contained_task(), descend_and_call, arg));

    check(result == 0 || result == -EOVERFLOW);
    return 0;
}

static int descend_in_a_task(void *arg)
{
    struct rlimit none = {0, 0};

    signal(SIGSEGV, SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    return (int)whorl_run(join_one_that_descends, arg);
}

/* With ever less room the call works, then strikes the guard: in its own code or that of what it
 * calls, or, at last, in the test's that calls it. Returns how often it died. */
static int die_at_some_depth(deep_call *call)
{
    int died = 0;

    for (long room = ROOM_MOST; room >= ROOM_LEAST; room -= ROOM_STEP) {
        struct child child;

        assert_int_equal(child_run(descend_in_a_task, &(struct depth){call, room}, &child), 0);
        if (WIFSIGNALED(child.status)) {
            died++;
            assert_int_equal(WTERMSIG(child.status), SIGSEGV);
            if (strstr(child.text, "it cannot be ended alone") == NULL)
                fail_msg("with %ld bytes of room: %s", room, child.text);
        } else {
            assert_true(child_exited(&child, 0));
        }
    }
    return died;
}

static volatile double value = 1e-300;

static void format_a_number(void)
{
    static char text[2048];

    check(snprintf(text, sizeof text, "%.400f", value) > 400);
}

static void take_and_free_memory(void)
{
    void *volatile memory = malloc(100000);

    free(memory);
}

static void read_a_file(void)
{
    char *data = NULL;
    size_t size;

    if (whorl_read_file("/proc/self/stat", &data, &size, 4096) == 0)
        free(data);
}

static void spawn_and_join(void)
{
    whorl_task *task = whorl_spawn_with(contained_task(), descend_and_call, NULL);

    whorl_cancel(task);
    whorl_join(task);
}

static void an_overflow_in_the_c_library_ends_the_program(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's own calls would be what strikes the guard");
    assert_true(die_at_some_depth(format_a_number) > 0);
    assert_true(die_at_some_depth(take_and_free_memory) > 0);
}

static void an_overflow_in_the_engine_ends_the_program(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's own calls would be what strikes the guard");
    assert_true(die_at_some_depth(read_a_file) > 0);
    assert_true(die_at_some_depth(spawn_and_join) > 0);
}

static intptr_t overflow_within_and_without(void *arg)
{
    whorl_spawn_options options = {.name = "at-large", .stack_size = BOTTOMLESS_STACK};

    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow, NULL)), -EOVERFLOW);
    return whorl_join(whorl_spawn_with(&options, overflow, NULL));
}

static int overflow_in_a_plain_task(void *arg)
{
    struct rlimit none = {0, 0};

    signal(SIGSEGV, SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    return (int)whorl_run(overflow_within_and_without, arg);
}

/* On the stack that the contained one has left. */
static void a_task_that_is_not_contained_ends_the_program(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(child_run(overflow_in_a_plain_task, NULL, &child), 0);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGSEGV);
    assert_non_null(strstr(child.text, "task at-large has used up its stack of 65536 bytes. "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_overflow_in_the_c_library_ends_the_program),
        behaviour(an_overflow_in_the_engine_ends_the_program),
        behaviour(a_task_that_is_not_contained_ends_the_program),
    };

    return run_behaviours("uncontained_overflow", tests);
}
