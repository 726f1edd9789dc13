/* See service.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* What a program has open beside its connections. */
enum { DESCRIPTORS_ELSE = 16 };

/* In the time for which a peer is to be silent. */
enum { LOOKS = 10 };

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* Opened for the opposite of what it is for, so that it cannot be used for that. */
static void keep_closed(int fd)
{
    int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (fcntl(fd, F_GETFD) < 0)
        (void)open("/dev/null", flags); /* the lowest that is free is it */
}

void service_begin(void)
{
    sigset_t set = stop_signals();
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    service_keep_closed();
}

void service_keep_closed(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        keep_closed(fd);
}

struct running {
    const struct service *service;
    whorl_group tasks; /* the one that serves, what is beside it, and who waits for signals */
};

static void tell_failure(void *arg, const char *peer, intptr_t result)
{
    (void)arg;
    if (result == -EOVERFLOW)
        service_tell("the connection from %s: it has used up its stack", peer);
    else if (result != -EPIPE && result != -ECONNRESET && result != -ETIMEDOUT)
        service_tell("the connection from %s: %s", peer, strerror((int)-result));
}

/* A task's function: when the connections have ended, nothing else is waited for. */
static intptr_t serve_connections(void *arg)
{
    struct running *self = arg;
    const struct service *service = self->service;
    whorl_serve_options options = service->options;
    if (!options.failed)
        options.failed = tell_failure;
    int result = whorl_serve_with(service->listener, service->handler, service->arg, &options);
    whorl_group_cancel(&self->tasks);
    return result;
}

static int stop_on_signals(struct running *self)
{
    const struct service *service = self->service;
    sigset_t set = stop_signals();
    int number = whorl_signal_wait(&set, NULL);
    if (number < 0)
        return number;
    if (service->stopping)
        service->stopping(service->arg);
    whorl_listener_stop(service->listener);
    number = whorl_signal_wait(&set, NULL);
    return number < 0 ? number : whorl_group_cancel(&self->tasks);
}

/* The server is there before a signal is waited for, which finds one to stop. */
int service_serve(const struct service *service)
{
    struct running self = {.service = service};
    whorl_spawn_options eager = {.eager = 1};
    whorl_group_init(&self.tasks);
    int result = whorl_group_spawn_with(&self.tasks, &eager, serve_connections, &self, NULL);
    if (result == 0 && service->beside)
        result = whorl_group_spawn(&self.tasks, service->beside, service->arg);
    if (result == 0)
        result = stop_on_signals(&self);
    return whorl_group_wait(&self.tasks, result);
}

int service_say_where(whorl_listener *listener)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    char text[WHORL_ADDRESS_TEXT_MAX];
    for (unsigned i = 0; whorl_listener_address(listener, i, (struct sockaddr *)&addr, &len) == 0;
         i++, len = sizeof addr)
        if (whorl_address_text((struct sockaddr *)&addr, len, text, sizeof text) > 0)
            printf("listening on %s\n", text);
    return fflush(stdout) == 0 ? 0 : -errno;
}

/* A pipe that has any room takes PIPE_BUF bytes at once (pipe(7)). */
int service_tell(const char *format, ...)
{
    char line[PIPE_BUF];
    va_list arguments;
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    snprintf(line, sizeof line - 1, "%s: ", program_invocation_short_name);
    size_t len = strlen(line);
    va_start(arguments, format);
    vsnprintf(line + len, sizeof line - 1 - len, format, arguments);
    va_end(arguments);
    len = strlen(line);
    line[len++] = '\n';
    if (poll(&room, 1, 0) == 1 && room.revents == POLLOUT)
        (void)!write(STDERR_FILENO, line, len);
    return -1;
}

bool service_end_text(FILE *stream, char *const *text)
{
    bool is_whole = ferror(stream) == 0;
    return fclose(stream) == 0 && is_whole && *text;
}

int service_tcp_state(int fd)
{
    uint8_t state; /* the first byte of what there is to know */
    socklen_t len = sizeof state;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &len) == 0 ? state : -1;
}

int service_unsent(int fd)
{
    int bytes = 0;
    return service_tcp_state(fd) != TCP_CLOSE && ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void service_hear_out(whorl_stream *stream, struct service_patience patience,
                      const bool *is_stopping)
{
    int fd = whorl_stream_fd(stream), left = service_unsent(fd);
    int64_t now = whorl_now(), moved = now, has_all = now;
    whorl_stream_set_idle_timeout(stream, patience.to_speak / LOOKS);
    while (left > 0 ? now - moved < patience.to_take
                    : !*is_stopping && now - moved < patience.to_speak &&
                          now - has_all < patience.to_end) {
        whorl_slice slice;
        ssize_t got = whorl_stream_peek(stream, 1, &slice);
        if (got <= 0 && got != -ETIMEDOUT)
            break;
        if (got > 0)
            whorl_stream_consume(stream, (size_t)got);
        int before = left;
        left = service_unsent(fd);
        now = whorl_now();
        if (left < before || (left == 0 && got > 0))
            moved = now;
        if (left > 0)
            has_all = now;
    }
}

size_t service_connections(size_t wanted, size_t each, size_t *together)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return wanted;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    size_t all = files.rlim_max, rest = all > DESCRIPTORS_ELSE ? all - DESCRIPTORS_ELSE : 0;
    size_t half = rest - rest / 2;
    size_t kept = together == NULL ? 0 : *together < half ? *together : half;
    size_t most = rest - kept > each ? (rest - kept) / each : 1;
    if (most < wanted)
        service_tell("%zu descriptors are enough for %zu connection%s at a time, and not for %zu: "
                     "more wait; raise ulimit -Hn",
                     all, most, most == 1 ? "" : "s", wanted);
    else
        most = wanted;
    if (together != NULL)
        *together = rest > most * each ? rest - most * each : 0;
    return most;
}
