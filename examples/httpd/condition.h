/* Conditional requests (RFC 9110, 13): whether what the client has, or thinks to be there, is what
 * is there. */
#ifndef HTTPD_CONDITION_H
#define HTTPD_CONDITION_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "request.h"

enum { ETAG_ROOM = 64 };

/* What tells a file's content from another's. */
struct validators {
    char etag[ETAG_ROOM]; /* with its quotes; strong: it changes with each write */
    time_t modified;
    bool exists; /* false: there is no file */
};

/* By which file it is, its size, and when it was changed last. A file that is replaced gets another
 * inode: two within one tick of the clock are told apart by that. */
void validators_set(struct validators *self, uint64_t inode, int64_t size,
                    struct timespec modified);

/* The status of the answer: 0: as without conditions; 304 (not modified, for GET and HEAD alone);
 * 412 (a condition does not hold). */
int condition_status(const struct request *request, const struct validators *file);

/* Whether the Range header counts: the client has a part of this very content, or does not ask. */
bool condition_range_holds(const struct request *request, const struct validators *file);

#endif
