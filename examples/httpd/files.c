/*
 * See files.h. The head of an answer and the file's first bytes go together, by
 * whorl_stream_sendfile; a client that takes nothing for --send-timeout, which is the stream's, is
 * given up. A file that has become shorter breaks the promise that its length was, and the
 * connection.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"
#include "condition.h"
#include "date.h"
#include "listing.h"
#include "range.h"
#include "text.h"
#include "types.h"

enum { RACES_MOST = 100 }; /* the tree was changed in the middle of a walk */

static const char index_name[] = "index.html";

struct file {
    int fd;
    int64_t size;
    const char *type;
    struct validators validators;
};

/* --- Opening --- */

int open_beneath(int root, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = -EAGAIN;
    for (int i = 0; i < RACES_MOST && fd == -EAGAIN; i++)
        fd = whorl_openat2(root, *name != '\0' ? name : ".", &how, sizeof how);
    return fd;
}

/* Of the file that is open, whose inode is in memory: nothing is waited for. O_NONBLOCK has served
 * its end, that nobody waits for a FIFO's other end: reads of a file are to wait for the disk. */
static int look_at(struct file *self)
{
    struct stat stat;
    if (fstat(self->fd, &stat) != 0)
        return -errno;
    if (S_ISDIR(stat.st_mode))
        return -EISDIR;
    if (!S_ISREG(stat.st_mode))
        return -EACCES;
    self->size = stat.st_size;
    validators_set(&self->validators, stat.st_ino, stat.st_size, stat.st_mtim);
    return fcntl(self->fd, F_SETFL, 0) != 0 ? -errno : 0;
}

/* 0 or -errno, among them -EISDIR: a directory, asked for without a slash at its end; -ENOENT: also
 * one without index.html; -EXDEV: a link leads out; -EACCES: also neither file nor directory. */
static int open_file(struct file *self, int root, const struct path *path)
{
    char name[PATH_MAX + sizeof index_name];
    snprintf(name, sizeof name, "%s%s%s", path->name, path->directory && path->len > 0 ? "/" : "",
             path->directory ? index_name : "");
    self->fd = open_beneath(root, name, O_RDONLY);
    if (self->fd < 0)
        return self->fd;
    self->type = type_of(name);
    int error = look_at(self);
    if (error == -EISDIR && path->directory) /* a directory of the index's name */
        error = -ENOENT;
    if (error != 0)
        close(self->fd);
    return error;
}

/* --- Answering --- */

static void add_validators(struct answer *answer, const struct file *file)
{
    char date[DATE_LEN + 1];
    date_format(file->validators.modified, date);
    answer_printf(answer, "Last-Modified: %s\r\nETag: %s\r\n", date, file->validators.etag);
}

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

/* The whole, with 200, or a part of it, with 206. */
static int send_file(struct connection *self, const struct file *file, int status,
                     struct range part)
{
    struct answer answer;
    answer_begin(&answer, self, status);
    add_validators(&answer, file);
    answer_printf(&answer, "Accept-Ranges: bytes\r\nContent-Type: %s\r\n", file->type);
    if (status == 206)
        answer_printf(&answer, "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n",
                      part.from, part.from + part.len - 1, file->size);
    answer_printf(&answer, "Content-Length: %" PRId64 "\r\n", part.len);
    int error = answer_send(&answer, NULL, 0);
    if (error != 0 || self->request.parser.method == HTTP_HEAD)
        return error;
    return send_bytes(self, file->fd, part);
}

static int answer_unmodified(struct connection *self, const struct file *file)
{
    struct answer answer;
    answer_begin(&answer, self, 304);
    add_validators(&answer, file);
    return answer_send(&answer, NULL, 0);
}

static int answer_file(struct connection *self, const struct file *file)
{
    char headers[64];
    struct words value;
    struct range part = {0, file->size};
    enum range_kind kind = RANGE_NONE;
    const struct request *request = &self->request;
    int status = condition_status(request, &file->validators);
    if (status == 304)
        return answer_unmodified(self, file);
    if (status != 0)
        return answer_status(self, status, "");
    if (request->parser.method == HTTP_GET && request_field(request, FIELD_RANGE, &value) &&
        condition_range_holds(request, &file->validators))
        kind = range_parse(value.text, value.len, file->size, &part);
    if (kind != RANGE_UNSATISFIED)
        return send_file(self, file, kind == RANGE_ONE ? 206 : 200, part);
    snprintf(headers, sizeof headers, "Content-Range: bytes */%" PRId64 "\r\n", file->size);
    return answer_status(self, 416, headers);
}

/* To the same path with a slash at its end, so that the links of what is there lead below it. */
static int redirect(struct connection *self, const struct path *path)
{
    struct words target = request_target(&self->request);
    size_t query_len;
    const char *query = path_query(target.text, target.len, &query_len);
    struct text location;
    if (!text_begin(&location))
        return answer_status(self, 503, "");
    fputc('/', location.file);
    text_uri(&location, path->name);
    fprintf(location.file, "/%.*s", (int)query_len, query);
    int error = text_end(&location) ? answer_redirect(self, location.data, location.len)
                                    : answer_status(self, 503, "");
    free(location.data);
    return error;
}

int files_answer(struct connection *self, const struct path *path)
{
    struct file file;
    int error = open_file(&file, self->server->root, path);
    if (error == 0) {
        error = answer_file(self, &file);
        close(file.fd); /* which waits for nothing: it was only read */
        return error;
    }
    if (error == -EISDIR)
        return redirect(self, path);
    if (error == -ENOENT && path->directory)
        return listing_answer(self, path);
    return answer_status(self, answer_status_of(error), "");
}
