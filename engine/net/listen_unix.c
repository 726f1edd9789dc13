/*
 * Listening at a path, or an abstract name.
 *
 * bind(2) makes the socket's file, and refuses a name that is there: also one that a program which
 * has ended has left behind. Whether a socket is bound there is told by a connect. Between that,
 * the removal of a stale file, and the bind of the new one, another program may do the same: so all
 * of it is done with the directory locked (flock(2)), which those do who use this code. Where the
 * directory cannot be locked it is done all the same.
 *
 * The file that was made is removed only if it is that one still.
 */
#include <fcntl.h>
#include <libgen.h>
#include <net/listener.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/net.h>
#include <whorl/task.h>

#define PATH_MOST 107
#define LOCK_ATTEMPTS 500
#define LOCK_PAUSE WHORL_MS(1)

/* --- The directory's lock --- */

static int open_directory(const char *path)
{
    char copy[PATH_MOST + 1];
    strcpy(copy, path);
    return open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Locks it for a moment: the descriptor, to be closed; -1 if it cannot be locked; -ECANCELED. */
static int lock_directory(const char *path)
{
    int fd = open_directory(path);
    for (int i = 0; fd >= 0; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            break;
        int error = errno != EWOULDBLOCK || i == LOCK_ATTEMPTS ? -1 : whorl_sleep(LOCK_PAUSE);
        if (error) {
            close(fd);
            return error;
        }
    }
    return fd < 0 ? -1 : fd;
}

/* --- What is there --- */

/* Whether no socket is bound to a file that is there. It is asked by a connect of the wrong kind,
 * which one that is bound refuses for that, also if it does not listen yet, and does not see. */
static bool is_stale(const struct sockaddr_un *address, socklen_t len)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused =
        fd >= 0 && connect(fd, (const struct sockaddr *)address, len) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_file(int fd, const struct sockaddr_un *address, socklen_t len)
{
    int error = whorl_bind(fd, (const struct sockaddr *)address, len);
    if (error != -EADDRINUSE || !is_stale(address, len))
        return error;
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return -errno;
    return whorl_bind(fd, (const struct sockaddr *)address, len);
}

static void note_file(whorl_listener *listener)
{
    struct stat status;
    if (lstat(listener->path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    listener->path_means = which_file(&status);
}

void listener_remove_file(whorl_listener *listener)
{
    struct stat status;
    if (listener->path && lstat(listener->path, &status) == 0 &&
        is_same_file(listener->path_means, &status))
        unlink(listener->path);
    listener->path_means = (struct which_file){0};
}

/* --- Making --- */

/* 0, or -EINVAL or -ENAMETOOLONG. */
static int fill_address(const char *path, struct sockaddr_un *address, socklen_t *len)
{
    size_t length = strlen(path);
    bool abstract = path[0] == '@';
    if (length <= abstract)
        return -EINVAL;
    if (length > PATH_MOST)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length);
    if (abstract)
        address->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !abstract);
    return 0;
}

/* The file's mode is never wider than asked, and from before it listens what was asked. */
static int bind_with_mode(whorl_listener *listener, int fd, const struct sockaddr_un *address,
                          socklen_t len, mode_t mode)
{
    if (mode && fchmod(fd, mode) != 0)
        return -errno;
    int error = bind_file(fd, address, len);
    if (error)
        return error;
    note_file(listener);
    return mode && chmod(listener->path, mode) != 0 ? -errno : 0;
}

/* Gives the listener a socket that listens at the address. 0 or -errno. */
static int open_at(whorl_listener *listener, const struct sockaddr_un *address, socklen_t len,
                   const whorl_listener_options *options)
{
    int fd = whorl_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    listener_add(listener, fd, listener_backlog(options));
    int error;
    if (listener->path)
        error = bind_with_mode(listener, fd, address, len, options ? options->mode : 0);
    else
        error = whorl_bind(fd, (const struct sockaddr *)address, len);
    return error ? error : whorl_listen(fd, listener_backlog(options));
}

static int open_file(whorl_listener *listener, const struct sockaddr_un *address, socklen_t len,
                     const whorl_listener_options *options)
{
    listener->path = strdup(address->sun_path);
    if (!listener->path)
        return -ENOMEM;
    int lock = lock_directory(listener->path);
    if (lock == -ECANCELED)
        return lock;
    int error = open_at(listener, address, len, options);
    if (lock >= 0)
        close(lock);
    return error;
}

int whorl_listen_unix(const char *path, const whorl_listener_options *options,
                      whorl_listener **listener)
{
    if (!listener)
        return -EINVAL;
    *listener = NULL;
    struct sockaddr_un address;
    socklen_t len;
    int error = path ? listener_check(options) : -EINVAL;
    if (!error)
        error = fill_address(path, &address, &len);
    if (!error && !loop_here)
        error = -EPERM;
    if (!error)
        error = listener_make(1, listener);
    if (error)
        return error;
    bool is_file = path[0] != '@';
    error = is_file ? open_file(*listener, &address, len, options)
                    : open_at(*listener, &address, len, options);
    if (error) {
        listener_drop(*listener);
        *listener = NULL;
    }
    return error;
}
