/* What all of the proxy shares: its settings, its connections, and what is counted. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <whorl.h>

#include "place.h"

enum { PROXY_TARGETS_MAX = 16 };

struct proxy {
    /* As the command line has it. */
    struct place listen;
    struct place targets[PROXY_TARGETS_MAX];
    size_t target_count;
    size_t limit;            /* connections at a time */
    int64_t connect_timeout; /* ns, for each target */
    int64_t idle_timeout;    /* ns; WHORL_FOREVER: none */
    int64_t grace;           /* ns from the stop until connections are cut */
    bool is_verbose;

    whorl_listener *listener;

    /* Counted until the end. */
    uint64_t connections; /* accepted */
    uint64_t unserved;    /* of these: no target answered, or nothing was left for it */
    uint64_t broken;      /* of these: ended by a failure, an idle time or the stop */
    uint64_t bytes[2];    /* to the targets, and back */
};

/* A connection's handler, of a struct proxy *. */
intptr_t connection_serve(whorl_stream *stream, void *arg);

#endif
