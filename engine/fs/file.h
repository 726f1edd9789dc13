/*
 * The buffered file: its insides, shared by the rooms file_*.c.
 *
 * A file with a position is in one of two modes, and what the other had is gone when it changes:
 *
 *     reading <--> writing
 *
 *     reading: `in` holds what was read ahead, in the file's order:
 *
 *         [ first slot ][ flying ][ flying ]      the first slot's bytes, or a part, are the run
 *            ^here  ^limit: at file offset `after`
 *
 *     writing: `out` holds what was accepted and is not in the file yet, the oldest first:
 *
 *         [ flying ][ flying ][ filling ]         the last slot's free room is the room
 *                              ^at  ^room  ^room_end
 *
 * A stream has both at once, and no modes. The run is the bytes that the next call reads first: in
 * the first slot of `in`, or in `held`, which is where bytes of several slots come together. In the
 * file (or stream) the first byte after the run is at `after`.
 *
 * Ops in flight are the loop's (op_begin_in_background), as are the slots: so a task that is
 * cancelled, or ends, leaves them alone. `busy` is true while a task waits inside a call: nobody
 * else runs at any other moment. Memory: a buffer for each slot that holds something, `depth` at
 * most (a stream: one for reading, two for writing), kept until the close; and `held`.
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include <core/leftover.h>
#include <errno.h>
#include <op/background.h>
#include <op/own_buffers.h>
#include <string.h>
#include <whorl/file.h>

/* What a file may have asked for at once, and where it may be: so no offset of a slot overflows. */
#define BUFFER_MOST ((size_t)64 << 20)
#define DEPTH_MOST 64
#define POSITION_MOST (INT64_MAX - ((int64_t)1 << 33))

enum slot_state {
    SLOT_FLYING,  /* its op was started; it may have ended */
    SLOT_LOADED,  /* reading: its bytes are there, and nobody has seen them */
    SLOT_AGAIN,   /* reading: a part was the run, and went to `held` */
    SLOT_SERVED,  /* reading: its bytes are the run, or were */
    SLOT_FILLING, /* writing: the last, still taking bytes */
    SLOT_SEALED,  /* writing: to be started */
    SLOT_FAILED,  /* writing: nobody has been told of its error */
    SLOT_DONE,    /* writing: all of it is in the file */
};

struct slot {
    whorl_op op;
    char *buf;
    int64_t offset; /* of buf[0] in the file */
    size_t len;     /* reading: asked for; writing: accepted */
    size_t done;    /* writing: of those, in the file */
    enum slot_state state;
    int error;     /* of a slot that has failed */
    bool refused;  /* the stream took nothing: it is to be polled */
    bool by_cache; /* though the file has O_DIRECT */
    bool plain;    /* not by a registered buffer */
};

/* Slots in a ring, the oldest first. */
struct window {
    struct slot *slots;
    unsigned size;
    unsigned first;
    unsigned count;
};

struct whorl_file {
    struct loop *loop;
    bool busy;
    bool writing; /* the mode; a stream is in neither */
    bool ended;   /* the last call that read came to the end */
    char *here;   /* the run */
    char *limit;
    char *begin; /* where it began, for a seek backwards */
    char *room;  /* what the last slot of `out` can take */
    char *room_end;
    int64_t after; /* offset of what follows the run */
    int64_t at;    /* offset of the filling slot, or of the next one */
    /* What it is. */
    int fd;
    bool readable;
    bool writable;
    bool positioned; /* no stream */
    bool append;
    bool direct;
    size_t align;  /* of offsets and lengths, with O_DIRECT; else 1 */
    size_t size;   /* bytes of a buffer */
    unsigned most; /* buffers */
    size_t line_max;
    bool closing; /* what cannot be written is given up */
    bool patient; /* no cancel ends a wait */
    /* Reading ahead. */
    struct window in;
    size_t ask;     /* bytes of the next read */
    unsigned reach; /* slots that may be in use: grows while the reader has to wait */
    char *held;
    size_t held_room;
    /* Writing behind. */
    struct window out;
    bool cached;       /* O_DIRECT is off, for the one write in flight */
    bool may_reserve;  /* space ahead of writes with O_DIRECT */
    int64_t reserved;  /* the size that was given to the file ahead of its bytes; 0: none */
    int64_t known_end; /* the file's size without that */
    int64_t reserve_step;
    /* Buffers. */
    void *spare;      /* a list, linked through their first bytes */
    unsigned buffers; /* there are, in use or spare */
    struct leftover leftover;
    struct slot slots[]; /* of `in`, then of `out` */
};

static inline struct slot *window_at(struct window *window, unsigned index)
{
    return &window->slots[(window->first + index) % window->size];
}

static inline struct slot *window_last(struct window *window)
{
    return window_at(window, window->count - 1);
}

/* --- file_buffer.c --- */

/* Takes the slot that comes next, with a buffer. NULL: no memory, or there are as many buffers, or
 * slots, as may be. */
struct slot *window_push(whorl_file *file, struct window *window);

/* Drops the first slot, whose op must not be in flight. */
void window_pop(whorl_file *file, struct window *window);

void buffers_free(whorl_file *file);

/* Starts a slot's op. */
void slot_start(whorl_file *file, struct slot *slot);

/* Whether the op that has ended found its registered buffer gone. It had no effect; the next of
 * this slot is a plain one. */
bool slot_lost_buffer(struct slot *slot);

/* Waits for a slot's op, for the running task. 0: it has ended. -ECANCELED: it goes on. That of a
 * stream is cancelled then, and has ended all the same: its result tells. */
int slot_wait(whorl_file *file, struct slot *slot);

/* Waits until the stream is ready for `events` of poll(2). */
int file_poll(whorl_file *file, unsigned events);

/* Runs an op of the caller's. */
int file_await(whorl_file *file, whorl_op *op);

/* Lets others run, and what is filled be submitted. */
void file_breathe(whorl_file *file);

/* --- file_ahead.c --- */

/* The bytes at `after`: more than 0, shown by *data; 0 at the end; -errno. Moves `after` behind
 * them. `want` is how many the caller could use. The run is left alone. */
ssize_t ahead_next(whorl_file *file, size_t want, char **data);

/* Has the last `count` bytes that ahead_next gave be given again. */
void ahead_put_back(whorl_file *file, size_t count);

/* Waits for what is in flight, and drops all. 0 or -ECANCELED. */
int ahead_drop(whorl_file *file);

/* --- file_line.c --- */

/* Has `held` take `room` bytes. 0 or -ENOMEM. */
int held_reserve(whorl_file *file, size_t room);

/* --- file_read.c --- */

/* Makes the next bytes the run, which is empty. */
ssize_t file_refill(whorl_file *file, size_t want);

static inline void run_set(whorl_file *file, char *data, size_t len)
{
    file->begin = data;
    file->here = data;
    file->limit = data + len;
}

static inline size_t run_length(const whorl_file *file)
{
    return (size_t)(file->limit - file->here);
}

/* --- file_behind.c --- */

/* Has a slot with room be the last one: `room` is not empty then. 0 or -errno. */
int behind_make_room(whorl_file *file);

/* The room is used up, or is to be written all the same: starts what may be started. */
void behind_seal(whorl_file *file);

/* Waits until nothing is held. 0 or -errno. */
int behind_flush(whorl_file *file);

/* The same at the close, where what fails is given up. 0 or the first error. */
int behind_finish(whorl_file *file);

/* --- file_direct.c --- */

/* What of the slot the next write is to take, and whether past the page cache. */
size_t direct_piece(const whorl_file *file, const struct slot *slot, bool *cached);

/* Turns O_DIRECT of the descriptor off or on. */
void direct_set(whorl_file *file, bool on);

/* Reserves space for the bytes up to `end`, which will be written. May wait. */
void direct_reserve(whorl_file *file, int64_t end);

/* Gives back what was reserved. 0 or -errno. May wait. */
int direct_trim(whorl_file *file);

/* The size that the file is to have when it has been trimmed; -1: leave it alone. Does not wait. */
int64_t direct_exact_size(const whorl_file *file);

/* How offsets and memory must be aligned. */
size_t direct_alignment(int fd);

/* --- file_place.c --- */

/* 0, or why a call that may wait cannot go on. */
int file_enter(whorl_file *file);

/* Change the mode. 0 or -errno: nothing has changed. */
int file_to_reading(whorl_file *file);
int file_to_writing(whorl_file *file);

static inline int64_t file_position(const whorl_file *file)
{
    if (!file->writing)
        return file->after - (file->limit - file->here);
    const struct window *out = &file->out;
    const struct slot *last = &out->slots[(out->first + out->count - 1) % out->size];
    return file->room ? file->at + (file->room - last->buf) : file->at;
}

/* Begins a call that reads or writes: checks, and the mode. On every hot path. */
static inline int file_begin_read(whorl_file *file)
{
    if (__builtin_expect(!file, 0))
        return -EINVAL;
    struct loop *loop = loop_here;
    if (__builtin_expect(loop != file->loop || file->busy || loop->current->interrupted ||
                             file->writing || !file->readable,
                         0)) {
        int error = file_enter(file);
        if (error)
            return error;
        if (!file->readable)
            return -EBADF;
        error = file->writing ? file_to_reading(file) : 0;
        if (error)
            return error;
    }
    file->ended = false;
    return 0;
}

static inline int file_begin_write(whorl_file *file)
{
    if (__builtin_expect(!file, 0))
        return -EINVAL;
    struct loop *loop = loop_here;
    if (__builtin_expect(loop != file->loop || file->busy || loop->current->interrupted ||
                             (!file->writing && file->positioned) || !file->writable,
                         0)) {
        int error = file_enter(file);
        if (error)
            return error;
        if (!file->writable)
            return -EBADF;
        return file->positioned && !file->writing ? file_to_writing(file) : 0;
    }
    return 0;
}

#endif
