/*
 * The cancel's level, over every kind of waiting: a task that waits in one way is woken by its
 * cancel; each way of waiting is refused after it, and lets others run; until the cancel is taken
 * back, after which waiting works as if nothing had been.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <poll.h>

enum { REFUSED = 1000 };

static intptr_t sleep_forever(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

/* Every kind of waiting, each of which must be refused in a cancelled task. */
static intptr_t wait_by_yield(int fd, whorl_task *other)
{
    (void)fd;
    (void)other;
    return whorl_yield();
}

static intptr_t wait_by_sleep(int fd, whorl_task *other)
{
    (void)fd;
    (void)other;
    return whorl_sleep(WHORL_SECONDS(1000));
}

static intptr_t wait_by_sleeping_zero(int fd, whorl_task *other)
{
    (void)fd;
    (void)other;
    return whorl_sleep(0);
}

static intptr_t wait_by_sleeping_until_long_ago(int fd, whorl_task *other)
{
    (void)fd;
    (void)other;
    return whorl_sleep_until(1);
}

static intptr_t wait_by_join(int fd, whorl_task *other)
{
    (void)fd;
    return whorl_join(other);
}

static intptr_t wait_by_read(int fd, whorl_task *other)
{
    char byte;

    (void)other;
    return whorl_read(fd, &byte, 1);
}

static intptr_t wait_by_poll(int fd, whorl_task *other)
{
    (void)other;
    return whorl_poll(fd, POLLIN);
}

static intptr_t wait_by_gather(int fd, whorl_task *other)
{
    whorl_op ops[2] = {whorl_op_poll(fd, POLLIN), whorl_op_nop()};

    (void)other;
    return whorl_gather_ops(ops, 2);
}

static intptr_t wait_by_chain(int fd, whorl_task *other)
{
    whorl_op ops[2] = {whorl_op_poll(fd, POLLIN), whorl_op_nop()};

    (void)other;
    return whorl_link_ops(ops, 2);
}

static intptr_t (*const waits[])(int fd, whorl_task *other) = {
    wait_by_yield, wait_by_sleep, wait_by_sleeping_zero, wait_by_sleeping_until_long_ago,
    wait_by_join,  wait_by_read,  wait_by_poll,          wait_by_gather,
    wait_by_chain,
};

struct level {
    int fd;
    whorl_task *other;
    size_t first;
};

/* Waits in one way until cancelled; then every way is refused, again and again, until the cancel is
 * taken back; then waiting works as if nothing had been. */
static intptr_t live_through_a_cancel(void *arg)
{
    struct level *level = arg;
    whorl_op op = whorl_op_nop();
    intptr_t result;

    do {
        result = waits[level->first](level->fd, level->other);
    } while (result == 0);
    check_equal(result, -ECANCELED);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count_of(waits); i++)
            check_equal(waits[i](level->fd, level->other), -ECANCELED);
    }
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_op_await(&op), 0);
    return 5;
}

static intptr_t cancel_each_kind_of_wait(void *arg)
{
    pair both = pipe_pair();
    whorl_task *other = whorl_spawn(sleep_forever, arg);

    for (size_t i = 0; i < count_of(waits); i++) {
        struct level level = {both.ends[0], other, i};
        whorl_task *task = whorl_spawn(live_through_a_cancel, &level);

        check_equal(whorl_sleep(WHORL_US(200)), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), 5);
        check_equal(whorl_is_done(other), 0);
        check_equal(whorl_cancelling(other), 0);
    }
    check_equal(whorl_cancel(other), 0);
    check_equal(whorl_join(other), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void every_later_wait_is_refused_until_the_cancel_is_taken_back(void **state)
{
    (void)state;
    run_checks(cancel_each_kind_of_wait, NULL);
}

static intptr_t count_my_steps(void *arg)
{
    for (int i = 0; i < REFUSED; i++) {
        if (!check_equal(whorl_yield(), 0))
            break;
        ++*(int *)arg;
    }
    return 0;
}

static intptr_t be_refused_beside_another(void *arg)
{
    pair both = pipe_pair();

    (void)arg;
    for (size_t i = 0; i < count_of(waits); i++) {
        int taken = 0;
        whorl_task *other = whorl_spawn(count_my_steps, &taken);

        check_equal(whorl_cancel(whorl_self()), 0);
        for (int k = 0; k < REFUSED / 2; k++)
            check_equal(waits[i](both.ends[0], other), -ECANCELED);
        /* It has taken a step for each of ours, but for the first, which began it. */
        check(taken >= REFUSED / 2 - 1);
        check_equal(whorl_uncancel(), 1);
        check_equal(whorl_join(other), 0);
        check_equal(taken, REFUSED);
    }
    close_pair(&both);
    return 0;
}

static void a_refused_wait_lets_others_run(void **state)
{
    (void)state;
    run_checks(be_refused_beside_another, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(every_later_wait_is_refused_until_the_cancel_is_taken_back),
        behaviour(a_refused_wait_lets_others_run),
    };

    return run_behaviours("level", tests);
}
