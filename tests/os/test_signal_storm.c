/*
 * A storm of signals while bytes go through pipes and sockets: SIGALRM a thousand times a second,
 * to a handler of the program's and to a task that waits for it; no byte is lost, and no call
 * fails.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { SIGNALS_A_ROUND = 100, BYTES_A_ROUND = 256 << 10 };

struct stream {
    pair both;
    size_t sent, received;
    bool over; /* the sender may stop */
};

static char letter_at(size_t position)
{
    return (char)('a' + (position ^ position >> 11) % 26);
}

/* Sends until it is told that it is enough, in pieces of all sizes. */
static intptr_t send_all(void *arg)
{
    struct stream *stream = arg;
    char piece[5000];
    while (!stream->over || stream->sent < BYTES_A_ROUND) {
        size_t len = 1 + stream->sent % sizeof piece;
        for (size_t i = 0; i < len; i++)
            piece[i] = letter_at(stream->sent + i);
        ssize_t done = whorl_write(stream->both.ends[1], piece, len);
        if (done <= 0)
            return done;
        stream->sent += (size_t)done;
    }
    int error = whorl_close(stream->both.ends[1]);
    stream->both.ends[1] = -1;
    return error;
}

static intptr_t receive_all(void *arg)
{
    struct stream *stream = arg;
    char piece[3000];
    ssize_t got;
    while ((got = whorl_read(stream->both.ends[0], piece, sizeof piece)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            if (piece[i] != letter_at(stream->received + (size_t)i))
                return -EILSEQ;
        stream->received += (size_t)got;
    }
    return got;
}

/* Lets streams of every kind run until `storm`, a task's body, has had its signals. */
static intptr_t weather(whorl_fn *storm)
{
    struct stream streams[] = {{.both = pipe_pair()}, {.both = unix_pair()}, {.both = tcp_pair()}};
    whorl_task *tasks[2 * count_of(streams)];
    for (size_t i = 0; i < count_of(streams); i++) {
        tasks[2 * i] = whorl_spawn(send_all, &streams[i]);
        tasks[2 * i + 1] = whorl_spawn(receive_all, &streams[i]);
    }
    check_equal(whorl_join(whorl_spawn(storm, NULL)), 0);
    for (size_t i = 0; i < count_of(streams); i++)
        streams[i].over = true;
    check_equal(whorl_gather(tasks, count_of(tasks), NULL, 0), 0);
    for (size_t i = 0; i < count_of(streams); i++) {
        check_equal(streams[i].received, streams[i].sent);
        close_pair(&streams[i].both);
    }
    return 0;
}

/* --- To a handler --- */

static volatile sig_atomic_t caught;

static void count_signal(int number)
{
    (void)number;
    caught++;
}

static void start_alarms(void)
{
    struct itimerval often = {{0, 1000}, {0, 1000}};
    check_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void stop_alarms(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    check_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
}

static intptr_t sleep_until_all_are_caught(void *arg)
{
    (void)arg;
    while (caught < SIGNALS_A_ROUND) {
        int slept = whorl_sleep(WHORL_US(300));
        if (slept < 0)
            return slept;
    }
    return 0;
}

static intptr_t weather_with_a_handler(void *arg)
{
    (void)arg;
    caught = 0;
    start_alarms();
    weather(sleep_until_all_are_caught);
    stop_alarms();
    return 0;
}

/* With and without SA_RESTART, which is no matter to the ring. */
static void a_storm_on_a_handler_loses_no_byte(void **state)
{
    struct sigaction before;
    unsigned left = alarm(0); /* the program's own watchdog */
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction action = {.sa_handler = count_signal,
                                   .sa_flags = restart ? SA_RESTART : 0};
        assert_int_equal(sigaction(SIGALRM, &action, restart ? NULL : &before), 0);
        for (long i = test_rounds(1); i > 0; i--)
            run_checks(weather_with_a_handler, NULL);
        run_checks_with(&(whorl_config){.without = UINT64_MAX}, weather_with_a_handler, NULL);
    }
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    alarm(left);
}

/* --- To a task --- */

static intptr_t wait_for_all(void *arg)
{
    sigset_t set;
    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    /* Blocked before the first comes. */
    check_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    start_alarms();
    int number = SIGALRM;
    for (int i = 0; i < SIGNALS_A_ROUND && number > 0; i++) {
        number = whorl_signal_wait(&set, NULL);
        check_equal(number, SIGALRM);
    }
    stop_alarms();
    /* One may have come since. */
    sigtimedwait(&set, NULL, &(struct timespec){0});
    return number < 0 ? number : 0;
}

static intptr_t weather_with_a_task(void *arg)
{
    (void)arg;
    return weather(wait_for_all);
}

static void a_storm_on_a_task_loses_no_byte(void **state)
{
    unsigned left = alarm(0);
    (void)state;
    for (long i = test_rounds(1); i > 0; i--)
        run_checks(weather_with_a_task, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, weather_with_a_task, NULL);
    alarm(left);
}

/* --- A timer whose every expiry counts --- */

/* What of expiries comes while a signal is pending is its overrun: with that none is missed. */
static intptr_t count_expiries(void *arg)
{
    sigset_t set;
    siginfo_t info;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    long expiries = 0, signals = 0;
    struct timespec start, end;
    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    check_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    event.sigev_value.sival_int = 5;
    check_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    clock_gettime(CLOCK_MONOTONIC, &start);
    check_equal(timer_settime(timer, 0, &often, NULL), 0);
    while (signals < SIGNALS_A_ROUND) {
        check_equal(whorl_signal_wait(&set, &info), SIGRTMIN);
        check_equal(info.si_code, SI_TIMER);
        check_equal(info.si_value.sival_int, 5);
        expiries += 1 + info.si_overrun;
        signals++;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    check_equal(timer_delete(timer), 0);
    long passed = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
    printf("%ld signals, %ld expiries in %ld ms\n", signals, expiries, passed);
    check(expiries <= passed + 1); /* none is doubled */
    sigtimedwait(&set, NULL, &(struct timespec){0});
    return 0;
}

static intptr_t weather_with_a_timer(void *arg)
{
    (void)arg;
    return weather(count_expiries);
}

static void a_timers_signals_come_with_what_they_bring(void **state)
{
    (void)state;
    run_checks(weather_with_a_timer, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_storm_on_a_handler_loses_no_byte),
        behaviour(a_storm_on_a_task_loses_no_byte),
        behaviour(a_timers_signals_come_with_what_they_bring),
    };
    return run_behaviours("signal storm", tests);
}
