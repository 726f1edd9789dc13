/* Extended attributes: the calls that io_uring has not, on a thread. */
#include <fs/on_thread.h>
#include <whorl/xattr.h>

ssize_t whorl_lgetxattr(const char *path, const char *name, void *value, size_t size)
{
    return system_call_on_thread(SYS_lgetxattr, (long)path, (long)name, (long)value, (long)size);
}

int whorl_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
    return (int)system_call_on_thread(SYS_lsetxattr, (long)path, (long)name, (long)value,
                                      (long)size, flags);
}

ssize_t whorl_listxattr(const char *path, char *list, size_t size)
{
    return system_call_on_thread(SYS_listxattr, (long)path, (long)list, (long)size);
}

ssize_t whorl_llistxattr(const char *path, char *list, size_t size)
{
    return system_call_on_thread(SYS_llistxattr, (long)path, (long)list, (long)size);
}

ssize_t whorl_flistxattr(int fd, char *list, size_t size)
{
    return system_call_on_thread(SYS_flistxattr, fd, (long)list, (long)size);
}

int whorl_removexattr(const char *path, const char *name)
{
    return (int)system_call_on_thread(SYS_removexattr, (long)path, (long)name);
}

int whorl_lremovexattr(const char *path, const char *name)
{
    return (int)system_call_on_thread(SYS_lremovexattr, (long)path, (long)name);
}

int whorl_fremovexattr(int fd, const char *name)
{
    return (int)system_call_on_thread(SYS_fremovexattr, fd, (long)name);
}
