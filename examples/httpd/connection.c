/*
 * A connection, from its first byte to its close, in a task of its own:
 *
 *     idle --> head --> answered --> body read --> idle
 *                          '------------'--> closing
 *
 * idle: nothing of a request has come; a server that stops closes such a connection. closing: this
 * was the last request, for one of many reasons; what the client still sends is read for a while,
 * or it would lose the answer to a reset; a server that stops closes it once the client has all of
 * the answer.
 */
#include <errno.h>
#include <stdlib.h>

#include "../service/service.h"
#include "httpd.h"

/* Bodies that nobody wanted are read up to so many bytes for the sake of the connection. */
enum { DISCARD_MOST = 65536 };

/* A connection that is closed is read for the sake of its answer (RFC 9112, 9.6): when the client
 * has all of that, until it has been silent for so long, and for so long, however much it sends. */
#define SILENCE WHORL_SECONDS(5)
#define LINGER_TIME WHORL_SECONDS(30)

/* At what a client has yet to take, when it is late with that. */
#define LOOK WHORL_SECONDS(1)

/* Of a body, for each byte that came: its client keeps up a KiB a second. */
#define TIME_FOR_BYTE (WHORL_SECONDS(1) / 1024)

/* --- Waiting --- */

void connection_end_idle(struct server *server)
{
    struct connection *at = LIST_FIRST(&server->idle);
    for (; at != NULL; at = LIST_NEXT(at, idle))
        whorl_group_cancel(&at->waiting);
}

/* As whorl_stream_peek, but for a server that stops, for which nothing comes any more. */
static ssize_t peek_idle(struct connection *self, whorl_slice *slice)
{
    if (self->server->stopping && whorl_stream_buffered(self->stream) == 0)
        return 0;
    whorl_group_init(&self->waiting);
    LIST_INSERT_HEAD(&self->server->idle, self, idle);
    ssize_t got = whorl_stream_peek(self->stream, 1, slice);
    LIST_REMOVE(self, idle);
    whorl_group_wait(&self->waiting, 0);
    return got == -ECANCELED && self->server->stopping ? 0 : got;
}

static bool is_empty_line(const whorl_slice *slice)
{
    return *(const char *)slice->data == '\r' || *(const char *)slice->data == '\n';
}

static size_t left_to_take(const struct connection *self)
{
    return whorl_stream_pending(self->stream) +
           (size_t)service_unsent(whorl_stream_fd(self->stream));
}

/* As peek_idle, within the limit. A client that is late with taking what was sent to it, but takes
 * some of that in each --send-timeout, has the limit anew from when it has all. */
static ssize_t peek_patiently(struct connection *self, int64_t limit, whorl_slice *slice)
{
    int64_t patience = self->server->options.send_timeout, moved = 0;
    size_t left = 0, before = 0;
    ssize_t got;
    whorl_stream_set_idle_timeout(self->stream, limit);
    while ((got = peek_idle(self, slice)) == -ETIMEDOUT) {
        left = left_to_take(self);
        if (left == 0 && before == 0)
            break;
        if (left < before || moved == 0)
            moved = whorl_now();
        if (left > 0 && patience > 0 && whorl_now() - moved >= patience)
            break;
        before = left;
        whorl_stream_set_idle_timeout(self->stream, left > 0 && limit > LOOK ? LOOK : limit);
    }
    return got;
}

/* Waits for a request's first bytes. An empty line is none of them, as some clients send one behind
 * a body (RFC 9112, 2.2). As whorl_stream_peek. */
static ssize_t await_request(struct connection *self, int64_t limit, whorl_slice *slice)
{
    ssize_t got = peek_patiently(self, limit, slice);
    for (int i = 0; i < 2 && got > 0 && is_empty_line(slice); i++) {
        whorl_stream_consume(self->stream, 1);
        got = peek_idle(self, slice);
    }
    whorl_stream_set_idle_timeout(self->stream, self->server->options.send_timeout);
    return got;
}

/* Waits until more than `len` bytes are there, and shows them. 0; 408: not until the deadline; 431:
 * the stream holds no more; -ENODATA: no more come. */
static int await_more(struct connection *self, size_t len, int64_t deadline, whorl_slice *slice)
{
    whorl_timeout scope;
    whorl_stream_set_idle_timeout(self->stream, 0);
    whorl_timeout_begin_at(&scope, deadline);
    ssize_t got = whorl_stream_peek(self->stream, len + 1, slice);
    got = whorl_timeout_end(&scope, got);
    whorl_stream_set_idle_timeout(self->stream, self->server->options.send_timeout);
    if (got < 0)
        return got == -ETIMEDOUT ? 408 : got == -EMSGSIZE ? 431 : (int)got;
    return (size_t)got > len ? 0 : -ENODATA;
}

static int64_t deadline_after(int64_t ns)
{
    return ns > 0 ? whorl_now() + ns : WHORL_FOREVER;
}

/* --- Reading --- */

static int read_head(struct connection *self, int64_t idle_limit)
{
    whorl_slice slice;
    struct request *request = &self->request;
    const struct options *options = &self->server->options;
    request_init(request, options->max_uri, options->max_header);
    ssize_t got = await_request(self, idle_limit, &slice);
    if (got <= 0)
        return got < 0 ? (int)got : -ENODATA;
    enum request_state state = request_feed(request, slice.data, slice.len);
    int64_t deadline = state == REQUEST_INCOMPLETE ? deadline_after(options->header_timeout) : 0;
    while (state == REQUEST_INCOMPLETE) {
        int error = await_more(self, slice.len, deadline, &slice);
        if (error != 0)
            return error;
        state = request_feed(request, slice.data, slice.len);
    }
    if (state == REQUEST_COMPLETE)
        whorl_stream_consume(self->stream, request->fed);
    return request->status;
}

/* The client has --body-timeout, and wins some of that back by each byte, but is never given more
 * than that: one that stalls is ended then, however much it has sent. What the sink takes is not of
 * its time. */
int connection_read_body(struct connection *self, request_sink *sink, void *arg)
{
    struct request *request = &self->request;
    const int64_t most = self->server->options.body_timeout;
    int64_t left = most;
    request->sink = sink;
    request->sink_arg = arg;
    while (!request->done && request->status == 0) {
        whorl_slice slice;
        size_t used;
        int64_t begin = whorl_now();
        int error = await_more(self, 0, most > 0 ? begin + left : WHORL_FOREVER, &slice);
        if (error != 0)
            return error;
        left -= whorl_now() - begin;
        request_body(request, slice.data, slice.len, &used);
        whorl_stream_consume(self->stream, used);
        left += (int64_t)used * TIME_FOR_BYTE;
        left = left < most ? left : most;
    }
    return request->status;
}

static int discard(void *arg, const char *data, size_t len)
{
    const struct connection *self = arg;
    (void)data;
    (void)len;
    return self->request.body_data > DISCARD_MOST ? 413 : 0;
}

/* A body that the answer does not depend on is read, so that the next request can be; where a
 * client waits to be asked for it, or it is long, the connection is closed instead. */
bool connection_may_skip_body(const struct connection *self)
{
    const struct request *request = &self->request;
    struct words expected;
    return request->done ||
           (request->status == 0 && !request_field(request, FIELD_EXPECT, &expected) &&
            request_body_length(request) <= DISCARD_MOST);
}

static void leave_body(struct connection *self)
{
    if (!self->request.done && self->keep_alive)
        self->keep_alive = connection_read_body(self, discard, self) == 0;
}

/* --- Answering --- */

static int answer(struct connection *self)
{
    struct path path;
    struct words expected, target = request_target(&self->request);
    int method = self->request.parser.method;
    bool upload = self->server->options.upload;
    if (method != HTTP_GET && method != HTTP_HEAD && !(method == HTTP_PUT && upload))
        return answer_status(self, 405,
                             upload ? "Allow: GET, HEAD, PUT\r\n" : "Allow: GET, HEAD\r\n");
    if (request_field(&self->request, FIELD_EXPECT, &expected) &&
        !words_are(expected, "100-continue"))
        return 417;
    int status = path_decode(&path, target.text, target.len);
    if (status != 0)
        return status;
    size_t needed = descriptors_needed(self, &path);
    int error = descriptors_take(self->server, needed);
    if (error != 0)
        return error;
    status = method == HTTP_PUT ? upload_answer(self, &path) : files_answer(self, &path);
    descriptors_give(self->server, needed);
    return status;
}

/* One request. 0 or -errno: there is nobody any more; -ENODATA: who has gone may still listen. */
static int serve_one(struct connection *self, int64_t idle_limit)
{
    self->keep_alive = false;
    self->status = 0;
    self->sent = 0;
    int result = read_head(self, idle_limit);
    if (result < 0)
        return result;
    self->keep_alive = result == 0 && llhttp_should_keep_alive(&self->request.parser) &&
                       (self->request.parser.flags & F_CONNECTION_CLOSE) == 0 &&
                       self->server->options.keep_alive > 0 && !self->server->stopping;
    if (result == 0)
        result = answer(self);
    if (result > 0)
        result = answer_status(self, result, "");
    access_log_add(self);
    if (result == 0)
        leave_body(self);
    free(self->request.kept);
    return result;
}

intptr_t connection_serve(whorl_stream *stream, void *arg)
{
    struct server *server = arg;
    struct connection self = {
        .server = server, .stream = stream, .peer = {.len = sizeof self.peer.in6}};
    if (server->log.fd >= 0 &&
        whorl_peer_address(whorl_stream_fd(stream), &self.peer.any, &self.peer.len) != 0)
        self.peer.len = 0;
    int error = serve_one(&self, server->options.header_timeout);
    while (error == 0 && self.keep_alive)
        error = serve_one(&self, server->options.keep_alive);
    bool has_to_hear =
        error == 0 || (error == -ENODATA && service_unsent(whorl_stream_fd(stream)) > 0);
    int64_t to_take = server->options.send_timeout;
    const struct service_patience patience = {to_take > 0 ? to_take : WHORL_FOREVER, SILENCE,
                                              LINGER_TIME};
    if (has_to_hear && whorl_stream_end(stream) == 0)
        service_hear_out(stream, patience, &server->stopping);
    if (error != 0 && error != -ENODATA && whorl_stream_pending(stream) > 0)
        whorl_stream_abort(stream);
    return error == -ENODATA ? 0 : error;
}
