/*
 * A place to listen at or to connect to, as the command line names it: HOST:PORT, [ADDRESS]:PORT
 * for IPv6, :PORT for no host, or a unix socket by its path (there is a / in it) or by its abstract
 * name (@NAME).
 */
#ifndef PROXY_PLACE_H
#define PROXY_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <whorl.h>

struct place {
    const char *text; /* as it was given */
    bool is_unix;     /* the text is the name, and what follows is not set */
    char host[256];   /* "": none */
    char service[33];
};

/* 0; -EINVAL: it names no place. Keeps the text's address. */
int place_parse(const char *text, struct place *place);

/* Listens there. 0, or as whorl_listen_tcp and whorl_listen_unix say. */
int place_listen(const struct place *place, whorl_listener **listener);

/* Connects, in at most `limit` ns; a descriptor with O_CLOEXEC, the caller's to close. -errno, of
 * whorl_tcp_connect or whorl_unix_connect. */
int place_connect(const struct place *place, int64_t limit);

/* What an error of either means. */
const char *place_explain(const struct place *place, int error);

#endif
