/* The part `post` of sync, as its subjects share it. */
#ifndef BENCH_SYNC_POST_H
#define BENCH_SYNC_POST_H

#include <pthread.h>

#include "workload.h"

enum { POST_BURST = 1000 };

/* A subject's side on the thread that posts. */
typedef struct poster {
    const options *given;
    sample *out;
    /* Posts POST_BURST calls of post_run, with numbers from `first` on: 0, or an error. */
    int (*post)(struct poster *self, uint64_t first);
    void *context; /* the subject's */
    int error;     /* set at the end */
    bool is_over;  /* set after that, for the thread that runs the calls */
} poster;

/* The function that is posted: counts, and sees whether it is this number's turn. */
intptr_t post_run(void *number);

/* Starts the thread, on the second processor; it measures and then says that it is over. The caller
 * runs what is posted, on the first. 0, or an error. */
int post_start(poster *in, pthread_t *thread);

bool post_is_over(const poster *in);

/* By hand: a list with a mutex, of memory that is allocated for each call, which the busy thread
 * looks at; and the same with a write to an eventfd for each call, which it reads. */
int post_run_list(const options *given, sample *out);
int post_run_eventfd(const options *given, sample *out);

#endif
