/*
 * One URL, from its first request to the file under its final name: a task, which reads as a
 * sequence of steps. It waits for a place at the host, asks, follows redirects, writes what comes,
 * tries again after what may pass, checks the sum, and gives the file its name.
 */
#ifndef GET_DOWNLOAD_H
#define GET_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "checksum.h"
#include "failure.h"

enum fate {
    FATE_WAITING, /* for its task to begin */
    FATE_RUNNING,
    FATE_SAVED,
    FATE_FAILED,    /* `failure` tells why */
    FATE_CANCELLED, /* by ctrl-C */
};

typedef struct download {
    struct get *get;
    char *url;   /* as it is asked for */
    char *shown; /* the same without user and password */
    char *name;  /* of the file */
    checksum sum;
    bool has_sum;

    enum fate fate;
    bool is_moving;    /* a transfer of it is under way: it has a bar */
    unsigned attempts; /* begun so far */
    long status;       /* of the last answer; 0: there was none */
    int64_t size;      /* of the whole; -1: not known */
    int64_t have;      /* bytes of it that are there */
    int64_t resumed;   /* bytes of it that were there before */
    int64_t received;  /* bytes that have come, those of attempts in vain among them */
    int64_t begun, ended;
    struct failure failure;
} download;

/* A task's function; `arg` is the download. Always 0. */
intptr_t download_run(void *arg);

#endif
