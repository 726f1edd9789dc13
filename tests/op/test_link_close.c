/*
 * Chains that open and close: write, fsync, close of a descriptor; openat, read, close of a slot,
 * in one submission each. Whatever ends such a chain early but a failure of its own, nothing stays
 * open, and each op tells what became of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 4, SLOT = 2 };

#define SOON WHORL_MS(3)
#define FAR WHORL_SECONDS(100)

static char buf[8];

static void register_empty_slots(void)
{
    static const int none[SLOTS] = {-1, -1, -1, -1};
    check_equal(whorl_register_files(none, SLOTS), 0);
}

/* What a read of the slot gives: -EBADF if it is empty. */
static int read_slot(unsigned slot)
{
    whorl_op op = whorl_op_pread((int)slot, buf, sizeof buf, 0);
    op.flags = WHORL_OP_FIXED_FILE;
    return whorl_op_await(&op);
}

static test_path file_with(const char *name, const char *text)
{
    test_path path = path_of(name);
    write_whole(path.text, text, strlen(text));
    return path;
}

/* openat, read, close; the read is of as many bytes as `len` says. */
static void make_chain(whorl_op *ops, const char *path, int flags, size_t len)
{
    ops[0] = whorl_op_openat_direct(AT_FDCWD, path, flags, 0, SLOT);
    ops[1] = whorl_op_read(SLOT, buf, len);
    ops[1].flags = WHORL_OP_FIXED_FILE;
    ops[2] = whorl_op_close_direct(SLOT);
}

static void check_results(const whorl_op *ops, int first, int second, int third)
{
    check_equal(ops[0].result, first);
    check_equal(ops[1].result, second);
    check_equal(ops[2].result, third);
}

/* --- Slots --- */

static intptr_t read_a_file_in_one_chain(void *arg)
{
    (void)arg;
    test_path path = file_with("file", "text");
    register_empty_slots();
    int before = open_descriptors();
    for (int i = 0; i < 3; i++) {
        whorl_op ops[3];
        memset(buf, 0, sizeof buf);
        make_chain(ops, path.text, O_RDONLY | O_CLOEXEC, 4);
        check_equal(whorl_link_ops(ops, 3), 0);
        check_results(ops, 0, 4, 0);
        check_equal(memcmp(buf, "text", 4), 0);
        check_equal(read_slot(SLOT), -EBADF);
        check_equal(open_descriptors(), before);
    }
    return whorl_unregister_files();
}

static void a_chain_opens_reads_and_closes_a_slot(void **state)
{
    (void)state;
    run_checks(read_a_file_in_one_chain, NULL);
}

static int await(whorl_op op)
{
    return whorl_op_await(&op);
}

static intptr_t open_and_close_slots(void *arg)
{
    (void)arg;
    test_path one = file_with("one", "1");
    test_path two = file_with("two", "22");
    check_equal(await(whorl_op_openat_direct(AT_FDCWD, one.text, O_RDONLY, 0, 0)), -ENXIO);
    check_equal(await(whorl_op_close_direct(0)), -ENXIO);
    register_empty_slots();
    check_equal(await(whorl_op_close_direct(1)), -EBADF);
    check_equal(await(whorl_op_openat_direct(AT_FDCWD, one.text, O_RDONLY, 0, 1)), 0);
    check_equal(read_slot(1), 1);
    check_equal(await(whorl_op_openat_direct(AT_FDCWD, two.text, O_RDONLY, 0, 1)), 0);
    check_equal(read_slot(1), 2);
    check_equal(await(whorl_op_close_direct(1)), 0);
    check_equal(read_slot(1), -EBADF);
    unsigned outside[] = {SLOTS, 1u << 30, UINT32_MAX - 2, UINT32_MAX - 1, UINT32_MAX};
    for (size_t i = 0; i < count_of(outside); i++) {
        check_equal(await(whorl_op_openat_direct(AT_FDCWD, one.text, O_RDONLY, 0, outside[i])),
                    -EINVAL);
        check_equal(await(whorl_op_close_direct(outside[i])), -EINVAL);
    }
    check_equal(await(whorl_op_openat_direct(AT_FDCWD, "/nowhere", O_RDONLY, 0, 1)), -ENOENT);
    return whorl_unregister_files();
}

static void slots_are_opened_and_closed_alone_too(void **state)
{
    (void)state;
    run_checks(open_and_close_slots, NULL);
}

/* What stands in a slot stays there if nothing could be opened into it. */
static intptr_t fail_to_open(void *arg)
{
    (void)arg;
    test_path path = file_with("file", "text");
    register_empty_slots();
    check_equal(await(whorl_op_openat_direct(AT_FDCWD, path.text, O_RDONLY, 0, SLOT)), 0);
    whorl_op ops[3];
    make_chain(ops, "/nowhere", O_RDONLY, 4);
    check_equal(whorl_link_ops(ops, 3), -ENOENT);
    check_results(ops, -ENOENT, -ECANCELED, -ECANCELED);
    check_equal(read_slot(SLOT), 4);
    /* The same where the chain was cut before the open. */
    make_chain(ops, path.text, O_RDONLY, 4);
    ops[0].timeout = 0;
    check_equal(whorl_link_ops(ops, 3), -ETIMEDOUT);
    check_results(ops, -ETIMEDOUT, -ECANCELED, -ECANCELED);
    check_equal(read_slot(SLOT), 4);
    return whorl_unregister_files();
}

static void a_slot_into_which_nothing_was_opened_is_not_closed(void **state)
{
    (void)state;
    run_checks(fail_to_open, NULL);
}

/* After a failure the file is still the program's; with a hard link the close runs all the same. */
static intptr_t read_too_much(void *arg)
{
    (void)arg;
    test_path path = file_with("file", "text");
    register_empty_slots();
    whorl_op ops[3];
    make_chain(ops, path.text, O_RDONLY, 8);
    check_equal(whorl_link_ops(ops, 3), -ECANCELED);
    check_results(ops, 0, 4, -ECANCELED);
    check_equal(read_slot(SLOT), 4);
    make_chain(ops, path.text, O_RDONLY, 8);
    ops[1].flags |= WHORL_OP_HARDLINK;
    check_equal(whorl_link_ops(ops, 3), 0);
    check_results(ops, 0, 4, 0);
    check_equal(read_slot(SLOT), -EBADF);
    return whorl_unregister_files();
}

static void after_a_failure_the_slot_is_still_the_programs(void **state)
{
    (void)state;
    run_checks(read_too_much, NULL);
}

/* --- Cut in the middle: the read of a FIFO into which nobody writes waits. --- */

static test_path make_fifo(void)
{
    test_path path = path_of("fifo");
    check_equal(mkfifo(path.text, 0600), 0);
    return path;
}

static whorl_op chain[3];
static test_path fifo;

static intptr_t run_chain(void *arg)
{
    const int64_t *timeouts = arg;
    make_chain(chain, fifo.text, O_RDWR, 4);
    for (int i = 0; timeouts && i < 3; i++)
        chain[i].timeout = timeouts[i];
    return whorl_link_ops(chain, 3);
}

static intptr_t cancel_in_the_middle(void *arg)
{
    (void)arg;
    fifo = make_fifo();
    register_empty_slots();
    for (int moment = 0; moment < 4; moment++) {
        whorl_task *task = whorl_spawn(run_chain, NULL);
        for (int i = 0; i <= moment; i++)
            check_equal(i == 3 ? whorl_sleep(SOON) : whorl_yield(), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), -ECANCELED);
        check(chain[0].result == 0 || (moment < 3 && chain[0].result == -ECANCELED));
        check_equal(chain[1].result, -ECANCELED);
        check_equal(chain[2].result, chain[0].result);
        check_equal(read_slot(SLOT), -EBADF);
    }
    return whorl_unregister_files();
}

static void a_cancel_in_the_middle_leaves_no_slot_open(void **state)
{
    (void)state;
    run_checks(cancel_in_the_middle, NULL);
}

static intptr_t run_out_of_time(void *arg)
{
    (void)arg;
    static const int64_t timeouts[][3] = {
        {FAR, SOON, FAR},         {WHORL_FOREVER, SOON, WHORL_FOREVER},
        {WHORL_FOREVER, 0, FAR},  {FAR, SOON, SOON},
        {WHORL_FOREVER, SOON, 0}, {WHORL_FOREVER, -1, -1},
    };
    fifo = make_fifo();
    register_empty_slots();
    for (size_t i = 0; i < count_of(timeouts); i++) {
        check_equal(run_chain((void *)timeouts[i]), -ETIMEDOUT);
        check_results(chain, 0, -ETIMEDOUT, 0);
        check_equal(read_slot(SLOT), -EBADF);
    }
    return whorl_unregister_files();
}

static void a_timeout_in_the_middle_leaves_no_slot_open(void **state)
{
    (void)state;
    run_checks(run_out_of_time, NULL);
}

static intptr_t scope_in_the_middle(void *arg)
{
    (void)arg;
    fifo = make_fifo();
    register_empty_slots();
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, SOON), 0);
    check_equal(whorl_timeout_end(&scope, run_chain(NULL)), -ETIMEDOUT);
    check_results(chain, 0, -ECANCELED, 0);
    check_equal(read_slot(SLOT), -EBADF);
    return whorl_unregister_files();
}

static void a_scope_that_runs_out_in_the_middle_leaves_no_slot_open(void **state)
{
    (void)state;
    run_checks(scope_in_the_middle, NULL);
}

/* --- Descriptors --- */

static int write_sync_close(int fd, int other, int64_t timeout)
{
    whorl_op *ops = chain;
    ops[0] = whorl_op_read(other, buf, 1); /* waits, where a write to a file would not */
    ops[0].timeout = timeout;
    ops[1] = whorl_op_fsync(fd);
    ops[2] = whorl_op_close(fd);
    return whorl_link_ops(ops, 3);
}

static int file_to_write(void)
{
    return open(path_of("written").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static intptr_t time_out_before_a_close(void *arg)
{
    (void)arg;
    pair silent = pipe_pair();
    static const int64_t timeouts[] = {SOON, 1, 0, -1};
    for (size_t i = 0; i < count_of(timeouts); i++) {
        int fd = file_to_write();
        check_equal(write_sync_close(fd, silent.ends[0], timeouts[i]), -ETIMEDOUT);
        check_results(chain, -ETIMEDOUT, -ECANCELED, 0);
        check(!is_open(fd));
    }
    int fd = file_to_write();
    check_equal(write_sync_close(fd, silent.ends[1], WHORL_FOREVER), -EBADF);
    check_results(chain, -EBADF, -ECANCELED, -ECANCELED);
    check(is_open(fd)); /* a failure: it is the program's to decide */
    close(fd);
    close_pair(&silent);
    return 0;
}

static void a_timeout_before_a_close_still_closes(void **state)
{
    (void)state;
    run_checks(time_out_before_a_close, NULL);
}

/* A member may have done part of its work when it is stopped. */
static intptr_t stop_halfway(void *arg)
{
    (void)arg;
    for (int by_cancel = 0; by_cancel < 2; by_cancel++) {
        pair both = unix_pair();
        int fd = file_to_write();
        whorl_op *ops = chain;
        ops[0] = whorl_op_recv(both.ends[0], buf, sizeof buf, MSG_WAITALL);
        ops[1] = whorl_op_nop();
        ops[2] = whorl_op_close(fd);
        check_equal(send(both.ends[1], "123", 3, 0), 3);
        whorl_timeout scope;
        check_equal(whorl_timeout_begin(&scope, by_cancel ? SOON : FAR), 0);
        if (!by_cancel)
            ops[0].timeout = SOON;
        check(whorl_link_ops(ops, 3) < 0);
        check_equal(whorl_timeout_end(&scope, 0), 0);
        check_results(ops, 3, -ECANCELED, 0);
        check(!is_open(fd));
        close_pair(&both);
    }
    return 0;
}

static void a_member_that_is_stopped_halfway_still_closes(void **state)
{
    (void)state;
    run_checks(stop_halfway, NULL);
}

static intptr_t link_in_a_cancelled_task(void *arg)
{
    pair *silent = arg;
    int fd = file_to_write();
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(write_sync_close(fd, silent->ends[0], WHORL_FOREVER), -ECANCELED);
    check_results(chain, -ECANCELED, -ECANCELED, 0);
    check(!is_open(fd));
    whorl_op nops[2] = {whorl_op_nop(), whorl_op_nop()};
    check_equal(whorl_link_ops(nops, 2), -ECANCELED);
    make_chain(chain, "/nowhere", O_RDONLY, 4);
    check_equal(whorl_link_ops(chain, 3), -ECANCELED);
    check_results(chain, -ECANCELED, -ECANCELED, -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void in_a_cancelled_task_only_closes_run(void **state)
{
    (void)state;
    pair silent = pipe_pair();
    run_checks(link_in_a_cancelled_task, &silent);
    close_pair(&silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_chain_opens_reads_and_closes_a_slot),
        behaviour(slots_are_opened_and_closed_alone_too),
        behaviour(a_slot_into_which_nothing_was_opened_is_not_closed),
        behaviour(after_a_failure_the_slot_is_still_the_programs),
        behaviour(a_cancel_in_the_middle_leaves_no_slot_open),
        behaviour(a_timeout_in_the_middle_leaves_no_slot_open),
        behaviour(a_scope_that_runs_out_in_the_middle_leaves_no_slot_open),
        behaviour(a_timeout_before_a_close_still_closes),
        behaviour(a_member_that_is_stopped_halfway_still_closes),
        behaviour(in_a_cancelled_task_only_closes_run),
    };
    return run_behaviours("link and close", tests);
}
