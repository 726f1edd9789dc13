/*
 * How others wake a loop, and what a loop that somebody holds waits for: a loop that sleeps is
 * woken once, one that is busy not at all; while somebody holds it nothing is a deadlock; the time
 * of a virtual clock jumps all the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "os/threads.h"

#include <core/loop.h>
#include <sched.h>

#define HOUR WHORL_SECONDS(3600)

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_loop *held;
static whorl_task *main_task;
static int ran;

static intptr_t count(void *arg)
{
    ran++;
    return (intptr_t)arg;
}

static intptr_t cancel_main(void *arg)
{
    (void)arg;
    ran++;
    return whorl_cancel(main_task);
}

/* As far as the loop has read it. */
static uint64_t writes_to_the_eventfd(void)
{
    return loop_here->inbox->wakes;
}

/* --- Wakes --- */

enum { POSTS = 200 };

static void *post_to_a_sleeper(void *arg)
{
    const struct inbox *inbox = (struct inbox *)held;
    for (long i = 0; i < (long)(intptr_t)arg; i++) {
        /* Only a loop that sleeps has the bit, and it does not wake by itself. */
        while (!(__atomic_load_n(&inbox->state, __ATOMIC_SEQ_CST) >> 62 & 1))
            sched_yield();
        check_equal(whorl_post(held, cancel_main, NULL), 0);
    }
    return NULL;
}

static intptr_t be_woken(void *arg)
{
    long rounds = (long)(intptr_t)arg;
    main_task = whorl_self();
    held = whorl_loop_hold();
    pthread_t thread = start(post_to_a_sleeper, arg);
    for (long i = 0; i < rounds; i++) {
        check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
        check_equal(whorl_uncancel(), 1);
    }
    finish(thread);
    check_equal(whorl_sleep(1), 0);
    check_equal(ran, rounds);
    check_equal(writes_to_the_eventfd(), rounds);
    return whorl_loop_drop(held);
}

static void each_post_to_a_sleeping_loop_wakes_it_by_one_write(void **state)
{
    (void)state;
    ran = 0;
    run_checks(be_woken, (void *)(intptr_t)test_rounds(POSTS));
}

static void *post_some(void *arg)
{
    for (int i = 0; i < POSTS; i++)
        check_equal(whorl_post(held, count, arg), 0);
    return NULL;
}

static intptr_t stay_busy(void *arg)
{
    held = whorl_loop_hold();
    pthread_t thread = start(post_some, arg);
    while (ran < POSTS)
        check_equal(whorl_yield(), 0);
    finish(thread);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(writes_to_the_eventfd(), 0);
    return whorl_loop_drop(held);
}

static void posts_to_a_busy_loop_write_to_no_descriptor(void **state)
{
    (void)state;
    ran = 0;
    run_checks(stay_busy, NULL);
}

/* However many threads find it asleep, one of them wakes it. */
enum { CROWD = 4 };

static pthread_barrier_t together;

static intptr_t count_and_wake(void *arg)
{
    (void)arg;
    return ++ran == CROWD ? whorl_cancel(main_task) : 0;
}

static void *post_together(void *arg)
{
    whorl_posted *posted = arg;
    const struct inbox *inbox = (struct inbox *)held;
    while (!(__atomic_load_n(&inbox->state, __ATOMIC_SEQ_CST) >> 62 & 1))
        sched_yield();
    pthread_barrier_wait(&together);
    check_equal(whorl_post_with(held, posted, count_and_wake, NULL), 0);
    return NULL;
}

static intptr_t be_woken_by_a_crowd(void *arg)
{
    long rounds = (long)(intptr_t)arg;
    main_task = whorl_self();
    held = whorl_loop_hold();
    for (long i = 0; i < rounds; i++) {
        whorl_posted posted[CROWD];
        pthread_t threads[CROWD];
        ran = 0;
        for (int j = 0; j < CROWD; j++)
            threads[j] = start(post_together, &posted[j]);
        check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
        check_equal(whorl_uncancel(), 1);
        for (int j = 0; j < CROWD; j++)
            finish(threads[j]);
        check_equal(ran, CROWD);
    }
    check_equal(whorl_sleep(1), 0);
    /* It may have gone to sleep again between two of a crowd. */
    check(writes_to_the_eventfd() >= (uint64_t)rounds &&
          writes_to_the_eventfd() <= (uint64_t)(CROWD * rounds));
    return whorl_loop_drop(held);
}

static void a_crowd_that_wakes_a_loop_loses_nothing(void **state)
{
    (void)state;
    pthread_barrier_init(&together, NULL, CROWD);
    run_checks(be_woken_by_a_crowd, (void *)(intptr_t)test_rounds(UNDER_SANITIZER ? 100 : 300));
    pthread_barrier_destroy(&together);
}

/* --- A flood starves nobody --- */

enum { FLOOD = UNDER_SANITIZER ? 1000 : 50000 };

static whorl_posted drops[FLOOD];
static bool is_over;

static intptr_t post_again(void *arg)
{
    ran++;
    return is_over ? 0 : whorl_post_with(held, arg, post_again, arg);
}

static intptr_t live_in_a_flood(void *arg)
{
    pair both = pipe_pair();
    char byte;
    held = whorl_loop_hold();
    for (int i = 0; i < FLOOD; i++)
        check_equal(whorl_post_with(held, &drops[i], post_again, &drops[i]), 0);
    for (int i = 0; i < 20; i++) {
        int before = ran;
        check_equal(whorl_yield(), 0);
        check(ran - before <= 2 * INBOX_BATCH);
        check_equal(whorl_sleep(1), 0);
        check_equal(whorl_write(both.ends[1], "x", 1), 1);
        check_equal(whorl_read(both.ends[0], &byte, 1), 1);
    }
    check(ran >= INBOX_BATCH);
    is_over = true;
    close_pair(&both);
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static void a_flood_of_posts_starves_neither_tasks_nor_io(void **state)
{
    (void)state;
    ran = 0;
    is_over = false;
    run_checks(live_in_a_flood, NULL);
}

/* --- Deadlocks --- */

static void *drop_later(void *arg)
{
    pause_for(WHORL_MS(3));
    check_equal(whorl_loop_drop(held), 0);
    return arg;
}

static intptr_t wait_for_nothing(void *arg)
{
    held = whorl_loop_hold();
    pthread_t thread = start(drop_later, arg);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    finish(thread);
    return 0;
}

static int run_into_a_deadlock(void *arg)
{
    check_equal(whorl_run_with(arg, wait_for_nothing, NULL), -EDEADLK);
    return 0;
}

static void a_deadlock_is_told_when_the_last_handle_is_dropped_elsewhere(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct child child;
        whorl_config config = {.clock = i ? WHORL_CLOCK_VIRTUAL : WHORL_CLOCK_REAL};
        assert_int_equal(child_run(run_into_a_deadlock, &config, &child), 0);
        assert_true(child_exited(&child, 0));
        assert_non_null(strstr(child.text, "whorl: deadlock"));
        assert_non_null(strstr(child.text, "main waits for time"));
    }
}

static intptr_t hold_and_drop_at_once(void *arg)
{
    (void)arg;
    check_equal(whorl_loop_drop(whorl_loop_hold()), 0);
    return whorl_sleep(WHORL_FOREVER);
}

static int run_into_a_deadlock_unheld(void *arg)
{
    check_equal(whorl_run(hold_and_drop_at_once, arg), -EDEADLK);
    return 0;
}

static void a_deadlock_is_told_when_nobody_holds_the_loop(void **state)
{
    struct child child;
    (void)state;
    assert_int_equal(child_run(run_into_a_deadlock_unheld, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "whorl: deadlock"));
}

/* Drops in the very moment in which the loop goes to sleep. */
static atomic_int holding;

static void *drop_at_some_point(void *arg)
{
    await_number(&holding, 1);
    for (volatile long i = 0; i < (long)(intptr_t)arg; i++)
        continue;
    check_equal(whorl_loop_drop(held), 0);
    return NULL;
}

static intptr_t hold_and_sleep(void *arg)
{
    held = whorl_loop_hold();
    atomic_store(&holding, 1);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    return (intptr_t)arg;
}

static int race_with_drops(void *arg)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 200 : 1000);
    random_source source = random_from_seed(2);
    for (long i = 0; i < rounds; i++) {
        atomic_store(&holding, 0);
        pthread_t thread =
            start(drop_at_some_point, (void *)(intptr_t)random_below(&source, 100000));
        check_equal(whorl_run(hold_and_sleep, arg), -EDEADLK);
        finish(thread);
    }
    return 0;
}

static void a_drop_is_seen_however_it_meets_the_loops_sleep(void **state)
{
    (void)state;
    run_in_child(race_with_drops, NULL);
}

/* --- Virtual time --- */

static intptr_t sleep_while_held(void *arg)
{
    int64_t begin = whorl_now();
    held = whorl_loop_hold();
    for (int i = 1; i <= 1000; i++) {
        check_equal(whorl_sleep(HOUR), 0);
        check_equal(whorl_now() - begin, i * HOUR);
    }
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static void virtual_time_jumps_while_somebody_holds_the_loop(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, sleep_while_held, NULL);
}

enum { CALLS = 3 * INBOX_BATCH };

static intptr_t note_the_time(void *arg)
{
    ran++;
    return check_equal(whorl_now(), *(int64_t *)arg);
}

/* Calls that a task makes are as those that it spawns: they begin before its sleep is over. */
static intptr_t post_and_sleep(void *arg)
{
    int64_t begin = whorl_now();
    ran = 0;
    held = whorl_loop_hold();
    for (int i = 0; i < CALLS; i++)
        check_equal(whorl_post(held, note_the_time, &begin), 0);
    check_equal(whorl_sleep(HOUR), 0);
    check_equal(whorl_now() - begin, HOUR);
    check_equal(ran, CALLS);
    return whorl_loop_drop(held) + (intptr_t)arg;
}

static void virtual_time_stands_still_until_what_was_posted_has_begun(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, post_and_sleep, NULL);
}

static void *post_later(void *arg)
{
    pause_for(WHORL_MS(3));
    check_equal(whorl_post(held, cancel_main, arg), 0);
    return NULL;
}

static intptr_t wait_for_a_post(void *arg)
{
    main_task = whorl_self();
    held = whorl_loop_hold();
    pthread_t thread = start(post_later, arg);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    finish(thread);
    return whorl_loop_drop(held);
}

static void with_nothing_else_to_do_a_virtual_loop_waits_for_posts(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_a_post, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(each_post_to_a_sleeping_loop_wakes_it_by_one_write),
        behaviour(posts_to_a_busy_loop_write_to_no_descriptor),
        behaviour(a_crowd_that_wakes_a_loop_loses_nothing),
        behaviour(a_flood_of_posts_starves_neither_tasks_nor_io),
        behaviour(a_deadlock_is_told_when_the_last_handle_is_dropped_elsewhere),
        behaviour(a_deadlock_is_told_when_nobody_holds_the_loop),
        behaviour(a_drop_is_seen_however_it_meets_the_loops_sleep),
        behaviour(virtual_time_jumps_while_somebody_holds_the_loop),
        behaviour(virtual_time_stands_still_until_what_was_posted_has_begun),
        behaviour(with_nothing_else_to_do_a_virtual_loop_waits_for_posts),
    };

    return run_behaviours("wake", tests);
}
