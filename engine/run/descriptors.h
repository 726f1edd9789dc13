/* Which descriptors the process has open: to tell what a test has left. */
#ifndef RUN_DESCRIPTORS_H
#define RUN_DESCRIPTORS_H

#include <stddef.h>

/* Descriptors, in rising order. */
struct descriptors {
    size_t count;
    size_t room;
    int fds[];
};

/* Those that are open now; to be freed. NULL if they cannot be listed: no memory, no /proc, or no
 * descriptor to look there. */
struct descriptors *descriptors_list(void);

/* How many are open now and were not `before`; writes which, and what they lead to, to `text` of
 * `size` bytes, cut at its end. 0 if `before` is NULL, or they cannot be listed. */
size_t descriptors_new(const struct descriptors *before, char *text, size_t size);

#endif
