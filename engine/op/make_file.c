/* Ops on descriptors, and on memory: see make.h. */
#include <op/make.h>
#include <stdbool.h>

#define FSYNC_DATASYNC 1u /* IORING_FSYNC_DATASYNC */
#define HIGH_PRIORITY 1   /* RWF_HIPRI: of rings that poll for completions, others refuse it */

whorl_op whorl_op_close(int fd)
{
    return make(RING_OP_CLOSE, fd);
}

whorl_op whorl_op_close_direct(unsigned slot)
{
    whorl_op op = make(RING_OP_CLOSE, 0);
    op.slot = slot_number(slot);
    return op;
}

whorl_op whorl_op_read(int fd, void *buf, size_t len)
{
    return make_read(fd, buf, len);
}

whorl_op whorl_op_write(int fd, const void *buf, size_t len)
{
    return make_write(fd, buf, len);
}

whorl_op whorl_op_pread(int fd, void *buf, size_t len, off_t offset)
{
    return make_pread(fd, buf, len, offset);
}

whorl_op whorl_op_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    return make_pwrite(fd, buf, len, offset);
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

whorl_op whorl_op_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    whorl_op op = make_vectored(RING_OP_READV, fd, iov, count, position_or_current(offset));
    op.op_flags = (uint32_t)(flags & ~HIGH_PRIORITY);
    return op;
}

whorl_op whorl_op_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    whorl_op op = make_vectored(RING_OP_WRITEV, fd, iov, count, position_or_current(offset));
    op.op_flags = (uint32_t)(flags & ~HIGH_PRIORITY);
    return op;
}

static uint16_t buffer_number(unsigned index)
{
    return (uint16_t)(index < UINT16_MAX ? index : UINT16_MAX);
}

static whorl_op make_fixed(uint8_t code, int fd, const void *buf, size_t len, off_t offset,
                           unsigned index)
{
    whorl_op op = make_transfer(code, fd, buf, len, position(offset));
    op.buf_index = buffer_number(index);
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

static whorl_op make_vectored_fixed(uint8_t code, int fd, const struct iovec *iov, int count,
                                    off_t offset, unsigned index)
{
    whorl_op op = make_vectored(code, fd, iov, count, position(offset));
    op.buf_index = buffer_number(index);
    return op;
}

whorl_op whorl_op_readv_fixed(int fd, const struct iovec *iov, int count, off_t offset,
                              unsigned index)
{
    return make_vectored_fixed(RING_OP_READV_FIXED, fd, iov, count, offset, index);
}

whorl_op whorl_op_writev_fixed(int fd, const struct iovec *iov, int count, off_t offset,
                               unsigned index)
{
    return make_vectored_fixed(RING_OP_WRITEV_FIXED, fd, iov, count, offset, index);
}

whorl_op whorl_op_fsync(int fd)
{
    return make(RING_OP_FSYNC, fd);
}

whorl_op whorl_op_fdatasync(int fd)
{
    whorl_op op = make(RING_OP_FSYNC, fd);
    op.op_flags = FSYNC_DATASYNC;
    return op;
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

/* The submission has 32 bits for the length, and 0 stands for the rest of the file, which is as
 * good for what is too long. */
whorl_op whorl_op_sync_file_range(int fd, off_t offset, off_t nbytes, unsigned flags)
{
    whorl_op op = make(RING_OP_SYNC_FILE_RANGE, fd);
    off_t end;
    bool invalid = nbytes < 0 || __builtin_add_overflow(offset, nbytes, &end);
    op.offset = invalid ? INVALID_POSITION : (uint64_t)offset;
    op.len = nbytes <= UINT32_MAX ? (uint32_t)nbytes : 0;
    op.op_flags = flags;
    return op;
}

/* A length beyond 32 bits has a field of its own, which Linux 6.11 is the first to read; others
 * refuse it. */
whorl_op whorl_op_fadvise(int fd, off_t offset, off_t len, int advice)
{
    whorl_op op = make(RING_OP_FADVISE, fd);
    op.offset = (uint64_t)offset;
    if (len >= 0 && len <= UINT32_MAX)
        op.len = (uint32_t)len;
    else
        op.addr = (uint64_t)len;
    op.op_flags = (uint32_t)advice;
    return op;
}

whorl_op whorl_op_madvise(void *addr, size_t len, int advice)
{
    whorl_op op = make(RING_OP_MADVISE, -1);
    op.addr = (uintptr_t)addr;
    if (len <= UINT32_MAX)
        op.len = (uint32_t)len;
    else
        op.offset = len;
    op.op_flags = (uint32_t)advice;
    return op;
}

/* --- Between two descriptors: the one that is written to stands where others have theirs --- */

static whorl_op make_between(uint8_t code, int fd_in, int fd_out, size_t len, unsigned flags)
{
    whorl_op op = make(code, fd_out);
    op.slot = (uint32_t)fd_in;
    op.len = (uint32_t)(len < TRANSFER_MAX ? len : TRANSFER_MAX);
    op.op_flags = flags;
    return op;
}

whorl_op whorl_op_splice(int fd_in, off_t offset_in, int fd_out, off_t offset_out, size_t len,
                         unsigned flags)
{
    whorl_op op = make_between(RING_OP_SPLICE, fd_in, fd_out, len, flags);
    op.addr = position_or_current(offset_in);
    op.offset = position_or_current(offset_out);
    return op;
}

whorl_op whorl_op_tee(int fd_in, int fd_out, size_t len, unsigned flags)
{
    return make_between(RING_OP_TEE, fd_in, fd_out, len, flags);
}

/* --- Extended attributes --- */

whorl_op whorl_op_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    return make_attribute(RING_OP_FSETXATTR, fd, name, value, size, flags);
}

whorl_op whorl_op_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return make_attribute(RING_OP_FGETXATTR, fd, name, value, size, 0);
}
