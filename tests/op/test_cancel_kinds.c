/*
 * Each kind of op that can wait, in each of the ways in which a program waits for one, meets the
 * cancel of its task, before the call and while it waits. It gives -ECANCELED and had no effect;
 * asked once more it is refused; and after the cancel is taken back it does its work.
 *
 * The kinds are those of kinds.h, and here those with a position, on a pipe, which has none.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/kinds.h"

enum { BY_AWAIT, BY_START_AND_AWAIT, BY_GATHER, BY_CHAIN, WAYS };
enum moment { BEFORE, EARLY, WHILE, MOMENTS };

static const char *const way_names[] = {"await", "start and await", "gather", "chain"};
static const char *const moment_names[] = {"before", "before it is submitted", "while it waits"};

static void make_pread(scene *one)
{
    one->both = pipe_pair();
    one->op = whorl_op_pread(one->both.ends[0], one->buf, PIECE, 0);
}

static void make_preadv(scene *one)
{
    message_of_buf(one);
    one->both = pipe_pair();
    one->op = whorl_op_preadv(one->both.ends[0], &one->vector, 1, 0);
}

static void make_pwrite(scene *one)
{
    fill_before(one, pipe_pair());
    one->op = whorl_op_pwrite(one->both.ends[1], one->buf, PIECE, 0);
}

static void make_pwritev(scene *one)
{
    fill_before(one, pipe_pair());
    one->op = whorl_op_pwritev(one->both.ends[1], &one->vector, 1, 0);
}

static void make_recv_of_all(scene *one)
{
    one->both = unix_pair();
    one->op = whorl_op_recv(one->both.ends[0], one->buf, 1, MSG_WAITALL);
}

static void make_poll_for_room(scene *one)
{
    fill_before(one, pipe_pair());
    one->op = whorl_op_poll(one->both.ends[1], POLLOUT);
}

static const kind more_kinds[] = {
    {"pread", true, make_pread, allow_read, effect_read, expect_once, clean_pair},
    {"preadv", true, make_preadv, allow_read, effect_read, expect_once, clean_pair},
    {"pwrite", true, make_pwrite, allow_write, effect_write, expect_count, clean_pair},
    {"pwritev", true, make_pwritev, allow_write, effect_write, expect_count, clean_pair},
    {"recv of all", true, make_recv_of_all, allow_read, effect_read, expect_once, clean_pair},
    {"poll for room", true, make_poll_for_room, allow_write, effect_unmeasured, expect_once,
     clean_pair},
};

/* --- Waiting for the op of a scene in one of the ways; its own result --- */

/* Between others of which the last would wait as well. */
static int gather_it(scene *one)
{
    char byte;
    pair idle = unix_pair();
    whorl_op ops[] = {whorl_op_nop(), one->op, whorl_op_recv(idle.ends[0], &byte, 1, 0)};
    if (one->allowed)
        ops[2] = whorl_op_nop();
    int result = whorl_gather_ops(ops, 3);
    if (result < 0)
        check_equal(ops[2].result, -ECANCELED);
    one->op = ops[1];
    check_equal(result, one->op.result < 0 ? one->op.result : 0);
    close_pair(&idle);
    return one->op.result;
}

static int chain_it(scene *one)
{
    whorl_op ops[] = {whorl_op_nop(), one->op, whorl_op_nop()};
    int result = whorl_link_ops(ops, 3); /* also of what a short transfer stopped */
    one->op = ops[1];
    if (one->op.result < 0) {
        check_equal(result, one->op.result);
        check_equal(ops[2].result, -ECANCELED);
    }
    return one->op.result;
}

static int wait_by(int way, scene *one)
{
    if (way == BY_GATHER)
        return gather_it(one);
    if (way == BY_CHAIN)
        return chain_it(one);
    if (way == BY_START_AND_AWAIT)
        check_equal(whorl_op_start(&one->op), 0);
    return whorl_op_await(&one->op);
}

/* --- Trials --- */

struct trial {
    const kind *kind;
    int way;
    enum moment moment;
};

static void complain(const struct trial *trial, const char *when, int result, long effect)
{
    check_failed("%s by %s, cancelled %s, %s: result %d, effect %ld", trial->kind->name,
                 way_names[trial->way], moment_names[trial->moment], when, result, effect);
}

/* Twice in vain, from the same value; then nothing must have happened. */
static void wait_in_vain(const struct trial *trial)
{
    scene one = {.kind = trial->kind};
    trial->kind->make(&one);
    whorl_op made = one.op;
    for (int round = 0; round < 2; round++) {
        one.op = made;
        int result = wait_by(trial->way, &one);
        if (result != -ECANCELED || one.op.result != result)
            complain(trial, round ? "once more" : "at first", result, 0);
    }
    trial->kind->allow(&one);
    long effect = trial->kind->effect(&one);
    if (effect != 0 && effect != UNMEASURED)
        complain(trial, "afterwards", one.op.result, effect);
    trial->kind->clean(&one);
}

static void wait_with_success(const struct trial *trial)
{
    scene one = {.kind = trial->kind};
    trial->kind->make(&one);
    trial->kind->allow(&one);
    int result = wait_by(trial->way, &one);
    long effect = trial->kind->effect(&one);
    if (result < 0 || (effect != UNMEASURED && effect != trial->kind->expected(result)))
        complain(trial, "after it was taken back", result, effect);
    trial->kind->clean(&one);
}

static intptr_t be_cancelled(void *arg)
{
    const struct trial *trial = arg;
    if (trial->moment == BEFORE)
        check_equal(whorl_cancel(whorl_self()), 0);
    wait_in_vain(trial);
    check_equal(whorl_uncancel(), 1);
    wait_with_success(trial);
    return 0;
}

static void try_it(const kind *of, int way, enum moment moment)
{
    struct trial trial = {of, way, moment};
    whorl_task *task = whorl_spawn(be_cancelled, &trial);
    if (moment == EARLY)
        check_equal(whorl_yield(), 0);
    if (moment == WHILE)
        check_equal(whorl_sleep(WHORL_US(500)), 0);
    if (moment != BEFORE)
        check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
}

static void try_all(const kind *of)
{
    for (int way = 0; of->blocks && way < WAYS; way++)
        for (int moment = 0; moment < MOMENTS; moment++)
            try_it(of, way, (enum moment)moment);
}

static intptr_t cancel_each_kind(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(kinds); i++)
        try_all(&kinds[i]);
    for (size_t i = 0; i < count_of(more_kinds); i++)
        try_all(&more_kinds[i]);
    return 0;
}

static void every_kind_of_op_that_waits_is_cancelled_in_every_way_of_waiting(void **state)
{
    (void)state;
    run_checks(cancel_each_kind, NULL);
}

static void they_are_cancelled_on_a_small_ring_without_newer_features_too(void **state)
{
    whorl_config config = {.entries = 4, .completions = 4, .without = UINT64_MAX};
    (void)state;
    run_checks_with(&config, cancel_each_kind, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(every_kind_of_op_that_waits_is_cancelled_in_every_way_of_waiting),
        behaviour(they_are_cancelled_on_a_small_ring_without_newer_features_too),
    };
    return run_behaviours("cancel kinds", tests);
}
