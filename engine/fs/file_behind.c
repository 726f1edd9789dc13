/*
 * Writing behind: the slots of `out`, the oldest first.
 *
 *     filling --> sealed --> flying --> done --> (gone)
 *                   ^  ^       |  '---> failed
 *                   |  '-------'          |
 *                   '---------------------'
 *
 * A flying slot that was written in part, or not at all because of a cancel, is sealed again, and
 * what is left of it is started anew. A failed one is sealed again when its error is told. Nobody
 * is called when a write ends: the pump looks at all of them, at each step of a call that writes.
 *
 * Order: where the kernel chooses the place (a stream, O_APPEND), one slot flies at a time, and
 * what comes after one that failed waits. Elsewhere slots fly together, unless their bytes overlap:
 * then the earlier is first.
 */
#include <assert.h>
#include <fs/file.h>
#include <poll.h>
#include <unistd.h>

/* --- The pump --- */

static void set_failed(struct slot *slot, int error)
{
    slot->state = SLOT_FAILED;
    slot->error = error;
}

/* The slot's write has ended: what comes of it. */
static void settle(whorl_file *file, struct slot *slot)
{
    int result = slot->op.result;
    bool direct = file->direct && !file->cached;
    if (file->cached) {
        direct_set(file, true);
        file->cached = false;
    }
    slot->state = SLOT_SEALED;
    slot->refused = result == -EAGAIN && !file->positioned;
    if (result > 0) {
        slot->done += (size_t)result;
        int64_t end = slot->offset + (int64_t)slot->done;
        if (end > file->known_end)
            file->known_end = end;
        if (slot->done == slot->len)
            slot->state = SLOT_DONE;
    } else if (result == -EINVAL && direct) {
        /* It was cut within a block, by a limit on the file's size. */
        slot->by_cache = true;
    } else if (result == 0) {
        set_failed(slot, -EIO);
    } else if (result != -ECANCELED && !slot->refused && !slot_lost_buffer(slot)) {
        set_failed(slot, result);
    }
}

static bool is_flying(const struct slot *slot)
{
    return slot->state == SLOT_FLYING;
}

static bool overlap(const struct slot *a, const struct slot *b)
{
    return a->offset < b->offset + (int64_t)b->len && b->offset < a->offset + (int64_t)a->len;
}

/* The kernel chooses the place. */
static bool in_order(const whorl_file *file)
{
    return !file->positioned || file->append;
}

/* Whether the slot number `index` may be started beside those before it. */
static bool may_start(whorl_file *file, unsigned index)
{
    struct window *out = &file->out;
    struct slot *slot = window_at(out, index);
    if (in_order(file))
        return index == 0;
    for (unsigned i = 0; i < index; i++)
        if (window_at(out, i)->state != SLOT_DONE && overlap(window_at(out, i), slot))
            return false;
    return true;
}

static bool some_fly(whorl_file *file)
{
    for (unsigned i = 0; i < file->out.count; i++)
        if (is_flying(window_at(&file->out, i)))
            return true;
    return false;
}

/* Starts what is left of a sealed slot. False: not while others fly. */
static bool start(whorl_file *file, struct slot *slot)
{
    bool cached;
    size_t len = direct_piece(file, slot, &cached);
    if (cached && some_fly(file))
        return false;
    if (cached)
        direct_set(file, false);
    file->cached = cached;
    const char *data = slot->buf + slot->done;
    slot->op = in_order(file)
                   ? whorl_op_write(file->fd, data, len)
                   : whorl_op_pwrite(file->fd, data, len, slot->offset + (int64_t)slot->done);
    slot_start(file, slot);
    return true;
}

/* Takes in what has ended. */
static void collect(whorl_file *file)
{
    struct window *out = &file->out;
    for (unsigned i = 0; i < out->count; i++) {
        struct slot *slot = window_at(out, i);
        if (is_flying(slot) && !(slot->op.state & OP_IN_FLIGHT))
            settle(file, slot);
    }
    while (out->count > 0 && window_at(out, 0)->state == SLOT_DONE)
        window_pop(file, out);
}

/* Looks at all that is held: lets go of what is written, and starts what may be started. */
static void pump(whorl_file *file)
{
    struct window *out = &file->out;
    collect(file);
    for (unsigned i = 0; i < out->count && !file->cached; i++) {
        struct slot *slot = window_at(out, i);
        if (slot->state == SLOT_SEALED && !slot->refused && may_start(file, i) &&
            !start(file, slot))
            break;
    }
}

void behind_seal(whorl_file *file)
{
    if (!file->room)
        return;
    struct slot *slot = window_last(&file->out);
    assert(slot->state == SLOT_FILLING);
    slot->len = (size_t)(file->room - slot->buf);
    slot->state = SLOT_SEALED;
    file->at += (int64_t)slot->len;
    file->room = NULL;
    file->room_end = NULL;
    assert(slot->len > 0); /* room is made for bytes that are there */
    pump(file);
}

/* --- Waiting --- */

/* Waits for all that fly. */
static int land(whorl_file *file)
{
    int error = 0;
    for (unsigned i = 0; i < file->out.count && !error; i++)
        if (is_flying(window_at(&file->out, i)))
            error = slot_wait(file, window_at(&file->out, i));
    collect(file);
    return error;
}

static bool some_failed(whorl_file *file)
{
    for (unsigned i = 0; i < file->out.count; i++)
        if (window_at(&file->out, i)->state == SLOT_FAILED)
            return true;
    return false;
}

/* The first error, if a slot has failed; it is told then, and with it those of all others, so that
 * what is tried again is so from now on. At the close they are given up; where order counts, with
 * all that comes after them. */
static int tell_failure(whorl_file *file)
{
    if (!some_failed(file))
        return 0;
    land(file);
    int first = 0;
    for (unsigned i = 0; i < file->out.count; i++) {
        struct slot *slot = window_at(&file->out, i);
        if (slot->state == SLOT_FAILED) {
            first = first ? first : slot->error;
            slot->state = file->closing ? SLOT_DONE : SLOT_SEALED;
        } else if (first && file->closing && in_order(file)) {
            slot->state = SLOT_DONE;
        }
    }
    return first;
}

/* Waits for the oldest slot that flies, or until a stream that has refused takes bytes. */
static int wait_for_one(whorl_file *file)
{
    for (unsigned i = 0; i < file->out.count; i++) {
        struct slot *slot = window_at(&file->out, i);
        if (is_flying(slot))
            return slot_wait(file, slot);
        if (slot->refused) {
            int error = file_poll(file, POLLOUT);
            if (!error)
                slot->refused = false;
            return error;
        }
    }
    return 0;
}

/* Waits until one of the slots has come a step further. 0; -ECANCELED; or the error of those that
 * have failed. */
static int advance(whorl_file *file)
{
    pump(file);
    int error = tell_failure(file);
    if (error)
        return error;
    unsigned before = file->out.count;
    error = wait_for_one(file);
    if (error)
        return error;
    collect(file);
    error = tell_failure(file);
    if (error)
        return error;
    /* A stream's write that a cancel has ended is begun again by the next call. */
    bool cut = !file->positioned && file->loop->current->interrupted && !file->patient;
    if (cut && file->out.count == before)
        return -ECANCELED;
    pump(file);
    return 0;
}

int behind_make_room(whorl_file *file)
{
    struct window *out = &file->out;
    pump(file);
    struct slot *slot;
    while (!(slot = window_push(file, out))) {
        if (out->count == 0)
            return -ENOMEM;
        int error = advance(file);
        if (error)
            return error;
    }
    slot->state = SLOT_FILLING;
    slot->offset = file->at;
    /* After what is not whole blocks comes what may be. */
    size_t within = (size_t)(file->at % (int64_t)file->align);
    size_t room = within > 0 && !file->append ? file->align - within : file->size;
    file->room = slot->buf;
    file->room_end = slot->buf + room;
    if (file->may_reserve)
        direct_reserve(file, file->at + (int64_t)room);
    return 0;
}

/* Where the kernel has put what was appended. */
static void learn_end(whorl_file *file)
{
    off_t end = lseek(file->fd, 0, SEEK_CUR);
    if (end >= 0)
        file->at = end;
}

int behind_flush(whorl_file *file)
{
    bool held = file->out.count > 0;
    behind_seal(file);
    while (file->out.count > 0) {
        int error = advance(file);
        if (error)
            return error;
    }
    if (held && file->append && file->positioned)
        learn_end(file);
    return direct_trim(file);
}

static void drop_all(whorl_file *file)
{
    for (unsigned i = 0; i < file->out.count; i++) {
        assert(!is_flying(window_at(&file->out, i)));
        window_at(&file->out, i)->state = SLOT_DONE;
    }
}

int behind_finish(whorl_file *file)
{
    int first = 0;
    file->closing = true;
    behind_seal(file);
    while (file->out.count > 0) {
        int error = advance(file);
        first = first ? first : error;
        /* What has failed is given up already; what a stream does not take goes with it. */
        if (error && !file->positioned)
            drop_all(file);
        collect(file);
    }
    int error = direct_trim(file);
    return first ? first : error;
}
