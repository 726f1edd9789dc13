/* What the head of an answer says, in view of what was asked. */
#ifndef GET_ANSWER_H
#define GET_ANSWER_H

#include <stdint.h>

#include "failure.h"
#include "transfer.h"
#include "version.h"

typedef enum answer_kind {
    ANSWER_WHOLE,    /* the body is the file */
    ANSWER_REST,     /* the body is the file from the byte on that was asked for */
    ANSWER_NO_MORE,  /* what is there already is the whole file */
    ANSWER_REDIRECT, /* `location` */
    ANSWER_FAILURE,  /* it is told */
} answer_kind;

typedef struct answer {
    answer_kind kind;
    int64_t size;   /* of the whole file; -1: not known */
    char *location; /* to be freed with free(3) */
} answer;

/* Looks at the answer to transfer->request,
 * of which `known` is the version it asked to go on with. */
answer answer_of(const struct transfer *transfer, const struct version *known,
                 struct failure *failure);

/* Why a redirect from one URL to another is not followed; NULL if it may be. */
const char *answer_forbids(const char *from, const char *to, bool trusts_all);

/* True if two URLs have the same scheme, host and port: secrets for the one may be told the other.
 */
bool answer_same_origin(const char *one, const char *other);

#endif
