/*
 * One HTTP request, read like a file: begin it, look at the head of its answer, read its body to
 * the end. What curl pushes into a callback is pulled by the task, which waits in between.
 *
 *     transfer_begin(&transfer, driver, &request);
 *     transfer_head(&transfer);
 *     while ((got = transfer_read(&transfer, &data)) > 0)
 *         write_it(data, got);
 *     transfer_end(&transfer);
 *
 * There are two buffers: curl fills the one while the task writes the other to disk. When both are
 * full curl is paused, its socket is not polled, and TCP slows the server down to the disk's speed.
 */
#ifndef GET_TRANSFER_H
#define GET_TRANSFER_H

#include "driver.h"
#include "failure.h"

/* Bytes of each of the two buffers; curl hands over at most CURL_MAX_WRITE_SIZE at a time. */
enum { TRANSFER_ROOM = 256 * 1024 };

/* What to ask for, and how. All of it stays the caller's, and must stay until transfer_end. */
struct request {
    const char *url;
    struct curl_slist *headers;   /* may be NULL */
    struct curl_slist *addresses; /* of the host, as CURLOPT_RESOLVE wants them; NULL: in the URL */
    int64_t from;                 /* first byte that is asked for; 0: the whole */
    const char *user_agent;
    const char *authorities; /* a file of certificates; NULL: the system's */
    bool trusts_all;         /* certificates are not looked at */
    int64_t connect_limit;   /* ns until a connection stands; at most a month */
    int64_t stall_limit;     /* ns without a byte; or WHORL_FOREVER */
};

struct transfer {
    driver_transfer at_curl;
    struct driver *driver;
    const struct request *request;
    char *buffers; /* TRANSFER_ROOM bytes twice */
    unsigned filling;
    size_t filled; /* bytes in the one that is being filled */
    bool is_paused;
    bool has_begun; /* the first byte of the body has come */
    char detail[CURL_ERROR_SIZE];
};

/* Sends the request. 0, or -errno with a failure told; then there is nothing to end. */
int transfer_begin(struct transfer *self, struct driver *driver, const struct request *request,
                   struct failure *failure);

/* Waits until the answer's head is there. 0, or below 0 with a failure told: there is no answer. */
int transfer_head(struct transfer *self, struct failure *failure);

/* A header of the answer, valid until transfer_end; NULL if there is none of that name. */
const char *transfer_header(const struct transfer *self, const char *name);

/* Whether all headers of that name say the same, or there is none. */
bool transfer_agrees(const struct transfer *self, const char *name);

/* The answer's status. */
long transfer_status(const struct transfer *self);

/* Waits for more of the body. Returns how many bytes there are, and where, until the next call; 0
 * at the end. Below 0, with a failure told, when the body is not whole. */
ssize_t transfer_read(struct transfer *self, const char **data, struct failure *failure);

/* Ends it, at any point. */
void transfer_end(struct transfer *self);

#endif
