/*
 * Opening a log: the file, its lock, its name's directory, its header, its records.
 *
 * What a program is told is on the disk, and not only in the kernel's memory: a process that was
 * killed may have left records there that nobody has flushed, or whose flush has failed. So the
 * file is flushed first, and then what the kernel keeps of it is dropped, and read again.
 */
#include <fcntl.h>
#include <fs/log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/path.h>
#include <whorl/thread.h>

#define DEFAULT_RESERVE (1 << 20)
#define RESERVE_MOST (1 << 30)
#define DEFAULT_MODE 0600
#define LOCK_PATIENCE WHORL_SECONDS(1)
#define LOCK_PAUSE_US 1000

static int set_options(struct log *log, const whorl_log_options *options)
{
    size_t reserve = options ? options->reserve : 0;
    if (reserve == 0)
        reserve = DEFAULT_RESERVE;
    else if (reserve == WHORL_LOG_NO_RESERVE)
        reserve = 0;
    log->reserve = (int64_t)reserve;
    return reserve > RESERVE_MOST ? -EINVAL : 0;
}

/* Opens the file that is there, or makes one. */
static int open_file(struct log *log, const char *path, mode_t mode)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    log->fd = whorl_open(path, flags, mode ? mode : DEFAULT_MODE);
    return log->fd < 0 ? log->fd : 0;
}

static int try_lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

/* On a thread: until it has the lock, for a while. */
static intptr_t lock_patiently(void *arg)
{
    int fd = *(int *)arg;
    int64_t end = clock_read() + LOCK_PATIENCE;
    int error = -EBUSY;
    while ((error = try_lock(fd)) == -EBUSY && clock_read() < end)
        usleep(LOCK_PAUSE_US);
    return error;
}

/* The lock belongs to the open file, which the kernel keeps until the last operation on it has
 * ended: also those of a process that was killed, for some time after that is gone. So nothing can
 * be written any more by who had the log before; and whoever restarts a program that has died need
 * not wait, as this does. */
static int lock_file(struct log *log)
{
    int error = try_lock(log->fd);
    return error == -EBUSY ? (int)whorl_to_thread(lock_patiently, &log->fd) : error;
}

/* The size of the file, which must be a regular one; or -errno. */
static int64_t size_of(const struct log *log)
{
    struct statx seen;
    int error = whorl_statx(log->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &seen);
    if (error)
        return error;
    return S_ISREG(seen.stx_mode) ? (int64_t)seen.stx_size : -EINVAL;
}

/* Makes the name durable. */
static int sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!name)
        return -ENOMEM;
    int fd = whorl_open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(name);
    if (fd < 0)
        return fd;
    int error = whorl_fsync(fd);
    whorl_close(fd);
    return error;
}

/* An empty log in an empty file. Records are numbered from 0 on. */
static int make(struct log *log)
{
    if (getrandom(&log->identity, sizeof log->identity, 0) != sizeof log->identity)
        return -errno;
    log->sequence = 1;
    return log_header_write(log, 0, LOG_DATA);
}

static int recover(struct log *log, int64_t size)
{
    int error = whorl_fsync(log->fd);
    if (error)
        return error;
    posix_fadvise(log->fd, 0, 0, POSIX_FADV_DONTNEED);
    error = log_recover(log, size);
    if (!error && !log->is_mirrored)
        error = log_header_write(log, log->first, log->offset);
    return error;
}

static int open_locked(struct log *log, const char *path)
{
    int64_t size = size_of(log);
    if (size < 0)
        return (int)size;
    int found = log_header_read(log, size);
    if (found < 0)
        return found;
    int error = found ? recover(log, size) : make(log);
    return error ? error : sync_directory(path);
}

void log_release(struct log *log)
{
    if (log->fd >= 0)
        whorl_close(log->fd);
    free(log->batch);
    memset(log, 0, sizeof *log);
}

static int open_log(struct log *log, const char *path, mode_t mode)
{
    log->batch = malloc(sizeof *log->batch);
    if (!log->batch)
        return -ENOMEM;
    int error = open_file(log, path, mode);
    if (!error)
        error = lock_file(log);
    return error ? error : open_locked(log, path);
}

int whorl_log_open(whorl_log *public, const char *path, const whorl_log_options *options)
{
    if (!loop_here)
        return -EPERM;
    if (!public || !path)
        return -EINVAL;
    struct log *log = (struct log *)public;
    memset(public, 0, sizeof *public);
    log->fd = -1;
    int error = set_options(log, options);
    if (!error)
        error = open_log(log, path, options ? options->mode : 0);
    if (error)
        log_release(log);
    else
        log->is_open = true;
    return error;
}
