/*
 * Descriptors passed over unix sockets: see whorl/pass.h.
 *
 * Room for them is measured to the byte, as the kernel opens as many as fit into what it is given,
 * padding included. Options of the socket may have it say more beside them (SO_PASSCRED and its
 * kin, SO_TIMESTAMP and its kin), which comes first: there is room for that too, so there may be
 * more than asked; what is beyond is closed here.
 */
#include <core/loop.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <whorl/net.h>
#include <whorl/op.h>
#include <whorl/pass.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

#define FDS_BYTES (WHORL_PASS_MAX * sizeof(int))
#define TIMES_BYTES (CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(3 * sizeof(struct timespec)))
#define COMPANY_BYTES (CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) + TIMES_BYTES)

union control {
    struct cmsghdr align;
    char bytes[COMPANY_BYTES + CMSG_SPACE(FDS_BYTES)];
};

/* --- Sending --- */

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static void put_fds(struct msghdr *message, union control *control, const int *fds, size_t n)
{
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(n * sizeof *fds);
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(n * sizeof *fds);
    memcpy(CMSG_DATA(head), fds, n * sizeof *fds);
}

ssize_t whorl_send_fds(int fd, const void *buf, size_t len, const int *fds, size_t n)
{
    if (!loop_here)
        return -EPERM;
    if (n > WHORL_PASS_MAX || (!fds && n > 0) || (!buf && len > 0))
        return -EINVAL;
    if (len == 0 && n > 0 && is_stream(fd))
        return -EINVAL;
    union control control = {.bytes = {0}};
    struct iovec data = {(void *)buf, len};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (n > 0)
        put_fds(&message, &control, fds, n);
    return whorl_sendmsg(fd, &message, 0);
}

/* --- Receiving --- */

/* Gives the caller what there is room for, and closes the rest. */
static void take_fds(const struct cmsghdr *head, int *fds, size_t room, whorl_received *received)
{
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
        if (received->fds < room) {
            fds[received->fds++] = fd;
        } else {
            close(fd);
            received->flags |= MSG_CTRUNC;
        }
    }
}

static void take_control(struct msghdr *message, int *fds, size_t room, whorl_received *received)
{
    *received = (whorl_received){.flags = message->msg_flags & ~MSG_CMSG_CLOEXEC};
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET)
            continue;
        whorl_received unasked = {0};
        if (head->cmsg_type == SCM_RIGHTS)
            take_fds(head, fds, room, received);
        else if (head->cmsg_type == SCM_PIDFD)
            take_fds(head, NULL, 0, &unasked);
    }
}

ssize_t whorl_receive_fds(int fd, void *buf, size_t len, int *fds, size_t room,
                          whorl_received *received)
{
    if (!loop_here)
        return -EPERM;
    if ((room > 0 && (!fds || !received)) || (!buf && len > 0))
        return -EINVAL;
    union control control;
    struct iovec data = {buf, len};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    size_t most = room < WHORL_PASS_MAX ? room : WHORL_PASS_MAX;
    message.msg_control = control.bytes;
    message.msg_controllen = COMPANY_BYTES + CMSG_LEN(most * sizeof(int));
    ssize_t result = whorl_recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    whorl_received unasked;
    if (result >= 0)
        take_control(&message, fds, room, received ? received : &unasked);
    return result;
}

/* --- Who is there --- */

int whorl_peer_credentials(int fd, whorl_credentials *credentials)
{
    if (!credentials)
        return -EINVAL;
    int domain = 0;
    struct ucred peer = {0};
    socklen_t len = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0)
        return -errno;
    if (domain != AF_UNIX)
        return -EOPNOTSUPP;
    int listens = 0; /* then the credentials are its own */
    (void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return -errno;
    if (listens || (peer.pid == 0 && peer.uid == (uid_t)-1))
        return -ENOTCONN;
    *credentials = (whorl_credentials){peer.pid, peer.uid, peer.gid};
    return 0;
}
