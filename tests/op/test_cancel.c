/*
 * Cancel of each kind of op, before it is submitted, while it is in flight, and when it can
 * already do its work; by the task's cancel, by the op's, and by its timeout. Whatever comes first
 * wins, and the result tells the truth: an op that had its effect gives its result, and
 * -ECANCELED or -ETIMEDOUT means that provably nothing happened.
 *
 * Each kind is a row of a table in kinds.h: how it is made, how what it waits for is brought
 * about, and how its effect is measured.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/kinds.h"

typedef enum stopper { BY_TASK, BY_OP, BY_TIMEOUT, STOPPERS } stopper;
typedef enum moment { BEFORE, DURING, AFTER, MOMENTS } moment;

static const char *const stopper_names[] = {"the task's cancel", "the op's cancel", "a timeout"};
static const char *const moment_names[] = {"before", "during", "after"};

/* What happened must be what the result says. */
static void check_truth(scene *one, stopper how, moment when)
{
    int result = one->op.result;
    int stopped = how == BY_TIMEOUT ? -ETIMEDOUT : -ECANCELED;
    one->kind->allow(one);
    long effect = one->kind->effect(one);
    long expected = result == stopped ? 0 : result >= 0 ? one->kind->expected(result) : -1;
    if (expected < 0 || (effect != UNMEASURED && effect != expected))
        check_failed("%s, stopped by %s %s: result %d, effect %ld", one->kind->name,
                     stopper_names[how], moment_names[when], result, effect);
}

static intptr_t await_op(void *arg)
{
    scene *one = arg;
    whorl_op_await(&one->op);
    return 0;
}

/* The op is only started, and its own task stops it; nothing has been submitted. */
static void stop_before(scene *one, stopper how)
{
    check_equal(whorl_op_start(&one->op), 0);
    if (how == BY_TASK)
        check_equal(whorl_cancel(whorl_self()), 0);
    int asked = how == BY_OP ? whorl_op_cancel(&one->op) : 0;
    if (asked != 0) /* only one that ran on the loop's thread has ended by now */
        check(asked == -EALREADY && !one->kind->blocks && one->op.result == 0);
    whorl_op_await(&one->op);
    check_equal(whorl_uncancel(), how == BY_TASK);
}

/* Another task awaits the op; it is given time to reach the kernel, unless it is a race. */
static void stop_while_awaited(scene *one, stopper how, moment when)
{
    whorl_task *task = whorl_spawn(await_op, one);
    check_equal(one->kind->blocks ? whorl_sleep(WHORL_US(500)) : whorl_yield(), 0);
    if (when == AFTER)
        one->kind->allow(one);
    if (how == BY_TASK) {
        int cancelled = whorl_cancel(task);
        check(cancelled == 0 || (!one->kind->blocks && cancelled == -EALREADY));
    } else if (how == BY_OP) {
        int cancelled = whorl_op_cancel(&one->op);
        check(cancelled == 0 || (!one->kind->blocks && cancelled == -EALREADY));
    }
    check_equal(whorl_join(task), 0);
    if (one->kind->blocks && when == DURING)
        check_equal(one->op.result, how == BY_TIMEOUT ? -ETIMEDOUT : -ECANCELED);
}

static void stop_once(const kind *of, stopper how, moment when)
{
    scene one = {.kind = of};
    of->make(&one);
    if (how == BY_TIMEOUT)
        one.op.timeout = when == BEFORE ? 0 : WHORL_MS(1);
    if (when == BEFORE)
        stop_before(&one, how);
    else
        stop_while_awaited(&one, how, when);
    check_truth(&one, how, when);
    of->clean(&one);
}

static intptr_t stop_each_kind(void *arg)
{
    moment when = *(moment *)arg;
    for (size_t i = 0; i < count_of(kinds); i++)
        for (int how = 0; how < STOPPERS; how++)
            for (long round = 0; round < test_rounds(when == AFTER ? 5 : 2); round++)
                stop_once(&kinds[i], (stopper)how, when);
    return 0;
}

static void a_cancel_before_submission_tells_the_truth(void **state)
{
    (void)state;
    moment when = BEFORE;
    run_checks(stop_each_kind, &when);
}

static void a_cancel_in_flight_tells_the_truth(void **state)
{
    (void)state;
    moment when = DURING;
    run_checks(stop_each_kind, &when);
}

static void a_cancel_after_the_work_could_be_done_tells_the_truth(void **state)
{
    (void)state;
    moment when = AFTER;
    run_checks(stop_each_kind, &when);
}

static void cancels_tell_the_truth_without_any_newer_feature(void **state)
{
    (void)state;
    whorl_config config = {.without = 0x3ff, .entries = 2, .completions = 4};
    for (int when = 0; when < MOMENTS; when++)
        run_checks_with(&config, stop_each_kind, &(moment){(moment)when});
}

static intptr_t stop_connects(void *arg)
{
    (void)arg;
    for (int how = 0; how < STOPPERS; how++) {
        stop_once(&waiting_connect, (stopper)how, BEFORE);
        stop_once(&waiting_connect, (stopper)how, DURING);
    }
    return 0;
}

static void a_connect_that_waits_is_stopped(void **state)
{
    (void)state;
    run_checks(stop_connects, NULL);
}

/* --- Ended, and only then cancelled --- */

static intptr_t end_each_kind(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(kinds); i++) {
        scene one = {.kind = &kinds[i]};
        kinds[i].make(&one);
        check_equal(whorl_op_start(&one.op), 0);
        if (kinds[i].blocks)
            check_equal(whorl_sleep(WHORL_US(200)), 0);
        kinds[i].allow(&one);
        int result = whorl_op_await(&one.op);
        if (result < 0)
            check_failed("%s: result %d", kinds[i].name, result);
        check_equal(whorl_cancel(whorl_self()), 0);
        check_equal(whorl_op_cancel(&one.op), -EALREADY);
        check_equal(whorl_op_await(&one.op), result);
        check_equal(whorl_uncancel(), 1);
        check_truth(&one, BY_TASK, AFTER);
        kinds[i].clean(&one);
    }
    return 0;
}

static void a_cancel_after_completion_takes_nothing_back(void **state)
{
    (void)state;
    run_checks(end_each_kind, NULL);
}

/* --- Many at once --- */

enum { CROWD = 300 };

typedef struct crowd {
    pair both;
    whorl_op ops[CROWD];
} crowd;

static intptr_t cancel_a_crowd(void *arg)
{
    crowd *all = arg;
    static char bytes[CROWD];
    all->both = unix_pair();
    for (int i = 0; i < CROWD; i++) {
        all->ops[i] = whorl_op_recv(all->both.ends[0], &bytes[i], 1, 0);
        check_equal(whorl_op_start(&all->ops[i]), 0);
    }
    check_equal(whorl_yield(), 0);
    for (int i = 0; i < CROWD; i += 2)
        check_equal(whorl_op_cancel(&all->ops[i]), 0);
    check_equal(send(all->both.ends[1], bytes, CROWD / 2, 0), CROWD / 2);
    int received = 0, cancelled = 0, unread = 0;
    for (int i = 0; i < CROWD; i += 2)
        whorl_op_await(&all->ops[i]);
    check_equal(whorl_cancel(whorl_self()), 0);
    for (int i = 0; i < CROWD; i++) {
        int result = whorl_op_await(&all->ops[i]);
        received += result == 1;
        cancelled += result == -ECANCELED;
    }
    check_equal(whorl_uncancel(), 1);
    check_equal(received + cancelled, CROWD);
    check_equal(ioctl(all->both.ends[0], FIONREAD, &unread), 0);
    check_equal(received + unread, CROWD / 2);
    close_pair(&all->both);
    return 0;
}

static void cancels_in_great_number_need_no_room(void **state)
{
    (void)state;
    whorl_config config = {.entries = 2, .completions = 4};
    crowd *all = test_calloc(1, sizeof *all);
    run_checks(cancel_a_crowd, all);
    run_checks_with(&config, cancel_a_crowd, all);
    test_free(all);
}

/* --- What goes on in spite of a cancel --- */

enum { SYNCED = 4 << 20 };

static intptr_t sync_file(void *arg)
{
    return whorl_fsync(*(int *)arg);
}

/* A running fsync does not hear the cancel, which is asked for again until it ends. */
static intptr_t cancel_a_sync(void *arg)
{
    char *bytes = test_calloc(1, SYNCED);
    int fd = *(int *)arg;
    check_equal(whorl_pwrite(fd, bytes, SYNCED, 0), SYNCED);
    test_free(bytes);
    whorl_task *task = whorl_spawn(sync_file, arg);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    int cancelled = whorl_cancel(task);
    check(cancelled == 0 || cancelled == -EALREADY);
    intptr_t result = whorl_join(task);
    check(result == 0 || result == -ECANCELED);
    return 0;
}

static void a_cancel_that_was_asked_again_leaves_nothing_behind(void **state)
{
    (void)state;
    int fd = open(path_of("synced").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (long round = 0; round < test_rounds(12); round++)
        run_checks(cancel_a_sync, &fd);
    assert_int_equal(close(fd), 0);
}

typedef struct chain {
    pair waited, written;
    whorl_op ops[2];
} chain;

static intptr_t link_hard(void *arg)
{
    chain *one = arg;
    check_equal(whorl_link_ops(one->ops, 2), -ECANCELED);
    return 0;
}

static intptr_t cancel_a_hard_link(void *arg)
{
    (void)arg;
    for (int timed = 0; timed < 2; timed++) {
        chain one = {.waited = unix_pair(), .written = unix_pair()};
        char byte;
        one.ops[0] = whorl_op_recv(one.waited.ends[0], &byte, 1, 0);
        one.ops[0].flags = WHORL_OP_HARDLINK;
        if (timed)
            one.ops[0].timeout = WHORL_SECONDS(60);
        one.ops[1] = whorl_op_write(one.written.ends[1], "x", 1);
        whorl_task *task = whorl_spawn(link_hard, &one);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), 0);
        check_equal(one.ops[0].result, -ECANCELED);
        bool wrote = recv(one.written.ends[0], &byte, 1, MSG_DONTWAIT) == 1;
        check_equal(one.ops[1].result, wrote ? 1 : -ECANCELED);
        close_pair(&one.waited);
        close_pair(&one.written);
    }
    return 0;
}

static void an_op_hard_linked_to_a_cancelled_one_tells_the_truth(void **state)
{
    (void)state;
    run_checks(cancel_a_hard_link, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_cancel_before_submission_tells_the_truth),
        behaviour(a_cancel_in_flight_tells_the_truth),
        behaviour(a_cancel_after_the_work_could_be_done_tells_the_truth),
        behaviour(cancels_tell_the_truth_without_any_newer_feature),
        behaviour(a_connect_that_waits_is_stopped),
        behaviour(a_cancel_after_completion_takes_nothing_back),
        behaviour(cancels_in_great_number_need_no_room),
        behaviour(a_cancel_that_was_asked_again_leaves_nothing_behind),
        behaviour(an_op_hard_linked_to_a_cancelled_one_tells_the_truth),
    };
    return run_behaviours("cancel", tests);
}
