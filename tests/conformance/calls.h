/*
 * Every call of the public headers that needs a task, with arguments that would be good inside one:
 * for test_place.c, which makes each where it must be refused.
 */
#ifndef TESTS_CONFORMANCE_CALLS_H
#define TESTS_CONFORMANCE_CALLS_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

static char buffer[16];
static struct iovec vector = {buffer, sizeof buffer};
static whorl_timeout timeout;
static whorl_shield shield;
static whorl_group group;
static whorl_as_completed each;
static whorl_stream *some_stream;
static struct sockaddr_in address = {.sin_family = AF_INET};

static intptr_t never(void *arg)
{
    (void)arg;
    return 0;
}

static const whorl_call a_call = {never, NULL};

/* A pointer result as an error: NULL counts as -EPERM, anything else as success. */
static intptr_t refused_if_null(const void *pointer)
{
    return pointer == NULL ? -EPERM : 0;
}

static intptr_t call_spawn_with(whorl_task *task)
{
    int error = 1;
    whorl_spawn_options options = {.error = &error};

    (void)task;
    if (whorl_spawn_with(&options, never, NULL) != NULL)
        return 0;
    return error;
}

static intptr_t call_recvmsg(whorl_task *task)
{
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    (void)task;
    return whorl_recvmsg(0, &message, 0);
}

static intptr_t call_sendmsg(whorl_task *task)
{
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    (void)task;
    return whorl_sendmsg(0, &message, 0);
}

static intptr_t call_resolve(whorl_task *task)
{
    whorl_address found;

    (void)task;
    return whorl_resolve("::1", "80", NULL, &found, 1);
}

static intptr_t call_statx(whorl_task *task)
{
    struct statx result;

    (void)task;
    return whorl_statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &result);
}

static intptr_t call_openat2(whorl_task *task)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

    (void)task;
    return whorl_openat2(AT_FDCWD, "/", &how, sizeof how);
}

static intptr_t call_register_files(whorl_task *task)
{
    int fd = 0;

    (void)task;
    return whorl_register_files(&fd, 1);
}

static intptr_t call_group_wait_errors(whorl_task *task)
{
    size_t count = 0;

    (void)task;
    return whorl_group_wait_errors(&group, 0, NULL, &count);
}

static intptr_t call_signal_wait(whorl_task *task)
{
    sigset_t set;

    (void)task;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return whorl_signal_wait(&set, NULL);
}

static const char *const no_command[] = {"/no/such/program", NULL};
static const whorl_process_options no_process = {.argv = no_command};

static intptr_t call_process_spawn(whorl_task *task)
{
    static whorl_process *process;

    (void)task;
    return whorl_process_spawn(&no_process, &process);
}

static intptr_t call_process_run(whorl_task *task)
{
    (void)task;
    return whorl_process_run(&no_process, NULL, 0, NULL, 1);
}

static intptr_t call_on_op(int (*call)(whorl_op *op))
{
    whorl_op op = whorl_op_nop();
    intptr_t result = call(&op);

    return op.state == whorl_op_nop().state ? result : 0;
}

static intptr_t call_on_ops(int (*call)(whorl_op *ops, size_t n))
{
    whorl_op ops[2] = {whorl_op_nop(), whorl_op_nop()};

    return call(ops, 2);
}

/* One function a call, made by the table's own macro, so that the table reads as a list. */
#define CALL(name, expression)                                                                     \
    static intptr_t in_##name(whorl_task *task)                                                    \
    {                                                                                              \
        (void)task;                                                                                \
        return expression;                                                                         \
    }
#define CALLS(X)                                                                                   \
    X(spawn, refused_if_null(whorl_spawn(never, NULL)))                                            \
    X(spawn_with, call_spawn_with(task))                                                           \
    X(join, whorl_join(task))                                                                      \
    X(release, whorl_release(task))                                                                \
    X(cancel, whorl_cancel(task))                                                                  \
    X(uncancel, whorl_uncancel())                                                                  \
    X(cancelling, whorl_cancelling(task))                                                          \
    X(is_done, whorl_is_done(task))                                                                \
    X(is_cancelled, whorl_is_cancelled(task))                                                      \
    X(self, refused_if_null(whorl_self()))                                                         \
    X(name, refused_if_null(whorl_name(task)))                                                     \
    X(set_name, whorl_set_name(task, "renamed"))                                                   \
    X(yield, whorl_yield())                                                                        \
    X(sleep, whorl_sleep(1))                                                                       \
    X(sleep_until, whorl_sleep_until(0))                                                           \
    X(timeout_begin, whorl_timeout_begin(&timeout, 1))                                             \
    X(timeout_begin_at, whorl_timeout_begin_at(&timeout, 1))                                       \
    X(timeout_reschedule, whorl_timeout_reschedule(&timeout, 1))                                   \
    X(timeout_end, whorl_timeout_end(&timeout, 0))                                                 \
    X(shield_begin, whorl_shield_begin(&shield, 1))                                                \
    X(shield_end, whorl_shield_end(&shield, 0))                                                    \
    X(defer, whorl_defer(never, NULL))                                                             \
    X(wait_for, whorl_wait_for(task, 1))                                                           \
    X(gather, whorl_gather(&task, 1, NULL, 0))                                                     \
    X(gather_calls, whorl_gather_calls(&a_call, 1, NULL, 0))                                       \
    X(race, whorl_race(&task, 1, NULL, NULL))                                                      \
    X(wait, whorl_wait(&task, 1, WHORL_ALL_COMPLETED, 1))                                          \
    X(as_completed_begin, whorl_as_completed_begin(&each, &task, 1, 1))                            \
    X(as_completed_next, whorl_as_completed_next(&each, NULL, NULL))                               \
    X(as_completed_end, whorl_as_completed_end(&each))                                             \
    X(group_init, whorl_group_init(&group))                                                        \
    X(group_spawn, whorl_group_spawn(&group, never, NULL))                                         \
    X(group_spawn_with, whorl_group_spawn_with(&group, NULL, never, NULL, NULL))                   \
    X(group_spawn_limited, whorl_group_spawn_limited(&group, 1, never, NULL))                      \
    X(group_live, whorl_group_live(&group))                                                        \
    X(group_cancel, whorl_group_cancel(&group))                                                    \
    X(group_wait, whorl_group_wait(&group, 0))                                                     \
    X(group_wait_errors, call_group_wait_errors(task))                                             \
    X(open, whorl_open("/", O_RDONLY))                                                             \
    X(openat, whorl_openat(AT_FDCWD, "/", O_RDONLY))                                               \
    X(close, whorl_close(0))                                                                       \
    X(read, whorl_read(0, buffer, 1))                                                              \
    X(write, whorl_write(0, buffer, 1))                                                            \
    X(pread, whorl_pread(0, buffer, 1, 0))                                                         \
    X(pwrite, whorl_pwrite(0, buffer, 1, 0))                                                       \
    X(readv, whorl_readv(0, &vector, 1))                                                           \
    X(loop_hold, refused_if_null(whorl_loop_hold()))                                               \
    X(to_thread, whorl_to_thread(never, NULL))                                                     \
    X(writev, whorl_writev(0, &vector, 1))                                                         \
    X(preadv, whorl_preadv(0, &vector, 1, 0))                                                      \
    X(pwritev, whorl_pwritev(0, &vector, 1, 0))                                                    \
    X(openat2, call_openat2(task))                                                                 \
    X(preadv2, whorl_preadv2(0, &vector, 1, 0, 0))                                                 \
    X(pwritev2, whorl_pwritev2(0, &vector, 1, 0, 0))                                               \
    X(sync_file_range, whorl_sync_file_range(0, 0, 0, 0))                                          \
    X(fadvise, whorl_fadvise(0, 0, 0, POSIX_FADV_NORMAL))                                          \
    X(madvise, whorl_madvise(buffer, 0, 0))                                                        \
    X(splice, whorl_splice(-1, NULL, -1, NULL, 1, 0))                                              \
    X(tee, whorl_tee(-1, -1, 1, 0))                                                                \
    X(link, whorl_link("no-such-name", "no-such-name"))                                            \
    X(linkat, whorl_linkat(AT_FDCWD, "no-such-name", AT_FDCWD, "no-such-name", 0))                 \
    X(symlink, whorl_symlink("/", "/"))                                                            \
    X(symlinkat, whorl_symlinkat("/", AT_FDCWD, "/"))                                              \
    X(rmdir, whorl_rmdir("no-such-name"))                                                          \
    X(setxattr, whorl_setxattr("no-such-name", "user.x", "", 0, 0))                                \
    X(fsetxattr, whorl_fsetxattr(-1, "user.x", "", 0, 0))                                          \
    X(getxattr, whorl_getxattr("no-such-name", "user.x", NULL, 0))                                 \
    X(fgetxattr, whorl_fgetxattr(-1, "user.x", NULL, 0))                                           \
    X(fsync, whorl_fsync(0))                                                                       \
    X(fdatasync, whorl_fdatasync(0))                                                               \
    X(statx, call_statx(task))                                                                     \
    X(rename, whorl_rename("no-such-name", "no-such-name"))                                        \
    X(renameat2, whorl_renameat2(AT_FDCWD, "no-such-name", AT_FDCWD, "no-such-name", 0))           \
    X(unlink, whorl_unlink("no-such-name"))                                                        \
    X(unlinkat, whorl_unlinkat(AT_FDCWD, "no-such-name", 0))                                       \
    X(mkdir, whorl_mkdir("/", 0700))                                                               \
    X(mkdirat, whorl_mkdirat(AT_FDCWD, "/", 0700))                                                 \
    X(ftruncate, whorl_ftruncate(-1, 0))                                                           \
    X(fallocate, whorl_fallocate(-1, 0, 0, 1))                                                     \
    X(socket, whorl_socket(AF_INET, SOCK_STREAM, 0))                                               \
    X(bind, whorl_bind(-1, (struct sockaddr *)&address, sizeof address))                           \
    X(listen, whorl_listen(-1, 1))                                                                 \
    X(accept, whorl_accept(-1, NULL, NULL))                                                        \
    X(accept4, whorl_accept4(-1, NULL, NULL, 0))                                                   \
    X(connect, whorl_connect(-1, (struct sockaddr *)&address, sizeof address))                     \
    X(recv, whorl_recv(-1, buffer, 1, 0))                                                          \
    X(send, whorl_send(-1, buffer, 1, 0))                                                          \
    X(recvmsg, call_recvmsg(task))                                                                 \
    X(sendmsg, call_sendmsg(task))                                                                 \
    X(shutdown, whorl_shutdown(-1, SHUT_RDWR))                                                     \
    X(poll, whorl_poll(-1, POLLIN))                                                                \
    X(resolve, call_resolve(task))                                                                 \
    X(tcp_connect, whorl_tcp_connect("127.0.0.1", "0", NULL))                                      \
    X(stream_connect_tcp, whorl_stream_connect_tcp("127.0.0.1", "0", NULL, NULL, &some_stream))    \
    X(stream_connect_unix, whorl_stream_connect_unix("@no-such-name", NULL, NULL, &some_stream))   \
    X(unix_connect, whorl_unix_connect("@no-such-name", NULL))                                     \
    X(resolve_forget, whorl_resolve_forget(NULL))                                                  \
    X(signal_wait, call_signal_wait(task))                                                         \
    X(process_spawn, call_process_spawn(task))                                                     \
    X(process_run, call_process_run(task))                                                         \
    X(process_wait, whorl_process_wait(NULL))                                                      \
    X(process_status, whorl_process_status(NULL, NULL))                                            \
    X(process_kill, whorl_process_kill(NULL, SIGTERM))                                             \
    X(process_terminate, whorl_process_terminate(NULL, 1))                                         \
    X(process_communicate, whorl_process_communicate(NULL, NULL, 0, NULL, 1))                      \
    X(process_close_stdin, whorl_process_close_stdin(NULL))                                        \
    X(process_free, whorl_process_free(NULL))                                                      \
    X(op_start, call_on_op(whorl_op_start))                                                        \
    X(op_await, call_on_op(whorl_op_await))                                                        \
    X(op_cancel, call_on_op(whorl_op_cancel))                                                      \
    X(gather_ops, call_on_ops(whorl_gather_ops))                                                   \
    X(link_ops, call_on_ops(whorl_link_ops))                                                       \
    X(register_files, call_register_files(task))                                                   \
    X(unregister_files, whorl_unregister_files())                                                  \
    X(register_buffers, whorl_register_buffers(&vector, 1))                                        \
    X(unregister_buffers, whorl_unregister_buffers())

CALLS(CALL)

#define ENTRY(name, expression) {#name, in_##name},
static const struct {
    const char *name;
    intptr_t (*call)(whorl_task *task);
} calls[] = {CALLS(ENTRY)};

#endif
