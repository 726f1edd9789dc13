/*
 * What accept(2) may say, from a kernel of the test's own: errors that are passed over, shortages
 * that are waited out, a multishot accept that ends without a reason, and what is final.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/faults.h"

#include <net/listener.h>
#include <poll.h>

/* Numbers of descriptors of which none is open. */
enum { NOT_OPEN = 60, FIRST_TAKEN = 100000, SECOND_TAKEN, THIRD_TAKEN };

#define TAKES(number) ((struct fake_end){.turns = 1, .result = (number)})
#define CLOSES ((struct fake_end){.turns = 1, .result = 0}) /* the listener's close */
#define FAILS(error) ((struct fake_end){.turns = 1, .result = (error)})

static bool connections_wait; /* in the queue, as far as the kernel tells who looks */

int __wrap_poll(struct pollfd *queue, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *queue, nfds_t count, int timeout)
{
    check(count == 1 && queue->events == POLLIN && timeout == 0);
    queue->revents = connections_wait ? POLLIN : 0;
    return connections_wait;
}

static whorl_listener *listen_on(int fd)
{
    whorl_listener *listener;
    check_equal(listener_make(1, &listener), 0);
    listener_add(listener, fd, 1);
    return listener;
}

/* --- Passed over --- */

static const int passed_over[] = {
    -ECONNABORTED, -EPROTO,       -EPERM,       -ENETDOWN,   -ENOPROTOOPT, -EHOSTDOWN,
    -ENONET,       -EHOSTUNREACH, -ENETUNREACH, -EOPNOTSUPP, -ETIMEDOUT,   -ECONNRESET,
};

static intptr_t accept_after_errors(void *arg)
{
    (void)arg;
    whorl_listener *listener = listen_on(LINE);
    check_equal(whorl_listener_accept(listener), FIRST_TAKEN);
    check_equal(fake_submissions(LINE), 3);
    check_equal(listener->pause, 0);
    return whorl_listener_close(listener);
}

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static void errors_of_one_connection_are_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(passed_over); i++) {
        fake_reset();
        fake_op(LINE, 2, FAILS(passed_over[i]));
        fake_op(LINE, 1, TAKES(FIRST_TAKEN));
        fake_op(LINE, 1, CLOSES);
        run_checks_with(&virtual_time, accept_after_errors, NULL);
    }
}

/* --- Waited out --- */

static intptr_t accept_after_shortages(void *arg)
{
    const unsigned *shortages = arg;
    whorl_listener *listener = listen_on(LINE);
    int64_t before = whorl_now();
    check_equal(whorl_listener_accept(listener), FIRST_TAKEN);
    int64_t waited = 0;
    for (unsigned i = 0; i < *shortages; i++)
        waited += i < 7 ? WHORL_MS(10) << i : WHORL_SECONDS(1);
    check(whorl_now() - before >= waited);
    check(whorl_now() - before < waited + WHORL_SECONDS(1));
    /* The first of the next shortage is short again. */
    before = whorl_now();
    check_equal(whorl_listener_accept(listener), SECOND_TAKEN);
    check(whorl_now() - before >= WHORL_MS(10));
    check(whorl_now() - before < WHORL_SECONDS(1));
    return whorl_listener_close(listener);
}

static void shortages_are_waited_out_ever_more_slowly(void **state)
{
    (void)state;
    static const int errors[] = {-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM};
    for (size_t i = 0; i < count_of(errors); i++) {
        for (unsigned times = 1; times <= 10; times += 3) {
            fake_reset();
            fake_op(LINE, times, FAILS(errors[i]));
            fake_op(LINE, 1, TAKES(FIRST_TAKEN));
            fake_op(LINE, 1, FAILS(errors[i]));
            fake_op(LINE, 1, TAKES(SECOND_TAKEN));
            fake_op(LINE, 1, CLOSES);
            run_checks_with(&virtual_time, accept_after_shortages, &times);
        }
    }
}

static intptr_t give_up_in_a_shortage(void *arg)
{
    (void)arg;
    whorl_listener *listener = listen_on(LINE);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_SECONDS(60));
    check_equal(whorl_timeout_end(&limit, whorl_listener_accept(listener)), -ETIMEDOUT);
    return whorl_listener_close(listener);
}

static void a_wait_in_a_shortage_is_cancelled_and_the_listener_closed(void **state)
{
    (void)state;
    fake_reset();
    fake_op(LINE, 1, FAILS(-EMFILE));
    run_checks_with(&virtual_time, give_up_in_a_shortage, NULL);
}

static intptr_t leave_in_a_shortage(void *arg)
{
    (void)arg;
    whorl_listener *listener = listen_on(NOT_OPEN);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_SECONDS(60));
    check_equal(whorl_timeout_end(&limit, whorl_listener_accept(listener)), -ETIMEDOUT);
    check(timer_is_armed(&listener->retry));
    return 0;
}

static void the_runs_end_finds_a_listener_in_a_shortage(void **state)
{
    (void)state;
    fake_reset();
    fake_op(NOT_OPEN, 1, FAILS(-EMFILE));
    run_checks_with(&virtual_time, leave_in_a_shortage, NULL);
}

/* Ops at two sockets find no descriptor in one turn: the spare makes room for what is asked
 * next. */
static intptr_t no_handler(whorl_stream *stream, void *arg)
{
    (void)arg;
    return whorl_stream_abort(stream);
}

static intptr_t serve_eight(void *listener)
{
    return whorl_serve(listener, no_handler, NULL, 8);
}

static intptr_t serve_with_the_spare(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    check_equal(listener_make(2, &listener), 0);
    listener_add(listener, LINE, 1000);
    listener_add(listener, OTHER, 1000);
    whorl_task *server = whorl_spawn(serve_eight, listener);
    for (int i = 0; i < 20; i++)
        check_equal(whorl_yield(), 0);
    check(listener->spare < 0 && !timer_is_armed(&listener->retry));
    check_equal(fake_submissions(LINE), 5);
    check_equal(fake_submissions(OTHER), 5);
    whorl_cancel(server);
    check_equal(whorl_join(server), -ECANCELED);
    return whorl_listener_close(listener);
}

static void ops_that_find_no_descriptor_together_are_no_reason_for_a_pause(void **state)
{
    (void)state;
    fake_reset();
    for (int fd = LINE; fd <= OTHER; fd++) {
        fake_op(fd, 4, FAILS(-EMFILE));
        fake_op(fd, 1, STAYS);
        fake_cancel(fd, 1, FOUND);
        fake_op(fd, 1, CLOSES);
    }
    run_checks_with(&virtual_time, serve_with_the_spare, NULL);
}

/* Of a server: it is tried again in time, or as soon as a connection has ended. */
struct short_server {
    whorl_listener *listener;
    whorl_event release;
};

static intptr_t hold_until_released(whorl_stream *stream, void *arg)
{
    struct short_server *one = arg;
    check_equal(whorl_event_wait(&one->release), 0);
    return whorl_stream_abort(stream);
}

static intptr_t serve_two(void *arg)
{
    struct short_server *one = arg;
    return whorl_serve(one->listener, hold_until_released, one, 2);
}

static intptr_t serve_in_a_shortage(void *waits_it_out)
{
    struct short_server one = {0};
    check_equal(listener_make(1, &one.listener), 0);
    listener_add(one.listener, LINE, 1000);
    whorl_task *server = whorl_spawn(serve_two, &one);
    while (!timer_is_armed(&one.listener->retry) || whorl_listener_live(one.listener) == 0)
        check_equal(whorl_yield(), 0);
    while (waits_it_out && timer_is_armed(&one.listener->retry))
        check_equal(whorl_yield(), 0);
    whorl_event_set(&one.release);
    while (whorl_listener_live(one.listener) > 0)
        check_equal(whorl_yield(), 0);
    check(!timer_is_armed(&one.listener->retry) && one.listener->spare >= 0);
    while (fake_submissions(LINE) < 4)
        check_equal(whorl_yield(), 0);
    whorl_cancel(server);
    check_equal(whorl_join(server), -ECANCELED);
    return whorl_listener_close(one.listener);
}

static void a_server_s_shortage_lasts_until_a_connection_ends_at_most(void **state)
{
    for (int waits = 0; waits < 2; waits++) {
        fake_reset();
        fake_op(LINE, 1, TAKES(FIRST_TAKEN));
        fake_op(LINE, 1, FAILS(-ENOMEM));
        fake_op(LINE, 2, STAYS);
        fake_cancel(LINE, 2, FOUND);
        fake_op(LINE, 1, CLOSES);
        run_checks(serve_in_a_shortage, waits ? state : NULL);
    }
}

/* --- Ends without a reason --- */

struct turn {
    whorl_listener *listener;
    int fd;
};

static intptr_t accept_one(void *arg)
{
    struct turn *turn = arg;
    turn->fd = whorl_listener_accept(turn->listener);
    return 0;
}

static intptr_t accept_three(void *arg)
{
    (void)arg;
    struct turn turns[3];
    whorl_group group;
    whorl_listener *listener = listen_on(LINE);
    whorl_group_init(&group);
    for (int i = 0; i < 3; i++) {
        turns[i] = (struct turn){.listener = listener};
        check_equal(whorl_group_spawn(&group, accept_one, &turns[i]), 0);
    }
    check_equal(whorl_group_wait(&group, 0), 0);
    for (int i = 0; i < 3; i++)
        check_equal(turns[i].fd, FIRST_TAKEN + i);
    return whorl_listener_close(listener);
}

static void one_that_ends_without_a_reason_is_armed_again(void **state)
{
    (void)state;
    fake_reset();
    fake_op(LINE, 1, FAILS(-ECANCELED));
    fake_op(LINE, 1, TAKES(FIRST_TAKEN));
    fake_op(LINE, 1, FAILS(-ECANCELED));
    fake_op(LINE, 1, TAKES(SECOND_TAKEN));
    fake_op(LINE, 1, TAKES(THIRD_TAKEN));
    fake_op(LINE, 1, CLOSES);
    run_checks_with(&virtual_time, accept_three, NULL);
}

/* Of two ops one is cancelled, as who wanted it is; it may have been the one that was woken. */
static intptr_t accept_beside_a_cancelled_one(void *arg)
{
    whorl_listener *listener;
    check_equal(listener_make(1, &listener), 0);
    listener_add(listener, LINE, 1000);
    struct turn turns[2] = {{.listener = listener}, {.listener = listener}};
    whorl_task *first = whorl_spawn(accept_one, &turns[0]);
    whorl_task *second = whorl_spawn(accept_one, &turns[1]);
    for (int i = 0; i < 5; i++)
        check_equal(whorl_yield(), 0);
    check_equal(fake_submissions(LINE), 2);
    connections_wait = arg != NULL;
    check_equal(whorl_cancel(first), 0);
    check_equal(whorl_join(first), 0);
    check_equal(turns[0].fd, -ECANCELED);
    for (int i = 0; i < 5; i++)
        check_equal(whorl_yield(), 0);
    check_equal(fake_submissions(LINE), connections_wait ? 3 : 2);
    connections_wait = false;
    if (!arg)
        check_equal(whorl_cancel(second), 0);
    check_equal(whorl_join(second), 0);
    check_equal(turns[1].fd, arg ? FIRST_TAKEN : -ECANCELED);
    return whorl_listener_close(listener);
}

static void where_one_ends_without_its_connection_another_looks_for_it(void **state)
{
    for (int waits = 0; waits < 2; waits++) {
        fake_reset();
        fake_op(LINE, 2, STAYS);
        fake_cancel(LINE, 1, FOUND);
        if (waits)
            fake_op(LINE, 1, TAKES(FIRST_TAKEN));
        fake_cancel(LINE, 1, FOUND);
        fake_op(LINE, 1, CLOSES);
        run_checks_with(&virtual_time, accept_beside_a_cancelled_one, waits ? state : NULL);
    }
}

static void a_kernel_that_refuses_multishot_is_asked_for_one_at_a_time(void **state)
{
    (void)state;
    fake_reset();
    fake_op(LINE, 1, TAKES(FIRST_TAKEN)); /* an op for each task */
    fake_op(LINE, 1, FAILS(-ECANCELED));
    fake_op(LINE, 1, FAILS(-ECANCELED));
    fake_op(LINE, 1, FAILS(-EINVAL)); /* two wait when the first has ended: many are asked for */
    fake_op(LINE, 1, TAKES(SECOND_TAKEN));
    fake_op(LINE, 1, TAKES(THIRD_TAKEN));
    fake_op(LINE, 1, CLOSES);
    run_checks_with(&virtual_time, accept_three, NULL);
}

/* --- Final --- */

static intptr_t serve_nobody(whorl_stream *stream, void *arg)
{
    (void)stream;
    (void)arg;
    return 0;
}

static intptr_t fail_for_good(void *arg)
{
    const int *error = arg;
    whorl_listener *listener = listen_on(LINE);
    check_equal(whorl_listener_accept(listener), *error);
    check_equal(whorl_listener_accept(listener), *error);
    check_equal(fake_submissions(LINE), 1);
    check_equal(whorl_serve(listener, serve_nobody, NULL, 1), *error);
    return whorl_listener_close(listener);
}

static void other_errors_are_final(void **state)
{
    (void)state;
    static int errors[] = {-EBADF, -EINVAL, -ENOTSOCK, -EFAULT};
    for (size_t i = 0; i < count_of(errors); i++) {
        fake_reset();
        fake_op(LINE, 1, FAILS(errors[i]));
        run_checks_with(&virtual_time, fail_for_good, &errors[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(errors_of_one_connection_are_passed_over),
        behaviour(shortages_are_waited_out_ever_more_slowly),
        behaviour(a_wait_in_a_shortage_is_cancelled_and_the_listener_closed),
        behaviour(the_runs_end_finds_a_listener_in_a_shortage),
        behaviour(ops_that_find_no_descriptor_together_are_no_reason_for_a_pause),
        behaviour(a_server_s_shortage_lasts_until_a_connection_ends_at_most),
        behaviour(one_that_ends_without_a_reason_is_armed_again),
        behaviour(where_one_ends_without_its_connection_another_looks_for_it),
        behaviour(a_kernel_that_refuses_multishot_is_asked_for_one_at_a_time),
        behaviour(other_errors_are_final),
    };
    return run_behaviours("accept_faults", tests);
}
