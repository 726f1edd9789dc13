/*
 * Making ops: the arguments of a call, put where the kernel's submission has them
 * (io_uring_enter(2) and the io_uring_prep_* manual pages tell which field is which).
 */
#ifndef OP_MAKE_H
#define OP_MAKE_H

#include <core/opcodes.h>
#include <core/ring.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
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
    op.addr3 = 0;
    op.len = 0;
    op.op_flags = 0;
    op.timeout = WHORL_FOREVER;
    op.slot = 0;
    op.result = 0;
    op.state = 0;
    return op;
}

static inline whorl_op make_transfer(uint8_t code, int fd, const void *buf, size_t len,
                                     uint64_t offset)
{
    whorl_op op = make(code, fd);
    op.addr = (uintptr_t)buf;
    op.len = (uint32_t)(len < TRANSFER_MAX ? len : TRANSFER_MAX);
    op.offset = offset;
    return op;
}

/* -1 would mean the current position to the kernel. */
static inline uint64_t position(off_t offset)
{
    return offset < 0 ? INVALID_POSITION : (uint64_t)offset;
}

/* For room to send. Whoever was told of an error by the last one, and could not send, nor was
 * refused, has met what lies in the socket's error queue: that does not end this one. */
static inline whorl_op make_room_poll(int fd, bool has_met_errors)
{
    whorl_op op = whorl_op_poll(fd, POLLOUT);
    if (has_met_errors) {
        op.flags = RING_ROOM;
        op.len = RING_POLL_CHANGES;
        op.result = -EINTR; /* nothing has completed yet: see op/poll.h */
    }
    return op;
}

/* Inline, so that it is made where it will be: a copy would wait for the stores to what it copies,
 * as the processor hands on no load that spans several of them. */
static inline whorl_op make_send(int fd, const void *buf, size_t len, int flags)
{
    whorl_op op = make_transfer(RING_OP_SEND, fd, buf, len, 0);
    op.op_flags = (uint32_t)flags | MSG_NOSIGNAL;
    return op;
}

/* One that peeks is not asked for all: the kernel would go on behind what it has seen, and see the
 * same again (Linux 6.18). */
static inline uint32_t receive_flags(int flags)
{
    return (uint32_t)(flags & MSG_PEEK ? flags & ~MSG_WAITALL : flags);
}

static inline whorl_op make_recv(int fd, void *buf, size_t len, int flags)
{
    whorl_op op = make_transfer(RING_OP_RECV, fd, buf, len, 0);
    op.op_flags = receive_flags(flags);
    return op;
}

static inline whorl_op make_read(int fd, void *buf, size_t len)
{
    return make_transfer(RING_OP_READ, fd, buf, len, CURRENT_POSITION);
}

static inline whorl_op make_write(int fd, const void *buf, size_t len)
{
    return make_transfer(RING_OP_WRITE, fd, buf, len, CURRENT_POSITION);
}

static inline whorl_op make_pread(int fd, void *buf, size_t len, off_t offset)
{
    return make_transfer(RING_OP_READ, fd, buf, len, position(offset));
}

static inline whorl_op make_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    return make_transfer(RING_OP_WRITE, fd, buf, len, position(offset));
}

static inline whorl_op make_vectored(uint8_t code, int fd, const struct iovec *iov, int count,
                                     uint64_t offset)
{
    whorl_op op = make(code, fd);
    op.addr = (uintptr_t)iov;
    op.len = (uint32_t)count;
    op.offset = offset;
    return op;
}

static inline whorl_op make_path(uint8_t code, int dirfd, const char *path, uint32_t len,
                                 uint32_t op_flags)
{
    whorl_op op = make(code, dirfd);
    op.addr = (uintptr_t)path;
    op.len = len;
    op.op_flags = op_flags;
    return op;
}

/* One of more than 32 bits of bytes is too large for any file system. */
static inline whorl_op make_attribute(uint8_t code, int fd, const char *name, const void *value,
                                      size_t size, int flags)
{
    whorl_op op = make(code, fd);
    op.addr = (uintptr_t)name;
    op.offset = (uintptr_t)value;
    op.len = (uint32_t)(size < UINT32_MAX ? size : UINT32_MAX);
    op.op_flags = (uint32_t)flags;
    return op;
}

/* Offsets of calls that know -1 as the position themselves. */
static inline uint64_t position_or_current(off_t offset)
{
    return offset == -1 ? CURRENT_POSITION : position(offset);
}

static inline uint32_t slot_number(unsigned slot)
{
    return 1 + (slot < SLOT_MAX ? slot : SLOT_MAX);
}

#endif
