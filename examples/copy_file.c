/*
 * Copies a file with several reads and writes in flight.
 *
 * A few tasks share one cursor: each takes the next piece, reads it, writes it, and comes back for
 * another until one of them meets the end of the file. Tasks run on one thread and change hands
 * only where they wait, so the cursor needs no lock. The copy is on the disk when the program ends
 * with status 0; after status 1 it may be incomplete. Status 2: the arguments make no sense.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <whorl.h>

enum { WORKERS = 8, PIECE = 128 * 1024 };

struct copy {
    const char *from_path;
    const char *to_path;
    int from;
    int to;
    off_t next; /* where the next piece starts */
    int over;   /* the end was met, or a worker failed: no more pieces */
};

struct worker {
    struct copy *copy;
    whorl_task *task;
    char buf[PIECE];
};

static struct worker workers[WORKERS];

static const char help[] =
    "Usage: copy_file FROM TO\n"
    "Copies the file FROM to the file TO, which it replaces, and waits until it is on the disk.\n"
    "Both must be regular files.\n";

static int complain(const char *what, const char *path, int error)
{
    fprintf(stderr, "copy_file: %s %s: %s\n", what, path, strerror(-error));
    return error;
}

/* Reads until buf is full or the file ends; one read may give less. Returns the bytes, or -errno.
 */
static ssize_t read_piece(int fd, char *buf, off_t offset)
{
    size_t done = 0;
    while (done < PIECE) {
        ssize_t got = whorl_pread(fd, buf + done, PIECE - done, offset + (off_t)done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Writes all of buf; one write may take less. Returns 0, or -errno. */
static int write_piece(int fd, const char *buf, size_t len, off_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t put = whorl_pwrite(fd, buf + done, len - done, offset + (off_t)done);
        if (put < 0)
            return (int)put;
        if (put == 0)
            return -EIO;
        done += (size_t)put;
    }
    return 0;
}

static int copy_piece(struct copy *copy, char *buf, off_t offset)
{
    ssize_t got = read_piece(copy->from, buf, offset);
    if (got < 0)
        return complain("cannot read", copy->from_path, (int)got);
    if (got < PIECE)
        copy->over = 1;
    int written = write_piece(copy->to, buf, (size_t)got, offset);
    if (written < 0)
        return complain("cannot write", copy->to_path, written);
    return 0;
}

static intptr_t work(void *arg)
{
    struct worker *worker = arg;
    struct copy *copy = worker->copy;
    while (!copy->over) {
        off_t offset = copy->next;
        copy->next += PIECE;
        int result = copy_piece(copy, worker->buf, offset);
        if (result < 0) {
            copy->over = 1;
            return result;
        }
    }
    return 0;
}

/* Returns when every worker has ended: 0, or the first error in their order. */
static int copy_pieces(struct copy *copy)
{
    int result = 0;
    for (int i = 0; i < WORKERS; i++) {
        workers[i].copy = copy;
        workers[i].task = whorl_spawn(work, &workers[i]);
        if (!workers[i].task) {
            result = complain("cannot start copying", copy->from_path, -ENOMEM);
            copy->over = 1;
            break;
        }
    }
    for (int i = 0; i < WORKERS && workers[i].task; i++) {
        intptr_t ended = whorl_join(workers[i].task);
        if (result == 0)
            result = (int)ended;
    }
    return result;
}

/* Pieces are read and written at offsets, which only a regular file has. */
static int check_kind(const char *path, const struct statx *seen)
{
    if (S_ISREG(seen->stx_mode))
        return 0;
    fprintf(stderr, "copy_file: %s is not a regular file\n", path);
    return -EINVAL;
}

/* Asked before the open, which for a FIFO would wait for its other end. What cannot be looked at,
 * or is not there, the open judges. */
static int check_name(const char *path)
{
    struct statx seen;
    int result = whorl_statx(AT_FDCWD, path, 0, STATX_TYPE, &seen);
    return result < 0 ? 0 : check_kind(path, &seen);
}

/* TO is cut to nothing only when it is certain that it is not FROM by another name. */
static int check_and_copy(struct copy *copy, const struct statx *from)
{
    struct statx to;
    int result = whorl_statx(copy->to, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &to);
    if (result < 0)
        return complain("cannot look at", copy->to_path, result);
    result = check_kind(copy->to_path, &to);
    if (result < 0)
        return result;
    if (from->stx_ino == to.stx_ino && from->stx_dev_major == to.stx_dev_major &&
        from->stx_dev_minor == to.stx_dev_minor) {
        fprintf(stderr, "copy_file: %s and %s are the same file\n", copy->from_path, copy->to_path);
        return -EINVAL;
    }
    result = whorl_ftruncate(copy->to, 0);
    if (result < 0)
        return complain("cannot empty", copy->to_path, result);
    result = copy_pieces(copy);
    if (result < 0)
        return result;
    result = whorl_fsync(copy->to);
    if (result < 0)
        return complain("cannot bring to the disk", copy->to_path, result);
    return 0;
}

static int copy_to(struct copy *copy)
{
    struct statx from;
    int result = whorl_statx(copy->from, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &from);
    if (result < 0)
        return complain("cannot look at", copy->from_path, result);
    result = check_kind(copy->from_path, &from);
    if (result == 0)
        result = check_name(copy->to_path);
    if (result < 0)
        return result;
    copy->to = whorl_open(copy->to_path, O_WRONLY | O_CREAT | O_CLOEXEC, from.stx_mode & 0777);
    if (copy->to < 0)
        return complain("cannot open", copy->to_path, copy->to);
    result = check_and_copy(copy, &from);
    int closed = whorl_close(copy->to);
    if (closed < 0 && result == 0)
        return complain("cannot close", copy->to_path, closed);
    return result;
}

static intptr_t copy_file(void *arg)
{
    struct copy *copy = arg;
    int result = check_name(copy->from_path);
    if (result < 0)
        return result;
    copy->from = whorl_open(copy->from_path, O_RDONLY | O_CLOEXEC);
    if (copy->from < 0)
        return complain("cannot open", copy->from_path, copy->from);
    result = copy_to(copy);
    int closed = whorl_close(copy->from);
    if (closed < 0 && result == 0)
        return complain("cannot close", copy->from_path, closed);
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0;
    if (argc != 3) {
        fputs("copy_file: give two names, FROM and TO; --help tells more\n", stderr);
        return 2;
    }
    struct copy copy = {.from_path = argv[1], .to_path = argv[2]};
    return whorl_run(copy_file, &copy) < 0;
}
