/* Names of unix sockets: see unix_name.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <net/unix_name.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <whorl/net.h>
#include <whorl/task.h>

#define LOCK_ATTEMPTS 500
#define LOCK_PAUSE WHORL_MS(1)

int unix_name_set(struct unix_name *name, const char *text)
{
    *name = (struct unix_name){.address = {.sun_family = AF_UNIX},
                               .len = offsetof(struct sockaddr_un, sun_path)};
    if (!text)
        return 0;
    size_t length = strlen(text);
    bool is_abstract = text[0] == '@';
    if (length <= is_abstract)
        return -EINVAL;
    if (length > UNIX_NAME_MOST)
        return -ENAMETOOLONG;
    memcpy(name->address.sun_path, text, length);
    if (is_abstract)
        name->address.sun_path[0] = '\0';
    name->len += (socklen_t)(length + !is_abstract);
    return 0;
}

/* --- The directory's lock --- */

static int open_directory(const char *path)
{
    char copy[UNIX_NAME_MOST + 1];
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

static int bind_once(const struct unix_name *name, int fd)
{
    return whorl_bind(fd, (const struct sockaddr *)&name->address, name->len);
}

/* 1: no socket is bound to the file that is there; 0: one is, or it is no socket's; -errno: there
 * is no telling. It is asked by a connect of a datagram socket: one that is bound refuses that for
 * its kind, also if it does not listen yet, and does not see it; or takes it, and does not see it
 * either. */
static int look_for_owner(const struct unix_name *name)
{
    struct stat status;
    if (lstat(name->address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    bool is_refused = connect(fd, (const struct sockaddr *)&name->address, name->len) != 0 &&
                      errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

static int bind_or_replace(const struct unix_name *name, int fd)
{
    int error = bind_once(name, fd);
    if (error != -EADDRINUSE)
        return error;
    int is_stale = look_for_owner(name);
    if (is_stale <= 0)
        return is_stale < 0 ? is_stale : error;
    if (unlink(name->address.sun_path) != 0 && errno != ENOENT)
        return -errno;
    return bind_once(name, fd);
}

/* The file's mode is never wider than asked. */
static int make_file(struct unix_name *name, int fd, mode_t mode)
{
    struct stat status;
    const char *path = name->address.sun_path;
    if (mode && fchmod(fd, mode) != 0)
        return -errno;
    int error = bind_or_replace(name, fd);
    if (error)
        return error;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        name->file = which_file(&status);
    return mode && chmod(path, mode) != 0 ? -errno : 0;
}

int unix_name_bind(struct unix_name *name, int fd, mode_t mode)
{
    if (name->address.sun_path[0] == '\0')
        return bind(fd, (const struct sockaddr *)&name->address, name->len) == 0 ? 0 : -errno;
    int lock = lock_directory(name->address.sun_path);
    if (lock == -ECANCELED)
        return lock;
    int error = make_file(name, fd, mode);
    if (lock >= 0)
        close(lock);
    return error;
}

void unix_name_remove(struct unix_name *name)
{
    struct stat status;
    if (name->file.is_known && lstat(name->address.sun_path, &status) == 0 &&
        is_same_file(name->file, &status))
        unlink(name->address.sun_path);
    name->file = (struct which_file){0};
}
