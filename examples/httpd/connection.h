/*
 * A connection, from its first byte to its close, in a task of its own:
 *
 *     idle --> head --> answered --> body read --> idle
 *                          '------------'--> closing
 *
 * idle: nothing of a request has come; a server that stops closes such a connection. closing: this
 * was the last request, for one of many reasons; what the client still sends is read for a moment,
 * or it would lose the answer to a reset.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include "request.h"
#include "server.h"

struct connection {
    struct server *server;
    whorl_stream *stream;
    struct request request;
    bool keep_alive;                 /* another request may follow this one */
    int status;                      /* of the answer; 0: none was given */
    int64_t sent;                    /* bytes of its body */
    char *line;                      /* the request line, kept for the log; NULL: none */
    struct connection *next, **link; /* while idle */
};

/* The handler of whorl_serve; arg is the server. */
intptr_t connection_serve(whorl_stream *stream, void *arg);

/* Ends the connections that are idle. */
void connection_end_idle(struct server *server);

/* Reads the rest of the body, and gives it to the sink. 0; the status that refuses it; or -errno
 * where there is nobody any more to be told. */
int connection_read_body(struct connection *self, request_sink *sink, void *arg);

#endif
