/* Ops that await a peer, sockets first, and the one that does nothing: see make.h. */
#include <op/make.h>
#include <op/op.h>

whorl_op whorl_op_nop(void)
{
    return make(RING_OP_NOP, -1);
}

whorl_op whorl_op_socket(int domain, int type, int protocol)
{
    whorl_op op = make(RING_OP_SOCKET, domain);
    op.offset = (uint64_t)(unsigned)type;
    op.len = (uint32_t)protocol;
    return op;
}

whorl_op whorl_op_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    whorl_op op = make(RING_OP_BIND, fd);
    op.addr = (uintptr_t)addr;
    op.offset = len;
    return op;
}

whorl_op whorl_op_listen(int fd, int backlog)
{
    whorl_op op = make(RING_OP_LISTEN, fd);
    op.len = (uint32_t)backlog;
    return op;
}

whorl_op whorl_op_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    whorl_op op = make(RING_OP_ACCEPT, fd);
    op.addr = (uintptr_t)addr;
    op.offset = (uintptr_t)len;
    op.op_flags = (uint32_t)flags;
    return op;
}

whorl_op whorl_op_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    whorl_op op = make(RING_OP_CONNECT, fd);
    op.addr = (uintptr_t)addr;
    op.offset = len;
    return op;
}

whorl_op whorl_op_recv(int fd, void *buf, size_t len, int flags)
{
    return make_recv(fd, buf, len, flags);
}

whorl_op whorl_op_send(int fd, const void *buf, size_t len, int flags)
{
    return make_send(fd, buf, len, flags);
}

static whorl_op make_message(uint8_t code, int fd, const struct msghdr *message, uint32_t flags)
{
    whorl_op op = make(code, fd);
    op.addr = (uintptr_t)message;
    op.len = 1;
    op.op_flags = flags;
    return op;
}

whorl_op whorl_op_recvmsg(int fd, struct msghdr *message, int flags)
{
    return make_message(RING_OP_RECVMSG, fd, message, receive_flags(flags));
}

whorl_op whorl_op_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return make_message(RING_OP_SENDMSG, fd, message, (uint32_t)flags | MSG_NOSIGNAL);
}

whorl_op whorl_op_send_zc(int fd, const void *buf, size_t len, int flags)
{
    whorl_op op = whorl_op_send(fd, buf, len, flags);
    op.code = RING_OP_SEND_ZC;
    return op;
}

whorl_op whorl_op_sendmsg_zc(int fd, const struct msghdr *message, int flags)
{
    whorl_op op = whorl_op_sendmsg(fd, message, flags);
    op.code = RING_OP_SENDMSG_ZC;
    return op;
}

int whorl_op_has_copied(const whorl_op *op)
{
    if (!op || (op->code != RING_OP_SEND_ZC && op->code != RING_OP_SENDMSG_ZC) ||
        !(op->state & OP_ENDED) || op->result <= 0)
        return -EINVAL;
    return op->phase.notice.copied;
}

whorl_op whorl_op_shutdown(int fd, int how)
{
    whorl_op op = make(RING_OP_SHUTDOWN, fd);
    op.len = (uint32_t)how;
    return op;
}

whorl_op whorl_op_poll(int fd, unsigned events)
{
    whorl_op op = make(RING_OP_POLL_ADD, fd);
    op.op_flags = events;
    return op;
}

/* The options lie where other ops have a slot. */
whorl_op whorl_op_waitid(int idtype, int id, void *info, int options)
{
    whorl_op op = make(RING_OP_WAITID, id);
    op.len = (uint32_t)idtype;
    op.offset = (uintptr_t)info;
    op.slot = (uint32_t)options;
    return op;
}
