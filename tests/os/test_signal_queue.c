/*
 * Many signals and many who wait for them: each goes to one, in turn, and none is lost or doubled,
 * whoever is cancelled meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A queue of real-time signals holds as many as RLIMIT_SIGPENDING says: thousands. */
enum { QUEUED = 1000, WAITERS = 5, ROUNDS = 200, CROWD = 2000 };

static sigset_t real_time(int first, int last)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = first; i <= last; i++)
        sigaddset(&set, SIGRTMIN + i);
    return set;
}

static void send_one(int offset, int value)
{
    check_equal(sigqueue(getpid(), SIGRTMIN + offset, (union sigval){.sival_int = value}), 0);
}

/* Nothing is pending any more, of what the tests use. */
static void check_none_pending(void)
{
    sigset_t pending;
    check_equal(sigpending(&pending), 0);
    for (int i = 0; i < 4; i++)
        check_equal(sigismember(&pending, SIGRTMIN + i), 0);
}

/* --- Another thread's --- */

static int taken_elsewhere = -1; /* signals that another thread takes just before; negative: none */

int __real_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *limit);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *limit);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *limit)
{
    int number = __real_sigtimedwait(set, info, limit);
    if (taken_elsewhere < 0 || number < 0)
        return number;
    taken_elsewhere++;
    errno = EAGAIN;
    return -1;
}

static intptr_t wait_for_the_second(void *arg)
{
    siginfo_t info = {0};
    sigset_t set = real_time(0, 0);
    check_equal(whorl_signal_wait(&set, &info), SIGRTMIN);
    check_equal(info.si_value.sival_int, 2);
    return (intptr_t)arg;
}

static intptr_t take_the_first_elsewhere(void *arg)
{
    whorl_task *task = whorl_spawn(wait_for_the_second, arg);
    check_equal(whorl_yield(), 0);
    taken_elsewhere = 0;
    send_one(0, 1);
    while (taken_elsewhere == 0)
        check_equal(whorl_sleep(WHORL_US(10)), 0);
    taken_elsewhere = -1;
    check_none_pending();
    check_equal(whorl_is_done(task), 0);
    send_one(0, 2);
    return whorl_join(task);
}

static void one_that_another_thread_takes_first_is_not_given(void **state)
{
    (void)state;
    run_checks(take_the_first_elsewhere, NULL);
}

/* --- In turn --- */

struct waiter {
    sigset_t set;
    int number; /* what it got */
    int value;
    int place; /* among those who got something */
};

static int places;

static intptr_t wait_once(void *arg)
{
    struct waiter *waiter = arg;
    siginfo_t info = {0};
    int number = whorl_signal_wait(&waiter->set, &info);
    if (number < 0)
        return number;
    waiter->number = number - SIGRTMIN;
    waiter->value = info.si_value.sival_int;
    waiter->place = places++;
    return 0;
}

static void spawn_waiters(struct waiter *waiters, whorl_task **tasks, size_t n)
{
    places = 0;
    for (size_t i = 0; i < n; i++)
        tasks[i] = whorl_spawn(wait_once, &waiters[i]);
    check_equal(whorl_yield(), 0);
}

static intptr_t serve_in_turn(void *arg)
{
    struct waiter waiters[WAITERS];
    whorl_task *tasks[WAITERS];
    (void)arg;
    for (int i = 0; i < WAITERS; i++)
        waiters[i] = (struct waiter){.set = real_time(0, 0)};
    spawn_waiters(waiters, tasks, WAITERS);
    check_equal(whorl_cancel(tasks[2]), 0);
    check_equal(whorl_join(tasks[2]), -ECANCELED);
    for (int i = 0; i < WAITERS - 1; i++)
        send_one(0, i);
    for (int i = 0; i < WAITERS; i++) {
        if (i == 2)
            continue;
        check_equal(whorl_join(tasks[i]), 0);
        check_equal(waiters[i].value, i - (i > 2));
        check_equal(waiters[i].place, i - (i > 2));
    }
    check_none_pending();
    return 0;
}

static void who_came_first_is_served_first(void **state)
{
    (void)state;
    run_checks(serve_in_turn, NULL);
}

static intptr_t overlap(void *arg)
{
    struct waiter waiters[4] = {{.set = real_time(0, 1)},
                                {.set = real_time(1, 2)},
                                {.set = real_time(1, 3)},
                                {.set = real_time(2, 2)}};
    whorl_task *tasks[4];
    static const int got[] = {1, 1, 3, 2};
    (void)arg;
    spawn_waiters(waiters, tasks, 4);
    send_one(3, 13);
    check_equal(whorl_join(tasks[2]), 0); /* the only one who wants it */
    send_one(1, 11);
    check_equal(whorl_join(tasks[0]), 0);
    check_equal(whorl_is_done(tasks[1]), 0);
    send_one(1, 11);
    send_one(2, 12);
    check_equal(whorl_join(tasks[1]), 0); /* the lower number of two */
    check_equal(whorl_join(tasks[3]), 0);
    for (int i = 0; i < 4; i++)
        check_equal(waiters[i].number, got[i]);
    check_none_pending();
    return 0;
}

static void overlapping_sets_are_served_each_signal_once(void **state)
{
    (void)state;
    run_checks(overlap, NULL);
}

/* Whether they were sent to the thread or to the process. */
static intptr_t take_by_number(void *arg)
{
    sigset_t set = real_time(0, 3);
    (void)arg;
    check_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (int offset = 3; offset >= 0; offset--) {
        if (offset % 2)
            check_equal(raise(SIGRTMIN + offset), 0);
        else
            send_one(offset, 0);
    }
    for (int offset = 0; offset <= 3; offset++)
        check_equal(whorl_signal_wait(&set, NULL), SIGRTMIN + offset);
    check_none_pending();
    return 0;
}

static void the_lowest_number_comes_first(void **state)
{
    (void)state;
    run_checks(take_by_number, NULL);
}

static intptr_t widen(void *arg)
{
    struct waiter waiters[2] = {{.set = real_time(0, 0)}, {.set = real_time(1, 1)}};
    whorl_task *tasks[2];
    sigset_t all = real_time(0, 3);
    (void)arg;
    check_equal(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    send_one(1, 5);
    spawn_waiters(waiters, tasks, 1);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    check_equal(whorl_is_done(tasks[0]), 0); /* not what it waits for */
    tasks[1] = whorl_spawn(wait_once, &waiters[1]);
    check_equal(whorl_join(tasks[1]), 0); /* pending before it came */
    check_equal(waiters[1].value, 5);
    /* One that nobody waits for any more neither wakes nor hurts those who wait. */
    tasks[1] = whorl_spawn(wait_once, &waiters[1]);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(tasks[1]), 0);
    check_equal(whorl_join(tasks[1]), -ECANCELED);
    send_one(1, 6);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    check_equal(whorl_is_done(tasks[0]), 0);
    send_one(0, 7);
    check_equal(whorl_join(tasks[0]), 0);
    check_equal(waiters[0].value, 7);
    check_equal(whorl_signal_wait(&all, NULL), SIGRTMIN + 1);
    return 0;
}

static void a_signal_waits_for_who_wants_it(void **state)
{
    (void)state;
    run_checks(widen, NULL);
}

static intptr_t cancel_the_first(void *arg)
{
    struct waiter waiters[3] = {
        {.set = real_time(0, 0)}, {.set = real_time(0, 0)}, {.set = real_time(0, 0)}};
    whorl_task *tasks[3];
    (void)arg;
    spawn_waiters(waiters, tasks, 3);
    /* The second has the watch when the first is gone, and is cancelled before it has run. */
    check_equal(whorl_cancel(tasks[0]), 0);
    while (!whorl_is_done(tasks[0]))
        check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(tasks[1]), 0);
    send_one(0, 9);
    check_equal(whorl_join(tasks[0]), -ECANCELED);
    check_equal(whorl_join(tasks[1]), -ECANCELED);
    check_equal(whorl_join(tasks[2]), 0);
    check_equal(waiters[2].value, 9);
    check_none_pending();
    return 0;
}

static void who_is_cancelled_passes_his_turn_on(void **state)
{
    (void)state;
    run_checks(cancel_the_first, NULL);
}

/* --- Counted --- */

static unsigned char seen[QUEUED * 2];

static intptr_t wait_and_count(void *arg)
{
    sigset_t set = real_time(0, 1);
    siginfo_t info;
    int number;
    (void)arg;
    while ((number = whorl_signal_wait(&set, &info)) > 0)
        seen[info.si_value.sival_int + (number - SIGRTMIN) * QUEUED]++;
    return number;
}

static void check_each_seen_once(void)
{
    for (size_t i = 0; i < count_of(seen); i++)
        check_equal(seen[i], 1);
    memset(seen, 0, sizeof seen);
}

static bool all_seen(void)
{
    return memchr(seen, 0, sizeof seen) == NULL;
}

static intptr_t count_queued(void *arg)
{
    size_t readers = (size_t)(intptr_t)arg;
    whorl_task *tasks[WAITERS];
    sigset_t set = real_time(0, 1);
    check_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (int i = 0; i < QUEUED; i++) {
        send_one(1, i);
        send_one(0, i);
    }
    for (size_t i = 0; i < readers; i++)
        tasks[i] = whorl_spawn(wait_and_count, NULL);
    while (!all_seen())
        check_equal(whorl_yield(), 0);
    for (size_t i = 0; i < readers; i++)
        check_equal(whorl_cancel(tasks[i]), 0);
    for (size_t i = 0; i < readers; i++)
        check_equal(whorl_join(tasks[i]), -ECANCELED);
    check_each_seen_once();
    check_none_pending();
    return 0;
}

static void need_queue(rlim_t length)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
    if (limit.rlim_cur < length)
        skip_because("no more than %ju signals can be queued here", (uintmax_t)limit.rlim_cur);
}

static void queued_signals_are_counted_exactly(void **state)
{
    (void)state;
    need_queue(QUEUED * 2 + 100);
    run_checks(count_queued, (void *)1);
    run_checks(count_queued, (void *)WAITERS);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, count_queued, (void *)WAITERS);
}

/* Readers that are cancelled and replaced all the time, while signals come. */
static intptr_t cancel_while_they_come(void *arg)
{
    random_source source = random_from_seed(3);
    whorl_task *tasks[WAITERS] = {NULL};
    int sent[2] = {0, 0};
    (void)arg;
    for (size_t i = 0; i < WAITERS; i++)
        tasks[i] = whorl_spawn(wait_and_count, NULL);
    check_equal(whorl_yield(), 0);
    while (sent[0] + sent[1] < QUEUED * 2) {
        size_t one = (size_t)random_below(&source, WAITERS);
        int offset = (int)random_below(&source, 2);
        bool before = random_below(&source, 2);
        if (before)
            check_equal(whorl_cancel(tasks[one]), 0);
        for (int i = 0; i < 3 && sent[offset] < QUEUED; i++)
            send_one(offset, sent[offset]++);
        if (!before)
            check_equal(whorl_cancel(tasks[one]), 0);
        check_equal(whorl_join(tasks[one]), -ECANCELED);
        tasks[one] = whorl_spawn(wait_and_count, NULL);
        if (random_below(&source, 2))
            check_equal(whorl_yield(), 0);
    }
    while (!all_seen())
        check_equal(whorl_yield(), 0);
    for (size_t i = 0; i < WAITERS; i++) {
        check_equal(whorl_cancel(tasks[i]), 0);
        check_equal(whorl_join(tasks[i]), -ECANCELED);
    }
    check_each_seen_once();
    check_none_pending();
    return 0;
}

static void none_is_lost_to_a_cancel(void **state)
{
    (void)state;
    need_queue(QUEUED * 2 + 100);
    for (long i = test_rounds(5); i > 0; i--)
        run_checks(cancel_while_they_come, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, cancel_while_they_come, NULL);
}

/* --- A crowd --- */

static intptr_t serve_a_crowd(void *arg)
{
    static struct waiter waiters[CROWD];
    static whorl_task *tasks[CROWD];
    (void)arg;
    for (int i = 0; i < CROWD; i++)
        waiters[i] = (struct waiter){.set = real_time(i % 4, i % 4)};
    spawn_waiters(waiters, tasks, CROWD);
    for (int i = 0; i < CROWD; i += 2)
        check_equal(whorl_cancel(tasks[i]), 0);
    for (int i = 0; i < CROWD; i++)
        if (i % 2)
            send_one(i % 4, i);
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_join(tasks[i]), i % 2 ? 0 : -ECANCELED);
    for (int i = 1; i < CROWD; i += 2)
        check_equal(waiters[i].value, i);
    check_none_pending();
    return 0;
}

static void a_crowd_is_served_each_his_own(void **state)
{
    (void)state;
    need_queue(CROWD);
    run_checks(serve_a_crowd, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(one_that_another_thread_takes_first_is_not_given),
        behaviour(who_came_first_is_served_first),
        behaviour(overlapping_sets_are_served_each_signal_once),
        behaviour(the_lowest_number_comes_first),
        behaviour(a_signal_waits_for_who_wants_it),
        behaviour(who_is_cancelled_passes_his_turn_on),
        behaviour(queued_signals_are_counted_exactly),
        behaviour(none_is_lost_to_a_cancel),
        behaviour(a_crowd_is_served_each_his_own),
    };
    return run_behaviours("signal queue", tests);
}
