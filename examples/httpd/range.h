/* The Range header of a request (RFC 9110, 14.2), of which one range is served. Several, or what is
 * none of bytes, are answered with the whole file, as a server may. */
#ifndef HTTPD_RANGE_H
#define HTTPD_RANGE_H

#include <stddef.h>
#include <stdint.h>

struct range {
    int64_t from;
    int64_t len;
};

enum range_kind {
    RANGE_NONE,        /* the whole file */
    RANGE_ONE,         /* *out is within the file */
    RANGE_UNSATISFIED, /* it begins behind the file's end: status 416 */
};

enum range_kind range_parse(const char *text, size_t len, int64_t size, struct range *out);

#endif
