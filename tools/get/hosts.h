/*
 * The hosts of a run: how many transfers each may have at a time, and its addresses.
 *
 * curl would look up a name on a thread of its own (Debian's is built so, and getaddrinfo(3) knows
 * no other way than to block). Here the thread is whorl's, of its bounded pool: a task looks each
 * name up once, for all, and curl is given the addresses. Numeric addresses and localhost need none
 * of that, and no thread.
 */
#ifndef GET_HOSTS_H
#define GET_HOSTS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <whorl.h>

#include "failure.h"

typedef struct host {
    struct host *next;
    char *name; /* as a name server knows it; without the brackets of an IPv6 address */
    char *port;
    whorl_semaphore places;
    whorl_mutex looking_up;
    bool is_numeric;              /* or localhost: there is nothing to look up */
    struct curl_slist *addresses; /* for CURLOPT_RESOLVE; NULL: none, or not looked up yet */
} host;

typedef struct hosts {
    host *first;
    unsigned per_host;
    whorl_semaphore places; /* of all hosts together */
} hosts;

void hosts_open(hosts *self, unsigned most, unsigned per_host);
void hosts_close(hosts *self);

/* The host of a URL, the same for all URLs with its name and port. NULL, and a failure told, if the
 * URL has none, or for want of memory. */
host *hosts_find(hosts *self, const char *url, struct failure *failure);

/* Waits for a place at the host, and then for one of all; takes both. 0, or -ECANCELED. */
int hosts_enter(hosts *self, host *at);

/* Gives both back. */
void hosts_leave(hosts *self, host *at);

/* Sees to it that the host's addresses are known. 0, or below 0, with a failure told. */
int host_look_up(host *self, struct failure *failure);

#endif
