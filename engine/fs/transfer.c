/*
 * See transfer.h.
 *
 * The pieces in flight stand in a circle, the oldest first: that is the one awaited. One that comes
 * to less than asked is started again for its rest, and stays the oldest. What has no position (a
 * pipe, a terminal) gives its next bytes to whichever read comes first, so there is one at a time.
 */
#include <errno.h>
#include <fs/transfer.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <whorl/op.h>

#define DEPTH 4

enum direction { READS, WRITES };

struct piece {
    whorl_op op;
    size_t at;
    size_t len;
};

struct transfer {
    enum direction direction;
    int fd;
    char *data;
    size_t len;
    off_t offset;
    size_t next; /* given out up to here */
    size_t done; /* there without a gap */
    unsigned depth;
    struct piece pieces[DEPTH];
    unsigned first;
    unsigned count;
};

static void start(struct transfer *self, struct piece *piece)
{
    char *data = self->data + piece->at;
    off_t offset = self->offset + (off_t)piece->at;
    piece->op = self->direction == READS ? whorl_op_pread(self->fd, data, piece->len, offset)
                                         : whorl_op_pwrite(self->fd, data, piece->len, offset);
    whorl_op_start(&piece->op);
}

static void start_more(struct transfer *self)
{
    while (self->count < self->depth && self->next < self->len) {
        struct piece *piece = &self->pieces[(self->first + self->count++) % DEPTH];
        size_t left = self->len - self->next;
        piece->at = self->next;
        piece->len = left < TRANSFER_PIECE ? left : TRANSFER_PIECE;
        self->next += piece->len;
        start(self, piece);
    }
}

static void drop(struct transfer *self)
{
    self->first = (self->first + 1) % DEPTH;
    self->count--;
}

/* Nothing of what is behind the oldest piece counts any more. */
static void end_rest(struct transfer *self)
{
    for (unsigned i = 0; i < self->count; i++)
        whorl_op_cancel(&self->pieces[(self->first + i) % DEPTH].op);
    for (; self->count > 0; drop(self))
        whorl_op_await(&self->pieces[self->first].op);
}

static int run(struct transfer *self)
{
    int moved = 1;
    while (self->done < self->len && moved > 0) {
        start_more(self);
        struct piece *oldest = &self->pieces[self->first];
        moved = whorl_op_await(&oldest->op);
        if (moved <= 0)
            break;
        self->done += (size_t)moved;
        oldest->at += (size_t)moved;
        oldest->len -= (size_t)moved;
        if (oldest->len > 0)
            start(self, oldest);
        else
            drop(self);
    }
    end_rest(self);
    return moved < 0 ? moved : 0;
}

static unsigned depth_of_reads(int fd, size_t len)
{
    struct stat status;
    bool is_one = len <= TRANSFER_PIECE || fstat(fd, &status) != 0;
    return !is_one && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) ? DEPTH : 1;
}

int transfer_read(int fd, char *buf, size_t len, off_t offset, size_t *done)
{
    struct transfer self = {.direction = READS,
                            .fd = fd,
                            .data = buf,
                            .len = len,
                            .offset = offset,
                            .depth = depth_of_reads(fd, len)};
    int error = run(&self);
    *done = self.done;
    return error;
}

int transfer_write(int fd, const char *data, size_t len, off_t offset, size_t *done)
{
    struct transfer self = {.direction = WRITES,
                            .fd = fd,
                            .data = (char *)data,
                            .len = len,
                            .offset = offset,
                            .depth = DEPTH};
    int error = run(&self);
    *done = self.done;
    return error == 0 && self.done < len ? -EIO : error;
}
