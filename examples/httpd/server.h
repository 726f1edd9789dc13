/* What all connections share. Everything here runs on one thread. */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include <whorl.h>

#include "access_log.h"
#include "options.h"

struct server {
    const struct options *options;
    int root; /* the served directory */
    whorl_listener *listener;
    struct access_log log;
    time_t second;    /* in which this was made: */
    char common[128]; /* the headers of every answer */
    size_t common_len;
    whorl_mutex replacing;   /* who holds it replaces a file */
    struct connection *idle; /* those that wait for a request */
    bool stopping;
};

#endif
