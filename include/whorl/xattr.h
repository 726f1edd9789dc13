/*
 * Extended attributes of files: the calls of xattr(7), with their arguments; each parks only the
 * calling task.
 *
 * Every call also gives -EPERM outside a task, -ECANCELED in a cancelled one, and the errors of the
 * manual page that its text names; -EPERM is among those too. Memory behind a pointer is the
 * engine's until the call returns.
 */
#ifndef WHORL_XATTR_H
#define WHORL_XATTR_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* setxattr(2), fsetxattr(2), with the flags XATTR_CREATE and XATTR_REPLACE.
 *   -EEXIST      XATTR_CREATE, and it is there
 *   -ENODATA     XATTR_REPLACE, and it is not
 *   -E2BIG       size is more than 64 KiB
 *   -ERANGE      the name is empty, or longer than 255 bytes
 *   -EOPNOTSUPP  the file system has none of this kind */
WHORL_API int whorl_setxattr(const char *path, const char *name, const void *value, size_t size,
                             int flags);
WHORL_API int whorl_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);

/* getxattr(2), fgetxattr(2): the value's bytes; with a size of 0 how many there are.
 *   -ENODATA     there is no such attribute
 *   -ERANGE      the value is larger than size; or the name as above
 *   -EOPNOTSUPP  as above */
WHORL_API ssize_t whorl_getxattr(const char *path, const char *name, void *value, size_t size);
WHORL_API ssize_t whorl_fgetxattr(int fd, const char *name, void *value, size_t size);

/* lsetxattr(2), lgetxattr(2): the same for a link itself. These and those that follow io_uring has
 * not: a thread does them, as path.h says. */
WHORL_API int whorl_lsetxattr(const char *path, const char *name, const void *value, size_t size,
                              int flags);
WHORL_API ssize_t whorl_lgetxattr(const char *path, const char *name, void *value, size_t size);

/* listxattr(2), llistxattr(2), flistxattr(2): the names, each with a zero byte behind it; their
 * bytes together. With a size of 0, how many there are.
 *   -ERANGE      they are more than size
 *   -EOPNOTSUPP  as above */
WHORL_API ssize_t whorl_listxattr(const char *path, char *list, size_t size);
WHORL_API ssize_t whorl_llistxattr(const char *path, char *list, size_t size);
WHORL_API ssize_t whorl_flistxattr(int fd, char *list, size_t size);

/* removexattr(2), lremovexattr(2), fremovexattr(2).
 *   -ENODATA     there is no such attribute
 *   -EOPNOTSUPP  as above */
WHORL_API int whorl_removexattr(const char *path, const char *name);
WHORL_API int whorl_lremovexattr(const char *path, const char *name);
WHORL_API int whorl_fremovexattr(int fd, const char *name);

#ifdef __cplusplus
}
#endif

#endif
