/*
 * The items of a priority queue: a binary heap, the lowest at slot 0, each no lower than the one at
 * (its own slot - 1) / 2 (Williams 1964). Equals are told apart by the order in which they were
 * put, so that the first of them comes out first.
 */
#include <sync/queue_store.h>

/* No two are equal. */
static bool is_before(const struct store *store, const struct ranked *a, const struct ranked *b)
{
    int compared = store->compare(a->item, b->item);
    return compared < 0 || (compared == 0 && a->order < b->order);
}

void heap_put(struct store *store, void *item)
{
    struct ranked *heap = (struct ranked *)store->slots;
    struct ranked fresh = {item, store->order++};
    size_t hole = store->count++;
    while (hole > 0 && is_before(store, &fresh, &heap[(hole - 1) / 2])) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = fresh;
}

/* The child of `slot` that comes first among the `count`, or `count` if it has none. */
static size_t first_child(const struct store *store, size_t slot, size_t count)
{
    const struct ranked *heap = (const struct ranked *)store->slots;
    size_t child = 2 * slot + 1;
    if (child >= count)
        return count;
    return child + 1 < count && is_before(store, &heap[child + 1], &heap[child]) ? child + 1
                                                                                 : child;
}

/* The last one fills the hole that the lowest leaves, from where it sinks to its place. */
void *heap_take(struct store *store)
{
    struct ranked *heap = (struct ranked *)store->slots;
    void *lowest = heap[0].item;
    size_t count = --store->count;
    struct ranked last = heap[count];
    size_t hole = 0;
    size_t child = first_child(store, hole, count);
    while (child < count && is_before(store, &heap[child], &last)) {
        heap[hole] = heap[child];
        hole = child;
        child = first_child(store, hole, count);
    }
    heap[hole] = last;
    return lowest;
}
