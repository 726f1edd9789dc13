/* The file of a unix socket that nobody has open. */
#ifndef TESTS_NET_STALE_H
#define TESTS_NET_STALE_H

#include "support.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What a program leaves behind that has ended without removing it. */
static inline void leave_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    check_equal(listen(fd, 1), 0);
    close(fd);
    check_equal(access(path, F_OK), 0);
}

#endif
