/* Answers: status lines, headers, and the pages that tell of errors. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "httpd.h"

/* The headers that are the same for a second. */
static const char *common_headers(struct server *server)
{
    char date[DATE_LEN + 1];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->second) {
        server->second = now.tv_sec;
        date_format(now.tv_sec, date);
        snprintf(server->common, sizeof server->common, "Server: whorl-httpd\r\nDate: %s\r\n",
                 date);
    }
    return server->common;
}

void answer_printf(struct connection *self, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof self->head - self->head_len;
    va_start(arguments, format);
    int len = vsnprintf(self->head + self->head_len, room, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < room);
    self->head_len += (size_t)len;
}

void answer_begin(struct connection *self, int number)
{
    const struct status *status = status_of(number);
    self->status = number;
    self->head_len = 0;
    self->keep_alive &=
        !status->closes && !self->server->stopping && connection_may_skip_body(self);
    answer_printf(self, "HTTP/1.1 %s\r\n%s", status->line, common_headers(self->server));
}

/* HTTP/1.1 keeps a connection unless it is told otherwise, 1.0 does not. */
int answer_send(struct connection *self, const char *headers, const void *body, size_t len)
{
    const char *end = !self->keep_alive                      ? "Connection: close\r\n\r\n"
                      : self->request.parser.http_minor == 0 ? "Connection: keep-alive\r\n\r\n"
                                                             : "\r\n";
    if (self->request.parser.method == HTTP_HEAD)
        len = 0;
    struct iovec pieces[] = {{self->head, self->head_len},
                             {(void *)headers, strlen(headers)},
                             {(void *)end, strlen(end)},
                             {(void *)body, len}};
    size_t all = self->head_len + strlen(headers) + strlen(end) + len;
    ssize_t written = whorl_stream_writev(self->stream, pieces, 4);
    self->sent += (int64_t)len;
    if (written < 0)
        return (int)written;
    return (size_t)written == all ? 0 : -EPIPE;
}

int answer_page(struct connection *self, int status, const char *headers, const char *page,
                size_t len)
{
    answer_begin(self, status);
    answer_printf(self, "Content-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n", len);
    return answer_send(self, headers, page, len);
}

int answer_status(struct connection *self, int status, const char *headers)
{
    char page[256];
    const char *line = status_of(status)->line;
    int len = snprintf(page, sizeof page,
                       "<!DOCTYPE html>\n<html lang=\"en\"><head><title>%s</title></head>\n"
                       "<body><h1>%s</h1></body></html>\n",
                       line, line);
    return answer_page(self, status, headers, page, (size_t)len);
}

int answer_status_of(int error)
{
    static const int meanings[][2] = {
        {-ENOENT, 404}, {-ENOTDIR, 404}, {-ENAMETOOLONG, 404}, {-ENXIO, 404},    {-EILSEQ, 404},
        {-EACCES, 403}, {-EPERM, 403},   {-EXDEV, 403},        {-ELOOP, 403},    {-EROFS, 403},
        {-EISDIR, 409}, {-EFBIG, 413},   {-EMFILE, 503},       {-ENFILE, 503},   {-ENOMEM, 503},
        {-EAGAIN, 503}, {-ENOSPC, 507},  {-EDQUOT, 507},       {-ECANCELED, 503}};
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i][0] == error)
            return meanings[i][1];
    return 500;
}
