/* Connecting to one of several addresses: what is to be done, for the race (happy_eyeballs.c). */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <op/op.h>
#include <whorl/resolve.h>

#define LOCALS_MOST 2 /* one of each family */

struct connect_plan {
    const whorl_address *addresses; /* as the resolver has ordered them; not more than
                                       WHORL_ADDRESSES_MAX */
    unsigned count;                 /* at least 1 */
    const whorl_address *locals;
    unsigned local_count; /* 0: connect from anywhere */
    int64_t delay;        /* ns between attempts */
    bool nagle;
};

/* --- connect_attempt.c --- */

/* A socket that is ready to connect to the address, or -errno. Does not wait. */
int attempt_open(const struct connect_plan *plan, const whorl_address *address);

/* The connection of a socket is with itself: its port was free, and the system chose just that one
 * for it. */
bool attempt_met_itself(int fd);

/* The one of two errors that tells more; 0 is none. Of equals the first. */
int attempt_worse(int first, int second);

/* --- happy_eyeballs.c --- */

/* Connects to the first address that answers. A descriptor, or -errno: the error that tells most,
 * or -ECANCELED. May wait. */
int race_run(struct loop *loop, const struct connect_plan *plan);

#endif
