/*
 * See upload.h. The conditions are judged twice: before the body, to save it, and again when the
 * file takes its name, while no other upload can: so of several that replace the same version one
 * alone does, and the others are told. The body goes into a file without a name, through a buffer
 * that is written behind the connection; when all of it is on the disk, the file takes its name,
 * and the directory is brought to the disk too before the client is told. What breaks off before
 * that leaves nothing. Where the file system knows no files without a name, it has one that begins
 * with WHORL_TEMPORARY_PREFIX, which is never served.
 *
 * A name that was there is replaced, with its permission bits; a link is replaced, not followed.
 */
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "answer.h"
#include "condition.h"
#include "files.h"

enum { TEMPORARY_ROOM = 32, NAMES_MOST = 100 };

struct upload {
    struct connection *connection;
    const struct path *path;
    int dir;                        /* -1: none */
    const char *name;               /* in dir */
    whorl_file *file;               /* NULL: none */
    char temporary[TEMPORARY_ROOM]; /* in dir, too; "": the file has no name */
    struct validators old;
    mode_t old_mode;
    bool exclusive; /* the client wants to replace nothing */
    char *head;     /* the request's, kept while its body is read */
};

/* --- Before the body --- */

/* Splits the path, and opens the directory that the file is to be in. */
static int open_parent(struct upload *self)
{
    struct path parent = *self->path;
    char *slash = strrchr(parent.name, '/');
    if (slash != NULL)
        *slash = '\0';
    self->name = self->path->name + (slash != NULL ? slash + 1 - parent.name : 0);
    self->dir = open_beneath(self->connection->server->root, slash != NULL ? parent.name : ".",
                             O_RDONLY | O_DIRECTORY);
    return self->dir < 0 ? self->dir : 0;
}

/* What has the name already. -EISDIR: what cannot be replaced. */
static int look_at_old(struct upload *self)
{
    struct statx stat;
    self->old = (struct validators){0};
    self->old_mode = 0;
    int error = whorl_statx(self->dir, self->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stat);
    if (error != 0)
        return error == -ENOENT ? 0 : error;
    if (!S_ISREG(stat.stx_mode) && !S_ISLNK(stat.stx_mode))
        return -EISDIR;
    struct timespec modified = {stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec};
    validators_set(&self->old, stat.stx_ino, (int64_t)stat.stx_size, modified);
    self->old_mode = S_ISREG(stat.stx_mode) ? stat.stx_mode & 07777 : 0;
    return 0;
}

/* Tries names until one is free: by `use`, -EEXIST where it is not. */
static int with_temporary_name(struct upload *self, int (*use)(struct upload *self))
{
    int result = -EEXIST;
    for (int i = 0; i < NAMES_MOST && result == -EEXIST; i++) {
        uint64_t number;
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            return -EIO;
        snprintf(self->temporary, sizeof self->temporary, "%s%016" PRIx64, WHORL_TEMPORARY_PREFIX,
                 number);
        result = use(self);
    }
    if (result < 0)
        self->temporary[0] = '\0';
    return result;
}

static int make_named(struct upload *self)
{
    return whorl_openat(self->dir, self->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static int make_file(struct upload *self)
{
    int fd = whorl_openat(self->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
    if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -ENOENT || fd == -EINVAL)
        fd = with_temporary_name(self, make_named);
    if (fd < 0)
        return fd;
    whorl_file_options options = {.buffer_size = 65536, .depth = 4};
    int error = whorl_file_from_fd(fd, &options, &self->file);
    if (error != 0)
        whorl_close(fd);
    else if (self->old_mode != 0)
        error = whorl_fchmod(fd, self->old_mode);
    return error;
}

/* 0, or the status that refuses it before its body has been looked at. */
static int judge_request(const struct upload *self)
{
    const struct request *request = &self->connection->request;
    const struct options *options = self->connection->server->options;
    struct words part;
    bool has_length = (request->parser.flags & (F_CHUNKED | F_CONTENT_LENGTH)) != 0;
    if (request_field(request, FIELD_CONTENT_RANGE, &part))
        return 400; /* a part of a file is not to replace the whole */
    if (!has_length)
        return 411;
    if (request_body_length(request) > (int64_t)options->max_body)
        return 413;
    return self->path->directory ? 409 : 0;
}

/* --- The body --- */

static int take_piece(void *arg, const char *data, size_t len)
{
    struct upload *self = arg;
    if (self->connection->request.body_data > self->connection->server->options->max_body)
        return 413;
    while (len > 0) { /* what is cut short is told by the next call */
        ssize_t put = whorl_file_write(self->file, data, len);
        if (put <= 0)
            return put < 0 ? answer_status_of((int)put) : 500;
        data += put;
        len -= (size_t)put;
    }
    return 0;
}

/* A client that waits to be told so sends its body after this; one of HTTP/1.0 knows nothing of
 * it. */
static int send_continue(struct connection *self)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct words expected;
    if (self->request.parser.http_minor == 0 ||
        !request_field(&self->request, FIELD_EXPECT, &expected))
        return 0;
    ssize_t put = whorl_stream_write(self->stream, line, sizeof line - 1);
    return put < 0 ? (int)put : 0;
}

/* --- After the body --- */

static int link_file(struct upload *self, const char *name)
{
    char file[32];
    snprintf(file, sizeof file, "/proc/self/fd/%d", whorl_file_fd(self->file));
    return whorl_linkat(AT_FDCWD, file, self->dir, name, AT_SYMLINK_FOLLOW);
}

static int link_temporary(struct upload *self)
{
    return link_file(self, self->temporary);
}

/* Gives the file its name. -EEXIST: somebody was faster, and nothing may be replaced. */
static int take_name(struct upload *self)
{
    if (self->temporary[0] == '\0') {
        int error = link_file(self, self->name);
        if (error != -EEXIST || self->exclusive)
            return error;
        error = with_temporary_name(self, link_temporary);
        if (error < 0)
            return error;
    }
    int error = whorl_renameat2(self->dir, self->temporary, self->dir, self->name,
                                self->exclusive ? RENAME_NOREPLACE : 0);
    if (error == 0)
        self->temporary[0] = '\0';
    return error;
}

/* 0, or the status of what forbids or prevents it. */
static int replace(struct upload *self)
{
    int error = look_at_old(self);
    int status = error == 0 ? condition_status(&self->connection->request, &self->old) : 0;
    if (status != 0)
        return status;
    if (error == 0)
        error = take_name(self);
    if (error == -EEXIST)
        return 412;
    return error != 0 ? answer_status_of(error) : 0;
}

static int commit(struct upload *self)
{
    struct server *server = self->connection->server;
    int error = whorl_file_sync(self->file);
    if (error == 0)
        error = whorl_mutex_lock(&server->replacing);
    if (error != 0)
        return answer_status_of(error);
    int status = replace(self);
    whorl_mutex_unlock(&server->replacing);
    error = status == 0 ? whorl_fsync(self->dir) : 0;
    return error != 0 ? answer_status_of(error) : status;
}

static void clean_up(struct upload *self)
{
    whorl_shield shield;
    whorl_shield_begin(&shield, WHORL_SECONDS(10));
    if (self->file != NULL)
        whorl_file_close(self->file);
    if (self->temporary[0] != '\0')
        whorl_unlinkat(self->dir, self->temporary, 0);
    if (self->dir >= 0)
        whorl_close(self->dir);
    whorl_shield_end(&shield, 0);
    free(self->head);
}

static int answer_stored(struct upload *self)
{
    struct statx stat;
    struct validators now;
    struct answer answer;
    int error = whorl_statx(whorl_file_fd(self->file), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stat);
    if (error != 0)
        return answer_status(self->connection, 500, "");
    struct timespec modified = {stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec};
    validators_set(&now, stat.stx_ino, (int64_t)stat.stx_size, modified);
    answer_begin(&answer, self->connection, self->old.exists ? 204 : 201);
    answer_printf(&answer, "ETag: %s\r\n%s", now.etag,
                  self->old.exists ? "" : "Content-Length: 0\r\n");
    return answer_send(&answer, NULL, 0);
}

/* 0, or the status of what went wrong, or -errno. */
static int prepare(struct upload *self)
{
    struct words ignored;
    int status = judge_request(self);
    if (status != 0)
        return status;
    int error = open_parent(self);
    if (error == -ENOENT || error == -ENOTDIR)
        return 409;
    if (error == 0)
        error = look_at_old(self);
    if (error != 0)
        return answer_status_of(error);
    status = condition_status(&self->connection->request, &self->old);
    if (status != 0)
        return status;
    self->exclusive = !self->old.exists &&
                      request_field(&self->connection->request, FIELD_IF_NONE_MATCH, &ignored);
    self->head = request_keep(&self->connection->request);
    error = self->head != NULL ? make_file(self) : -ENOMEM;
    return error != 0 ? answer_status_of(error) : 0;
}

static int store(struct upload *self)
{
    struct connection *connection = self->connection;
    int status = prepare(self);
    if (status == 0)
        status = send_continue(connection);
    if (status == 0)
        status = connection_read_body(connection, take_piece, self);
    return status != 0 ? status : commit(self);
}

int upload_answer(struct connection *self, const struct path *path)
{
    struct upload upload = {.connection = self, .path = path, .dir = -1};
    int status = store(&upload);
    int error = status == 0  ? answer_stored(&upload)
                : status > 0 ? answer_status(self, status, "")
                             : status;
    clean_up(&upload);
    return error;
}
