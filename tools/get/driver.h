/*
 * libcurl's multi-socket interface, driven by whorl.
 *
 * curl does not wait. It says which sockets it wants to be told of, and when it wants to be called
 * at the latest, and does a bit of work on all of its transfers whenever it is called. So there is
 * no thread here and no loop of its own either, only tasks:
 *
 *     curl asks for                   and has
 *     a socket                        a task that polls it, through the ring (watcher.h)
 *     a time                          a task that begins then (whorl_call_later)
 *     the end of a transfer told      an event, which the task of the transfer awaits
 *
 * One rule keeps this right: curl is not re-entrant, and its callbacks run inside it, on the stack
 * of whichever task has called it. So no callback waits. It sets an event, spawns, cancels, or
 * takes a note, and returns; between two waits a task is alone, so curl is never entered twice.
 *
 * Every task may come to call curl and, in it, a TLS library, so the stacks of the run must be deep
 * enough for those. With Debian 12's OpenSSL 16 KiB were found to be; who knows what others want.
 * Pages that are not touched cost nothing.
 */
#ifndef GET_DRIVER_H
#define GET_DRIVER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <whorl.h>

/* For config.stack_size of a run with a driver. */
enum { DRIVER_STACK = 256 * 1024 };

struct watcher;

struct driver {
    CURLM *multi;
    whorl_task *alarm;         /* the call that curl's timer asked for; NULL: none */
    whorl_group sockets;       /* the tasks of the sockets */
    struct watcher **watchers; /* by descriptor; NULL: not one of curl's */
    size_t room;               /* elements of watchers */
};

/* A transfer under way; in the memory of the task that it belongs to. */
typedef struct driver_transfer {
    CURL *easy;          /* set up by the task, but for what driver_start sets */
    whorl_event stirred; /* set at its end; and by callbacks of the task's own, as it likes */
    bool is_over;
    CURLcode code; /* once it is over: how it ended */
} driver_transfer;

/* Begins. At most `most` connections are open at a time, and `most_per_host` to one host, those
 * counted that are kept for the next request. It is a scope of the calling task, as a group is.
 * 0, or -errno. */
int driver_open(struct driver *self, long most, long most_per_host);

/* Ends, and closes every connection. No transfer is under way. Works in a cancelled task. */
void driver_close(struct driver *self);

/* Starts a transfer whose `easy` is set up; the rest is made new. 0, or -ENOMEM. */
int driver_start(struct driver *self, driver_transfer *transfer);

/* Ends a transfer, over or not. Its easy handle is the caller's again. */
void driver_stop(struct driver *self, driver_transfer *transfer);

/* Lets a transfer go on whose body was paused. Its write callback may be called from here. */
void driver_go_on(driver_transfer *transfer);

/* Tells curl what has happened on a socket, or with CURL_SOCKET_TIMEOUT that time has passed. */
void driver_act(struct driver *self, curl_socket_t fd, int events);

#endif
