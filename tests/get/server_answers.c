/* What the bad server does: a function for each behaviour, and a table that names them. */
#include "server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A head of a whole file, and of a part of it from `from` on. */
static int send_whole_head(int fd, int64_t size, const char *etag)
{
    return send_text(fd,
                     "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\nETag: %s\r\n"
                     "Connection: close\r\n\r\n",
                     (long)size, etag);
}

static int send_part_head(int fd, int64_t from, int64_t size, const char *etag)
{
    return send_text(fd,
                     "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %ld-%ld/%ld\r\n"
                     "Content-Length: %ld\r\nETag: %s\r\nConnection: close\r\n\r\n",
                     (long)from, (long)size - 1, (long)size, (long)(size - from), etag);
}

/* Serves version `etag`, whose content is `letter`'s, as a good server would; of that at most
 * `most` bytes, and then it breaks off. Returns where it began. */
static int64_t serve_version(const visit *self, const char *etag, char letter, int64_t most)
{
    bool is_part = self->from >= 0 && strcmp(self->validator, etag) == 0;
    int64_t from = is_part ? self->from : 0;
    int64_t to = from + most < FILE_BYTES ? from + most : FILE_BYTES;
    int error = is_part ? send_part_head(self->fd, from, FILE_BYTES, etag)
                        : send_whole_head(self->fd, FILE_BYTES, etag);
    if (error == 0)
        send_file(self->fd, letter, from, to);
    return from;
}

static void whole(visit *self)
{
    serve_version(self, "\"one\"", 'A', FILE_BYTES);
}

/* Each answer ends early; three of them make the file. */
static void breaks(visit *self)
{
    serve_version(self, "\"one\"", 'A', BROKEN_AT);
}

/* There never comes more than the beginning, and no version is told. */
static void stays_short(visit *self)
{
    send_text(self->fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", FILE_BYTES);
    send_file(self->fd, 'A', 0, BROKEN_AT);
}

/* Breaks off the first time, and knows no ranges the second. */
static void no_ranges(visit *self)
{
    send_whole_head(self->fd, FILE_BYTES, "\"one\"");
    send_file(self->fd, 'A', 0, self->number == 1 ? BROKEN_AT : FILE_BYTES);
}

/* Breaks off the first time, and has another version the second. */
static void changes(visit *self)
{
    bool is_first = self->number == 1;
    serve_version(self, is_first ? "\"one\"" : "\"two\"", is_first ? 'A' : 'B',
                  is_first ? BROKEN_AT : FILE_BYTES);
}

/* Breaks off the first time; then sends the wrong part, then a part of another size, whatever it is
 * asked for. */
static void wrong_part(visit *self)
{
    if (self->from < 0)
        serve_version(self, "\"one\"", self->number == 1 ? 'A' : 'B',
                      self->number == 1 ? BROKEN_AT : FILE_BYTES);
    else
        send_text(self->fd,
                  "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 7-9/%d\r\n"
                  "Content-Length: 3\r\n\r\nxyz",
                  FILE_BYTES);
}

static void other_size(visit *self)
{
    if (self->from < 0) {
        serve_version(self, "\"one\"", self->number == 1 ? 'A' : 'B',
                      self->number == 1 ? BROKEN_AT : FILE_BYTES);
        return;
    }
    send_part_head(self->fd, self->from, FILE_BYTES + 1, "\"one\"");
    send_file(self->fd, 'A', self->from, FILE_BYTES + 1);
}

/* Breaks off the first time, by its ETag the version is the same, but the content is not. */
static void lies(visit *self)
{
    serve_version(self, "\"one\"", self->number == 1 ? 'A' : 'B',
                  self->number == 1 ? BROKEN_AT : FILE_BYTES);
}

/* Nothing is asked for from a certain byte on, and a part is sent all the same. */
static void unasked_part(visit *self)
{
    send_part_head(self->fd, 10, FILE_BYTES, "\"one\"");
    send_file(self->fd, 'A', 10, FILE_BYTES);
}

/* Breaks off the first time; then promises the rest, and does not stop. */
static void swells(visit *self)
{
    if (self->from < 0) {
        serve_version(self, "\"one\"", self->number == 1 ? 'A' : 'B',
                      self->number == 1 ? BROKEN_AT : FILE_BYTES);
        return;
    }
    send_text(self->fd,
              "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %ld-%d/%d\r\n"
              "Connection: close\r\n\r\n",
              (long)self->from, FILE_BYTES - 1, FILE_BYTES);
    while (send_file(self->fd, 'A', self->from, FILE_BYTES) == 0)
        continue;
}

/* Knows the version by the time of its last change, or by a weak ETag that is not to be used. With
 * "fresh" it changed in this second. */
static void dated(visit *self)
{
    static const char date[] = "Sat, 01 Jan 2000 00:00:00 GMT";
    bool is_fresh = strcmp(self->parameters, "fresh") == 0;
    bool is_part = self->from >= 0 && strcmp(self->validator, date) == 0;
    int64_t from = is_part ? self->from : 0;
    send_text(self->fd,
              is_part ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %ld-%d/%d\r\n"
                      : "HTTP/1.1 200 OK\r\nX-Range: %ld %d %d\r\n",
              (long)from, FILE_BYTES - 1, FILE_BYTES);
    send_text(self->fd,
              "ETag: W/\"weak\"\r\nLast-Modified: %s\r\nDate: %s\r\nContent-Length: %ld\r\n"
              "Connection: close\r\n\r\n",
              date, is_fresh ? date : "Sat, 01 Jan 2000 00:00:01 GMT", (long)(FILE_BYTES - from));
    send_file(self->fd, 'A', from, is_part ? FILE_BYTES : BROKEN_AT);
}

static void chunked(visit *self)
{
    send_text(self->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int64_t at = 0; at < FILE_BYTES; at += 1000) {
        send_text(self->fd, "3e8\r\n");
        send_file(self->fd, 'A', at, at + 1000);
        send_text(self->fd, "\r\n");
    }
    if (strcmp(self->parameters, "cut") != 0)
        send_text(self->fd, "0\r\n\r\n");
}

static void two_lengths(visit *self)
{
    send_text(self->fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: %d\r\n\r\n",
              FILE_BYTES, BROKEN_AT);
    send_file(self->fd, 'A', 0, FILE_BYTES);
}

/* Without a length: until it closes. */
static void until_close(visit *self)
{
    send_text(self->fd, "HTTP/1.0 200 OK\r\n\r\n");
    send_file(self->fd, 'A', 0, FILE_BYTES);
}

static void stalls(visit *self)
{
    send_whole_head(self->fd, FILE_BYTES, "\"one\"");
    send_file(self->fd, 'A', 0, 1000);
    whorl_sleep(WHORL_SECONDS(600));
}

static void silent(visit *self)
{
    (void)self;
    whorl_sleep(WHORL_SECONDS(600));
}

/* A byte now and then, without an end. */
static void trickles(visit *self)
{
    send_whole_head(self->fd, FILE_BYTES, "\"one\"");
    for (int64_t at = 0; send_file(self->fd, 'A', at, at + 1) == 0; at++)
        whorl_sleep(WHORL_MS(20));
}

static void garbage(visit *self)
{
    send_text(self->fd, "hello there, this is no web server\r\n\r\n");
}

static void nothing(visit *self)
{
    (void)self;
}

/* Closes with a reset, the first `parameters` times. */
static void resets(visit *self)
{
    struct linger at_once = {.l_onoff = 1};
    if (self->number > atoi(self->parameters))
        whole(self);
    else
        setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* STATUS/N: answers N times with the status, then with the file. */
static void status(visit *self)
{
    int code = 503, times = 0;
    sscanf(self->parameters, "%d/%d", &code, &times);
    if (self->number > times)
        whole(self);
    else
        send_text(self->fd, "HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\n\r\noops", code);
}

/* N: asks the first time to come back in N seconds. */
static void later(visit *self)
{
    if (self->number > 1)
        whole(self);
    else
        send_text(self->fd, "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                  self->parameters);
}

/* To the path, or to the whole URL, that follows. */
static void redirect(visit *self)
{
    bool is_url = strstr(self->parameters, "://") != NULL;
    send_text(self->fd, "HTTP/1.1 302 Elsewhere\r\nLocation: %s%s\r\nContent-Length: 0\r\n\r\n",
              is_url ? "" : "/", self->parameters);
}

static void nowhere(visit *self)
{
    send_text(self->fd, "HTTP/1.1 302 Elsewhere\r\nContent-Length: 0\r\n\r\n");
}

/* The request's own head is the file. */
static void head(visit *self)
{
    send_text(self->fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(self->head),
              self->head);
}

/* Takes its time, so that others come meanwhile. */
static void busy(visit *self)
{
    whorl_sleep(WHORL_MS(30));
    whole(self);
}

static void most(visit *self)
{
    send_text(self->fd, "HTTP/1.0 200 OK\r\n\r\n%d\n", most_at_once());
}

/* More of an error than anybody wants to read. */
static void endless_error(visit *self)
{
    send_text(self->fd, "HTTP/1.1 404 Not Found\r\n\r\n");
    while (send_file(self->fd, 'E', 0, FILE_BYTES) == 0)
        continue;
}

static const struct {
    const char *name;
    void (*answer)(visit *self);
} behaviours[] = {
    {"whole", whole},
    {"breaks", breaks},
    {"short", stays_short},
    {"no-ranges", no_ranges},
    {"changes", changes},
    {"wrong-part", wrong_part},
    {"other-size", other_size},
    {"swells", swells},
    {"lies", lies},
    {"unasked-part", unasked_part},
    {"dated", dated},
    {"chunked", chunked},
    {"two-lengths", two_lengths},
    {"until-close", until_close},
    {"stalls", stalls},
    {"silent", silent},
    {"trickles", trickles},
    {"garbage", garbage},
    {"nothing", nothing},
    {"resets", resets},
    {"status", status},
    {"later", later},
    {"redirect", redirect},
    {"nowhere", nowhere},
    {"head", head},
    {"busy", busy},
    {"most", most},
    {"endless-error", endless_error},
};

void answer_visit(visit *self)
{
    self->path[strcspn(self->path, "?")] = '\0'; /* that tells visits apart, and no more */
    size_t len = strcspn(self->path + 1, "/");
    self->parameters = self->path + 1 + len + (self->path[1 + len] == '/');
    for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++)
        if (strlen(behaviours[i].name) == len &&
            strncmp(behaviours[i].name, self->path + 1, len) == 0) {
            behaviours[i].answer(self);
            return;
        }
    send_text(self->fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}
