/*
 * What a queue holds: items in an array that grows as far as the queue's capacity allows.
 *
 * FIFO and LIFO are one ring. An item is put behind the last; FIFO takes the first one out, LIFO
 * the last, so that its first one stays at slot 0:
 *
 *      slots  | g | h |   |   | e | f |      room 6, head 4, count 4: e f g h
 *
 * PRIORITY is a heap, in the same array; see queue_heap.c.
 *
 * Invariants: count <= room; room <= capacity, where that is not 0. So an item that finds a slot in
 * the array does not exceed the capacity.
 */
#ifndef SYNC_QUEUE_STORE_H
#define SYNC_QUEUE_STORE_H

#include <assert.h>
#include <stdbool.h>
#include <whorl/queue.h>

struct store {
    size_t capacity; /* 0: any; first, as WHORL_QUEUE_INIT_BOUNDED sets it */
    size_t count;
    size_t room; /* items that the array has slots for */
    size_t head; /* of a ring: the slot of the first item */
    void **slots;
    whorl_queue_compare *compare;
    uintptr_t order;  /* of a heap: how many were put before */
    uint8_t kind;     /* enum whorl_queue_kind */
    bool is_borrowed; /* the array is the program's */
};

/* A heap's slots: an item, and its place among all that were put. */
struct ranked {
    void *item;
    uintptr_t order;
} __attribute__((may_alias));

_Static_assert(sizeof(struct ranked) == sizeof(void * [WHORL_QUEUE_SLOTS(WHORL_QUEUE_PRIORITY, 1)]),
               "an array of WHORL_QUEUE_SLOTS holds a heap");

/* Makes room for one more: 0, -EAGAIN if the capacity is reached, or -ENOMEM. */
int store_grow(struct store *store);

/* Gives the array back. */
void store_close(struct store *store);

/* Of a heap: puts an item, for which there is room; takes the lowest, where there is one. */
void heap_put(struct store *store, void *item);
void *heap_take(struct store *store);

static inline bool store_is_full(const struct store *store)
{
    return store->capacity > 0 && store->count == store->capacity;
}

/* The slot of a ring's item number `index`. */
static inline void **ring_slot(const struct store *store, size_t index)
{
    size_t slot = store->head + index;
    return &store->slots[slot < store->room ? slot : slot - store->room];
}

/* Puts an item: 0, or as store_grow says. */
static inline int store_put(struct store *store, void *item)
{
    if (__builtin_expect(store->count == store->room, 0)) {
        int error = store_grow(store);
        if (error)
            return error;
    }
    if (store->kind == WHORL_QUEUE_PRIORITY)
        heap_put(store, item);
    else
        *ring_slot(store, store->count++) = item;
    return 0;
}

/* Takes the next item out; there must be one. */
static inline void *store_take(struct store *store)
{
    assert(store->count > 0);
    if (store->kind == WHORL_QUEUE_PRIORITY)
        return heap_take(store);
    store->count--;
    if (store->kind == WHORL_QUEUE_LIFO)
        return *ring_slot(store, store->count);
    void *item = store->slots[store->head];
    if (++store->head == store->room)
        store->head = 0;
    return item;
}

/* Forgets all that is in it; returns how many those were. */
static inline size_t store_clear(struct store *store)
{
    size_t count = store->count;
    store->count = 0;
    store->head = 0;
    return count;
}

#endif
