/* The statuses of answers (RFC 9110, 15). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <stdbool.h>

struct status {
    int number;
    const char *line; /* the number, and what it means in words */
    bool closes;      /* the connection: what the client sends next is in doubt */
};

/* One that is not known here is a 500. Static. */
const struct status *status_of(int number);

#endif
