/*
 * Terminals, and pipes that were opened by name, know no RWF_NOWAIT. O_NONBLOCK would be set for
 * all who share their description, which may be the user's shell: so they are opened once more, by
 * way of /proc. The master of a pseudo-terminal cannot: that would make another pseudo-terminal.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <net/write_now.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* A file would be written from its beginning, and another device may be one's alone. */
static bool may_open_again(int fd)
{
    struct stat status;
    unsigned number;
    if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
        return true;
    return isatty(fd) && ioctl(fd, TIOCGPTN, &number) != 0;
}

/* -1: it cannot be opened. */
static int open_again(int fd)
{
    char path[32];
    if (!may_open_again(fd))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static ssize_t write_by_another(int fd, const void *data, size_t len)
{
    int other = open_again(fd);
    if (other < 0)
        return -EOPNOTSUPP;
    ssize_t done = write(other, data, len);
    if (done < 0)
        done = -errno;
    close(other);
    return done;
}

ssize_t write_now(int fd, const void *data, size_t len)
{
    struct iovec piece = {(void *)(uintptr_t)data, len};
    ssize_t done = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);
    if (done >= 0 || errno != EOPNOTSUPP)
        return done < 0 ? -errno : done;
    return write_by_another(fd, data, len);
}
