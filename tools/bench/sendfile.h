/* The sendfile workload: pieces of a cached file sent over TCP, one after the other. */
#ifndef BENCH_SENDFILE_H
#define BENCH_SENDFILE_H

#include <sys/types.h>

#include "workload.h"

/* One run: the file, and a connection to a process that takes what comes. */
typedef struct sendfile_job {
    const options *given;
    int file;
    int socket;
    int report; /* where the receiver tells how many bytes came */
    pid_t receiver;
    uint64_t length; /* of the file */
    uint64_t pieces; /* sent */
    int64_t start;
    int64_t end;
    int64_t cpu; /* before; then used */
} sendfile_job;

extern const workload sendfile_workload;

/* Where the next piece begins: pieces follow each other, and again from the start. */
uint64_t sendfile_next(sendfile_job *in);

/* Begins and ends what is measured. */
void sendfile_begin(sendfile_job *in);
void sendfile_stop(sendfile_job *in);

/* Sends pieces until the time is over: 0 or -errno. */
typedef int sendfile_way(sendfile_job *in);

/* The subjects of whorl. */
sendfile_way sendfile_by_whorl;
sendfile_way sendfile_by_thread;

#endif
