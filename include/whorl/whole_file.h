/*
 * Whole files: read, written, copied in one call.
 *
 *     char *text;
 *     size_t size;
 *     int result = whorl_read_file("settings", &text, &size, 1 << 20);
 *     ...
 *     result = whorl_write_file("settings", text, size, NULL);
 *     free(text);
 *
 * A file that is written or copied over another takes its place whole: whoever opens the name finds
 * the old content or the new, never a mixture, whatever dies when, and so does the disk after a
 * loss of power. Until then the new content lies in a file without a name, or, where the file
 * system has none (NFS, FAT), under a name that begins with WHORL_TEMPORARY_PREFIX in the same
 * directory. A call that fails or is cancelled takes it back. Where files may lack a name, a
 * process that is killed leaves nothing either, but for the moment in which a file that is complete
 * has that name before it takes the place of the old one. Names with the prefix that a kill has
 * left may be removed at any time when nobody writes.
 *
 * All calls give -EPERM outside a task, -ECANCELED in a cancelled one, and the errors of the manual
 * pages of what they do; what is given here is beyond those, or worth a word. A cancel that comes
 * while the last step runs, in which the name changes hands, comes too late: the call succeeds.
 */
#ifndef WHORL_WHOLE_FILE_H
#define WHORL_WHOLE_FILE_H

#include <sys/types.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WHORL_TEMPORARY_PREFIX ".whorl-"

/* Reads the file into memory of its own, which is the caller's, to be given to free(3); a 0 stands
 * behind the content, not counted in *size, so that a text is a string. A file that grows or
 * shrinks meanwhile gives what is there up to its end when that is reached. What has no size, as in
 * /proc, or a pipe, is read to its end. size may be NULL. Returns 0; else *data and *size are left
 * alone.
 *   -EFBIG   the file has more than `limit` bytes; a limit of 0 is none
 *   -EISDIR  it is a directory
 *   -ENOMEM  no memory
 *   -EINVAL  path or data is NULL */
WHORL_API int whorl_read_file(const char *path, char **data, size_t *size, size_t limit);

/* The same into memory of the caller's; no 0 is put behind it. The count of bytes.
 *   -EFBIG   the file has more than `room` bytes; the first `room` of them were read
 *   -EISDIR  it is a directory
 *   -EINVAL  path is NULL, or buf is while room is not 0 */
WHORL_API ssize_t whorl_read_file_into(const char *path, void *buf, size_t room);

/* Flags of whorl_write_file and whorl_copy_file. */
enum {
    WHORL_FILE_EXCLUSIVE = 1 << 0,   /* -EEXIST if the name is there, even as a link to nothing */
    WHORL_FILE_UNSYNCED = 1 << 1,    /* do not wait for the disk: after a loss of power the file may
                                        be the old one, or empty */
    WHORL_FILE_KEEP_TIMES = 1 << 2,  /* of copies: times of last access and modification */
    WHORL_FILE_KEEP_XATTRS = 1 << 3, /* of copies: extended attributes, and ACLs among them */
    WHORL_FILE_KEEP_OWNER = 1 << 4,  /* of copies: user, group, set-user-ID and set-group-ID */
};

typedef struct whorl_write_options {
    unsigned flags;  /* WHORL_FILE_EXCLUSIVE, WHORL_FILE_UNSYNCED */
    mode_t mode;     /* of a new file, cut by the umask; 0: 0666 */
    size_t *written; /* not NULL: gets the bytes that were written, also when the call fails */
} whorl_write_options;

/* Gives the file this content, which is on the disk, name and all, when the call returns 0. On
 * failure the old file is as it was: -ENOSPC, -EDQUOT, -EFBIG and -EIO leave nothing behind.
 *
 * If there is a file of the name already, it is replaced by a new one with its permission bits, and
 * its user and group as far as the caller may set them; other hard links keep the old content. A
 * name that is a symbolic link stays one: the file is replaced, or made, where it leads.
 * Directories must be searchable, readable and writable.
 *
 * options may be NULL, for all zero; it is not kept.
 *   -EISDIR  the name is a directory, or ends with a slash
 *   -EINVAL  it is neither a file nor a directory; or path is NULL, or data is while size is not 0,
 *            or flags are unknown
 *   -EACCES  the caller may not write the file, or in its directory; or the kernel follows no such
 *            link there (see protected_symlinks in proc(5))
 *   -EEXIST  with WHORL_FILE_EXCLUSIVE
 *   -ELOOP   more than 40 links, one behind the other; or a mount on which none is followed
 *   -EIO     also: the disk did not take the directory: the name has the new content already */
WHORL_API int whorl_write_file(const char *path, const void *data, size_t size,
                               const whorl_write_options *options);

/* Copies a regular file, in the way that costs least: the file system shares the blocks (reflink),
 * or copies within itself (copy_file_range), or the kernel splices pages; else it is read and
 * written. Holes stay holes. `to` appears or is replaced as by whorl_write_file, with the
 * permission bits of `from` whatever the umask, and is on the disk when the call returns 0, unless
 * `flags` (WHORL_FILE_*) says otherwise. A copy of a file that is written to meanwhile is a copy of
 * neither state, and ends at the size that it had at first: one that grows is not copied for ever.
 * Links are followed, on both sides. A cancel is heard every 16 MiB.
 *   -EISDIR  `from` or `to` is a directory, or `to` ends with a slash
 *   -EINVAL  one is neither a file nor a directory; or both are the same file; or a name is NULL;
 *            or flags are unknown
 *   -EACCES, -EEXIST, -ELOOP, -EIO  as for whorl_write_file
 *   -EPERM   also: the owner cannot be kept */
WHORL_API int whorl_copy_file(const char *from, const char *to, unsigned flags);

#ifdef __cplusplus
}
#endif

#endif
