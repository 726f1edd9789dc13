/*
 * Names that are looked up, and those that were.
 *
 *     asked --> known --> dropped
 *       '-----> dropped (it failed; or was taken back, or forgotten)
 *
 * asked: with a thread, or on its way to one; tasks may wait for it. known: its addresses are
 * there. A name is in the loop's table while calls may find it: so of one question there may be a
 * known name and one that is asked anew, which takes its place. Asked names that nobody waits for
 * go on if the thread has begun: what it finds may be wanted next.
 *
 * A thread has the name's question, its `found` and its job; all else is the loop's. The memory is
 * no task's, so that a task that gives up leaves nothing behind that is in use.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <os/pool.h>
#include <sync/waiters.h>
#include <whorl/resolve.h>

#define HOST_MOST 255   /* bytes: what DNS can carry */
#define SERVICE_MOST 32 /* bytes, as of NI_MAXSERV */

/* What is asked; two that are alike have equal bytes. */
struct question {
    int family;
    int socktype;
    bool passive;
    bool has_host;
    char host[HOST_MOST + 1];
    char service[SERVICE_MOST + 1]; /* a name; "": port 0 */
};

struct found {
    unsigned count;
    whorl_address addresses[WHORL_ADDRESSES_MAX];
};

struct name {
    struct job job; /* first: the job is the name */
    struct loop *loop;
    struct question question;
    struct found *found; /* as many addresses as it counts; NULL: none */
    struct waiters waiters;
    bool known;
    int64_t since;      /* whorl_now, when it became known */
    struct name *next;  /* in its bucket */
    struct name **link; /* NULL: not in the table */
    struct name *later; /* among those known, by when they were last asked for */
    struct name *earlier;
};

/* A task that waits for a name; on its stack. */
struct asker {
    struct waiter waiter; /* first */
    struct name *name;
    whorl_address *addresses;
    size_t room;
    in_port_t port; /* to put into each, in the net's order; 0: as it was found */
};

/* --- resolve_lookup.c: any thread --- */

/* Looks a question up: *found is malloc's. The number of addresses, or -errno. */
int lookup_run(const struct question *question, struct found **found);

/* --- resolve_number.c: any thread; never blocks --- */

/* The address that a host is. Returns 1.
 *   -ENOENT   it is none; it may be a name, if it has no colon
 *   -ENODATA  it is one of the other family
 *   else      nobody could look for its interface: -EMFILE, -ENFILE, -ENOMEM */
int number_read(const char *host, int family, whorl_address *address);

/* --- resolve_errors.c: any thread --- */

/* An error of getaddrinfo(3), as whorl_resolve gives it; `system` is errno, for EAI_SYSTEM. */
int resolve_error(int error, int system);

/* --- resolve_names.c --- */

/* A known name that is no older than `max_age`; NULL: there is none. It counts as asked for. */
struct name *names_find_known(struct loop *loop, const struct question *question, int64_t max_age);

/* The name that is being asked, after it has been begun where it is not. NULL: *error is set. */
struct name *names_ask(struct loop *loop, const struct question *question, int *error);

/* Nobody waits for an asked name any more, maybe: takes it back from the threads then, if none has
 * begun. */
void names_leave(struct name *name);

/* Gives an asker as many of the addresses as it has room for. Returns the number. */
int asker_take(const struct asker *asker, const whorl_address *addresses, size_t count);

#endif
