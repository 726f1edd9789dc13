/*
 * See idle.h. Each connection is one end of a pair of sockets, with a task that serves it: it has
 * had a message, has sent it back, and waits for the next. Resident memory is that of
 * /proc/self/statm, before the first connection and when all wait; the other ends are the same
 * process's, and cost it no memory of its own.
 */
#include "idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "memory.h"

enum { MESSAGE = 64, DESCRIPTORS_BESIDE = 64, ENDS = 2 };

/* Serves one connection until the peer has ended. */
typedef intptr_t serve_fn(void *arg);

typedef struct connection {
    whorl_task *task;
    int here, there;
} connection;

typedef struct job {
    const options *given;
    serve_fn *serve;
    sample *out;
    connection *connections;
    uint64_t count;
} job;

static intptr_t serve_stream(void *arg)
{
    char buf[MESSAGE];
    whorl_stream *stream;
    int fd = (int)(intptr_t)arg;
    int error = whorl_stream_open(fd, NULL, &stream);
    if (error < 0)
        return error;
    ssize_t got;
    while ((got = whorl_stream_read(stream, buf, sizeof buf)) > 0)
        whorl_stream_write(stream, buf, (size_t)got);
    error = whorl_stream_close(stream);
    return got < 0 ? got : error;
}

static intptr_t serve_socket(void *arg)
{
    char buf[MESSAGE];
    int fd = (int)(intptr_t)arg;
    ssize_t got;
    while ((got = whorl_recv(fd, buf, sizeof buf, 0)) > 0)
        whorl_send(fd, buf, (size_t)got, 0);
    int error = whorl_close(fd);
    return got < 0 ? got : error;
}

static int open_one(job *in)
{
    int ends[ENDS];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    connection *made = &in->connections[in->count];
    *made = (connection){.here = ends[0], .there = ends[1]};
    made->task = whorl_spawn(in->serve, (void *)(intptr_t)ends[0]);
    if (made->task == NULL)
        return -ENOMEM;
    in->count++;
    return 0;
}

static int exchange(const connection *with)
{
    char message[MESSAGE] = "message", back[MESSAGE];
    if (send(with->there, message, MESSAGE, 0) != MESSAGE)
        return -errno;
    ssize_t got = whorl_recv(with->there, back, MESSAGE, MSG_WAITALL);
    if (got != MESSAGE)
        return got < 0 ? (int)got : -EPIPE;
    return memcmp(message, back, MESSAGE) == 0 ? 0 : -EIO;
}

static int open_all(job *in)
{
    int error = 0;
    while (in->count < in->given->connections && error == 0)
        error = open_one(in);
    for (uint64_t i = 0; i < in->count && error == 0; i++)
        error = exchange(&in->connections[i]);
    return error != 0 ? error : whorl_yield();
}

static int close_all(job *in)
{
    int failed = 0;
    for (uint64_t i = 0; i < in->count; i++)
        close(in->connections[i].there);
    for (uint64_t i = 0; i < in->count; i++) {
        intptr_t result = whorl_join(in->connections[i].task);
        failed = result < 0 ? (int)result : failed;
    }
    return failed;
}

static intptr_t main_task(void *arg)
{
    job *in = arg;
    in->connections = malloc(in->given->connections * sizeof *in->connections);
    if (in->connections == NULL)
        return -ENOMEM;
    memset(in->connections, 1, in->given->connections * sizeof *in->connections);
    int64_t before = memory_resident(), start = clock_now(), cpu = clock_cpu();
    int failed = open_all(in);
    int64_t opened = clock_now();
    double count = (double)in->given->connections;
    in->out->value[FIGURE_CPU_NS_PER_OP] = (double)(clock_cpu() - cpu) / count;
    in->out->value[FIGURE_NS_PER_OP] = (double)(opened - start) / count;
    in->out->value[FIGURE_BYTES_PER_TASK] = (double)(memory_resident() - before) / count;
    int ended = close_all(in);
    free(in->connections);
    return failed != 0 ? failed : ended;
}

static int run(serve_fn *serve, const options *given, sample *out)
{
    job in = {.given = given, .serve = serve, .out = out};
    cpu_pin(0);
    if (memory_resident() < 0)
        return fail("cannot read /proc/self/statm: mount /proc");
    intptr_t result = whorl_run(main_task, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_stream(const options *given, sample *out)
{
    return run(serve_stream, given, out);
}

static int run_socket(const options *given, sample *out)
{
    return run(serve_socket, given, out);
}

int idle_check(const options *given)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return fail("cannot read the limit of descriptors");
    if (given->connections * ENDS + DESCRIPTORS_BESIDE <= files.rlim_cur)
        return 0;
    unsigned long long limit = files.rlim_cur;
    return fail("--connections %llu needs two descriptors for each, and a process may have %llu: "
                "give at most %llu, or raise the limit (ulimit -Hn)",
                (unsigned long long)given->connections, limit,
                limit > DESCRIPTORS_BESIDE ? (limit - DESCRIPTORS_BESIDE) / ENDS : 0);
}

const workload idle_workload = {
    .command = COMMAND_IDLE,
    .main = FIGURE_BYTES_PER_TASK,
    .ratios_of = {{"bytes", FIGURE_BYTES_PER_TASK}},
    .columns = {{"bytes/each", FIGURE_BYTES_PER_TASK, UNIT_BYTES},
                {"open, echo", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl-stream", run_stream, NULL, NULL}, {"whorl", run_socket, NULL, NULL}},
    .ratios = {{"whorl-stream", "whorl"}},
    .notes = {"bytes: resident, of the task with its stack and all that the connection holds.",
              "What the kernel holds for a socket is not counted."},
};
