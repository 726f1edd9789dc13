/*
 * What the user asked for. One table describes every option: its names, its bounds, its line of
 * help. Parsing, refusing and --help all read it, so they cannot disagree.
 */
#ifndef GET_OPTIONS_H
#define GET_OPTIONS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct options {
    const char *output;
    const char *directory;
    const char *input_file;
    const char *checksum;
    const char *cacert;
    const char *user_agent;
    const char *json;
    struct curl_slist *headers;
    uint64_t jobs;
    uint64_t per_host;
    uint64_t retries;
    uint64_t max_redirects;
    int64_t retry_delay; /* ns, as all times */
    int64_t timeout;     /* 0: none */
    int64_t connect_timeout;
    int64_t stall_timeout;
    bool force;
    bool no_resume;
    bool insecure;
    bool quiet;
    bool no_progress;
    char **urls; /* argv's */
    int count;
} options;

/* Parses argv. 0: `out` is filled, and to be dropped. 1: --help or --version was answered. -1:
 * refused, and a sentence on stderr says what, why and what to do. */
int options_parse(int argc, char **argv, options *out);
void options_drop(options *self);

/* Prints a refusal: one line on stderr. Returns -1. Outside a run. */
int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
