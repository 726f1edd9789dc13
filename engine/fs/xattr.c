/* Extended attributes: each call is its op, awaited. */
#include <whorl/op.h>
#include <whorl/xattr.h>

int whorl_setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
    whorl_op op = whorl_op_setxattr(path, name, value, size, flags);
    return whorl_op_await(&op);
}

int whorl_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    whorl_op op = whorl_op_fsetxattr(fd, name, value, size, flags);
    return whorl_op_await(&op);
}

ssize_t whorl_getxattr(const char *path, const char *name, void *value, size_t size)
{
    whorl_op op = whorl_op_getxattr(path, name, value, size);
    return whorl_op_await(&op);
}

ssize_t whorl_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    whorl_op op = whorl_op_fgetxattr(fd, name, value, size);
    return whorl_op_await(&op);
}
