/*
 * What HTTP says about a file's content (RFC 9110): its type, its validators and the conditions by
 * which clients ask for it or replace it, its parts, and the dates in all that.
 */
#ifndef HTTP_CONTENT_H
#define HTTP_CONTENT_H

#include <time.h>

#include "request.h"

/* The media type for a path; application/octet-stream where the name does not tell. Static. */
const char *type_of(const char *path);

/* --- Dates --- */

enum { DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* As section 5.6.7 wants dates; one beyond the year 9999 is written as 1970 begins. */
void date_format(time_t when, char text[DATE_LEN + 1]);

/* In the three forms that it names. False: it is no date. */
bool date_parse(const char *text, size_t len, time_t *when);

/* --- Ranges --- */

struct range {
    int64_t from;
    int64_t len;
};

enum range_kind {
    RANGE_NONE,        /* the whole file */
    RANGE_ONE,         /* *out is within the file */
    RANGE_UNSATISFIED, /* it begins behind the file's end: status 416 */
};

/* Of the Range header (14.2) one range is served. Several, or what is none of bytes, are answered
 * with the whole file, as a server may. */
enum range_kind range_parse(const char *text, size_t len, int64_t size, struct range *out);

/* --- Conditions --- */

/* What tells a file's content from another's. */
struct validators {
    char etag[64]; /* with its quotes; "": none, nor a time */
    time_t modified;
    bool exists; /* false: there is no file */
};

/* By which file it is, its size, and when it was changed last. The tag is strong, as it changes
 * with each change that the time tells of; but weak while the file may be changed again within one
 * tick of a clock that counts whole seconds. */
void validators_set(struct validators *self, uint64_t inode, int64_t size,
                    struct timespec modified);

/* The status of the answer (13.2): 0: as without conditions; 304 (not modified, for GET and HEAD
 * alone); 412 (a condition does not hold). */
int condition_status(const struct request *request, const struct validators *file);

/* Whether the Range header counts: the client has a part of this very content, or does not ask. */
bool condition_range_holds(const struct request *request, const struct validators *file);

#endif
