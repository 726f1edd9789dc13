/*
 * Directories: their entries, one after another or all at once.
 *
 *     whorl_dir dir;
 *     whorl_dir_entry entry;
 *     int error = whorl_dir_open(&dir, "/var/log", 0);
 *     if (error)
 *         return error;
 *     while ((error = whorl_dir_next(&dir, &entry)) == 1)
 *         printf("%s%s\n", entry.name, entry.type == DT_DIR ? "/" : "");
 *     whorl_dir_close(&dir);
 *
 * io_uring cannot read directories; a thread of the loop's does (see whorl_to_thread), about a
 * thousand entries at a time. A whole tree is walked by walk.h.
 *
 * Every call that waits also gives -EPERM outside a task, -ECANCELED in a cancelled one, with no
 * effect, and what whorl_to_thread gives where it has no thread: -EAGAIN, -EMFILE, -ENFILE,
 * -ENOMEM.
 */
#ifndef WHORL_DIR_H
#define WHORL_DIR_H

#include <dirent.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An open directory, in the caller's memory. Any task may use it, one at a time. */
typedef struct whorl_dir {
    void *engine[1]; /* the engine's */
} whorl_dir;

typedef struct whorl_dir_entry {
    const char *name; /* until the next call for this directory, whatever bytes it has */
    uint64_t inode;
    unsigned char type; /* DT_REG, DT_DIR, DT_LNK, ... of <dirent.h>, which shows them with
                           _DEFAULT_SOURCE or _GNU_SOURCE. DT_UNKNOWN only where the file system
                           does not tell types and the directory may be read but not searched */
} whorl_dir_entry;

/* Opens a directory, as opendir(3) does: O_RDONLY | O_DIRECTORY | O_CLOEXEC; `flags` adds
 * O_NOFOLLOW or O_NOATIME. Takes memory (32 KiB) and a descriptor, until whorl_dir_close. Returns
 * 0; after an error there is nothing to close.
 *   -EINVAL  dir is NULL, or flags has others
 *   -ENOMEM
 *   else     as openat(2): -ENOTDIR, -ENOENT, -EACCES, ... */
WHORL_API int whorl_dir_open(whorl_dir *dir, const char *path, int flags);
WHORL_API int whorl_dir_openat(whorl_dir *dir, int dirfd, const char *path, int flags);

/* The same for a descriptor that is open already, as fdopendir(3): it is the directory's from then
 * on, and closed with it; after an error it is the caller's still. Reading goes on from its
 * position. Does not wait. Returns 0.
 *   -EBADF    fd is not a descriptor
 *   -EINVAL   dir is NULL
 *   -ENOMEM
 *   -ENOTDIR  fd is not a directory, or open as O_PATH
 *   -EPERM    not inside a task */
WHORL_API int whorl_dir_from_fd(whorl_dir *dir, int fd);

/* The next entry, in the order of the file system; "." and ".." are left out. What is made, removed
 * or renamed meanwhile may be seen or not; what stays is seen once. Returns 1; 0 at the end, and
 * once the directory itself was removed.
 *   -EBUSY   another task waits in a call for this directory
 *   -EINVAL  dir or entry is NULL, or dir is not open
 *   else     as getdents64(2); this may be called again */
WHORL_API int whorl_dir_next(whorl_dir *dir, whorl_dir_entry *entry);

/* Has the next call begin at the first entry again, and see what there is then. Does not wait.
 * Returns 0.
 *   -EBUSY, -EINVAL  as for whorl_dir_next */
WHORL_API int whorl_dir_rewind(whorl_dir *dir);

/* The descriptor, for whorl_openat, whorl_statx and their like with an entry's name. It is the
 * directory's to close. Does not wait.
 *   -EINVAL  dir is NULL or not open */
WHORL_API int whorl_dir_fd(const whorl_dir *dir);

/* Closes it, in a cancelled task too, as whorl_close does. Returns 0.
 *   -EBUSY, -EINVAL  as for whorl_dir_next
 *   -EPERM           not inside a task; it is still open
 *   else             as whorl_close; memory and descriptor are given back all the same */
WHORL_API int whorl_dir_close(whorl_dir *dir);

/* The names of all entries but "." and "..", ordered by their bytes, as an array in *names with
 * NULL after the last; the array and what it leads to are one piece of memory, the caller's to
 * free(). A large directory is read in steps, between which a cancel is seen. Returns how many they
 * are; after an error *names is NULL.
 *   -EINVAL  names is NULL
 *   -ENOMEM
 *   else     as openat(2) and getdents64(2) */
WHORL_API ssize_t whorl_list_dir(const char *path, char ***names);
WHORL_API ssize_t whorl_list_dirat(int dirfd, const char *path, char ***names);

#ifdef __cplusplus
}
#endif

#endif
