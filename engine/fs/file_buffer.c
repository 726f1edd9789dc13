/* Buffers and slots of a file, and its waits. See file.h. */
#include <assert.h>
#include <fs/file.h>
#include <stdlib.h>

#define PAGE 4096

/* --- Buffers --- */

/* Room for the list's link, too. */
static size_t buffer_bytes(const whorl_file *file)
{
    return file->size < sizeof(void *) ? sizeof(void *) : file->size;
}

/* A buffer for a new slot; NULL: no memory, or there are as many as may be. */
static char *buffer_take(whorl_file *file)
{
    void *buf = file->spare;
    if (buf) {
        file->spare = *(void **)buf;
        return buf;
    }
    size_t align = file->align > PAGE ? file->align : PAGE;
    if (file->buffers == file->most || posix_memalign(&buf, align, buffer_bytes(file)) != 0)
        return NULL;
    file->buffers++;
    return buf;
}

static void buffer_give(whorl_file *file, char *buf)
{
    *(void **)(void *)buf = file->spare;
    file->spare = buf;
}

void buffers_free(whorl_file *file)
{
    while (file->spare) {
        void *next = *(void **)file->spare;
        if (file->direct)
            own_buffers_drop(file->loop, file->spare);
        free(file->spare);
        file->spare = next;
        file->buffers--;
    }
    assert(file->buffers == 0);
}

/* --- Slots --- */

struct slot *window_push(whorl_file *file, struct window *window)
{
    bool is_new = !file->spare;
    char *buf = window->count < window->size ? buffer_take(file) : NULL;
    if (!buf)
        return NULL;
    struct slot *slot = window_at(window, window->count++);
    slot->buf = buf;
    slot->len = 0;
    slot->done = 0;
    slot->refused = false;
    slot->by_cache = false;
    slot->plain = is_new;
    return slot;
}

void window_pop(whorl_file *file, struct window *window)
{
    assert(window->count > 0);
    buffer_give(file, window_at(window, 0)->buf);
    window->first = (window->first + 1) % window->size;
    window->count--;
}

/* --- Ops --- */

/* Past the page cache, the kernel has to find and pin the pages of a buffer that is not registered:
 * for 256 KiB a fifth of the processor's time that the whole op takes, twice what it costs to
 * register it. But that touches all of its pages, which costs as much as three ops: so it is done
 * from a buffer's second use on, and for an op that takes all of it. Where the kernel copies, and
 * for the file's descriptor, registering saves nothing to speak of. */
static void use_registered(whorl_file *file, struct slot *slot)
{
    int index = own_buffers_find(file->loop, slot->buf, file->size);
    if (index < 0)
        return;
    slot->op.code = slot->op.code == RING_OP_READ ? RING_OP_READ_FIXED : RING_OP_WRITE_FIXED;
    slot->op.buf_index = (uint16_t)index;
}

void slot_start(whorl_file *file, struct slot *slot)
{
    if (file->direct && !file->cached && !slot->plain && slot->op.len == file->size)
        use_registered(file, slot);
    slot->state = SLOT_FLYING;
    op_begin_in_background(file->loop, &slot->op);
}

bool slot_lost_buffer(struct slot *slot)
{
    bool registered = slot->op.code == RING_OP_READ_FIXED || slot->op.code == RING_OP_WRITE_FIXED;
    slot->plain |= registered && slot->op.result == -EFAULT;
    return registered && slot->plain;
}

/* --- Waits --- */

/* It may have ended since the wait was cut short. */
static void ask_for_end(struct loop *loop, whorl_op *op)
{
    if (op->state & OP_IN_FLIGHT)
        op_ask_cancel(loop, op);
}

int slot_wait(whorl_file *file, struct slot *slot)
{
    struct loop *loop = file->loop;
    enum op_patience patience = file->patient ? OP_PATIENT : OP_INTERRUPTIBLE;
    file->busy = true;
    int error = op_join(loop, loop->current, &slot->op, patience);
    if (error && !file->positioned) {
        ask_for_end(loop, &slot->op);
        error = op_join(loop, loop->current, &slot->op, OP_PATIENT);
    }
    file->busy = false;
    return error;
}

int file_await(whorl_file *file, whorl_op *op)
{
    struct loop *loop = file->loop;
    file->busy = true;
    op_begin_in_background(loop, op);
    int error = op_join(loop, loop->current, op, file->patient ? OP_PATIENT : OP_INTERRUPTIBLE);
    if (error) {
        ask_for_end(loop, op);
        op_join(loop, loop->current, op, OP_PATIENT);
    }
    file->busy = false;
    return op->result;
}

int file_poll(whorl_file *file, unsigned events)
{
    whorl_op op = whorl_op_poll(file->fd, events);
    int ready = file_await(file, &op);
    return ready < 0 ? ready : 0;
}

void file_breathe(whorl_file *file)
{
    struct loop *loop = file->loop;
    file->busy = true;
    loop_switch(loop, loop->current);
    file->busy = false;
}
