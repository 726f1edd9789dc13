/*
 * The life of one op: made, started, awaited, asked to end; and every misuse that the header
 * names. What single operations do is the matter of the calls' own tests.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "elsewhere.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static whorl_op op_of_code(uint8_t code)
{
    whorl_op op = whorl_op_nop();
    op.code = code;
    return op;
}

static whorl_op op_of_flags(uint8_t flags)
{
    whorl_op op = whorl_op_nop();
    op.flags = flags;
    return op;
}

/* --- Its life --- */

static intptr_t live_once(void *arg)
{
    (void)arg;
    whorl_op op = whorl_op_nop();
    check_equal(op.timeout, WHORL_FOREVER);
    check_equal(op.flags, 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_op_await(&op), 0);
    check_equal(op.result, 0);

    whorl_op unstarted = whorl_op_nop();
    check_equal(whorl_op_await(&unstarted), 0);
    whorl_op failing = whorl_op_fsync(-1);
    check_equal(whorl_op_start(&failing), 0); /* what it asks is judged when it runs */
    check_equal(whorl_op_await(&failing), -EBADF);
    check_equal(failing.result, -EBADF);
    return 0;
}

static void an_op_is_started_and_awaited(void **state)
{
    (void)state;
    run_checks(live_once, NULL);
}

static intptr_t await_again(void *arg)
{
    (void)arg;
    char bytes[3] = {0};
    pair both = unix_pair();
    check_equal(send(both.ends[1], "ab", 2, 0), 2);
    whorl_op op = whorl_op_recv(both.ends[0], bytes, 1, 0);
    check_equal(whorl_op_await(&op), 1);
    check_equal(whorl_op_await(&op), 1);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_op_await(&op), 1); /* it has ended: nothing waits, nothing is lost */
    check_equal(whorl_uncancel(), 1);
    check_text(bytes, "a");
    check_equal(recv(both.ends[0], bytes, 2, MSG_DONTWAIT), 1);
    check_text(bytes, "b");
    close_pair(&both);
    return 0;
}

static void an_op_that_has_ended_gives_its_result_again(void **state)
{
    (void)state;
    run_checks(await_again, NULL);
}

static intptr_t start_again(void *arg)
{
    (void)arg;
    char byte = 0;
    pair both = unix_pair();
    whorl_op op = whorl_op_recv(both.ends[0], &byte, 1, 0);
    for (char value = 'a'; value <= 'z'; value++) {
        check_equal(whorl_op_start(&op), 0);
        check_equal(send(both.ends[1], &value, 1, 0), 1);
        check_equal(whorl_op_await(&op), 1);
        check_equal(byte, value);
    }
    whorl_op copy = op; /* not in flight: a copy is an op of its own */
    check_equal(whorl_op_start(&copy), 0);
    check_equal(whorl_op_await(&op), 1);
    check_equal(whorl_op_cancel(&copy), 0);
    check_equal(whorl_op_await(&copy), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void an_op_that_has_ended_may_be_started_again(void **state)
{
    (void)state;
    run_checks(start_again, NULL);
}

static intptr_t start_twice(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    whorl_op op = whorl_op_recv(both.ends[0], &byte, 1, 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_op_start(&op), -EBUSY);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_op_start(&op), -EBUSY);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_op_await(&op), 1);
    close_pair(&both);
    return 0;
}

static void an_op_in_flight_cannot_be_started(void **state)
{
    (void)state;
    run_checks(start_twice, NULL);
}

static intptr_t start_while_cancelled(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_cancel(whorl_self()), 0);
    whorl_op op = whorl_op_recv(both.ends[0], &byte, 1, 0);
    check_equal(whorl_op_start(&op), 0);
    int result = whorl_op_await(&op); /* either: but a byte only with a result */
    check(result == 1 || result == -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(recv(both.ends[0], &byte, 1, MSG_DONTWAIT), result == 1 ? -1 : 1);
    close_pair(&both);
    return 0;
}

static void a_cancelled_task_can_start_an_op(void **state)
{
    (void)state;
    run_checks(start_while_cancelled, NULL);
}

static intptr_t end_while_away(void *arg)
{
    (void)arg;
    char byte = 0;
    pair both = unix_pair();
    whorl_op op = whorl_op_recv(both.ends[0], &byte, 1, 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    check_equal(whorl_op_cancel(&op), -EALREADY); /* it ended while nobody waited for it */
    check_equal(whorl_op_await(&op), 1);
    check_equal(byte, 'x');
    close_pair(&both);
    return 0;
}

static void a_started_op_ends_while_its_task_does_other_things(void **state)
{
    (void)state;
    run_checks(end_while_away, NULL);
}

/* --- Misuse --- */

static intptr_t misuse(void *arg)
{
    (void)arg;
    check_equal(whorl_op_start(NULL), -EINVAL);
    check_equal(whorl_op_await(NULL), -EINVAL);
    check_equal(whorl_op_cancel(NULL), -EINVAL);
    whorl_op bad[] = {op_of_code(255), op_of_code(200), op_of_flags(1 << 2), op_of_flags(0x80)};
    for (size_t i = 0; i < count_of(bad); i++) {
        check_equal(whorl_op_start(&bad[i]), -EINVAL);
        check_equal(whorl_op_await(&bad[i]), -EINVAL);
        check_equal(whorl_op_cancel(&bad[i]), -EALREADY);
    }
    whorl_op op = whorl_op_nop();
    check_equal(whorl_op_cancel(&op), -EALREADY); /* only made */
    check_equal(whorl_op_await(&op), 0);
    check_equal(whorl_op_cancel(&op), -EALREADY); /* ended */
    return 0;
}

static void misuse_is_refused(void **state)
{
    (void)state;
    run_checks(misuse, NULL);
}

static intptr_t meddle(void *arg)
{
    whorl_op *op = arg;
    check_equal(whorl_op_await(op), -EPERM);
    check_equal(whorl_op_start(op), -EBUSY);
    check_equal(whorl_gather_ops(op, 1), -EPERM);
    int linked = whorl_link_ops(op, 1);
    check(linked == -EPERM || linked == -EINVAL);
    check_equal(whorl_op_cancel(op), 0);
    return 0;
}

static intptr_t lend_an_op(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    whorl_op op = whorl_op_recv(both.ends[0], &byte, 1, 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_join(whorl_spawn(meddle, &op)), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void an_op_of_another_task_can_only_be_cancelled(void **state)
{
    (void)state;
    run_checks(lend_an_op, NULL);
}

static whorl_op in_flight_here;

static intptr_t meddle_from_elsewhere(void *arg)
{
    (void)arg;
    check_equal(whorl_op_await(&in_flight_here), -EPERM);
    check_equal(whorl_op_cancel(&in_flight_here), -EPERM);
    return 0;
}

static intptr_t show_an_op(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    char byte;
    in_flight_here = whorl_op_read(both.ends[0], &byte, 1);
    check_equal(whorl_op_start(&in_flight_here), 0);
    in_another_loop(meddle_from_elsewhere);
    check_equal(whorl_op_cancel(&in_flight_here), 0);
    check_equal(whorl_op_await(&in_flight_here), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void an_op_of_another_loop_is_not_to_be_touched(void **state)
{
    (void)state;
    run_checks(show_an_op, NULL);
}

static void call_outside(whorl_op *in_flight)
{
    whorl_op op = whorl_op_nop();
    check_equal(whorl_op_start(&op), -EPERM);
    check_equal(whorl_op_await(&op), -EPERM);
    check_equal(whorl_op_cancel(in_flight != NULL ? in_flight : &op), -EPERM);
    check_equal(whorl_gather_ops(&op, 1), -EPERM);
    check_equal(whorl_gather_ops(NULL, 0), -EPERM);
    check_equal(whorl_link_ops(&op, 1), -EPERM);
    check_equal(whorl_register_files((int[]){0}, 1), -EPERM);
    check_equal(whorl_unregister_files(), -EPERM);
    char byte;
    check_equal(whorl_register_buffers(&(struct iovec){&byte, 1}, 1), -EPERM);
    check_equal(whorl_unregister_buffers(), -EPERM);
}

static void *call_from_a_thread(void *arg)
{
    call_outside(arg);
    return NULL;
}

static intptr_t start_a_thread_beside(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    whorl_op op = whorl_op_recv(both.ends[0], &byte, 1, 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    pthread_t thread;
    check_equal(pthread_create(&thread, NULL, call_from_a_thread, &op), 0);
    check_equal(pthread_join(thread, NULL), 0);
    check_equal(whorl_op_cancel(&op), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void calls_outside_a_task_are_refused(void **state)
{
    (void)state;
    call_outside(NULL);
    assert_int_equal(failed_checks(), 0);
    run_checks(start_a_thread_beside, NULL);
}

/* --- Names --- */

static void every_op_has_its_name(void **state)
{
    (void)state;
    const struct {
        whorl_op op;
        const char *name;
    } names[] = {
        {whorl_op_nop(), "nop"},
        {whorl_op_openat(-1, "", 0, 0), "openat"},
        {whorl_op_close(-1), "close"},
        {whorl_op_read(-1, NULL, 0), "read"},
        {whorl_op_write(-1, NULL, 0), "write"},
        {whorl_op_fsync(-1), "fsync"},
        {whorl_op_statx(-1, "", 0, 0, NULL), "statx"},
        {whorl_op_renameat2(-1, "", -1, "", 0), "renameat2"},
        {whorl_op_openat2(-1, "", NULL, 0), "openat2"},
        {whorl_op_openat2_direct(-1, "", NULL, 0, 0), "openat2"},
        {whorl_op_readv(-1, NULL, 0), "readv"},
        {whorl_op_preadv2(-1, NULL, 0, 0, 0), "readv"},
        {whorl_op_writev(-1, NULL, 0), "writev"},
        {whorl_op_pwritev2(-1, NULL, 0, 0, 0), "writev"},
        {whorl_op_read_fixed(-1, NULL, 0, 0, 0), "read_fixed"},
        {whorl_op_write_fixed(-1, NULL, 0, 0, 0), "write_fixed"},
        {whorl_op_readv_fixed(-1, NULL, 0, 0, 0), "readv_fixed"},
        {whorl_op_writev_fixed(-1, NULL, 0, 0, 0), "writev_fixed"},
        {whorl_op_sync_file_range(-1, 0, 0, 0), "sync_file_range"},
        {whorl_op_fadvise(-1, 0, 0, 0), "fadvise"},
        {whorl_op_madvise(NULL, 0, 0), "madvise"},
        {whorl_op_splice(-1, 0, -1, 0, 0, 0), "splice"},
        {whorl_op_tee(-1, -1, 0, 0), "tee"},
        {whorl_op_linkat(-1, "", -1, "", 0), "linkat"},
        {whorl_op_symlinkat("", -1, ""), "symlinkat"},
        {whorl_op_setxattr("", "", "", 0, 0), "setxattr"},
        {whorl_op_fsetxattr(-1, "", "", 0, 0), "fsetxattr"},
        {whorl_op_getxattr("", "", NULL, 0), "getxattr"},
        {whorl_op_fgetxattr(-1, "", NULL, 0), "fgetxattr"},
        {whorl_op_waitid(0, 0, NULL, 0), "waitid"},
        {whorl_op_unlinkat(-1, "", 0), "unlinkat"},
        {whorl_op_mkdirat(-1, "", 0), "mkdirat"},
        {whorl_op_ftruncate(-1, 0), "ftruncate"},
        {whorl_op_fallocate(-1, 0, 0, 0), "fallocate"},
        {whorl_op_socket(0, 0, 0), "socket"},
        {whorl_op_bind(-1, NULL, 0), "bind"},
        {whorl_op_listen(-1, 0), "listen"},
        {whorl_op_accept(-1, NULL, NULL, 0), "accept"},
        {whorl_op_connect(-1, NULL, 0), "connect"},
        {whorl_op_recv(-1, NULL, 0, 0), "recv"},
        {whorl_op_send(-1, NULL, 0, 0), "send"},
        {whorl_op_recvmsg(-1, NULL, 0), "recvmsg"},
        {whorl_op_sendmsg(-1, NULL, 0), "sendmsg"},
        {whorl_op_send_zc(-1, NULL, 0, 0), "send_zc"},
        {whorl_op_sendmsg_zc(-1, NULL, 0), "sendmsg_zc"},
        {whorl_op_shutdown(-1, 0), "shutdown"},
        {whorl_op_poll(-1, 0), "poll"},
    };
    for (size_t i = 0; i < count_of(names); i++)
        assert_string_equal(whorl_op_name(&names[i].op), names[i].name);
    whorl_op unknown = op_of_code(255);
    assert_string_equal(whorl_op_name(&unknown), "unknown");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(an_op_is_started_and_awaited),
        behaviour(an_op_that_has_ended_gives_its_result_again),
        behaviour(an_op_that_has_ended_may_be_started_again),
        behaviour(an_op_in_flight_cannot_be_started),
        behaviour(a_cancelled_task_can_start_an_op),
        behaviour(a_started_op_ends_while_its_task_does_other_things),
        behaviour(misuse_is_refused),
        behaviour(an_op_of_another_task_can_only_be_cancelled),
        behaviour(an_op_of_another_loop_is_not_to_be_touched),
        behaviour(calls_outside_a_task_are_refused),
        behaviour(every_op_has_its_name),
    };
    return run_behaviours("op", tests);
}
