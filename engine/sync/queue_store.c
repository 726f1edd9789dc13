/* The array that a queue's items lie in: see queue_store.h. It doubles,
 * and is never made smaller. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sync/queue_store.h>

#define ROOM_AT_FIRST 16 /* items */

static size_t room_after(const struct store *store)
{
    size_t room = store->room ? 2 * store->room : ROOM_AT_FIRST;
    return store->capacity > 0 && room > store->capacity ? store->capacity : room;
}

/* Copies all items of an array that is full, a ring's in their order from the first slot. */
static void copy_items(const struct store *store, void **slots)
{
    size_t words = WHORL_QUEUE_SLOTS(store->kind, store->room);
    size_t until_end = words - store->head;
    assert(store->count == store->room);
    memcpy(slots, store->slots + store->head, until_end * sizeof *slots);
    memcpy(slots + until_end, store->slots, store->head * sizeof *slots);
}

int store_grow(struct store *store)
{
    if (store_is_full(store))
        return -EAGAIN;
    size_t room = room_after(store);
    void **slots = reallocarray(NULL, room, WHORL_QUEUE_SLOTS(store->kind, 1) * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    if (store->count > 0)
        copy_items(store, slots);
    free(store->slots);
    store->slots = slots;
    store->room = room;
    store->head = 0;
    return 0;
}

void store_close(struct store *store)
{
    if (!store->is_borrowed)
        free(store->slots);
    store->slots = NULL;
    store->room = 0;
    store->head = 0;
}
