/*
 * Making ops: the arguments of a call, put where the kernel's submission has them
 * (io_uring_enter(2) and the io_uring_prep_* manual pages tell which field is which).
 */
#include <core/opcodes.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <whorl/op.h>

#define TRANSFER_MAX ((size_t)0x7ffff000) /* as read(2) says */
#define SLOT_MAX (UINT32_MAX - 2)         /* beyond it the kernel's numbers mean something else */
#define CURRENT_POSITION UINT64_MAX
#define INVALID_POSITION                                                                           \
    (UINT64_MAX - 1) /* refused by the kernel, as a negative offset should be */

/* Only what is asked, and the state: the rest is set when the op starts. To clear it here would
 * cost as much as filling the submission. */
static inline whorl_op make(uint8_t code, int fd)
{
    whorl_op op;
    op.code = code;
    op.flags = 0;
    op.buf_index = 0;
    op.fd = fd;
    op.offset = 0;
    op.addr = 0;
    op.len = 0;
    op.op_flags = 0;
    op.timeout = WHORL_FOREVER;
    op.slot = 0;
    op.result = 0;
    op.state = 0;
    return op;
}

static whorl_op make_transfer(uint8_t code, int fd, const void *buf, size_t len, uint64_t offset)
{
    whorl_op op = make(code, fd);
    op.addr = (uintptr_t)buf;
    op.len = (uint32_t)(len < TRANSFER_MAX ? len : TRANSFER_MAX);
    op.offset = offset;
    return op;
}

static whorl_op make_vectored(uint8_t code, int fd, const struct iovec *iov, int count,
                              uint64_t offset)
{
    whorl_op op = make(code, fd);
    op.addr = (uintptr_t)iov;
    op.len = (uint32_t)count;
    op.offset = offset;
    return op;
}

static whorl_op make_path(uint8_t code, int dirfd, const char *path, uint32_t len,
                          uint32_t op_flags)
{
    whorl_op op = make(code, dirfd);
    op.addr = (uintptr_t)path;
    op.len = len;
    op.op_flags = op_flags;
    return op;
}

/* -1 would mean the current position to the kernel. */
static uint64_t position(off_t offset)
{
    return offset < 0 ? INVALID_POSITION : (uint64_t)offset;
}

whorl_op whorl_op_nop(void)
{
    return make(RING_OP_NOP, -1);
}

whorl_op whorl_op_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    return make_path(RING_OP_OPENAT, dirfd, path, mode, (uint32_t)flags);
}

whorl_op whorl_op_close(int fd)
{
    return make(RING_OP_CLOSE, fd);
}

static uint32_t slot_number(unsigned slot)
{
    return 1 + (slot < SLOT_MAX ? slot : SLOT_MAX);
}

whorl_op whorl_op_openat_direct(int dirfd, const char *path, int flags, mode_t mode, unsigned slot)
{
    whorl_op op = whorl_op_openat(dirfd, path, flags & ~O_CLOEXEC, mode);
    op.slot = slot_number(slot);
    return op;
}

whorl_op whorl_op_close_direct(unsigned slot)
{
    whorl_op op = make(RING_OP_CLOSE, 0);
    op.slot = slot_number(slot);
    return op;
}

whorl_op whorl_op_read(int fd, void *buf, size_t len)
{
    return make_transfer(RING_OP_READ, fd, buf, len, CURRENT_POSITION);
}

whorl_op whorl_op_write(int fd, const void *buf, size_t len)
{
    return make_transfer(RING_OP_WRITE, fd, buf, len, CURRENT_POSITION);
}

whorl_op whorl_op_pread(int fd, void *buf, size_t len, off_t offset)
{
    return make_transfer(RING_OP_READ, fd, buf, len, position(offset));
}

whorl_op whorl_op_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    return make_transfer(RING_OP_WRITE, fd, buf, len, position(offset));
}

whorl_op whorl_op_readv(int fd, const struct iovec *iov, int count)
{
    return make_vectored(RING_OP_READV, fd, iov, count, CURRENT_POSITION);
}

whorl_op whorl_op_writev(int fd, const struct iovec *iov, int count)
{
    return make_vectored(RING_OP_WRITEV, fd, iov, count, CURRENT_POSITION);
}

whorl_op whorl_op_preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
    return make_vectored(RING_OP_READV, fd, iov, count, position(offset));
}

whorl_op whorl_op_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    return make_vectored(RING_OP_WRITEV, fd, iov, count, position(offset));
}

static whorl_op make_fixed(uint8_t code, int fd, const void *buf, size_t len, off_t offset,
                           unsigned index)
{
    whorl_op op = make_transfer(code, fd, buf, len, position(offset));
    op.buf_index = (uint16_t)(index < UINT16_MAX ? index : UINT16_MAX);
    return op;
}

whorl_op whorl_op_read_fixed(int fd, void *buf, size_t len, off_t offset, unsigned index)
{
    return make_fixed(RING_OP_READ_FIXED, fd, buf, len, offset, index);
}

whorl_op whorl_op_write_fixed(int fd, const void *buf, size_t len, off_t offset, unsigned index)
{
    return make_fixed(RING_OP_WRITE_FIXED, fd, buf, len, offset, index);
}

whorl_op whorl_op_fsync(int fd)
{
    return make(RING_OP_FSYNC, fd);
}

whorl_op whorl_op_fdatasync(int fd)
{
    whorl_op op = make(RING_OP_FSYNC, fd);
    op.op_flags = 1; /* IORING_FSYNC_DATASYNC */
    return op;
}

whorl_op whorl_op_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    whorl_op op = make_path(RING_OP_STATX, dirfd, path, mask, (uint32_t)flags);
    op.offset = (uintptr_t)buf;
    return op;
}

whorl_op whorl_op_renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                           unsigned flags)
{
    whorl_op op = make_path(RING_OP_RENAMEAT, olddirfd, oldpath, (uint32_t)newdirfd, flags);
    op.offset = (uintptr_t)newpath;
    return op;
}

whorl_op whorl_op_unlinkat(int dirfd, const char *path, int flags)
{
    return make_path(RING_OP_UNLINKAT, dirfd, path, 0, (uint32_t)flags);
}

whorl_op whorl_op_mkdirat(int dirfd, const char *path, mode_t mode)
{
    return make_path(RING_OP_MKDIRAT, dirfd, path, mode, 0);
}

whorl_op whorl_op_ftruncate(int fd, off_t length)
{
    whorl_op op = make(RING_OP_FTRUNCATE, fd);
    op.offset = (uint64_t)length;
    return op;
}

whorl_op whorl_op_fallocate(int fd, int mode, off_t offset, off_t len)
{
    whorl_op op = make(RING_OP_FALLOCATE, fd);
    op.offset = (uint64_t)offset;
    op.addr = (uint64_t)len;
    op.len = (uint32_t)mode;
    return op;
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
    whorl_op op = make_transfer(RING_OP_RECV, fd, buf, len, 0);
    op.op_flags = (uint32_t)flags;
    return op;
}

whorl_op whorl_op_send(int fd, const void *buf, size_t len, int flags)
{
    whorl_op op = make_transfer(RING_OP_SEND, fd, buf, len, 0);
    op.op_flags = (uint32_t)flags | MSG_NOSIGNAL;
    return op;
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
    return make_message(RING_OP_RECVMSG, fd, message, (uint32_t)flags);
}

whorl_op whorl_op_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return make_message(RING_OP_SENDMSG, fd, message, (uint32_t)flags | MSG_NOSIGNAL);
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
