/* The command line. */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times are nanoseconds. */
struct options {
    const char *directory;
    const char *address; /* NULL: all of this machine's */
    char port[8];
    bool upload;
    bool no_listing;
    const char *access_log; /* NULL: none; "-": stderr */
    size_t max_connections;
    size_t max_uri;
    size_t max_header;
    size_t max_body;
    int64_t header_timeout;
    int64_t body_timeout;
    int64_t send_timeout;
    int64_t keep_alive;
    int64_t grace;
};

/* 0: go on; 1: all was said, as by --help; -1: refused, with a sentence on stderr. */
int options_parse(int argc, char **argv, struct options *out);

#endif
