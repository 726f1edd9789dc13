/*
 * What a function has left behind when it overflowed its contained stack: it is ended as after any
 * return, before the stack is used again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/bottomless.h"
#include "core/child.h"

#include <fenv.h>
#include <pthread.h>

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

struct reader {
    int fd;
    char *place;  /* the buffer on the dropped stack */
    bool handled; /* the handler ran */
    int in_flight_then;
};

static intptr_t look_at_what_is_in_flight(void *arg)
{
    struct reader *self = arg;

    self->handled = true;
    self->in_flight_then = (int)whorl_in_flight(whorl_self());
    return 0;
}

static PLAIN intptr_t read_and_overflow(struct reader *self)
{
    char buf[64] = "nothing";
    whorl_op op = whorl_op_read(self->fd, buf, sizeof buf);

    self->place = buf;
    check_equal(whorl_defer(look_at_what_is_in_flight, self), 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    return overflow_now();
}

/* So far down that nothing which runs later on this stack comes there. */
static PLAIN intptr_t overflow_with_a_read_in_flight(void *arg)
{
    volatile char skipped[BOTTOMLESS_STACK / 4];

    skipped[0] = 1;
    return read_and_overflow(arg) + skipped[0];
}

/* If the read were in flight still, it would take the byte. */
static intptr_t check_the_read_is_over(void *arg)
{
    pair pipe = pipe_pair();
    struct reader reader = {.fd = pipe.ends[0]};

    (void)arg;
    check_equal(
        whorl_join(whorl_spawn_with(contained_task(), overflow_with_a_read_in_flight, &reader)),
        -EOVERFLOW);
    check(reader.handled);
    check_equal(reader.in_flight_then, 0);
    check_equal(whorl_write(pipe.ends[1], "x", 1), 1);
    check_equal(unread_in(pipe.ends[0]), 1);
    check(UNDER_SANITIZER || strcmp(reader.place, "nothing") == 0);
    close_pair(&pipe);
    return 0;
}

static void an_op_in_flight_on_the_dropped_stack_ends_first(void **state)
{
    (void)state;
    run_and_count(&(whorl_config){.pooled_stacks = 64}, check_the_read_is_over, 1);
}

static void *write_soon(void *arg)
{
    for (volatile long i = 0; i < 20000; i++)
        ;
    check_equal(write(*(int *)arg, "y", 1), 1);
    return NULL;
}

/* The kernel may fill the buffer until the op has ended, and not after: either the byte has come to
 * its place, or it is in the pipe. */
static intptr_t let_the_read_race(void *arg)
{
    (void)arg;
    for (long i = test_rounds(50); i > 0; i--) {
        pair pipe = pipe_pair();
        struct reader reader = {.fd = pipe.ends[0]};
        pthread_t thread;

        check_equal(pthread_create(&thread, NULL, write_soon, &pipe.ends[1]), 0);
        whorl_task *task =
            whorl_spawn_with(contained_task(), overflow_with_a_read_in_flight, &reader);
        check_equal(whorl_join(task), -EOVERFLOW);
        char first = *(volatile char *)reader.place;
        check_equal(pthread_join(thread, NULL), 0);
        check_equal(unread_in(pipe.ends[0]), first == 'y' ? 0 : 1);
        check_equal(*(volatile char *)reader.place, first);
        close_pair(&pipe);
    }
    return 0;
}

static void an_op_that_completes_meanwhile_has_its_memory(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("the test reads the frames of a task that has ended");
    skip_where_it_cannot_be();
    run_checks_in_child(NULL, let_the_read_race, NULL);
}

static intptr_t sleep_and_count(void *arg)
{
    intptr_t result = whorl_sleep(WHORL_FOREVER);

    ++*(int *)arg;
    return result;
}

static intptr_t overflow_with_children(void *ended)
{
    whorl_group group;

    whorl_group_init(&group);
    for (int i = 0; i < 5; i++)
        check_equal(whorl_group_spawn(&group, sleep_and_count, ended), 0);
    check_equal(whorl_yield(), 0);
    return overflow_now();
}

static intptr_t check_the_children_end(void *arg)
{
    int ended = 0;

    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow_with_children, &ended)),
                -EOVERFLOW);
    check_equal(ended, 5);
    return 0;
}

static void children_of_an_open_group_end_first(void **state)
{
    (void)state;
    run_and_count(NULL, check_the_children_end, 1);
}

static intptr_t overflow_in_a_timeout(void *arg)
{
    whorl_timeout outer;
    whorl_timeout inner;

    (void)arg;
    check_equal(whorl_timeout_begin(&outer, WHORL_SECONDS(5)), 0);
    check_equal(whorl_timeout_begin(&inner, WHORL_SECONDS(1)), 0);
    return overflow_now();
}

static intptr_t sleep_ten_seconds(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_SECONDS(10));
}

static intptr_t check_the_timeouts_are_gone(void *arg)
{
    int64_t start = whorl_now();

    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow_in_a_timeout, NULL)),
                -EOVERFLOW);
    check_equal(whorl_now() - start, 0);
    /* On the same stack. */
    check_equal(whorl_join(whorl_spawn_with(contained_task(), sleep_ten_seconds, NULL)), 0);
    return 0;
}

static void open_timeouts_are_gone_with_it(void **state)
{
    (void)state;
    run_and_count(&(whorl_config){.clock = WHORL_CLOCK_VIRTUAL}, check_the_timeouts_are_gone, 1);
}

static intptr_t note(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(fegetround(), FE_TONEAREST);
    ++*(int *)arg;
    return 0;
}

static intptr_t overflow_with_handlers(void *noted)
{
    check_equal(whorl_defer(note, noted), 0);
    check_equal(whorl_defer(overflow, noted), 0);
    check_equal(whorl_defer(note, noted), 0);
    check_equal(fesetround(FE_UPWARD), 0);
    return overflow_now();
}

static intptr_t check_the_handlers_run(void *arg)
{
    int noted = 0;

    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow_with_handlers, &noted)),
                -EOVERFLOW);
    check_equal(noted, 2);
    return 0;
}

static void deferred_handlers_run_and_may_overflow_themselves(void **state)
{
    (void)state;
    run_and_count(NULL, check_the_handlers_run, 2);
}

static intptr_t return_seven_with_a_bad_handler(void *arg)
{
    check_equal(whorl_defer(overflow, arg), 0);
    return 7;
}

static intptr_t check_the_result_stays(void *arg)
{
    (void)arg;
    check_equal(
        whorl_join(whorl_spawn_with(contained_task(), return_seven_with_a_bad_handler, NULL)), 7);
    return 0;
}

static void a_handler_that_overflows_leaves_the_result(void **state)
{
    (void)state;
    run_and_count(NULL, check_the_result_stays, 1);
}

static int overflow_when_shown(whorl_task *task, void *arg)
{
    *(whorl_task **)arg = task;
    return (int)overflow_now();
}

static intptr_t overflow_in_a_callback(void *shown)
{
    return whorl_each_task(overflow_when_shown, shown);
}

/* Only while a task is shown may its handle be used though it was given back. */
static intptr_t check_nothing_is_shown(void *arg)
{
    whorl_task *shown = NULL;

    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow_in_a_callback, &shown)),
                -EOVERFLOW);
    check(shown != NULL);
    whorl_task *sleeper = whorl_spawn(sleep_for_ever, NULL);
    check_equal(whorl_release(sleeper), 0);
    check_equal(whorl_cancel(sleeper), -EINVAL);
    return 0;
}

static void a_callback_of_the_engine_may_overflow(void **state)
{
    (void)state;
    run_and_count(NULL, check_nothing_is_shown, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_op_in_flight_on_the_dropped_stack_ends_first),
        behaviour(an_op_that_completes_meanwhile_has_its_memory),
        behaviour(children_of_an_open_group_end_first),
        behaviour(open_timeouts_are_gone_with_it),
        behaviour(deferred_handlers_run_and_may_overflow_themselves),
        behaviour(a_handler_that_overflows_leaves_the_result),
        behaviour(a_callback_of_the_engine_may_overflow),
    };

    return run_behaviours("overflow_leftovers", tests);
}
