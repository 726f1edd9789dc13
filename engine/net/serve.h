/*
 * A server: a listener's connections, each with a task that runs the handler.
 *
 *     serving --> ending --> (hurried) --> over
 *
 * serving: its task takes connections, as many as the limit allows. ending: it asks the kernel for
 * no more, begins what it has got already, and waits for those that live. hurried: these have been
 * cancelled, since the grace is over, or the serving task was cancelled while it was ending.
 *
 * A connection lives from its take to the end of its task. What its task does at the end, whatever
 * has ended the handler, is deferred (core/defer.h) before the handler begins: so the stream is
 * closed after what the handler itself has left behind, or deferred, and also where the handler has
 * used up its stack.
 */
#ifndef NET_SERVE_H
#define NET_SERVE_H

#include <core/interrupt.h>
#include <core/task.h>
#include <netinet/in.h>
#include <whorl/listener.h>

/* A peer's address, as far as it is kept. */
struct peer {
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    };
    socklen_t len;
};

struct connection {
    struct server *server;
    struct task *task; /* NULL: there was no memory for one */
    struct watcher watcher;
    whorl_stream *stream;
    bool stream_ended;     /* it was given back */
    bool returned;         /* the handler */
    struct scope *closing; /* while the stream is closed: to be over in a hurry, which a cancel of
                              the task does not tell to what it has deferred; or NULL */
    intptr_t result;
    struct peer peer;
    struct connection *next;
    struct connection **link;
};

/* On the stack of its task. */
struct server {
    whorl_listener *listener;
    struct task *task;
    whorl_handler *handler;
    void *arg;
    whorl_serve_options options; /* without defaults to fill in */
    struct connection *connections;
    size_t live;
    bool ending;
    bool hurried;
    struct timer grace;
};

/* --- serve_connection.c --- */

/* Serves a connection of which the descriptor was taken, in a task of its own; or closes it, and
 * tells of it, where there is no memory. */
void connection_begin(struct server *server, int fd);

/* Frees those of a server whose tasks will never run again. */
void connections_drop(struct server *server);

/* --- serve_log.c --- */

/* Notes the peer of a connected socket. */
void peer_note(struct peer *peer, int fd);

/* Tells of a connection that has failed. May wait. */
void serve_tell(const struct server *server, const struct peer *peer, intptr_t result);

#endif
