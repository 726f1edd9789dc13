/* Ops on names: see make.h. */
#include <fcntl.h>
#include <op/make.h>
#include <sys/stat.h>

/* No struct open_how will have more than a page, where openat2(2) stops; the ring would look for
 * zeros as far as it is told. */
#define HOW_MAX 4096

whorl_op whorl_op_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    return make_path(RING_OP_OPENAT, dirfd, path, mode, (uint32_t)flags);
}

whorl_op whorl_op_openat_direct(int dirfd, const char *path, int flags, mode_t mode, unsigned slot)
{
    whorl_op op = whorl_op_openat(dirfd, path, flags & ~O_CLOEXEC, mode);
    op.slot = slot_number(slot);
    return op;
}

whorl_op whorl_op_openat2(int dirfd, const char *path, const struct open_how *how, size_t size)
{
    uint32_t len = (uint32_t)(size < HOW_MAX ? size : HOW_MAX);
    whorl_op op = make_path(RING_OP_OPENAT2, dirfd, path, len, 0);
    op.offset = (uintptr_t)how;
    return op;
}

whorl_op whorl_op_openat2_direct(int dirfd, const char *path, const struct open_how *how,
                                 size_t size, unsigned slot)
{
    whorl_op op = whorl_op_openat2(dirfd, path, how, size);
    op.slot = slot_number(slot);
    return op;
}

whorl_op whorl_op_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    whorl_op op = make_path(RING_OP_STATX, dirfd, path, mask, (uint32_t)flags);
    op.offset = (uintptr_t)buf;
    return op;
}

whorl_op whorl_op_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
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

whorl_op whorl_op_linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                         int flags)
{
    whorl_op op = make_path(RING_OP_LINKAT, olddirfd, oldpath, (uint32_t)newdirfd, (uint32_t)flags);
    op.offset = (uintptr_t)newpath;
    return op;
}

whorl_op whorl_op_symlinkat(const char *target, int newdirfd, const char *linkpath)
{
    whorl_op op = make_path(RING_OP_SYMLINKAT, newdirfd, target, 0, 0);
    op.offset = (uintptr_t)linkpath;
    return op;
}

whorl_op whorl_op_setxattr(const char *path, const char *name, const void *value, size_t size,
                           int flags)
{
    whorl_op op = make_attribute(RING_OP_SETXATTR, -1, name, value, size, flags);
    op.addr3 = (uintptr_t)path;
    return op;
}

whorl_op whorl_op_getxattr(const char *path, const char *name, void *value, size_t size)
{
    whorl_op op = make_attribute(RING_OP_GETXATTR, -1, name, value, size, 0);
    op.addr3 = (uintptr_t)path;
    return op;
}
