/*
 * httpd: serves the files of a directory over HTTP/1.1.
 *
 * The main task waits for a signal beside the task that accepts connections; each connection has a
 * task of its own (connection.h). The first signal ends the server in peace: requests that run have
 * --grace to come to their end. The second one cancels them.
 *
 * Exit status: 0 it was asked to end; 1 it could not serve; 2 the arguments make no sense.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "connection.h"

enum { EXIT_SERVED = 0, EXIT_FAILED = 1, EXIT_REFUSED = 2 };

static int complain(const char *what, intptr_t error)
{
    fprintf(stderr, "httpd: %s: %s\n", what, strerror((int)-error));
    return (int)error;
}

/* Clients break off whenever they like: that is no failure of the server's, and not worth a
 * word. */
static void tell_failure(void *arg, const char *peer, intptr_t result)
{
    (void)arg;
    if (result != -EPIPE && result != -ECONNRESET && result != -ETIMEDOUT)
        fprintf(stderr, "httpd: the connection from %s: %s\n", peer, strerror((int)-result));
}

static int accept_connections(struct server *self)
{
    whorl_serve_options options = {
        .limit = self->options->max_connections,
        .grace = self->options->grace > 0 ? self->options->grace : 1,
        .stream = {.idle_timeout = self->options->send_timeout},
        .failed = tell_failure,
    };
    int error = whorl_serve_with(self->listener, connection_serve, self, &options);
    if (error != 0 && error != -ECANCELED)
        complain("it had to stop", error);
    return error;
}

/* The signals that end the server. They are blocked from the first, so that one that comes before
 * anybody waits for it is not lost, and neither is the server. */
static sigset_t ending_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* A task: the first signal stops the server, the second cancels it. */
static intptr_t wait_for_signals(void *arg)
{
    struct server *self = arg;
    sigset_t set = ending_signals();
    int number = whorl_signal_wait(&set, NULL);
    if (number < 0)
        return number;
    self->stopping = true;
    whorl_listener_stop(self->listener);
    connection_end_idle(self);
    number = whorl_signal_wait(&set, NULL);
    return number < 0 ? number : -EINTR; /* an error, which cancels the rest of the group */
}

/* The helpers live as long as the server accepts. */
static int serve(struct server *self)
{
    whorl_group group;
    whorl_group_init(&group);
    int error = whorl_group_spawn(&group, wait_for_signals, self);
    if (error == 0 && self->log.file != NULL)
        error = whorl_group_spawn(&group, access_log_run, &self->log);
    if (error == 0)
        error = accept_connections(self);
    whorl_group_cancel(&group);
    error = whorl_group_wait(&group, error);
    return self->stopping ? 0 : error;
}

static int announce(const struct server *self)
{
    const char *address = self->options->address != NULL ? self->options->address : "*";
    int port = whorl_listener_port(self->listener);
    if (port < 0)
        return port;
    printf("serving %s at http://%s:%d/\n", self->options->directory, address, port);
    return fflush(stdout) == 0 ? 0 : -errno;
}

static int listen_and_serve(struct server *self)
{
    int error =
        whorl_listen_tcp(self->options->address, self->options->port, NULL, &self->listener);
    if (error != 0)
        return complain("cannot listen", error);
    error = announce(self);
    if (error != 0)
        complain("cannot say where it listens", error);
    else
        error = serve(self);
    whorl_listener_close(self->listener);
    return error;
}

static intptr_t run(void *arg)
{
    struct server *self = arg;
    self->root = whorl_open(self->options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->root < 0)
        return complain(self->options->directory, self->root);
    int error = access_log_open(&self->log, self->options->access_log);
    if (error != 0)
        complain(self->options->access_log, error);
    else
        error = listen_and_serve(self);
    access_log_close(&self->log);
    whorl_close(self->root);
    return error;
}

/* Each connection is a descriptor. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct options options;
    int parsed = options_parse(argc, argv, &options);
    if (parsed != 0)
        return parsed > 0 ? EXIT_SERVED : EXIT_REFUSED;
    sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise_limit();
    static const whorl_mutex unlocked = WHORL_MUTEX_INIT;
    struct server server = {.options = &options, .replacing = unlocked};
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    return whorl_run_with(&config, run, &server) < 0 ? EXIT_FAILED : EXIT_SERVED;
}
