/*
 * Generators that their owner leaves open, at its return or at the run's end: they are cancelled
 * and awaited before the owner ends. Ten thousand of them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "generating.h"

#include <sys/mman.h>

enum { MANY = CROWD_OF(10000) };

static whorl_task *asking;

/* In a frame that is gone when the owner ends. */
__attribute__((noinline)) static void begin_in_a_frame_that_dies(int asks)
{
    whorl_generator each;
    begin(&each, count_and_clean_up, -EIO);
    for (int i = 0; i < asks; i++)
        check_next(&each, i);
}

__attribute__((noinline)) static void write_over_it(void)
{
    volatile char junk[2048];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = 0x5a;
}

static intptr_t leave_open(void *arg)
{
    for (int i = 0; i <= 3; i++)
        begin_in_a_frame_that_dies(i);
    write_over_it();
    return (intptr_t)arg;
}

static intptr_t await_who_left_open(void *arg)
{
    int64_t begun = whorl_now();
    (void)arg;
    bodies = 0;
    cleaned = 0;
    check_equal(whorl_join(whorl_spawn(leave_open, (void *)8)), 8);
    check_equal(bodies, 3);
    check_equal(cleaned, 3);
    check_equal(whorl_now() - begun, WHORL_SECONDS(1));
    bodies = 0;
    return leave_open((void *)0);
}

static void those_left_open_end_before_their_owner(void **state)
{
    (void)state;
    cleaned = 0;
    run_checks_with(&virtual_time, await_who_left_open, NULL);
    assert_int_equal(bodies, 3);
    assert_int_equal(cleaned, 6);
}

static intptr_t yield_once(whorl_generator *self, void *arg)
{
    (void)arg;
    return whorl_generator_yield(self, 1);
}

/* But for one, if there is such a one. */
static intptr_t leave_ended_ones_open(void *lives)
{
    whorl_generator each[3];
    intptr_t value;
    for (int i = 0; i < 3; i++) {
        begin(&each[i], yield_once, 0);
        check_next(&each[i], 1);
        if (i != 1 || !lives)
            check_equal(whorl_generator_next(&each[i], &value), 0);
    }
    return 8;
}

static whorl_generator outliving;

static intptr_t leave_one_being_asked(void *arg)
{
    begin(&outliving, sleep_then_yield, 0);
    asking = whorl_spawn(ask, &outliving);
    return whorl_yield() + (intptr_t)arg;
}

/* With a value that nobody takes any more. */
static intptr_t leave_one_that_holds(void *arg)
{
    whorl_generator each;
    whorl_timeout scope;
    intptr_t value;
    begin(&each, sleep_then_yield, 0);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_generator_next(&each, &value)), -ETIMEDOUT);
    check_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    return (intptr_t)arg;
}

static intptr_t leave_from_a_handler(void *arg)
{
    check_equal(whorl_defer(leave_open, arg), 0);
    return 8;
}

static intptr_t await_other_leavers(void *arg)
{
    intptr_t value;
    (void)arg;
    check_equal(whorl_join(whorl_spawn(leave_ended_ones_open, (void *)0)), 8);
    check_equal(whorl_join(whorl_spawn(leave_ended_ones_open, (void *)1)), 8);
    check_equal(whorl_join(whorl_spawn(leave_one_being_asked, (void *)8)), 8);
    check_equal(whorl_join(asking), -ECANCELED);
    check_equal(whorl_generator_next(&outliving, &value), -EINVAL);
    check_equal(whorl_generator_end(&outliving), -EINVAL);
    check_equal(whorl_join(whorl_spawn(leave_one_that_holds, (void *)8)), 8);
    cleaned = 0;
    check_equal(whorl_join(whorl_spawn(leave_from_a_handler, NULL)), 8);
    check_equal(cleaned, 3);
    return 0;
}

static void they_may_have_ended_be_asked_hold_a_value_or_be_a_handlers(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, await_other_leavers, NULL);
}

/* An owner that is cancelled leaves its function in the middle of everything. */
static intptr_t leave_in_groups(void *arg)
{
    whorl_generator each;
    intptr_t value;
    begin(&each, count_and_clean_up, 0);
    check_next(&each, 0);
    intptr_t slept = whorl_sleep((int64_t)(intptr_t)arg);
    return slept < 0 ? slept : whorl_generator_next(&each, &value);
}

static intptr_t cancel_owners(void *arg)
{
    whorl_group group;
    (void)arg;
    cleaned = 0;
    check_equal(whorl_group_init(&group), 0);
    for (int i = 0; i < 10; i++)
        check_equal(whorl_group_spawn(&group, leave_in_groups, (void *)WHORL_SECONDS(100)), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_group_cancel(&group), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(cleaned, 10);
    return 0;
}

static void owners_that_are_cancelled_end_after_their_generators(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, cancel_owners, NULL);
}

static intptr_t join_the_owner(whorl_generator *self, void *owner)
{
    check_equal(whorl_join(owner), -EDEADLK);
    return whorl_generator_yield(self, 3);
}

static intptr_t be_joined(void *arg)
{
    whorl_generator each;
    (void)arg;
    begin(&each, join_the_owner, (intptr_t)whorl_self());
    check_next(&each, 3);
    return 0;
}

static void a_generator_cannot_join_its_owner(void **state)
{
    (void)state;
    run_checks(be_joined, NULL);
}

/* --- The run's end, and a deadlock --- */

static intptr_t leave_it_to_a_later_run(void *arg)
{
    begin(&outliving, count_and_clean_up, 0);
    check_next(&outliving, 0);
    return (intptr_t)arg;
}

static intptr_t find_it_in_a_later_run(void *arg)
{
    intptr_t value = 77;
    check_equal(whorl_generator_next(&outliving, &value), -EPERM);
    check_equal(whorl_generator_end(&outliving), -EPERM);
    check_equal(value, 77);
    begin(&outliving, yield_once, 0);
    check_next(&outliving, 1);
    check_equal(whorl_generator_end(&outliving), -ECANCELED);
    return (intptr_t)arg;
}

/* Its task's memory is gone: for that to show, nothing else may come into its place. */
static void one_left_open_is_nobodys_in_a_later_run(void **state)
{
    enum { HOLES = 64 };
    static void *filled[HOLES];
    (void)state;
    run_checks_with(&virtual_time, leave_it_to_a_later_run, NULL);
    for (int i = 0; i < HOLES; i++)
        filled[i] = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    run_checks_with(&virtual_time, find_it_in_a_later_run, NULL);
    for (int i = 0; i < HOLES; i++)
        if (filled[i] != MAP_FAILED)
            munmap(filled[i], 1 << 20);
}

static intptr_t begin_after_main(void *arg)
{
    whorl_generator each;
    whorl_shield shield;
    intptr_t value;
    (void)arg;
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(10)), 0);
    begin(&each, count_and_clean_up, 0);
    check_equal(whorl_generator_next(&each, &value), -ECANCELED);
    check_equal(whorl_generator_end(&each), -ECANCELED);
    begin(&each, count_and_clean_up, 0);
    check_equal(whorl_shield_end(&shield, 0), 0);
    cleaned++;
    return 0;
}

static intptr_t leave_a_task(void *arg)
{
    whorl_release(whorl_spawn(begin_after_main, arg));
    return whorl_yield();
}

static void one_begun_after_main_begins_cancelled(void **state)
{
    (void)state;
    bodies = 0;
    cleaned = 0;
    run_checks(leave_a_task, NULL);
    assert_int_equal(cleaned, 1);
    assert_int_equal(bodies, 0);
}

static intptr_t wait_forever(whorl_generator *self, void *arg)
{
    (void)self;
    (void)arg;
    whorl_set_name(whorl_self(), "ann");
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t get_stuck(void *arg)
{
    whorl_generator ann;
    whorl_generator bob;
    intptr_t value;
    (void)arg;
    begin(&bob, wait_forever, 0);
    begin(&ann, wait_forever, 0);
    check_equal(whorl_generator_next(&ann, &value), -ECANCELED);
    check_equal(whorl_generator_end(&ann), -ECANCELED);
    check_equal(whorl_generator_end(&bob), -ECANCELED);
    return 0;
}

static int run_stuck(void *arg)
{
    check_equal(whorl_run(get_stuck, arg), -EDEADLK);
    return 0;
}

static void a_deadlock_report_names_the_generator(void **state)
{
    struct child child;
    assert_int_equal(child_run(run_stuck, state, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "main waits for the next value of ann\n"));
    assert_non_null(strstr(child.text, "task-2 waits for somebody to ask for its next value\n"));
}

/* --- Many --- */

static intptr_t open_many(void *arg)
{
    static whorl_generator each[MANY];
    bool ends = arg;
    for (int i = 0; i < MANY; i++)
        begin(&each[i], count_and_clean_up, i);
    for (int i = 0; i < MANY; i++) {
        check_next(&each[i], 0);
        if (i % 2)
            check_next(&each[i], 1);
    }
    /* In another order than they were begun. */
    for (int i = 0; ends && i < MANY; i += 100)
        check_equal(whorl_generator_end(&each[i * 7 % MANY]), i * 7 % MANY);
    return 0;
}

static intptr_t await_many(void *arg)
{
    (void)arg;
    cleaned = 0;
    check_equal(whorl_join(whorl_spawn(open_many, (void *)0)), 0);
    check_equal(cleaned, MANY);
    cleaned = 0;
    check_equal(whorl_join(whorl_spawn(open_many, (void *)1)), 0);
    check_equal(cleaned, MANY);
    return 0;
}

static void ten_thousand_are_open_at_once(void **state)
{
    (void)state;
    tell_crowd(MANY);
    run_checks_with(&virtual_time, await_many, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(those_left_open_end_before_their_owner),
        behaviour(they_may_have_ended_be_asked_hold_a_value_or_be_a_handlers),
        behaviour(owners_that_are_cancelled_end_after_their_generators),
        behaviour(a_generator_cannot_join_its_owner),
        behaviour(one_left_open_is_nobodys_in_a_later_run),
        behaviour(one_begun_after_main_begins_cancelled),
        behaviour(a_deadlock_report_names_the_generator),
        behaviour(ten_thousand_are_open_at_once),
    };

    return run_behaviours("generator_open", tests);
}
