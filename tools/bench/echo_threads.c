/*
 * The echo server `threads`: a blocking thread for each connection, on a small stack. The main
 * thread only accepts; a connection's thread closes it, and nobody joins it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "echo.h"
#include "fail.h"

/* Room for the buffer and for what glibc keeps on a thread's stack. */
enum { STACK_SIZE = ECHO_BUFFER_MAX + 49152 };

typedef struct connection {
    int fd;
    size_t room;
} connection;

static int send_all(int fd, const char *bytes, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        ssize_t did = send(fd, bytes + sent, count - sent, MSG_NOSIGNAL);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return -1;
        sent += (size_t)did;
    }
    return 0;
}

static void *serve_connection(void *arg)
{
    connection mine = *(connection *)arg;
    free(arg);
    char bytes[ECHO_BUFFER_MAX];
    for (;;) {
        ssize_t got = recv(mine.fd, bytes, mine.room, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || send_all(mine.fd, bytes, (size_t)got) != 0)
            break;
    }
    close(mine.fd);
    return NULL;
}

static int start(int fd, size_t room, const pthread_attr_t *attributes)
{
    connection *made = malloc(sizeof *made);
    if (made == NULL)
        return ENOMEM;
    *made = (connection){fd, room};
    pthread_t thread;
    int error = pthread_create(&thread, attributes, serve_connection, made);
    if (error != 0)
        free(made);
    return error;
}

int echo_serve_threads(int listener, const options *given)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return fail_call("accepting a connection", errno);
        int error = start(fd, echo_buffer_size(given), &attributes);
        if (error != 0)
            return fail_call("starting a thread for a connection", error);
    }
}
