/*
 * A contained stack overflow: the task's function ends with -EOVERFLOW, what it had left behind is
 * ended as after any return, and all else goes on. Each run is a child's, whose stderr is read.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/bottomless.h"
#include "core/child.h"

#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>

static size_t count_sentences(const struct child *child)
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
static void run_and_count(const whorl_config *config, whorl_fn *fn, size_t sentences)
{
    struct child child;

    skip_where_it_cannot_be();
    assert_int_equal(
        child_run(child_run_task, &(struct child_task){.config = config, .fn = fn}, &child), 0);
    assert_true(child_exited(&child, 0));
    if (count_sentences(&child) != sentences)
        fail_msg("not %zu sentences: %s", sentences, child.text);
}

static intptr_t overflow(void *arg)
{
    (void)arg;
    return overflow_now();
}

/* --- The task, and who waits for it --- */

static intptr_t overflow_after_a_wait(void *arg)
{
    (void)arg;
    check_equal(whorl_yield(), 0);
    return overflow_now();
}

static intptr_t count_to_ten(void *arg)
{
    for (int i = 0; i < 10; i++) {
        check_equal(whorl_yield(), 0);
        ++*(int *)arg;
    }
    return 10;
}

static intptr_t join_one_that_overflows(void *arg)
{
    int counted = 0;
    whorl_task *other = whorl_spawn(count_to_ten, &counted);

    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(.name = "first-deep"), overflow, NULL)),
                -EOVERFLOW);
    check_equal(whorl_join(whorl_spawn_with(contained_task(.name = "second-deep", .eager = 1),
                                            overflow_after_a_wait, NULL)),
                -EOVERFLOW);
    check_equal(whorl_join(other), 10);
    check_equal(counted, 10);
    return 0;
}

static void endless_recursion_ends_the_task_alone(void **state)
{
    struct child child;

    (void)state;
    skip_where_it_cannot_be();
    assert_int_equal(
        child_run(child_run_task, &(struct child_task){.fn = join_one_that_overflows}, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_int_equal(count_sentences(&child), 2);
    assert_non_null(strstr(child.text, "task first-deep has used up its stack of 65536 bytes"));
    assert_non_null(strstr(child.text, "task second-deep"));
}

static void the_same_holds_with_mprotect_guards(void **state)
{
    (void)state;
    run_and_count(&(whorl_config){.without = WHORL_FEATURE_GUARD_INSTALL}, join_one_that_overflows,
                  2);
}

/* From the top down, as a program compiled with -fstack-clash-protection would take it. */
PLAIN static intptr_t fill_a_large_array(void *arg)
{
    volatile char large[2 * BOTTOMLESS_STACK];

    (void)arg;
    for (size_t i = sizeof large; i > 0; i -= 512)
        large[i - 1] = 1;
    return large[0];
}

static intptr_t join_one_with_a_large_array(void *arg)
{
    (void)arg;
    check_equal(whorl_join(whorl_spawn_with(contained_task(), fill_a_large_array, NULL)),
                -EOVERFLOW);
    return 0;
}

static void a_large_array_ends_the_task_alone(void **state)
{
    (void)state;
    run_and_count(NULL, join_one_with_a_large_array, 1);
}

static intptr_t join(void *task)
{
    return whorl_join(task);
}

static intptr_t have_several_joiners(void *arg)
{
    whorl_task *joiners[3];
    whorl_task *doomed = whorl_spawn_with(contained_task(), overflow_after_a_wait, NULL);

    (void)arg;
    for (size_t i = 0; i < count_of(joiners); i++)
        joiners[i] = whorl_spawn_with(&(whorl_spawn_options){.eager = 1}, join, doomed);
    for (size_t i = 0; i < count_of(joiners); i++)
        check_equal(whorl_join(joiners[i]), -EOVERFLOW);
    check_equal(whorl_is_done(doomed), -EINVAL);
    return 0;
}

static void every_joiner_gets_eoverflow(void **state)
{
    (void)state;
    run_and_count(NULL, have_several_joiners, 1);
}

static intptr_t release_one_that_overflows(void *arg)
{
    (void)arg;
    check_equal(whorl_release(whorl_spawn_with(contained_task(), overflow, NULL)), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return 0;
}

static void a_released_task_leaves_nothing_behind(void **state)
{
    (void)state;
    run_and_count(NULL, release_one_that_overflows, 1);
}

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t have_a_group_with_one(void *arg)
{
    whorl_group group;

    (void)arg;
    whorl_group_init(&group);
    check_equal(whorl_group_spawn(&group, sleep_for_ever, NULL), 0);
    check_equal(whorl_group_spawn_with(&group, contained_task(), overflow, NULL, NULL), 0);
    check_equal(whorl_group_wait(&group, 0), -EOVERFLOW);
    return 0;
}

static void a_group_takes_it_for_the_childs_error(void **state)
{
    (void)state;
    run_and_count(NULL, have_a_group_with_one, 1);
}

/* --- What its function has left behind --- */

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

static intptr_t overflow_with_a_read_in_flight(void *arg)
{
    struct reader *self = arg;
    char buf[64] = "nothing";
    whorl_op op = whorl_op_read(self->fd, buf, sizeof buf);

    self->place = buf;
    check_equal(whorl_defer(look_at_what_is_in_flight, self), 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    return overflow_now();
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
    check_text(reader.place, "nothing");
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

/* --- The thread and the process --- */

static intptr_t check_the_signal_mask(void *arg)
{
    sigset_t before;
    sigset_t after;

    (void)arg;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow, NULL)), -EOVERFLOW);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < 32; number++)
        check_equal(sigismember(&after, number), sigismember(&before, number));
    check_equal(sigismember(&after, SIGSEGV), 0);
    return 0;
}

static void the_signal_mask_is_what_it_was(void **state)
{
    (void)state;
    run_and_count(NULL, check_the_signal_mask, 1);
}

static void say_nothing_more(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
}

static intptr_t overflow_ten_thousand_times(void *arg)
{
    long before = 0;

    (void)arg;
    say_nothing_more();
    for (int i = 0; i < 10000; i++) {
        check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow, NULL)), -EOVERFLOW);
        if (i == 1000)
            before = status_figure("VmRSS:");
    }
    check(UNDER_SANITIZER || status_figure("VmRSS:") < before + 1024);
    return 0;
}

static void ten_thousand_in_a_row_are_no_matter(void **state)
{
    (void)state;
    skip_where_it_cannot_be();
    run_checks_in_child(NULL, overflow_ten_thousand_times, NULL);
}

static intptr_t overflow_side_by_side(void *arg)
{
    whorl_task *tasks[200];

    (void)arg;
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = whorl_spawn_with(contained_task(), overflow_after_a_wait, NULL);
    for (size_t i = 0; i < count_of(tasks); i++)
        check_equal(whorl_join(tasks[i]), -EOVERFLOW);
    return 0;
}

static void *run_on_a_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++)
        check_equal(whorl_run(overflow_side_by_side, NULL), 0);
    return NULL;
}

static int run_on_two_threads(void *arg)
{
    pthread_t threads[2];

    (void)arg;
    say_nothing_more();
    for (size_t i = 0; i < count_of(threads); i++)
        check_equal(pthread_create(&threads[i], NULL, run_on_a_thread, NULL), 0);
    for (size_t i = 0; i < count_of(threads); i++)
        check_equal(pthread_join(threads[i], NULL), 0);
    return 0;
}

static void two_threads_loops_contain_at_a_time(void **state)
{
    (void)state;
    skip_where_it_cannot_be();
    run_in_child(run_on_two_threads, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(endless_recursion_ends_the_task_alone),
        behaviour(the_same_holds_with_mprotect_guards),
        behaviour(a_large_array_ends_the_task_alone),
        behaviour(every_joiner_gets_eoverflow),
        behaviour(a_released_task_leaves_nothing_behind),
        behaviour(a_group_takes_it_for_the_childs_error),
        behaviour(an_op_in_flight_on_the_dropped_stack_ends_first),
        behaviour(an_op_that_completes_meanwhile_has_its_memory),
        behaviour(children_of_an_open_group_end_first),
        behaviour(open_timeouts_are_gone_with_it),
        behaviour(deferred_handlers_run_and_may_overflow_themselves),
        behaviour(a_handler_that_overflows_leaves_the_result),
        behaviour(a_callback_of_the_engine_may_overflow),
        behaviour(the_signal_mask_is_what_it_was),
        behaviour(ten_thousand_in_a_row_are_no_matter),
        behaviour(two_threads_loops_contain_at_a_time),
    };

    return run_behaviours("contained_overflow", tests);
}
