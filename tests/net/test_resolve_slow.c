/*
 * Lookups that hang: who asked goes on when he is cancelled or his time is up; what the thread
 * finds in the end is kept, dropped with the run, or never looked for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/lookups.h"
#include "run/landing.h"

#include <core/ring.h>
#include <errno.h>

static const whorl_config one_thread = {.threads = 1};

static int begun(void)
{
    return atomic_load(&lookups_begun);
}

/* The lookup of this number ends when the test lets it. */
static int hang(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    (void)host, (void)service, (void)hints;
    await_number(&lookups_may_end, begun());
    return answer_with("10.0.0.1", 0, list);
}

static intptr_t ask(void *arg)
{
    return resolve_quickly(arg, NULL);
}

static intptr_t cancel_one_that_hangs(void *arg)
{
    whorl_task *task = whorl_spawn(ask, "name.test");
    yield_until(&lookups_begun, 1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(atomic_load(&lookups_ended), 0);
    /* Who asks now waits for the same one. */
    task = whorl_spawn(ask, "name.test");
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    task = whorl_spawn(ask, "name.test");
    check_equal(whorl_yield(), 0);
    atomic_store(&lookups_may_end, 1);
    check_equal(whorl_join(task), 1);
    check_equal(begun(), 1);
    return (intptr_t)arg;
}

static void a_cancel_ends_the_call_and_not_the_lookup(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    run_checks(cancel_one_that_hangs, NULL);
}

static intptr_t time_out_one_that_hangs(void *arg)
{
    const whorl_resolve_options soon = {.timeout = WHORL_MS(20)};
    check_equal(resolve_quickly("name.test", &soon), -ETIMEDOUT);
    whorl_timeout scope;
    whorl_timeout_begin(&scope, WHORL_MS(20));
    check_equal(whorl_timeout_end(&scope, resolve_quickly("name.test", NULL)), -ETIMEDOUT);
    check_equal(atomic_load(&lookups_ended), 0);
    atomic_store(&lookups_may_end, 1);
    /* What comes late is kept. */
    yield_until(&lookups_ended, 1);
    check_equal(resolve_quickly("name.test", NULL), 1);
    check_equal(resolve_quickly("name.test", NULL), 1);
    check_equal(begun(), 1);
    return (intptr_t)arg;
}

static void a_timeout_ends_the_call_and_the_late_answer_is_kept(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    run_checks(time_out_one_that_hangs, NULL);
}

/* --- Datagram sockets, whose calls wait for names --- */

static intptr_t open_by_a_name_that_hangs(void *arg)
{
    const whorl_datagram_options soon = {.timeout = WHORL_MS(20)};
    whorl_datagram *one;
    check_equal(whorl_datagram_open("name.test", "7", &soon, &one), -ETIMEDOUT);
    check(!one);
    atomic_store(&lookups_may_end, 1);
    return (intptr_t)arg;
}

static void a_datagram_sockets_timeout_holds_for_its_opening(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    run_checks(open_by_a_name_that_hangs, NULL);
}

static intptr_t connect_it(void *arg)
{
    return whorl_datagram_connect(arg, "name.test", "7");
}

static intptr_t close_amid_a_lookup(void *arg)
{
    whorl_datagram *one;
    whorl_task *tasks[3];
    check_equal(whorl_datagram_open("127.0.0.1", NULL, NULL, &one), 0);
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = whorl_spawn(connect_it, one);
    yield_until(&lookups_begun, 1);
    check_equal(whorl_cancel(tasks[1]), 0);
    check_equal(whorl_join(tasks[1]), -ECANCELED);
    check_equal(whorl_datagram_close(one), 0);
    check_equal(whorl_join(tasks[0]), -ECANCELED);
    check_equal(whorl_join(tasks[2]), -ECANCELED);
    check_equal(atomic_load(&lookups_ended), 0);
    atomic_store(&lookups_may_end, 1);
    return (intptr_t)arg;
}

static void a_datagram_sockets_close_does_not_wait_for_a_lookup(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    run_checks(close_amid_a_lookup, NULL);
}

/* It has been found, and who asked has not gone on. */
static intptr_t close_behind_a_lookup(void *arg)
{
    whorl_datagram *one;
    check_equal(whorl_datagram_open("127.0.0.1", NULL, NULL, &one), 0);
    whorl_task *task = whorl_spawn(connect_it, one);
    yield_until(&lookups_begun, 1);
    atomic_store(&lookups_may_end, 1);
    await_number(&lookups_ended, 1);
    pause_for(WHORL_MS(20)); /* the loop stands still, and then finds the answer at once */
    check_equal(whorl_yield(), 0);
    check(!whorl_is_done(task));
    check_equal(whorl_datagram_close(one), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return (intptr_t)arg;
}

static void nor_is_it_connected_to_what_was_found_just_before(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    run_checks(close_behind_a_lookup, NULL);
}

static intptr_t cancel_those_that_have_not_begun(void *arg)
{
    const whorl_resolve_options soon = {.timeout = WHORL_MS(5)};
    whorl_task *first = whorl_spawn(ask, "first.test"), *two[2];
    yield_until(&lookups_begun, 1);
    for (int i = 0; i < 2; i++)
        two[i] = whorl_spawn(ask, "second.test");
    check_equal(resolve_quickly("third.test", &soon), -ETIMEDOUT);
    check_equal(whorl_cancel(two[1]), 0);
    check_equal(whorl_join(two[1]), -ECANCELED);
    check_equal(whorl_is_done(two[0]), 0);
    check_equal(whorl_cancel(two[0]), 0);
    check_equal(whorl_join(two[0]), -ECANCELED);
    atomic_store(&lookups_may_end, 1);
    check_equal(whorl_join(first), 1);
    check_equal(begun(), 1);
    return (intptr_t)arg;
}

static void a_lookup_that_nobody_waits_for_never_begins(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    run_checks_with(&one_thread, cancel_those_that_have_not_begun, NULL);
}

/* --- The run's end --- */

static atomic_int main_is_over;

/* A thread's: lets the lookup end a while after main has. */
static void *let_go(void *arg)
{
    await_number(&main_is_over, 1);
    atomic_store(&main_is_over, 0);
    pause_for(WHORL_MS(20));
    atomic_store(&lookups_may_end, 1);
    return arg;
}

static intptr_t leave_one_that_hangs(void *arg)
{
    whorl_task *task = whorl_spawn(ask, "name.test");
    yield_until(&lookups_begun, 1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    atomic_store(&main_is_over, 1);
    return (intptr_t)arg;
}

static void the_run_s_end_waits_for_one_that_hangs(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    pthread_t other = start(let_go, NULL);
    run_checks(leave_one_that_hangs, NULL);
    check_equal(atomic_load(&lookups_ended), 1);
    check_equal(atomic_load(&answers_held), 0);
    finish(other);
}

static void also_in_virtual_time(void **state)
{
    (void)state;
    static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};
    answer_lookups_by(hang);
    pthread_t other = start(let_go, NULL);
    run_checks_with(&virtual_time, leave_one_that_hangs, NULL);
    check_equal(atomic_load(&lookups_ended), 1);
    finish(other);
}

static intptr_t leave_one_that_waits(void *arg)
{
    whorl_release(whorl_spawn(ask, "name.test"));
    yield_until(&lookups_begun, 1);
    atomic_store(&main_is_over, 1);
    return (intptr_t)arg;
}

static void main_s_end_cancels_who_waits(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    pthread_t other = start(let_go, NULL);
    run_checks(leave_one_that_waits, NULL);
    check_equal(atomic_load(&lookups_ended), 1);
    finish(other);
}

/* --- A run that is left by a jump --- */

static bool is_left;

/* The first turn of what is left: it has been asked to end, and what was queued has been taken
 * back. Before that the lookup that runs must not end, or the queued one begins. */
int __real_ring_turn(struct ring *ring, int64_t deadline);
int __wrap_ring_turn(struct ring *ring, int64_t deadline);
int __wrap_ring_turn(struct ring *ring, int64_t deadline)
{
    if (is_left)
        atomic_store(&main_is_over, 1);
    is_left = false;
    return __real_ring_turn(ring, deadline);
}

static intptr_t jump_while_two_wait(void *arg)
{
    whorl_release(whorl_spawn(ask, "name.test"));
    yield_until(&lookups_begun, 1);
    whorl_release(whorl_spawn(ask, "queued.test"));
    check_equal(whorl_yield(), 0);
    is_left = true;
    leave(arg);
    return 0;
}

static void a_run_that_is_left_waits_for_what_runs(void **state)
{
    (void)state;
    skip_without_longjmp();
    answer_lookups_by(hang);
    pthread_t other = start(let_go, NULL);
    check_equal(run_and_land(&one_thread, jump_while_two_wait, NULL), -ECANCELED);
    check_equal(atomic_load(&lookups_ended), 1);
    check_equal(atomic_load(&answers_held), 0);
    check_equal(begun(), 1);
    finish(other);
}

/* --- Cancels at any moment --- */

static int be_quick_or_slow(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **list)
{
    (void)service, (void)hints;
    if (host[0] == 's')
        pause_for(WHORL_US(50));
    return host[1] == 'f' ? EAI_NONAME : answer_with("10.0.0.1", 0, list);
}

static intptr_t ask_at_random(void *arg)
{
    static const char *const hosts[] = {"s.test", "q.test", "sf.test", "qf.test"};
    random_source *random = arg;
    const whorl_resolve_options options = {
        .timeout = random_below(random, 3) ? 0 : 1 + (int64_t)random_below(random, WHORL_US(100)),
        .max_age = random_below(random, 2) ? -1 : 0};
    int result = resolve_quickly(hosts[random_below(random, count_of(hosts))], &options);
    if (result != 1 && result != -ENOENT && result != -ETIMEDOUT && result != -ECANCELED)
        check_failed("a lookup gives %d", result);
    return 0;
}

static intptr_t cancel_at_random(void *arg)
{
    enum { TASKS = 12 };
    random_source random = random_from_seed(1);
    for (long round = 0; round < test_rounds(300); round++) {
        whorl_task *tasks[TASKS];
        for (int i = 0; i < TASKS; i++)
            tasks[i] = whorl_spawn(ask_at_random, &random);
        for (uint64_t turns = random_below(&random, 6); turns > 0; turns--)
            check_equal(whorl_yield(), 0);
        if (random_below(&random, 4) == 0)
            check_equal(whorl_resolve_forget(NULL), 0);
        for (int i = 0; i < TASKS; i++)
            if (random_below(&random, 2))
                whorl_cancel(tasks[i]);
        for (int i = 0; i < TASKS; i++)
            whorl_join(tasks[i]);
    }
    return (intptr_t)arg;
}

static void cancels_and_timeouts_at_any_moment_lose_nothing(void **state)
{
    (void)state;
    static const whorl_config few_threads = {.threads = 2};
    answer_lookups_by(be_quick_or_slow);
    run_checks_with(&few_threads, cancel_at_random, NULL);
    check_equal(atomic_load(&answers_held), 0);
    check_equal(atomic_load(&lookups_begun), atomic_load(&lookups_ended));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_cancel_ends_the_call_and_not_the_lookup),
        behaviour(a_timeout_ends_the_call_and_the_late_answer_is_kept),
        behaviour(a_datagram_sockets_timeout_holds_for_its_opening),
        behaviour(a_datagram_sockets_close_does_not_wait_for_a_lookup),
        behaviour(nor_is_it_connected_to_what_was_found_just_before),
        behaviour(a_lookup_that_nobody_waits_for_never_begins),
        behaviour(the_run_s_end_waits_for_one_that_hangs),
        behaviour(also_in_virtual_time),
        behaviour(main_s_end_cancels_who_waits),
        behaviour(a_run_that_is_left_waits_for_what_runs),
        behaviour(cancels_and_timeouts_at_any_moment_lose_nothing),
    };
    return run_behaviours("resolve_slow", tests);
}
