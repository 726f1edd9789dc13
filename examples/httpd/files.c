/*
 * GET and HEAD: a file; of a directory, its index.html, or its listing. The head of an answer and
 * the file's first bytes go together, by whorl_stream_sendfile; a client that takes nothing for
 * --send-timeout, which is the stream's, is given up. A file that has become shorter breaks the
 * promise that its length was, and the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../service/service.h"
#include "httpd.h"

enum { RACES_MOST = 100 }; /* the tree was changed in the middle of a walk */

static const char index_name[] = "index.html";

struct file {
    int fd;
    int64_t size;
    const char *type;
    struct validators validators;
};

/* --- Opening --- */

int open_beneath(const struct server *server, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = -EAGAIN;
    for (int i = 0; i < RACES_MOST && fd == -EAGAIN; i++)
        fd = whorl_openat2(server->root, *name != '\0' ? name : ".", &how, sizeof how);
    return fd;
}

/* Of the file that is open, whose inode is in memory: nothing is waited for. O_NONBLOCK has served
 * its end, that nobody waits for a FIFO's other end: reads of a file are to wait for the disk. */
static int look_at(struct file *self)
{
    struct stat stat;
    if (fstat(self->fd, &stat) != 0)
        return -errno;
    if (!S_ISREG(stat.st_mode))
        return S_ISDIR(stat.st_mode) ? -EISDIR : -EACCES;
    self->size = stat.st_size;
    validators_set(&self->validators, stat.st_ino, stat.st_size, stat.st_mtim);
    return fcntl(self->fd, F_SETFL, 0) != 0 ? -errno : 0;
}

/* 0 or -errno, among them -EISDIR: a directory, asked for without a slash at its end; -ENOENT: also
 * one without index.html; -EXDEV: a link leads out, or is absolute; -EACCES: also neither file nor
 * directory. */
static int open_file(struct file *self, const struct server *server, const struct path *path)
{
    char name[PATH_MAX + sizeof index_name];
    snprintf(name, sizeof name, "%s%s%s", path->name, path->directory && path->len > 0 ? "/" : "",
             path->directory ? index_name : "");
    self->fd = open_beneath(server, name, O_RDONLY);
    if (self->fd < 0)
        return self->fd;
    self->type = type_of(name);
    int error = look_at(self);
    if (error != 0)
        close(self->fd);
    return error == -EISDIR && path->directory ? -ENOENT : error; /* of the index's name */
}

/* --- Files --- */

static int send_bytes(struct connection *self, int fd, struct range part)
{
    off_t at = part.from;
    while (part.len > 0) {
        ssize_t sent = whorl_stream_sendfile(self->stream, fd, &at, (size_t)part.len);
        if (sent <= 0)
            return sent < 0 ? (int)sent : -EPIPE;
        part.len -= sent;
        self->sent += sent;
    }
    return 0;
}

/* 200: the whole; 206: a part of it; 304: that it is as it was. */
static int send_file(struct connection *self, const struct file *file, int status,
                     struct range part)
{
    char date[DATE_LEN + 1];
    answer_begin(self, status);
    time_t modified = file->validators.modified, now = self->server->second;
    date_format(modified < now ? modified : now, date); /* not after Date (RFC 9110, 8.8.2.1) */
    answer_printf(self, "Last-Modified: %s\r\nETag: %s\r\n", date, file->validators.etag);
    if (status == 206)
        answer_printf(self, "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n",
                      part.from, part.from + part.len - 1, file->size);
    if (status != 304)
        answer_printf(self,
                      "Accept-Ranges: bytes\r\nContent-Type: %s\r\nContent-Length: %" PRId64 "\r\n",
                      file->type, part.len);
    int error = answer_send(self, "", NULL, 0);
    if (error != 0 || status == 304 || self->request.parser.method == HTTP_HEAD)
        return error;
    return send_bytes(self, file->fd, part);
}

static int answer_file(struct connection *self, const struct file *file)
{
    char headers[64];
    struct words value;
    struct range part = {0, file->size};
    enum range_kind kind = RANGE_NONE;
    const struct request *request = &self->request;
    int status = condition_status(request, &file->validators);
    if (status != 0)
        return status == 304 ? send_file(self, file, 304, part) : status;
    if (request->parser.method == HTTP_GET && request_field(request, FIELD_RANGE, &value) &&
        condition_range_holds(request, &file->validators))
        kind = range_parse(value.text, value.len, file->size, &part);
    if (kind != RANGE_UNSATISFIED)
        return send_file(self, file, kind == RANGE_ONE ? 206 : 200, part);
    snprintf(headers, sizeof headers, "Content-Range: bytes */%" PRId64 "\r\n", file->size);
    return answer_status(self, 416, headers);
}

/* --- Directories --- */

/* To the same path with a slash at its end, so that the links of what is there lead below it. */
static int redirect(struct connection *self, const struct path *path)
{
    char *location = NULL;
    size_t len, query_len;
    struct words target = request_target(&self->request);
    const char *query = path_query(target.text, target.len, &query_len);
    FILE *file = open_memstream(&location, &len);
    if (file == NULL)
        return 503;
    fputs("Location: /", file);
    write_uri(file, path->name);
    fprintf(file, "/%.*s\r\n", (int)query_len, query);
    int error = service_end_text(file, &location) ? answer_status(self, 301, location) : 503;
    free(location);
    return error;
}

/* Names are any bytes: each stands in the page twice, as a URL and as text. A first part with a
 * colon would be taken for a scheme: "./" stands before each. */
static void list_name(FILE *page, int dir, const char *name)
{
    struct statx stat;
    if (strncmp(name, WHORL_TEMPORARY_PREFIX, strlen(WHORL_TEMPORARY_PREFIX)) == 0)
        return;
    bool is_dir = whorl_statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stat) == 0 &&
                  S_ISDIR(stat.stx_mode);
    fputs("<li><a href=\"./", page);
    write_uri(page, name);
    fputs(is_dir ? "/\">" : "\">", page);
    write_html(page, name);
    fputs(is_dir ? "/</a></li>\n" : "</a></li>\n", page);
}

static int list(struct connection *self, const struct path *path, int dir, char **names)
{
    char *text = NULL;
    size_t len;
    FILE *page = open_memstream(&text, &len);
    if (page == NULL)
        return 503;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>/", page);
    write_html(page, path->name);
    fputs("</title></head>\n<body><h1>/", page);
    write_html(page, path->name);
    fputs("</h1>\n<ul>\n", page);
    if (path->len > 0)
        fputs("<li><a href=\"../\">../</a></li>\n", page);
    for (; *names != NULL; names++)
        list_name(page, dir, *names);
    fputs("</ul></body></html>\n", page);
    int error = service_end_text(page, &text) ? answer_page(self, 200, "", text, len) : 503;
    free(text);
    return error;
}

/* 0, or a status: a list has neither a tag nor a time, but it is there. */
static int judge_listing(struct connection *self)
{
    static const struct validators of_listing = {.exists = true};
    int status = condition_status(&self->request, &of_listing);
    if (status != 304)
        return status;
    answer_begin(self, 304);
    return answer_send(self, "", NULL, 0);
}

static int answer_listing(struct connection *self, const struct path *path)
{
    char **names;
    int dir = open_beneath(self->server, path->name, O_RDONLY | O_DIRECTORY);
    if (dir < 0)
        return answer_status_of(dir);
    ssize_t count = self->server->options.no_listing ? -EACCES : whorl_list_dirat(dir, ".", &names);
    int error = count < 0 ? answer_status_of((int)count) : judge_listing(self);
    if (count >= 0 && self->status == 0 && error == 0)
        error = list(self, path, dir, names);
    if (count >= 0)
        free(names);
    whorl_close(dir);
    return error;
}

int files_answer(struct connection *self, const struct path *path)
{
    struct file file;
    int error = open_file(&file, self->server, path);
    if (error == -EISDIR)
        return redirect(self, path);
    if (error == -ENOENT && path->directory)
        return answer_listing(self, path);
    if (error != 0)
        return answer_status_of(error);
    error = answer_file(self, &file);
    close(file.fd); /* which waits for nothing: it was only read */
    return error;
}
