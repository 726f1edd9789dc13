/*
 * The echo workload: each run starts a server process on the first processor and is itself the load
 * generator, on the second. The server's CPU time is read from outside, at both ends of the window.
 */
#include "echo.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

enum { THREADS_MAX = 1000, CACHE_LINE = 64 };

size_t echo_buffer_size(const options *given)
{
    size_t room = (given->size / CACHE_LINE + 1) * CACHE_LINE;
    return room < ECHO_BUFFER_MAX ? room : ECHO_BUFFER_MAX;
}

static pid_t start_server(echo_serve *serve, int listener, const options *given)
{
    pid_t pid = fork();
    if (pid != 0) {
        close(listener);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_pin(0);
    _exit(serve(listener, given) == 0 ? 0 : 1);
}

/* A server never ends on its own: if it did, it has said why, unless it was killed. */
static int stop_server(pid_t pid)
{
    int status;
    pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == 0) {
        kill(pid, SIGKILL);
        ended = waitpid(pid, &status, 0);
        if (ended == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            return 0;
    }
    if (ended != pid)
        return fail_call("waiting for the server's process", errno);
    if (WIFSIGNALED(status))
        return fail("the server was killed by signal %d (%s)", WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
    return fail("the server ended with status %d before it was stopped", WEXITSTATUS(status));
}

static void fill(sample *out, const echo_load *from)
{
    sample_rate(out, from->messages, from->elapsed, from->server_cpu);
    out->value[FIGURE_NS_PER_OP] = __builtin_nan("");
    if (from->server_cpu < 0)
        out->value[FIGURE_CPU_NS_PER_OP] = __builtin_nan("");
    out->value[FIGURE_P50_NS] = histogram_percentile(&from->latency, 0.5);
    out->value[FIGURE_P99_NS] = histogram_percentile(&from->latency, 0.99);
    out->value[FIGURE_P999_NS] = histogram_percentile(&from->latency, 0.999);
}

static int run(echo_serve *serve, const options *given, sample *out)
{
    static echo_load seen;
    endpoint at;
    if (endpoint_parse("listen", "127.0.0.1:0", 0, &at) != 0)
        return -1;
    int listener = endpoint_listen(&at);
    if (listener < 0)
        return -1;
    pid_t server = start_server(serve, listener, given);
    if (server < 0)
        return fail_call("starting a process for the server", errno);
    cpu_pin(1);
    int failed = echo_load_run(&at, given, server, &seen);
    if (stop_server(server) != 0 || failed != 0)
        return -1;
    fill(out, &seen);
    return 0;
}

static int run_whorl(const options *given, sample *out)
{
    return run(echo_serve_whorl, given, out);
}

static int run_stream(const options *given, sample *out)
{
    return run(echo_serve_stream, given, out);
}

static int run_oneshot(const options *given, sample *out)
{
    return run(echo_serve_oneshot, given, out);
}

static int run_liburing(const options *given, sample *out)
{
    return run(echo_serve_liburing, given, out);
}

static int run_epoll(const options *given, sample *out)
{
    return run(echo_serve_epoll, given, out);
}

static int run_threads(const options *given, sample *out)
{
    return run(echo_serve_threads, given, out);
}

static int run_remote(const options *given, sample *out)
{
    static echo_load seen;
    endpoint at;
    if (endpoint_parse("connect", given->connect, 1, &at) != 0)
        return -1;
    cpu_pin(1);
    if (echo_load_run(&at, given, 0, &seen) != 0)
        return -1;
    fill(out, &seen);
    return 0;
}

static int threads_missing(const options *given, char reason[REASON_MAX])
{
    if (given->connections <= THREADS_MAX)
        return 0;
    snprintf(reason, REASON_MAX, "a thread for each of more than %d connections is no fair match",
             THREADS_MAX);
    return -1;
}

/* What the tables of servers have in common. */
#define OF_SERVERS                                                                                 \
    .command = COMMAND_ECHO, .main = FIGURE_PER_SECOND,                                            \
    .ratios_of = {{"CPU a message", FIGURE_CPU_NS_PER_OP}, {"messages/s", FIGURE_PER_SECOND}},     \
    .columns = {{"messages/s", FIGURE_PER_SECOND, UNIT_COUNT},                                     \
                {"CPU/message", FIGURE_CPU_NS_PER_OP, UNIT_NS},                                    \
                {"p50", FIGURE_P50_NS, UNIT_NS},                                                   \
                {"p99", FIGURE_P99_NS, UNIT_NS},                                                   \
                {"p999", FIGURE_P999_NS, UNIT_NS}},                                                \
    .notes = {"CPU is the server's alone, its kernel workers included.",                           \
              "messages/s is bounded by the load generator's one thread."}

static const workload servers_workload = {
    OF_SERVERS,
    .subjects = {{"whorl", run_whorl, NULL, NULL},
                 {"liburing-oneshot", run_oneshot, NULL, NULL},
                 {"liburing", run_liburing, NULL, NULL},
                 {"epoll", run_epoll, NULL, NULL},
                 {"threads", run_threads, threads_missing, NULL}},
    .ratios = {{"whorl", "liburing-oneshot"},
               {"whorl", "liburing"},
               {"whorl", "epoll"},
               {"whorl", "threads"}},
};

static const workload stream_workload = {
    OF_SERVERS,
    .subjects = {{"whorl-stream", run_stream, NULL, NULL},
                 {"whorl", run_whorl, NULL, NULL},
                 {"liburing", run_liburing, NULL, NULL},
                 {"epoll", run_epoll, NULL, NULL}},
    .ratios = {{"whorl-stream", "liburing"}, {"whorl-stream", "epoll"}, {"whorl-stream", "whorl"}},
};

static const workload connect_workload = {
    .command = COMMAND_ECHO,
    .main = FIGURE_PER_SECOND,
    .columns = {{"messages/s", FIGURE_PER_SECOND, UNIT_COUNT},
                {"p50", FIGURE_P50_NS, UNIT_NS},
                {"p99", FIGURE_P99_NS, UNIT_NS},
                {"p999", FIGURE_P999_NS, UNIT_NS}},
    .subjects = {{"remote", run_remote, NULL, NULL}},
    .notes = {"remote is the server at --connect; its CPU time is not known here."},
};

const workload *echo_workload_for(const options *given)
{
    if (given->connect != NULL)
        return &connect_workload;
    return given->stream != 0 ? &stream_workload : &servers_workload;
}
