/*
 * Bad days on a real, small file system: one that fills up, one whose device fails, one of whose
 * files may not be touched, a limit on the size of files.
 *
 * The body of such a test runs in a forked child, in a mount namespace of its own: whatever it
 * comes to, nothing stays mounted. It uses check and check_equal. Where this machine cannot mount
 * (it takes root, and but for tmpfs a loop device and a mkfs), the test is skipped, and says why.
 */
#ifndef TESTS_FS_SMALL_DISK_H
#define TESTS_FS_SMALL_DISK_H

#include "support.h"

#include <sys/types.h>

enum disk_kind {
    DISK_TMPFS,
    DISK_EXT4, /* an image in memory, behind a loop device */
    DISK_XFS,  /* the same, of 300 MiB or more; it shares blocks between files */
};

/* Bytes that are enough for tmpfs and ext4, and for XFS. */
#define DISK_BYTES ((size_t)8 << 20)
#define DISK_XFS_BYTES ((size_t)320 << 20)

/* Runs body(path of the disk's root) in a child as described; it must give 0. Every user may write
 * in the root. Outside tasks; the working directory of the child is the root, too, so that other
 * users get there. */
void on_small_disk(enum disk_kind kind, size_t bytes, int (*body)(const char *root));

/* The same for fn(path of the root) as the main task of a run in the child. */
void run_on_small_disk(enum disk_kind kind, size_t bytes, whorl_fn *fn);

/* Has every write to the device of an image fail from now on: files are cached as before, and
 * what brings them to the disk gives -EIO. In the body. */
void disk_break(void);

/* Becomes a user without rights ("nobody"), for good: in a forked child. False: it could not, as
 * this process is not root's. */
bool become_nobody(void);

/* Runs fn(arg) as the main task of a run in a child of the calling process that is nobody's; it
 * must give 0. Skips the test where that cannot be. Outside tasks, and outside small disks. The
 * working directory is that of path_of(""), which every user may then write in: names relative to
 * it are reachable. */
void run_checks_as_nobody(whorl_fn *fn, void *arg);

/* Limits the size of files that this process writes: in a forked child. SIGXFSZ has its default
 * effect then, to end the process. */
void limit_file_size(size_t bytes);

/* Fills the file system with a file of this name until no block is left; gives its size. Plain
 * system calls. */
off_t fill_disk(const char *path);

/* Whether two files hold the same bytes; says where they differ. Holes count as zeros. */
bool files_are_equal(const char *one, const char *other);

/* Whether a file holds exactly these bytes. */
bool file_holds_bytes(const char *path, const void *data, size_t len);

/* The number of names in a directory, without "." and "..". */
int names_in(const char *directory);

/* Fills `data` with bytes that only `seed` determines. */
void fill_pattern(void *data, size_t len, uint64_t seed);

#endif
