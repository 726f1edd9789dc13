/* See transfer.h. */
#include "transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CURLOPT_WRITEFUNCTION. What finds no room is given again when the transfer goes on. */
static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *self = arg;
    size_t len = size * count;
    self->has_begun = true;
    whorl_event_set(&self->at_curl.stirred);
    if (len > TRANSFER_ROOM - self->filled) {
        self->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(self->buffers + self->filling * TRANSFER_ROOM + self->filled, data, len);
    self->filled += len;
    return len;
}

/* Redirects are followed by the caller, as each may lead to another host, whose name must be looked
 * up, and which has a limit of its own. HTTP/1.1 has one transfer a connection, so that limits on
 * either are the same. */
static void set_up(CURL *easy, struct transfer *self)
{
    const struct request *asked = self->request;
    long connect_ms = (long)(asked->connect_limit / WHORL_MS(1));
    curl_easy_setopt(easy, CURLOPT_URL, asked->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_RESOLVE, asked->addresses);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, asked->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, asked->user_agent);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)TRANSFER_ROOM / 2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms > 0 ? connect_ms : 1);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, self->detail);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    if (asked->authorities != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, asked->authorities);
    if (asked->trusts_all) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (asked->from > 0) {
        char range[32];
        snprintf(range, sizeof range, "%lld-", (long long)asked->from);
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
}

int transfer_begin(struct transfer *self, struct driver *driver, const struct request *request,
                   struct failure *failure)
{
    *self = (struct transfer){.driver = driver, .request = request};
    self->at_curl.easy = curl_easy_init();
    self->buffers = malloc(2 * TRANSFER_ROOM);
    if (self->at_curl.easy != NULL && self->buffers != NULL) {
        set_up(self->at_curl.easy, self);
        if (driver_start(driver, &self->at_curl) == 0)
            return 0;
    }
    curl_easy_cleanup(self->at_curl.easy);
    free(self->buffers);
    failure_tell(failure, FAILURE_FINAL, "there is no memory left: run it with fewer --jobs");
    return -ENOMEM;
}

/* Waits until something has happened, for `limit` ns. */
static int await_stir(struct transfer *self, int64_t limit, struct failure *failure)
{
    whorl_timeout scope;
    whorl_event_clear(&self->at_curl.stirred);
    whorl_timeout_begin(&scope, limit);
    int error = (int)whorl_timeout_end(&scope, whorl_event_wait(&self->at_curl.stirred));
    if (error != -ETIMEDOUT)
        return error;
    return failure_tell(
        failure, FAILURE_TRANSIENT,
        "the server sent nothing for %g seconds: run this again; --stall-timeout gives it "
        "more time",
        (double)self->request->stall_limit / 1e9);
}

/* How it has ended: 0, or below 0 with a failure told. */
static int judge_end(struct transfer *self, struct failure *failure)
{
    CURLcode code = self->at_curl.code;
    if (code == CURLE_OK)
        return 0;
    return failure_of_curl(failure, self->at_curl.easy, code, self->detail);
}

int transfer_head(struct transfer *self, struct failure *failure)
{
    int64_t limit = self->request->stall_limit;
    if (__builtin_add_overflow(limit, self->request->connect_limit, &limit))
        limit = WHORL_FOREVER;
    int error = 0;
    while (error == 0 && !self->has_begun && !self->at_curl.is_over)
        error = await_stir(self, limit, failure);
    return error != 0 || self->has_begun ? error : judge_end(self, failure);
}

const char *transfer_header(const struct transfer *self, const char *name)
{
    struct curl_header *header;
    CURLHcode code = curl_easy_header(self->at_curl.easy, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

bool transfer_agrees(const struct transfer *self, const char *name)
{
    const char *first = transfer_header(self, name);
    struct curl_header *header;
    for (size_t i = 1;
         curl_easy_header(self->at_curl.easy, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
        if (strcmp(header->value, first) != 0)
            return false;
    return true;
}

long transfer_status(const struct transfer *self)
{
    long status = 0;
    curl_easy_getinfo(self->at_curl.easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

ssize_t transfer_read(struct transfer *self, const char **data, struct failure *failure)
{
    while (self->filled == 0 && !self->at_curl.is_over) {
        int error = await_stir(self, self->request->stall_limit, failure);
        if (error != 0)
            return error;
    }
    if (self->filled == 0)
        return judge_end(self, failure);
    *data = self->buffers + self->filling * TRANSFER_ROOM;
    size_t len = self->filled;
    self->filling ^= 1;
    self->filled = 0;
    if (self->is_paused) {
        self->is_paused = false;
        driver_go_on(&self->at_curl);
    }
    return (ssize_t)len;
}

void transfer_end(struct transfer *self)
{
    driver_stop(self->driver, &self->at_curl);
    curl_easy_cleanup(self->at_curl.easy);
    free(self->buffers);
}
