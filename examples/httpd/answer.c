/* See answer.h. */
#include "answer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "date.h"

struct status {
    int number;
    bool closes;
    const char *line; /* the number and its words */
};

/* The most frequent first. */
static const struct status table[] = {
    {200, false, "200 OK"},
    {206, false, "206 Partial Content"},
    {304, false, "304 Not Modified"},
    {404, false, "404 Not Found"},
    {201, false, "201 Created"},
    {204, false, "204 No Content"},
    {301, false, "301 Moved Permanently"},
    {400, true, "400 Bad Request"},
    {403, false, "403 Forbidden"},
    {405, false, "405 Method Not Allowed"},
    {408, true, "408 Request Timeout"},
    {409, false, "409 Conflict"},
    {411, true, "411 Length Required"},
    {412, false, "412 Precondition Failed"},
    {413, true, "413 Content Too Large"},
    {414, true, "414 URI Too Long"},
    {416, false, "416 Range Not Satisfiable"},
    {417, true, "417 Expectation Failed"},
    {431, true, "431 Request Header Fields Too Large"},
    {501, true, "501 Not Implemented"},
    {503, false, "503 Service Unavailable"},
    {505, true, "505 HTTP Version Not Supported"},
    {507, true, "507 Insufficient Storage"},
    {500, false, "500 Internal Server Error"},
};

static const struct status *find(int number)
{
    const struct status *at = table;
    while (at->number != number && at->number != 500)
        at++;
    return at;
}

/* The headers that are the same for a second. */
static void bring_up_to_date(struct server *server)
{
    char date[DATE_LEN + 1];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == server->second)
        return;
    server->second = now.tv_sec;
    date_format(now.tv_sec, date);
    server->common_len = (size_t)snprintf(server->common, sizeof server->common,
                                          "\r\nServer: whorl-httpd\r\nDate: %s\r\n", date);
}

void answer_add(struct answer *self, const char *data, size_t len)
{
    assert(len <= sizeof self->head - self->len);
    memcpy(self->head + self->len, data, len);
    self->len += len;
}

void answer_printf(struct answer *self, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof self->head - self->len;
    va_start(arguments, format);
    int len = vsnprintf(self->head + self->len, room, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < room);
    self->len += (size_t)len;
}

void answer_begin(struct answer *self, struct connection *connection, int number)
{
    static const char version[] = "HTTP/1.1 ";
    const struct status *status = find(number);
    self->connection = connection;
    self->len = 0;
    connection->status = number;
    if (status->closes)
        connection->keep_alive = false;
    bring_up_to_date(connection->server);
    answer_add(self, version, sizeof version - 1);
    answer_add(self, status->line, strlen(status->line));
    answer_add(self, connection->server->common, connection->server->common_len);
}

/* HTTP/1.1 keeps a connection unless it is told otherwise, 1.0 does not. */
static void end_head(struct answer *self)
{
    static const char closes[] = "Connection: close\r\n\r\n",
                      stays[] = "Connection: keep-alive\r\n";
    if (!self->connection->keep_alive) {
        answer_add(self, closes, sizeof closes - 1);
        return;
    }
    if (self->connection->request.parser.http_minor == 0)
        answer_add(self, stays, sizeof stays - 1);
    answer_add(self, "\r\n", 2);
}

int answer_send(struct answer *self, const void *body, size_t len)
{
    struct connection *to = self->connection;
    struct iovec pieces[2] = {{self->head, 0}, {(void *)body, len}};
    bool has_body = len > 0 && to->request.parser.method != HTTP_HEAD;
    end_head(self);
    pieces[0].iov_len = self->len;
    size_t all = self->len + (has_body ? len : 0);
    ssize_t written = whorl_stream_writev(to->stream, pieces, has_body ? 2 : 1);
    to->sent += has_body ? (int64_t)len : 0;
    if (written < 0)
        return (int)written;
    return (size_t)written == all ? 0 : -EPIPE;
}

int answer_status(struct connection *connection, int number, const char *headers)
{
    char page[256];
    struct answer answer;
    const char *line = find(number)->line;
    int len = snprintf(page, sizeof page,
                       "<!DOCTYPE html>\n<html lang=\"en\"><head><title>%s</title></head>\n"
                       "<body><h1>%s</h1></body></html>\n",
                       line, line);
    answer_begin(&answer, connection, number);
    answer_printf(&answer, "Content-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n%s",
                  len, headers);
    return answer_send(&answer, page, (size_t)len);
}

/* The location may be longer than the room for a head. */
int answer_redirect(struct connection *connection, const char *location, size_t len)
{
    static const char name[] = "Location: ";
    struct answer answer;
    answer_begin(&answer, connection, 301);
    answer_add(&answer, name, sizeof name - 1);
    struct iovec pieces[] = {{answer.head, answer.len}, {(void *)location, len}};
    ssize_t written = whorl_stream_writev(connection->stream, pieces, 2);
    if (written != (ssize_t)(answer.len + len))
        return written < 0 ? (int)written : -EPIPE;
    answer.len = 0;
    answer_printf(&answer, "\r\nContent-Length: 0\r\n");
    return answer_send(&answer, NULL, 0);
}

int answer_page(struct connection *connection, const char *page, size_t len)
{
    struct answer answer;
    answer_begin(&answer, connection, 200);
    answer_printf(&answer, "Content-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n",
                  len);
    return answer_send(&answer, page, len);
}

int answer_status_of(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ENXIO:
    case -EILSEQ:
        return 404;
    case -EACCES:
    case -EPERM:
    case -EXDEV:
    case -ELOOP:
    case -EROFS:
        return 403;
    case -EISDIR:
        return 409;
    case -EFBIG:
        return 413;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -EAGAIN:
    case -ECANCELED:
        return 503;
    case -ENOSPC:
    case -EDQUOT:
        return 507;
    default:
        return 500;
    }
}
