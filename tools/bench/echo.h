/*
 * The echo workload: servers, one for each subject, and the load generator.
 *
 * A server serves on a listening socket until its process is killed, and returns only when it
 * failed: -1, after a sentence. It sends back what it receives, in order, for any number of
 * connections. `size` is the message size to be ready for; other sizes work too.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include "endpoint.h"
#include "histogram.h"
#include "options.h"
#include "workload.h"

/* Most bytes that a server receives at once. */
enum { ECHO_BUFFER_MAX = 16384 };

typedef int echo_serve(int listener, const options *given);

echo_serve echo_serve_whorl;
echo_serve echo_serve_stream;
echo_serve echo_serve_liburing;
echo_serve echo_serve_oneshot;
echo_serve echo_serve_epoll;
echo_serve echo_serve_threads;

/* Bytes of a connection's buffer: more than a message has, so that one which is not full tells that
 * the socket is empty. */
size_t echo_buffer_size(const options *given);

/* What the load generator saw in its window. */
typedef struct echo_load {
    uint64_t messages;
    int64_t elapsed;    /* ns */
    int64_t server_cpu; /* ns; -1 when the server is no process of ours */
    histogram latency;
} echo_load;

/* Connects to `server`, warms up, and measures for given->seconds. `server_pid`, if not 0, is the
 * process whose CPU time is read at both ends of the window. Each message that comes back is
 * compared with what was sent. 0, or -1 with a sentence; without one if it failed because that
 * process has ended, since why it ended is the cause. */
int echo_load_run(const endpoint *server, const options *given, pid_t server_pid, echo_load *out);

/* The workload that is asked for: servers and load; a server on streams beside some of those
 * (--stream); or the load alone (--connect). */
const workload *echo_workload_for(const options *given);

/* Judges --connections, --listen, --connect and --subject; 0, or -1 with a sentence. */
int echo_check(const options *given);

/* --listen: serves until killed. The exit status. */
int echo_listen(const options *given);

#endif
