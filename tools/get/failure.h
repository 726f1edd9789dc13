/*
 * Why a download has not come to its end: a sentence, and whether to try again.
 *
 * Who finds a failure tells it here and returns a result below 0; callers only pass that on. A call
 * that was cancelled gives -ECANCELED and tells nothing.
 */
#ifndef GET_FAILURE_H
#define GET_FAILURE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct failure {
    bool is_transient; /* it may well go better next time */
    bool is_stale;     /* what is there already is of no use: begin anew next time */
    int64_t wait;      /* ns that the server asks to wait before that; 0: it does not say */
    char text[600];    /* what happened, why, and what to do: one line, without an end */
};

enum failure_kind { FAILURE_FINAL, FAILURE_TRANSIENT };

/* Tells a failure. Returns -EIO. */
int failure_tell(struct failure *self, enum failure_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells that a call on a file gave `error`, -errno; `what` begins the sentence. Returns `error`. */
int failure_of_file(struct failure *self, int error, const char *what, const char *name);

/* Tells how curl ended a transfer with `code`; `detail` is curl's own words, or "".
 * Returns -EIO. */
int failure_of_curl(struct failure *self, CURL *easy, CURLcode code, const char *detail);

/* Tells a status of HTTP that is no success. Returns -EIO. */
int failure_of_status(struct failure *self, CURL *easy, long status);

#endif
