/* Registered buffers of the engine's own: see own_buffers.h. */
#include <errno.h>
#include <op/own_buffers.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TABLE_MOST (1U << 14) /* slots that the kernel gives to a table */
#define LIMIT_PARTS 2         /* of RLIMIT_MEMLOCK, which counts for all of a user's rings */

struct own_buffers {
    unsigned base;                   /* index of the first slot */
    unsigned count;                  /* slots up to the last that was ever used */
    bool is_full;                    /* the kernel has refused one, and none was given back since */
    size_t left;                     /* bytes that may still be registered */
    struct iovec slots[OWN_BUFFERS]; /* an iov_base of NULL: free */
};

/* --- The table --- */

static size_t bytes_allowed(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return 0;
    return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur / LIMIT_PARTS;
}

/* Has the engine use the slots from `base` on, which the table has or is to get. NULL:
 * no memory. */
static struct own_buffers *begin(struct loop *loop, unsigned base)
{
    struct own_buffers *own = calloc(1, sizeof *own);
    if (!own)
        return NULL;
    own->base = base;
    own->left = bytes_allowed();
    loop->own_buffers = own;
    return own;
}

/* For the engine alone. */
static struct own_buffers *make_table(struct loop *loop)
{
    if (loop->has_buffers)
        return NULL;
    struct own_buffers *own = begin(loop, 0);
    if (own)
        own->is_full = ring_reserve_buffers(&loop->ring, OWN_BUFFERS) != 0;
    return own;
}

static void forget(struct loop *loop)
{
    free(loop->own_buffers);
    loop->own_buffers = NULL;
}

int own_buffers_share(struct loop *loop, const struct iovec *iov, unsigned n)
{
    if (loop->has_buffers)
        return -EBUSY;
    if (loop->own_buffers)
        ring_unregister_buffers(&loop->ring);
    forget(loop);
    bool is_shared = n > 0 && n <= TABLE_MOST - OWN_BUFFERS;
    int error = is_shared ? ring_reserve_buffers(&loop->ring, n + OWN_BUFFERS)
                          : ring_register_buffers(&loop->ring, iov, n);
    if (!error && is_shared) {
        error = ring_set_buffers(&loop->ring, 0, iov, n);
        if (error)
            ring_unregister_buffers(&loop->ring);
        else
            begin(loop, n);
    }
    loop->has_buffers = !error;
    return error;
}

int own_buffers_unshare(struct loop *loop)
{
    if (!loop->has_buffers)
        return -ENXIO;
    int error = ring_unregister_buffers(&loop->ring);
    if (!error) {
        forget(loop);
        loop->has_buffers = false;
    }
    return error;
}

/* --- Slots --- */

static unsigned slot_of(const struct own_buffers *own, const void *start)
{
    unsigned slot = 0;
    while (slot < own->count && own->slots[slot].iov_base != start)
        slot++;
    return slot;
}

/* Registers a buffer in a free slot. */
static int add(struct loop *loop, struct own_buffers *own, struct iovec buffer)
{
    unsigned slot = slot_of(own, NULL);
    if (own->is_full || slot == OWN_BUFFERS || buffer.iov_len > own->left)
        return -1;
    if (ring_set_buffers(&loop->ring, own->base + slot, &buffer, 1) != 0) {
        own->is_full = true;
        return -1;
    }
    own->left -= buffer.iov_len;
    own->slots[slot] = buffer;
    if (slot == own->count)
        own->count++;
    return (int)(own->base + slot);
}

int own_buffers_find(struct loop *loop, void *start, size_t len)
{
    struct own_buffers *own = loop->own_buffers;
    if (!own)
        own = make_table(loop);
    if (!own)
        return -1;
    unsigned slot = slot_of(own, start);
    if (slot < own->count)
        return (int)(own->base + slot);
    return add(loop, own, (struct iovec){start, len});
}

void own_buffers_drop(struct loop *loop, const void *start)
{
    struct own_buffers *own = loop->own_buffers;
    unsigned slot = own ? slot_of(own, start) : 0;
    if (!own || slot == own->count)
        return;
    ring_set_buffers(&loop->ring, own->base + slot, &(struct iovec){0}, 1);
    own->left += own->slots[slot].iov_len;
    own->slots[slot] = (struct iovec){0};
    own->is_full = false;
}
