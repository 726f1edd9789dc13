/*
 * PUT. The conditions are judged twice: before the body, to save it, and again when the file takes
 * its name, while no other upload can: so of several that replace the same version one alone does,
 * and the others are told. The body goes into a file without a name, through a buffer that is
 * written behind the connection; when all of it is on the disk, the file takes its name, and the
 * directory is brought to the disk too before the client is told. What breaks off before that
 * leaves nothing. Where the file system knows no files without a name, it has one that begins with
 * WHORL_TEMPORARY_PREFIX, which is never served.
 *
 * A name that was there is replaced, with its permission bits, but those that have a program run as
 * another user; a link is replaced, not followed, by the conditions that hold for what it leads to.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "httpd.h"

struct upload {
    struct connection *connection;
    const struct path *path;
    int dir;            /* -1: none */
    const char *name;   /* in dir */
    whorl_file *file;   /* NULL: none */
    char temporary[32]; /* in dir, too; "": the file has no name */
    struct validators old;
    int old_mode;   /* -1: there was no file */
    bool is_free;   /* nothing has the name */
    bool exclusive; /* the client wants to replace nothing */
};

/* --- Before the body --- */

/* The directory that the file is to be in. A descriptor, or -errno. */
static int open_parent(const struct upload *self)
{
    char parent[PATH_MAX];
    int len = self->name > self->path->name ? (int)(self->name - self->path->name) - 1 : 0;
    snprintf(parent, sizeof parent, "%.*s", len, self->path->name);
    return open_beneath(self->connection->server, parent, O_RDONLY | O_DIRECTORY);
}

static int look_at(int dir, const char *name, int flags, struct statx *stat,
                   struct validators *validators)
{
    int error = whorl_statx(dir, name, flags, STATX_BASIC_STATS, stat);
    struct timespec modified = {stat->stx_mtime.tv_sec, stat->stx_mtime.tv_nsec};
    if (error == 0)
        validators_set(validators, stat->stx_ino, (int64_t)stat->stx_size, modified);
    return error;
}

/* A link has the validators of what a GET finds behind it. What leads nowhere is no file; what
 * leads out of the directory may be one. 0; -EISDIR: it leads to a directory, whose files it would
 * take away. */
static int look_behind(struct upload *self)
{
    struct statx stat = {0};
    struct validators seen;
    int fd = open_beneath(self->connection->server, self->path->name, O_RDONLY);
    if (fd == -ENOENT)
        self->old = (struct validators){0};
    if (fd >= 0 && look_at(fd, "", AT_EMPTY_PATH, &stat, &seen) == 0)
        self->old = seen;
    if (fd >= 0)
        whorl_close(fd);
    return S_ISDIR(stat.stx_mode) ? -EISDIR : 0;
}

/* Judges the conditions by what has the name now. 0, or the status that refuses it. */
static int judge_old(struct upload *self)
{
    struct statx stat;
    self->old = (struct validators){0};
    self->old_mode = -1;
    int error = look_at(self->dir, self->name, AT_SYMLINK_NOFOLLOW, &stat, &self->old);
    if (error == 0 && !S_ISREG(stat.stx_mode) && !S_ISLNK(stat.stx_mode))
        error = -EISDIR;
    if (error == 0 && S_ISLNK(stat.stx_mode))
        error = look_behind(self);
    if (error != 0 && error != -ENOENT)
        return answer_status_of(error);
    self->is_free = error == -ENOENT;
    if (error == 0 && S_ISREG(stat.stx_mode))
        self->old_mode = stat.stx_mode & 0777;
    return condition_status(&self->connection->request, &self->old);
}

/* A number of 64 random bits is not met twice. */
static void choose_temporary(struct upload *self)
{
    uint64_t number = 0;
    getrandom(&number, sizeof number, 0); /* which gives so few whole */
    snprintf(self->temporary, sizeof self->temporary, WHORL_TEMPORARY_PREFIX "%016" PRIx64, number);
}

/* Gives the file the permission bits of the one that it replaces. */
static int keep_mode(const struct upload *self)
{
    if (self->old_mode < 0)
        return 0;
    return whorl_fchmod(whorl_file_fd(self->file), (mode_t)self->old_mode);
}

/* Without a name, if it can be given one later, by /proc. For want of such files there are many
 * errors, and ext4 has -EPERM for a directory that has been removed. */
static int make_file(struct upload *self)
{
    whorl_file_options options = {.buffer_size = 65536, .depth = 4};
    int fd = -EOPNOTSUPP;
    if (access("/proc/self/fd", X_OK) == 0)
        fd = whorl_openat(self->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
    if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -ENOENT || fd == -EINVAL || fd == -EPERM) {
        choose_temporary(self);
        fd = whorl_openat(self->dir, self->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (fd < 0)
        return fd;
    int error = whorl_file_from_fd(fd, &options, &self->file);
    if (error != 0)
        whorl_close(fd);
    return error != 0 ? error : keep_mode(self);
}

/* 0, or the status that refuses it before its body has been looked at. */
static int judge_request(const struct upload *self)
{
    struct words value;
    const struct request *request = &self->connection->request;
    if (request_field(request, FIELD_CONTENT_RANGE, &value))
        return 400; /* a part of a file is not to replace the whole */
    if (request_field(request, FIELD_CONTENT_ENCODING, &value) && value.len > 0 &&
        !words_are(value, "identity"))
        return 415; /* a GET would not tell of it */
    if ((request->parser.flags & (F_CHUNKED | F_CONTENT_LENGTH)) == 0)
        return 411;
    if (request_body_length(request) > (int64_t)self->connection->server->options.max_body)
        return 413;
    return self->path->directory ? 409 : 0;
}

/* A condition that does not hold counts only where the file could be stored (RFC 9110, 13.2.1). */
static int prepare(struct upload *self)
{
    struct words tags;
    struct request *request = &self->connection->request;
    int status = judge_request(self);
    if (status != 0)
        return status;
    self->dir = open_parent(self);
    if (self->dir < 0)
        return self->dir == -ENOENT || self->dir == -ENOTDIR ? 409 : answer_status_of(self->dir);
    status = judge_old(self);
    if (status != 0 && status != 412)
        return status;
    self->exclusive =
        self->is_free && request_field(request, FIELD_IF_NONE_MATCH, &tags) && words_are(tags, "*");
    int error = request_keep(request) ? make_file(self) : -ENOMEM;
    return error == -ENOENT ? 409 : error != 0 ? answer_status_of(error) : status;
}

/* --- The body --- */

/* A client that waits to be told so sends its body after this; one of HTTP/1.0 knows nothing of
 * it. */
static int send_continue(struct connection *self)
{
    struct words expected;
    if (self->request.parser.http_minor == 0 ||
        !request_field(&self->request, FIELD_EXPECT, &expected))
        return 0;
    ssize_t put = whorl_stream_puts(self->stream, "HTTP/1.1 100 Continue\r\n\r\n");
    return put < 0 ? (int)put : 0;
}

static int take_piece(void *arg, const char *data, size_t len)
{
    struct upload *self = arg;
    if (self->connection->request.body_data > self->connection->server->options.max_body)
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

/* --- After the body --- */

/* The time of a file, by which its tag is made, is later than that of any before it: the kernel's
 * own clock may tick but once in some milliseconds, and a file that is replaced gives its inode to
 * another soon. Where no time may be set, as where all files seem to be one user's, that clock has
 * to do. */
static int set_time(const struct upload *self)
{
    struct timespec now, times[2] = {{.tv_nsec = UTIME_OMIT}};
    struct server *server = self->connection->server;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ns = now.tv_sec * WHORL_SECONDS(1) + now.tv_nsec;
    server->last_upload = ns > server->last_upload ? ns : server->last_upload + 1;
    times[1].tv_sec = server->last_upload / WHORL_SECONDS(1);
    times[1].tv_nsec = server->last_upload % WHORL_SECONDS(1);
    int error = whorl_futimens(whorl_file_fd(self->file), times);
    bool may_not = error == -EPERM || error == -EACCES || error == -ENOSYS || error == -EOPNOTSUPP;
    return may_not ? 0 : error;
}

/* What came is on the disk, with its time. */
static int finish_file(const struct upload *self)
{
    int error = whorl_file_flush(self->file);
    if (error == 0)
        error = set_time(self);
    return error == 0 ? whorl_file_sync(self->file) : error;
}

/* 0; -ENOENT: the path leads to the directory no longer. */
static int find_parent(const struct upload *self)
{
    struct statx was, is;
    int dir = open_parent(self);
    if (dir == -ENOTDIR || dir == -ELOOP || dir == -EXDEV)
        return -ENOENT;
    if (dir < 0)
        return dir;
    int error = whorl_statx(self->dir, "", AT_EMPTY_PATH, STATX_INO, &was);
    if (error == 0)
        error = whorl_statx(dir, "", AT_EMPTY_PATH, STATX_INO, &is);
    whorl_close(dir);
    bool is_same = error == 0 && was.stx_ino == is.stx_ino &&
                   was.stx_dev_major == is.stx_dev_major && was.stx_dev_minor == is.stx_dev_minor;
    return error == 0 && !is_same ? -ENOENT : error;
}

static int link_as(struct upload *self, const char *name)
{
    char file[32]; /* where /proc has it */
    snprintf(file, sizeof file, "/proc/self/fd/%d", whorl_file_fd(self->file));
    return whorl_linkat(AT_FDCWD, file, self->dir, name, AT_SYMLINK_FOLLOW);
}

/* Gives the file its name: at once where that is free, so that a kill leaves no other. A link
 * cannot replace what is there; nor does every file system keep a renaming from that. Of a file
 * that has a name already that is changed, as not every one knows two names for a file. -EEXIST:
 * nothing was to be replaced, and somebody was faster. */
static int take_name(struct upload *self)
{
    bool is_nameless = self->temporary[0] == '\0';
    int error = is_nameless && self->is_free ? link_as(self, self->name) : -EEXIST;
    if (error != -EEXIST || (is_nameless && self->exclusive))
        return error;
    if (is_nameless)
        choose_temporary(self);
    error = is_nameless ? link_as(self, self->temporary) : 0;
    if (error == 0)
        error = whorl_renameat2(self->dir, self->temporary, self->dir, self->name,
                                self->exclusive ? RENAME_NOREPLACE : 0);
    if (error == 0)
        self->temporary[0] = '\0';
    return error == -EINVAL && self->exclusive ? link_as(self, self->name) : error;
}

static int commit(struct upload *self)
{
    whorl_mutex *replacing = &self->connection->server->replacing;
    int error = finish_file(self), mode = self->old_mode;
    if (error == 0)
        error = whorl_mutex_lock(replacing);
    if (error != 0)
        return answer_status_of(error);
    int status = judge_old(self);
    if (status == 0 && self->old_mode != mode) /* somebody has changed it meanwhile */
        error = keep_mode(self);
    if (status == 0 && error == 0 && self->old_mode != mode)
        error = whorl_file_sync(self->file);
    if (status == 0 && error == 0)
        error = find_parent(self);
    if (status == 0 && error == 0)
        error = take_name(self);
    whorl_mutex_unlock(replacing);
    if (status == 0 && error == 0)
        error = whorl_fsync(self->dir);
    if (error != 0)
        return error == -EEXIST ? 412 : error == -ENOENT ? 409 : answer_status_of(error);
    return status;
}

static int answer_stored(struct upload *self)
{
    struct statx stat;
    struct validators now;
    if (look_at(whorl_file_fd(self->file), "", AT_EMPTY_PATH, &stat, &now) != 0)
        return 500;
    answer_begin(self->connection, self->old.exists ? 204 : 201);
    answer_printf(self->connection, "ETag: %s\r\n%s", now.etag,
                  self->old.exists ? "" : "Content-Length: 0\r\n");
    return answer_send(self->connection, "", NULL, 0);
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
}

int upload_answer(struct connection *self, const struct path *path)
{
    const char *slash = strrchr(path->name, '/');
    const char *name = slash != NULL ? slash + 1 : path->name;
    struct upload upload = {.connection = self, .path = path, .dir = -1, .name = name};
    int status = prepare(&upload);
    if (status == 0)
        status = send_continue(self);
    if (status == 0)
        status = connection_read_body(self, take_piece, &upload);
    if (status == 0)
        status = commit(&upload);
    if (status == 0)
        status = answer_stored(&upload);
    else if (status > 0)
        status = answer_status(self, status, ""); /* before the file is cleaned up */
    clean_up(&upload);
    return status;
}
