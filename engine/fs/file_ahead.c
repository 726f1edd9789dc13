/*
 * Reading ahead: the slots of `in`, in the file's order, and how many of them.
 *
 * A read that follows the one before is larger than that, up to a whole buffer; then the next
 * buffer is read while the caller is busy with this one; and whenever the caller has to wait for
 * one all the same, twice as many are kept in flight. A cached file so stays at two buffers, which
 * is what the processor's cache likes; a disk gets what it needs. After a seek, or a short read, it
 * all begins anew.
 *
 * Short reads: the next slot does not follow on what this one brought, so it is dropped, and the
 * file is read on from where this one ended; what gives nothing there is the end. What was asked
 * before the call does not tell of the end: the file may have grown since.
 */
#include <assert.h>
#include <fs/file.h>
#include <poll.h>

#define FIRST_ASK ((size_t)16 << 10)
#define ASK_GROWTH 4

/* How much the first read after a seek asks for. */
static void begin_anew(whorl_file *file, size_t want)
{
    size_t ask = want > FIRST_ASK ? want : FIRST_ASK;
    file->ask = file->positioned && ask < file->size ? ask : file->size;
    file->reach = 1;
}

/* The one before was read to its end, and the next is asked for. */
static void grow(whorl_file *file)
{
    if (file->ask < file->size)
        file->ask = file->ask > file->size / ASK_GROWTH ? file->size : file->ask * ASK_GROWTH;
    else if (file->reach == 1)
        file->reach = 2;
}

/* The reader came too early. */
static void reach_further(whorl_file *file)
{
    if (file->reach >= 2 && file->reach < file->in.size)
        file->reach *= 2;
}

static bool is_in_flight(const struct slot *slot)
{
    return slot->state == SLOT_FLYING && (slot->op.state & OP_IN_FLIGHT);
}

/* Starts the read of a slot whose place is known. */
static void begin(whorl_file *file, struct slot *slot)
{
    slot->op = file->positioned ? whorl_op_pread(file->fd, slot->buf, slot->len, slot->offset)
                                : whorl_op_read(file->fd, slot->buf, slot->len);
    slot_start(file, slot);
}

/* Starts the read of what is at `offset`. With O_DIRECT that begins at a whole block. False: no
 * memory, or as much is in flight as may be. */
static bool start(whorl_file *file, int64_t offset)
{
    struct slot *slot = window_push(file, &file->in);
    if (!slot)
        return false;
    slot->offset = offset - offset % (int64_t)file->align;
    size_t len = file->ask + (size_t)(offset - slot->offset) + file->align - 1;
    slot->len = len - len % file->align;
    if (slot->len > file->size)
        slot->len = file->size;
    begin(file, slot);
    return true;
}

int ahead_drop(whorl_file *file)
{
    while (file->in.count > 0) {
        struct slot *slot = window_at(&file->in, 0);
        int error = slot->state == SLOT_FLYING ? slot_wait(file, slot) : 0;
        if (error)
            return error;
        window_pop(file, &file->in);
    }
    return 0;
}

/* Drops the slots that do not hold what is at `after`, until the first one does. */
static int drop_passed(whorl_file *file)
{
    while (file->in.count > 0) {
        struct slot *slot = window_at(&file->in, 0);
        if (slot->offset > file->after)
            return ahead_drop(file);
        if (slot->state != SLOT_SERVED && slot->offset + (int64_t)slot->len > file->after)
            return 0;
        int error = slot->state == SLOT_FLYING ? slot_wait(file, slot) : 0;
        if (error)
            return error;
        window_pop(file, &file->in);
    }
    return 0;
}

/* Whether the bytes at `after` follow on those of the slot that is read to its end. */
static bool is_sequential(whorl_file *file)
{
    if (file->in.count == 0)
        return false;
    const struct slot *slot = window_at(&file->in, 0);
    return slot->state == SLOT_SERVED && slot->op.result == (int64_t)slot->len &&
           slot->offset + slot->op.result == file->after;
}

/* Has the slot that holds what is at `after` be the first, and more behind it. *is_new: it was
 * asked for now. */
static int prepare(whorl_file *file, size_t want, bool *is_new)
{
    bool sequential = is_sequential(file);
    int error = drop_passed(file);
    if (error)
        return error;
    if (sequential)
        grow(file);
    else if (file->in.count == 0)
        begin_anew(file, want);
    *is_new = file->in.count == 0;
    if (*is_new && !start(file, file->after))
        return -ENOMEM;
    while (file->in.count < file->reach) {
        const struct slot *last = window_last(&file->in);
        if (!start(file, last->offset + (int64_t)last->len))
            break;
    }
    return 0;
}

/* Waits for the first slot's bytes. */
static int load(whorl_file *file)
{
    struct slot *slot = window_at(&file->in, 0);
    if (slot->state != SLOT_FLYING)
        return 0;
    if (is_in_flight(slot)) {
        reach_further(file);
        int error = slot_wait(file, slot);
        if (error)
            return error;
    } else {
        file_breathe(file);
    }
    if (slot_lost_buffer(slot)) {
        begin(file, slot);
        int error = slot_wait(file, slot);
        if (error)
            return error;
    }
    slot->state = SLOT_LOADED;
    return 0;
}

ssize_t ahead_next(whorl_file *file, size_t want, char **data)
{
    for (;;) {
        bool is_new = true;
        int error = prepare(file, want, &is_new);
        if (!error)
            error = load(file);
        if (error)
            return error;
        struct slot *slot = window_at(&file->in, 0);
        int result = slot->op.result;
        int64_t skip = file->after - slot->offset;
        if (result > skip) {
            *data = slot->buf + skip;
            file->after = slot->offset + result;
            slot->state = SLOT_SERVED;
            return result - skip;
        }
        slot->state = SLOT_SERVED;
        /* Only what was asked now, for these bytes, tells of the end. */
        if (result >= 0 && !is_new && file->positioned)
            continue;
        if (result != -EAGAIN || file->positioned)
            return result < 0 ? result : 0;
        error = file_poll(file, POLLIN);
        if (error)
            return error;
    }
}

void ahead_put_back(whorl_file *file, size_t count)
{
    struct slot *slot = window_at(&file->in, 0);
    assert(slot->state == SLOT_SERVED);
    if (count == 0)
        return;
    slot->state = SLOT_AGAIN;
    file->after -= (int64_t)count;
}
