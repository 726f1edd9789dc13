/*
 * Entries of directories as the kernel gives them, a batch at a time. All of this blocks: it is for
 * threads.
 */
#ifndef FS_ENTRIES_H
#define FS_ENTRIES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How much is read at once: about a thousand entries. */
#define ENTRIES_BYTES ((size_t)32 << 10)

/* Reads the next entries of a directory into `batch`, which is aligned as a struct dirent64 is.
 * Returns their bytes; 0 at the end, or if the directory is no more; or -errno. "." and ".." are
 * left out. Types that the file system does not tell are looked for, and what has vanished
 * meanwhile is left out; only where a directory may be read but not searched, DT_UNKNOWN stays. */
ssize_t entries_read(int fd, void *batch, size_t room);

/* What a file's mode says of its type: DT_*. */
unsigned char entry_type_of_mode(unsigned mode);

#endif
