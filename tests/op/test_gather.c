/*
 * whorl_gather_ops: one submission and one wait for many ops; the first failure, or a cancel of
 * the caller, ends the others.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 1000 };

/* --- Batches --- */

static intptr_t read_numbers(void *arg)
{
    whorl_op *ops = arg;
    static uint32_t numbers[MANY], back[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        numbers[i] = i * 2654435761u;
    memset(back, 0, sizeof back);
    write_whole(path_of("numbers").text, numbers, sizeof numbers);
    int fd = open(path_of("numbers").text, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < MANY; i++)
        ops[i] = whorl_op_pread(fd, &back[i], sizeof back[i], i * (off_t)sizeof back[i]);
    check_equal(whorl_gather_ops(ops, MANY), 0);
    for (int i = 0; i < MANY; i++)
        check_equal(ops[i].result, sizeof back[i]);
    check_equal(memcmp(numbers, back, sizeof numbers), 0);
    return close(fd);
}

static void a_batch_may_be_larger_than_the_submission_queue(void **state)
{
    (void)state;
    static const unsigned entries[] = {1, 8, 256, 4096};
    whorl_op *ops = test_calloc(MANY, sizeof *ops);
    for (size_t i = 0; i < count_of(entries); i++) {
        whorl_config config = {.entries = entries[i]};
        run_checks_with(&config, read_numbers, ops);
    }
    test_free(ops);
}

static intptr_t gather_waiting_ones(void *arg)
{
    whorl_op *ops = arg;
    static char bytes[MANY];
    pair both = unix_pair();
    for (int i = 0; i < MANY; i++)
        ops[i] = i % 2 ? whorl_op_nop() : whorl_op_recv(both.ends[0], &bytes[i], 1, 0);
    whorl_op sender = whorl_op_send(both.ends[1], bytes, MANY / 2, 0);
    check_equal(whorl_op_start(&sender), 0);
    check_equal(whorl_gather_ops(ops, MANY), 0);
    for (int i = 0; i < MANY; i++)
        check_equal(ops[i].result, i % 2 == 0);
    check_equal(whorl_op_await(&sender), MANY / 2);
    close_pair(&both);
    return 0;
}

static void a_batch_waits_for_all_of_its_ops(void **state)
{
    (void)state;
    whorl_config config = {.entries = 8, .completions = 16};
    whorl_op *ops = test_calloc(MANY, sizeof *ops);
    run_checks_with(&config, gather_waiting_ones, ops);
    test_free(ops);
}

static intptr_t gather_nothing(void *arg)
{
    (void)arg;
    whorl_op op = whorl_op_nop();
    check_equal(whorl_gather_ops(NULL, 0), 0);
    check_equal(whorl_gather_ops(&op, 0), 0);
    check_equal(whorl_gather_ops(NULL, 1), -EINVAL);
    check_equal(whorl_link_ops(NULL, 0), 0);
    check_equal(whorl_link_ops(&op, 0), 0);
    check_equal(whorl_link_ops(NULL, 1), -EINVAL);
    return 0;
}

static void a_batch_of_none_is_fine(void **state)
{
    (void)state;
    run_checks(gather_nothing, NULL);
}

static intptr_t gather_in_every_state(void *arg)
{
    (void)arg;
    char bytes[4] = {0};
    pair both = unix_pair();
    check_equal(send(both.ends[1], "abcd", 4, 0), 4);
    whorl_op ops[4];
    for (int i = 0; i < 4; i++)
        ops[i] = whorl_op_recv(both.ends[0], &bytes[i], 1, 0);
    check_equal(whorl_op_await(&ops[0]), 1); /* ended */
    check_equal(whorl_op_start(&ops[1]), 0); /* in flight, and soon ended */
    check_equal(whorl_yield(), 0);
    check_equal(whorl_op_start(&ops[2]), 0); /* not submitted yet */
    check_equal(whorl_gather_ops(ops, 4), 0);
    for (int i = 0; i < 4; i++)
        check_equal(ops[i].result, 1);
    check_equal(memcmp(bytes, "abcd", 4), 0);
    check_equal(whorl_gather_ops(ops, 4), 0); /* all ended: their results again */
    check_equal(recv(both.ends[0], bytes, 1, MSG_DONTWAIT), -1);

    whorl_op mixed[2] = {whorl_op_fsync(-1), whorl_op_nop()};
    check_equal(whorl_op_await(&mixed[0]), -EBADF);
    check_equal(whorl_gather_ops(mixed, 2), -EBADF);
    close_pair(&both);
    return 0;
}

static void made_started_and_ended_ops_may_be_mixed(void **state)
{
    (void)state;
    run_checks(gather_in_every_state, NULL);
}

/* --- Failures --- */

enum { WAITING = 20 };

/* WAITING recvs on a pair, and one op more in slot `place`, which decides how they end. */
static int gather_around(pair *both, whorl_op *ops, int place, whorl_op one)
{
    static char bytes[WAITING + 1];
    for (int i = 0; i <= WAITING; i++)
        ops[i] = i == place ? one : whorl_op_recv(both->ends[0], &bytes[i], 1, 0);
    return whorl_gather_ops(ops, WAITING + 1);
}

static void check_all_cancelled_but(const whorl_op *ops, int place)
{
    for (int i = 0; i <= WAITING; i++)
        if (i != place)
            check_equal(ops[i].result, -ECANCELED);
}

static void check_bytes_are_left(pair *both)
{
    char bytes[WAITING] = {0};
    check_equal(send(both->ends[1], bytes, WAITING, 0), WAITING);
    check_equal(recv(both->ends[0], bytes, WAITING, MSG_DONTWAIT), WAITING);
}

static intptr_t fail_in_a_gather(void *arg)
{
    (void)arg;
    whorl_op ops[WAITING + 1];
    pair both = unix_pair();
    for (int place = 0; place <= WAITING; place += WAITING / 2) {
        check_equal(gather_around(&both, ops, place, whorl_op_fsync(-1)), -EBADF);
        check_equal(ops[place].result, -EBADF);
        check_all_cancelled_but(ops, place);
        check_bytes_are_left(&both);

        char byte;
        whorl_op slow = whorl_op_recv(both.ends[1], &byte, 1, 0);
        slow.timeout = WHORL_MS(5);
        check_equal(gather_around(&both, ops, place, slow), -ETIMEDOUT);
        check_equal(ops[place].result, -ETIMEDOUT);
        check_all_cancelled_but(ops, place);
        check_bytes_are_left(&both);
    }
    close_pair(&both);
    return 0;
}

static void the_first_failure_ends_the_others(void **state)
{
    (void)state;
    run_checks(fail_in_a_gather, NULL);
    whorl_config config = {.entries = 4, .completions = 8};
    run_checks_with(&config, fail_in_a_gather, NULL);
}

static intptr_t gather_the_invalid(void *arg)
{
    (void)arg;
    test_path made = path_of("made");
    for (int flaw = 0; flaw < 2; flaw++) {
        whorl_op ops[2] = {whorl_op_mkdirat(-1, made.text, 0700), whorl_op_nop()};
        if (flaw == 0)
            ops[1].code = 255;
        else
            ops[1].flags = 0x40;
        check_equal(whorl_gather_ops(ops, 2), -EINVAL);
        check_equal(whorl_link_ops(ops, 2), -EINVAL);
        check_equal(whorl_sleep(WHORL_MS(2)), 0);
        check_equal(access(made.text, F_OK), -1); /* none was started */
    }
    return 0;
}

static void an_invalid_op_keeps_all_from_starting(void **state)
{
    (void)state;
    run_checks(gather_the_invalid, NULL);
}

static intptr_t gather_a_borrowed_op(void *arg)
{
    whorl_op *ops = arg; /* the second one is the parent's, in flight */
    check_equal(whorl_gather_ops(ops, 2), -EPERM);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    return 0;
}

static intptr_t lend_to_a_gather(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    test_path made = path_of("made");
    whorl_op ops[2] = {whorl_op_mkdirat(-1, made.text, 0700),
                       whorl_op_recv(both.ends[0], &byte, 1, 0)};
    check_equal(whorl_op_start(&ops[1]), 0);
    check_equal(whorl_join(whorl_spawn(gather_a_borrowed_op, ops)), 0);
    check_equal(access(made.text, F_OK), -1);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_op_await(&ops[1]), 1);
    close_pair(&both);
    return 0;
}

static void another_tasks_op_keeps_all_from_starting(void **state)
{
    (void)state;
    run_checks(lend_to_a_gather, NULL);
}

/* --- Cancel --- */

typedef struct gathering {
    pair both;
    whorl_op ops[WAITING + 1];
    bool refused; /* cancelled before it begins */
} gathering;

static intptr_t gather_until_cancelled(void *arg)
{
    gathering *one = arg;
    if (one->refused)
        check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(gather_around(&one->both, one->ops, WAITING, whorl_op_nop()), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 1);
    return 0;
}

static intptr_t cancel_a_gather(void *arg)
{
    (void)arg;
    for (int moment = 0; moment < 3; moment++) {
        gathering one = {.both = unix_pair(), .refused = moment == 0};
        whorl_task *task = whorl_spawn(gather_until_cancelled, &one);
        check_equal(moment == 1 ? whorl_yield() : whorl_sleep(WHORL_MS(2)), 0);
        if (moment > 0)
            check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), 0);
        check_all_cancelled_but(one.ops, WAITING);
        int last = one.ops[WAITING].result; /* did its work, unless it was stopped before */
        check(moment == 2 ? last == 0 : last == 0 || last == -ECANCELED);
        check_bytes_are_left(&one.both);
        close_pair(&one.both);
    }
    return 0;
}

static void a_cancel_of_the_caller_ends_the_batch(void **state)
{
    (void)state;
    run_checks(cancel_a_gather, NULL);
}

static intptr_t gather_while_cancelled(void *arg)
{
    (void)arg;
    test_path made = path_of("made");
    whorl_op ops[2] = {whorl_op_mkdirat(-1, made.text, 0700), whorl_op_nop()};
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_gather_ops(ops, 2), -ECANCELED);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ECANCELED);
    whorl_op chain[2] = {whorl_op_mkdirat(-1, made.text, 0700), whorl_op_nop()};
    check_equal(whorl_link_ops(chain, 2), -ECANCELED);
    check_equal(chain[0].result, -ECANCELED);
    check_equal(chain[1].result, -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(access(made.text, F_OK), -1);
    return 0;
}

static void a_cancelled_caller_starts_none(void **state)
{
    (void)state;
    run_checks(gather_while_cancelled, NULL);
}

/* --- Many --- */

enum { THOUSANDS = 20000 };

static intptr_t fail_first_of_thousands(void *arg)
{
    whorl_op *ops = arg;
    for (int i = 0; i < THOUSANDS; i++)
        ops[i] = i == 0 ? whorl_op_fsync(-1) : whorl_op_nop();
    check_equal(whorl_gather_ops(ops, THOUSANDS), -EBADF);
    check_equal(ops[0].result, -EBADF);
    int ended = 1;
    for (int i = 1; i < THOUSANDS; i++)
        ended += ops[i].result == 0 || ops[i].result == -ECANCELED;
    check_equal(ended, THOUSANDS);
    for (int i = 0; i < THOUSANDS; i++)
        check_equal(whorl_op_cancel(&ops[i]), -EALREADY);
    return 0;
}

static void a_failure_ends_thousands_of_others(void **state)
{
    (void)state;
    whorl_op *ops = test_calloc(THOUSANDS, sizeof *ops);
    run_checks(fail_first_of_thousands, ops);
    run_checks_with(&(whorl_config){.entries = 2, .completions = 4}, fail_first_of_thousands, ops);
    test_free(ops);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_batch_may_be_larger_than_the_submission_queue),
        behaviour(a_batch_waits_for_all_of_its_ops),
        behaviour(a_batch_of_none_is_fine),
        behaviour(made_started_and_ended_ops_may_be_mixed),
        behaviour(the_first_failure_ends_the_others),
        behaviour(an_invalid_op_keeps_all_from_starting),
        behaviour(another_tasks_op_keeps_all_from_starting),
        behaviour(a_cancel_of_the_caller_ends_the_batch),
        behaviour(a_cancelled_caller_starts_none),
        behaviour(a_failure_ends_thousands_of_others),
    };
    return run_behaviours("gather", tests);
}
