/*
 * A contained stack overflow: the task's function ends with -EOVERFLOW, and all else goes on, again
 * and again, and in each thread. Each run is a child's, whose stderr is read.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/bottomless.h"
#include "core/child.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

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

enum { IN_A_ROW = CROWD_OF(10000) };

static intptr_t overflow_again_and_again(void *arg)
{
    long before = 0;

    (void)arg;
    say_nothing_more();
    for (int i = 0; i < IN_A_ROW; i++) {
        check_equal(whorl_join(whorl_spawn_with(contained_task(), overflow, NULL)), -EOVERFLOW);
        if (i == IN_A_ROW / 10)
            before = status_figure("VmRSS:");
    }
    check(UNDER_SANITIZER || status_figure("VmRSS:") < before + 1024);
    return 0;
}

static void ten_thousand_in_a_row_are_no_matter(void **state)
{
    (void)state;
    skip_where_it_cannot_be();
    tell_crowd(IN_A_ROW);
    run_checks_in_child(NULL, overflow_again_and_again, NULL);
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
        behaviour(the_signal_mask_is_what_it_was),
        behaviour(ten_thousand_in_a_row_are_no_matter),
        behaviour(two_threads_loops_contain_at_a_time),
    };

    return run_behaviours("contained_overflow", tests);
}
