/*
 * What whorl_link_ops refuses: chains that are too long, ops that were started before, operations
 * that the kernel does not have, descriptors that are being closed. A refused chain has started
 * nothing; a close that comes later ends the chain.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENTRIES = 8 };

/* A chain of `count` ops, the first of which leaves a directory behind; `timed` have timeouts. */
static int link_made(whorl_op *ops, int count, int timed)
{
    test_path made = path_of("made");
    for (int i = 0; i < count; i++) {
        ops[i] = i == 0 ? whorl_op_mkdirat(-1, made.text, 0700) : whorl_op_nop();
        if (i < timed)
            ops[i].timeout = WHORL_SECONDS(60);
    }
    return whorl_link_ops(ops, (size_t)count);
}

static bool take_made(void)
{
    return rmdir(path_of("made").text) == 0;
}

static intptr_t link_too_many(void *arg)
{
    (void)arg;
    static const struct {
        int count, timed;
        bool fits;
    } cases[] = {
        {ENTRIES, 0, true},
        {ENTRIES + 1, 0, false},
        {ENTRIES / 2, ENTRIES / 2, true},
        {ENTRIES / 2 + 1, 4, false},
        {ENTRIES - 1, 1, true},
        {ENTRIES - 1, 2, false},
        {500, 0, false},
    };
    static whorl_op ops[500];
    for (size_t i = 0; i < count_of(cases); i++) {
        int result = link_made(ops, cases[i].count, cases[i].timed);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(result, cases[i].fits ? 0 : -E2BIG);
        check_equal(take_made(), cases[i].fits);
    }
    return 0;
}

static void a_chain_longer_than_a_submission_is_refused(void **state)
{
    (void)state;
    whorl_config config = {.entries = ENTRIES};
    run_checks_with(&config, link_too_many, NULL);
}

static intptr_t link_behind_others(void *arg)
{
    (void)arg;
    whorl_op others[ENTRIES], ops[ENTRIES];
    for (int waiting = 0; waiting < ENTRIES; waiting++) {
        for (int i = 0; i < waiting; i++) {
            others[i] = whorl_op_nop();
            check_equal(whorl_op_start(&others[i]), 0);
        }
        check_equal(link_made(ops, ENTRIES, 0), 0);
        check(take_made());
        for (int i = 0; i < ENTRIES; i++)
            check_equal(ops[i].result, 0);
        for (int i = 0; i < waiting; i++)
            check_equal(whorl_op_await(&others[i]), 0);
    }
    return 0;
}

static void a_chain_is_never_split_over_two_submissions(void **state)
{
    (void)state;
    whorl_config config = {.entries = ENTRIES};
    run_checks_with(&config, link_behind_others, NULL);
}

static intptr_t link_used_ops(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    test_path made = path_of("made");
    for (int ended = 0; ended < 2; ended++) {
        whorl_op ops[2] = {whorl_op_mkdirat(-1, made.text, 0700),
                           whorl_op_recv(both.ends[0], &byte, 1, 0)};
        check_equal(whorl_op_start(&ops[1]), 0);
        if (ended) {
            check_equal(send(both.ends[1], "x", 1, 0), 1);
            check_equal(whorl_op_await(&ops[1]), 1);
        }
        check_equal(whorl_link_ops(ops, 2), -EINVAL);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check(!take_made());
        check_equal(whorl_op_cancel(&ops[1]), ended ? -EALREADY : 0);
        check_equal(whorl_op_await(&ops[1]), ended ? 1 : -ECANCELED);
    }
    close_pair(&both);
    return 0;
}

static void ops_that_were_started_cannot_be_linked(void **state)
{
    (void)state;
    run_checks(link_used_ops, NULL);
}

static int link_with(whorl_op last)
{
    test_path made = path_of("made");
    whorl_op ops[2] = {whorl_op_mkdirat(-1, made.text, 0700), last};
    return whorl_link_ops(ops, 2);
}

static intptr_t link_what_is_missing(void *arg)
{
    const whorl_config *config = arg;
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = open(path_of("file").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t features = whorl_features();
    check_equal(features & (int64_t)config->without, 0);
    const struct {
        int64_t feature;
        whorl_op op;
    } cases[] = {
        {WHORL_FEATURE_OP_FTRUNCATE, whorl_op_ftruncate(fd, 5)},
        {WHORL_FEATURE_OP_BIND, whorl_op_bind(listener, (void *)&address, sizeof address)},
        {WHORL_FEATURE_OP_LISTEN, whorl_op_listen(listener, 1)},
    };
    for (size_t i = 0; i < count_of(cases); i++) {
        bool offered = (features & cases[i].feature) != 0;
        check_equal(link_with(cases[i].op), offered ? 0 : -EOPNOTSUPP);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(take_made(), offered);
    }
    check_equal(close(listener), 0);
    return close(fd);
}

static void an_operation_that_the_kernel_lacks_cannot_be_linked(void **state)
{
    (void)state;
    static const uint64_t without[] = {0, WHORL_FEATURE_OP_FTRUNCATE, WHORL_FEATURE_OP_BIND,
                                       WHORL_FEATURE_OP_LISTEN, UINT64_MAX};
    for (size_t i = 0; i < count_of(without); i++) {
        whorl_config config = {.without = without[i] & 0x3ff};
        run_checks_with(&config, link_what_is_missing, &config);
    }
}

/* --- Closes --- */

static intptr_t recv_byte(void *arg)
{
    char byte;
    return whorl_recv(*(int *)arg, &byte, 1, 0);
}

static intptr_t close_it(void *arg)
{
    return whorl_close(*(int *)arg);
}

static intptr_t link_on(void *arg)
{
    char byte;
    return link_with(whorl_op_recv(*(int *)arg, &byte, 1, 0));
}

/* The closer waits for the reader when the chain comes. */
static intptr_t link_while_it_is_closed(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    whorl_task *reader = whorl_spawn(recv_byte, &both.ends[0]);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    whorl_task *closer = whorl_spawn(close_it, &both.ends[0]);
    whorl_task *linker = whorl_spawn(link_on, &both.ends[0]);
    check_equal(whorl_join(linker), -EBADF);
    check_equal(whorl_join(closer), 0);
    check_equal(whorl_join(reader), -ECANCELED);
    check(!take_made());
    both.ends[0] = -1;
    close_pair(&both);
    return 0;
}

static void a_descriptor_that_is_being_closed_cannot_be_linked(void **state)
{
    (void)state;
    run_checks(link_while_it_is_closed, NULL);
}

typedef struct chain {
    whorl_op ops[2];
} chain;

static intptr_t link_chain(void *arg)
{
    return whorl_link_ops(((chain *)arg)->ops, 2);
}

static intptr_t close_under_a_later_op(void *arg)
{
    (void)arg;
    char byte;
    pair waited = unix_pair(), written = pipe_pair();
    chain one = {
        {whorl_op_recv(waited.ends[0], &byte, 1, 0), whorl_op_write(written.ends[1], "x", 1)}};
    whorl_task *task = whorl_spawn(link_chain, &one);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_close(written.ends[1]), 0);
    check(!is_open(written.ends[1]));
    written.ends[1] = -1;
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(one.ops[0].result, -ECANCELED);
    check_equal(one.ops[1].result, -ECANCELED);
    check_equal(read(written.ends[0], &byte, 1), 0);
    close_pair(&waited);
    close_pair(&written);
    return 0;
}

static void a_close_of_a_later_ops_descriptor_ends_the_chain(void **state)
{
    (void)state;
    run_checks(close_under_a_later_op, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_chain_longer_than_a_submission_is_refused),
        behaviour(a_chain_is_never_split_over_two_submissions),
        behaviour(ops_that_were_started_cannot_be_linked),
        behaviour(an_operation_that_the_kernel_lacks_cannot_be_linked),
        behaviour(a_descriptor_that_is_being_closed_cannot_be_linked),
        behaviour(a_close_of_a_later_ops_descriptor_ends_the_chain),
    };
    return run_behaviours("link_limits", tests);
}
