/* See service.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "service.h"

#include <errno.h>
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

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

void service_hold_signals(void)
{
    sigset_t set = stop_signals();
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int service_wait_for_stop(void)
{
    sigset_t set = stop_signals();
    return whorl_signal_wait(&set, NULL);
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

size_t service_raise_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return SIZE_MAX;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_max;
}
