/*
 * A file that is sent piece by piece: where it stands, and that its descriptor means the same file
 * all along, as it is not in flight while a piece is being sent.
 */
#ifndef NET_BULK_SOURCE_H
#define NET_BULK_SOURCE_H

#include <net/bulk_buffers.h>
#include <net/which_file.h>
#include <whorl/op.h>

struct bulk_source {
    int fd;
    bool is_direct; /* it is read past the cache, in whole blocks */
    struct which_file file;
    off_t size; /* when it was last looked at; 0: it has none, as a block device */
    off_t from;
    size_t count; /* to be sent at most */
    size_t sent;
};

/* What is read into a buffer: `len` bytes to be sent, behind `skip` that are not, as O_DIRECT reads
 * nothing but whole blocks. */
struct bulk_piece {
    size_t skip;
    size_t len;
};

/* 0, or what whorl_sendfile says of the file and the offset. */
int bulk_source_open(struct bulk_source *source, int fd, const off_t *offset, size_t count);

/* Whether the descriptor still means the file. To be asked after each wait. */
bool bulk_source_is_there(struct bulk_source *source);

/* The next piece, of at least one byte, for a buffer of `room` bytes. */
struct bulk_piece bulk_source_piece(const struct bulk_source *source, size_t room);

/* The op that reads it; with O_DIRECT it may read more. */
whorl_op bulk_source_read(const struct bulk_source *source, char *buf, struct bulk_piece piece);

/* Reads all of it, if it is in memory. */
bool bulk_source_glance(const struct bulk_source *source, char *buf, struct bulk_piece piece);

/* How much of the piece came, of `got` bytes that were read. 0: the file has ended. */
size_t bulk_piece_came(struct bulk_piece piece, size_t got);

/* Moves the offset, or the file's position, by what was sent; but not that of another file that has
 * the descriptor by now. Returns that, or `error` if it is nothing. */
ssize_t bulk_source_end(struct bulk_source *source, off_t *offset, int error);

#endif
