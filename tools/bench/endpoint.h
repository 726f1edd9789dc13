/*
 * Addresses on the command line: PORT, HOST:PORT or [IPV6]:PORT. PORT alone is on 127.0.0.1, since
 * a benchmark's server should not be reachable from elsewhere unless somebody asks.
 */
#ifndef BENCH_ENDPOINT_H
#define BENCH_ENDPOINT_H

#include <stdint.h>
#include <sys/socket.h>

/* The host of a PORT alone. */
#define ENDPOINT_HOST "127.0.0.1"

typedef struct endpoint {
    struct sockaddr_storage address;
    socklen_t length;
} endpoint;

/* Parses and resolves; `option` is named in the sentence when it fails. `lowest` is the least port
 * allowed. 0 or -1. */
int endpoint_parse(const char *option, const char *text, uint64_t lowest, endpoint *out);

/* The port. */
unsigned endpoint_port(const endpoint *from);

/* A listening TCP socket at `at`, with TCP_NODELAY, which accepted sockets inherit; `at` is set to
 * the address that it got. -1, with a sentence, when that fails. */
int endpoint_listen(endpoint *at);

#endif
