/*
 * Many bytes between a file and memory: several reads or writes in flight, in the order of the
 * bytes, short ones continued.
 */
#ifndef FS_TRANSFER_H
#define FS_TRANSFER_H

#include <stddef.h>
#include <sys/types.h>

/* Bytes of one read or write; what is not longer is one. */
#define TRANSFER_PIECE ((size_t)1 << 20)

/* In a task. Reads until buf is full, or the file's end. 0, or -errno; *done gets the bytes that
 * are there from the start on without a gap, also on failure. */
int transfer_read(int fd, char *buf, size_t len, off_t offset, size_t *done);

/* In a task. Writes all. As above; -EIO if the file takes nothing and gives no error. */
int transfer_write(int fd, const char *data, size_t len, off_t offset, size_t *done);

#endif
