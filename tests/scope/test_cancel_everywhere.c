/*
 * Every waiting point there is, each as a row: a cancel is delivered at it, before the call and
 * while it waits, and so is a timeout scope that runs out; it stays, for every later call; a
 * shield hides it; and when it is taken back the call works as if nothing had been.
 *
 * What test_level.c does for a few kinds of wait with cancels, this does for all with all that
 * interrupts. The kinds of op are in op/test_cancel_kinds.c, what tasks share in the tests of sync.
 * Closing is no row, as it is never refused: see test_cancel_close.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOON WHORL_US(500)
#define FAR WHORL_SECONDS(100)

enum { FEW = 3, MANY = 40, LEVEL_ROUNDS = 3 };

enum how { CANCELLED_BEFORE, CANCELLED_EARLY, CANCELLED_WHILE, OUT_BEFORE, OUT_WHILE, HOWS };

static const char *const how_names[] = {"cancelled before", "cancelled before it is submitted",
                                        "cancelled while it waits", "out of time before",
                                        "out of time while it waits"};

/* Where a task waits. */
struct place {
    pair both;         /* nothing is in it unless allowed */
    whorl_task *other; /* sleeps far longer than the test */
    bool allowed;      /* what is waited for is there, or will be at once */
    int began, living; /* children */
};

struct point {
    const char *name;
    intptr_t (*wait)(struct place *place); /* >= 0 where allowed */
    size_t bytes;                          /* that it takes out of the pair */
};

/* --- The rows --- */

static intptr_t child(void *arg)
{
    struct place *place = arg;
    place->began++;
    place->living++;
    int result = place->allowed ? whorl_yield() : whorl_sleep(FAR);
    place->living--;
    return result;
}

static intptr_t by_yield(struct place *place)
{
    int result;
    do
        result = whorl_yield();
    while (result == 0 && !place->allowed);
    return result;
}

static intptr_t by_sleep(struct place *place)
{
    return whorl_sleep(place->allowed ? 1 : FAR);
}

static intptr_t by_sleep_forever(struct place *place)
{
    return whorl_sleep(place->allowed ? 1 : WHORL_FOREVER);
}

static intptr_t by_sleep_of_none(struct place *place)
{
    int result;
    do
        result = whorl_sleep(0);
    while (result == 0 && !place->allowed);
    return result;
}

static intptr_t by_sleep_until(struct place *place)
{
    return whorl_sleep_until(whorl_now() + (place->allowed ? 1 : FAR));
}

static intptr_t by_sleep_until_long_ago(struct place *place)
{
    int result;
    do
        result = whorl_sleep_until(1);
    while (result == 0 && !place->allowed);
    return result;
}

static intptr_t by_join(struct place *place)
{
    if (place->allowed)
        return whorl_join(whorl_spawn(child, place));
    intptr_t result = whorl_join(place->other);
    check_equal(whorl_cancelling(place->other), 0);
    return result;
}

static intptr_t gather_children(struct place *place, size_t n, unsigned flags)
{
    whorl_task *tasks[MANY] = {NULL};
    for (size_t i = 0; i < n; i++)
        tasks[i] = whorl_spawn(child, place);
    intptr_t result = whorl_gather(tasks, n, NULL, flags);
    for (size_t i = 0; i < n; i++)
        check_equal(whorl_is_done(tasks[i]), -EINVAL);
    return result;
}

static intptr_t by_gather(struct place *place)
{
    return gather_children(place, FEW, 0);
}

static intptr_t by_collect(struct place *place)
{
    return gather_children(place, FEW, WHORL_COLLECT);
}

static intptr_t by_gather_of_many(struct place *place)
{
    return gather_children(place, MANY, 0);
}

static intptr_t by_gather_calls(struct place *place)
{
    const whorl_call calls[FEW] = {{child, place}, {child, place}, {child, place}};
    return whorl_gather_calls(calls, FEW, NULL, 0);
}

static intptr_t by_wait_for(struct place *place)
{
    return whorl_wait_for(whorl_spawn(child, place), FAR);
}

static intptr_t by_wait_for_ever(struct place *place)
{
    return whorl_wait_for(whorl_spawn(child, place), WHORL_FOREVER);
}

static intptr_t by_read(struct place *place)
{
    char byte;
    return whorl_read(place->both.ends[0], &byte, 1);
}

static intptr_t by_recv_of_all(struct place *place)
{
    char bytes[2];
    return whorl_recv(place->both.ends[0], bytes, 2, MSG_WAITALL);
}

static intptr_t by_poll(struct place *place)
{
    char byte;
    int result = whorl_poll(place->both.ends[0], POLLIN);
    if (result > 0)
        check_equal(read(place->both.ends[0], &byte, 1), 1);
    return result;
}

static intptr_t by_op_await(struct place *place)
{
    char byte;
    whorl_op op = whorl_op_read(place->both.ends[0], &byte, 1);
    return whorl_op_await(&op);
}

static intptr_t by_timed_op_await(struct place *place)
{
    char byte;
    whorl_op op = whorl_op_read(place->both.ends[0], &byte, 1);
    op.timeout = FAR;
    return whorl_op_await(&op);
}

static intptr_t by_await_of_a_started_op(struct place *place)
{
    char byte;
    whorl_op op = whorl_op_read(place->both.ends[0], &byte, 1);
    check_equal(whorl_op_start(&op), 0);
    return whorl_op_await(&op);
}

static intptr_t by_gather_ops(struct place *place)
{
    char bytes[2];
    whorl_op ops[] = {whorl_op_read(place->both.ends[0], &bytes[0], 1),
                      whorl_op_read(place->both.ends[0], &bytes[1], 1)};
    return whorl_gather_ops(ops, 2);
}

static intptr_t by_link_ops(struct place *place)
{
    char byte;
    whorl_op ops[] = {whorl_op_nop(), whorl_op_read(place->both.ends[0], &byte, 1), whorl_op_nop()};
    return whorl_link_ops(ops, 3);
}

static const struct point points[] = {
    {"yield", by_yield, 0},
    {"sleep", by_sleep, 0},
    {"sleep for ever", by_sleep_forever, 0},
    {"sleep of none", by_sleep_of_none, 0},
    {"sleep_until", by_sleep_until, 0},
    {"sleep_until long ago", by_sleep_until_long_ago, 0},
    {"join", by_join, 0},
    {"gather", by_gather, 0},
    {"gather, collecting", by_collect, 0},
    {"gather of many", by_gather_of_many, 0},
    {"gather_calls", by_gather_calls, 0},
    {"wait_for", by_wait_for, 0},
    {"wait_for for ever", by_wait_for_ever, 0},
    {"read", by_read, 1},
    {"recv of all", by_recv_of_all, 2},
    {"poll", by_poll, 1},
    {"op_await", by_op_await, 1},
    {"op_await with a timeout", by_timed_op_await, 1},
    {"op_await of a started op", by_await_of_a_started_op, 1},
    {"gather_ops", by_gather_ops, 2},
    {"link_ops", by_link_ops, 1},
};

/* --- A task that is interrupted at one of them --- */

struct trial {
    const struct point *point;
    enum how how;
    struct place place;
};

static void complain(const struct trial *trial, const char *when, intptr_t result)
{
    check_failed("%s, %s, %s: the call gave %zd", trial->point->name, how_names[trial->how], when,
                 (ssize_t)result);
}

static void wait_in_vain(struct trial *trial, const char *when)
{
    intptr_t result = trial->point->wait(&trial->place);
    if (result != -ECANCELED)
        complain(trial, when, result);
    check_equal(trial->place.living, 0); /* whom it started it has awaited */
}

static void wait_with_success(struct trial *trial, const char *when)
{
    static const char bytes[8];
    struct place *place = &trial->place;
    size_t count = trial->point->bytes;
    check_equal(send(place->both.ends[1], bytes, count, 0), count);
    place->allowed = true;
    intptr_t result = trial->point->wait(place);
    if (result < 0)
        complain(trial, when, result);
    place->allowed = false;
}

static void wait_shielded(struct trial *trial)
{
    whorl_shield shield;
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    wait_with_success(trial, "shielded");
    check_equal(whorl_shield_end(&shield, 0), 0);
}

static intptr_t be_interrupted(void *arg)
{
    struct trial *trial = arg;
    bool by_scope = trial->how >= OUT_BEFORE;
    bool before = trial->how == CANCELLED_BEFORE || trial->how == OUT_BEFORE;
    whorl_timeout scope;
    if (trial->how == CANCELLED_BEFORE)
        check_equal(whorl_cancel(whorl_self()), 0);
    if (by_scope)
        check_equal(whorl_timeout_begin(&scope, before ? 0 : SOON), 0);
    wait_in_vain(trial, "at first");
    if (before)
        check_equal(trial->place.began, 0); /* whom it started never ran */
    for (int round = 0; round < LEVEL_ROUNDS; round++)
        wait_in_vain(trial, "later");
    wait_shielded(trial);
    wait_in_vain(trial, "after a shield");
    check_equal(whorl_cancelling(whorl_self()), !by_scope);
    if (by_scope)
        check_equal(whorl_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
    else
        check_equal(whorl_uncancel(), 1);
    wait_with_success(trial, "after it was taken back");
    return 5;
}

static void interrupt_at(const struct point *point, enum how how, whorl_task *other)
{
    struct trial trial = {point, how, {.both = unix_pair(), .other = other}};
    whorl_task *task = whorl_spawn(be_interrupted, &trial);
    if (how == CANCELLED_EARLY)
        check_equal(whorl_yield(), 0);
    if (how == CANCELLED_WHILE)
        check_equal(whorl_sleep(SOON), 0);
    if (how == CANCELLED_EARLY || how == CANCELLED_WHILE)
        check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 5);
    close_pair(&trial.place.both);
}

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(FAR);
}

static intptr_t interrupt_everywhere(void *arg)
{
    whorl_task *other = whorl_spawn(sleep_far, arg);
    for (size_t i = 0; i < count_of(points); i++)
        for (int how = 0; how < HOWS; how++)
            interrupt_at(&points[i], (enum how)how, other);
    check_equal(whorl_is_done(other), 0);
    check_equal(whorl_cancel(other), 0);
    check_equal(whorl_join(other), -ECANCELED);
    return 0;
}

static void every_waiting_point_is_interrupted_and_stays_so_until_let_go(void **state)
{
    (void)state;
    run_checks(interrupt_everywhere, NULL);
}

static void they_are_interrupted_on_the_smallest_ring_too(void **state)
{
    whorl_config config = {.entries = 4, .completions = 4, .pooled_stacks = 1};
    (void)state;
    run_checks_with(&config, interrupt_everywhere, NULL);
}

static void they_are_interrupted_without_any_newer_feature(void **state)
{
    whorl_config config = {.without = UINT64_MAX};
    (void)state;
    run_checks_with(&config, interrupt_everywhere, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(every_waiting_point_is_interrupted_and_stays_so_until_let_go),
        behaviour(they_are_interrupted_on_the_smallest_ring_too),
        behaviour(they_are_interrupted_without_any_newer_feature),
    };
    return run_behaviours("cancel everywhere", tests);
}
