/*
 * Queues: a store of items, and the tasks that wait for one, for room, or for all to be done.
 *
 *     open --> shut
 *
 * open: puts and gets are served; shut: nothing is put any more, and nobody waits but in a join.
 *
 * A put serves the first getter that waits. In a FIFO queue it hands its item over, and the getter
 * does not look at the queue again. Where the order is another, better items may come until the
 * getter runs: so the item goes into the store, one of those in it is promised to the getter, and
 * it takes the best when it runs.
 *
 * Invariants, between calls: promised <= the items in the store, unless a shutdown has dropped
 * them; getters wait only while all items of an open queue are promised, putters only while it is
 * full, joiners only while items are unfinished. A get that makes room fills it at once: nobody can
 * come in between.
 */
#include <string.h>
#include <sync/queue_store.h>
#include <sync/waiters.h>

struct queue {
    struct store store; /* first, for the static initialisers */
    struct waiters getters;
    struct waiters putters;
    struct waiters joiners;
    size_t unfinished; /* items that were put and are not done */
    size_t promised;   /* items for getters that were served and have not run */
    bool shut;
} __attribute__((may_alias));

_Static_assert(sizeof(struct queue) <= sizeof(whorl_queue), "a queue fits its public struct");

/* A task that waits to put or to get; on its own stack. */
struct trader {
    struct waiter waiter; /* first: what waits is the trader */
    void *item;           /* to put; got */
};

static const struct wait_kind item_wait = {.name = "an item in a queue", .cancel = waiter_cancel};
static const struct wait_kind room_wait = {.name = "room in a queue", .cancel = waiter_cancel};
static const struct wait_kind done_wait = {.name = "all items of a queue to be done",
                                           .cancel = waiter_cancel};

/* --- Making and ending one --- */

static int make(whorl_queue *public, enum whorl_queue_kind kind, void **array, size_t capacity,
                whorl_queue_compare *compare)
{
    bool is_ranked = kind == WHORL_QUEUE_PRIORITY;
    if (!public || (kind != WHORL_QUEUE_FIFO && kind != WHORL_QUEUE_LIFO && !is_ranked))
        return -EINVAL;
    if ((is_ranked && !compare) || capacity > SIZE_MAX / 2)
        return -EINVAL;
    *(struct queue *)public = (struct queue){.store = {.capacity = capacity,
                                                       .room = array ? capacity : 0,
                                                       .slots = array,
                                                       .compare = compare,
                                                       .kind = (uint8_t)kind,
                                                       .is_borrowed = array != NULL}};
    return 0;
}

int whorl_queue_init(whorl_queue *queue, enum whorl_queue_kind kind, size_t capacity,
                     whorl_queue_compare *compare)
{
    return make(queue, kind, NULL, capacity, compare);
}

int whorl_queue_init_with(whorl_queue *queue, enum whorl_queue_kind kind, void **array,
                          size_t capacity, whorl_queue_compare *compare)
{
    return array && capacity > 0 ? make(queue, kind, array, capacity, compare) : -EINVAL;
}

int whorl_queue_destroy(whorl_queue *public)
{
    struct queue *queue = (struct queue *)public;
    if (!queue)
        return -EINVAL;
    if (queue->getters.first || queue->putters.first || queue->joiners.first || queue->promised)
        return -EBUSY;
    if (queue->store.count > 0)
        return -ENOTEMPTY;
    store_close(&queue->store);
    queue->unfinished = 0;
    queue->shut = true;
    return 0;
}

/* --- Putting and getting --- */

/* 0, or why the caller cannot deal with the queue. */
static inline int place_error(const struct loop *loop, const struct queue *queue)
{
    if (!queue)
        return -EINVAL;
    bool foreign = !loop || waiters_are_foreign(loop, &queue->getters) ||
                   waiters_are_foreign(loop, &queue->putters) ||
                   waiters_are_foreign(loop, &queue->joiners);
    return foreign ? -EPERM : 0;
}

/* Puts an item, or tells why not: -EAGAIN if there is no room. */
static inline int put(struct queue *queue, void *item)
{
    struct trader *getter = (struct trader *)queue->getters.first;
    if (queue->shut)
        return -EPIPE;
    if (getter && queue->store.kind == WHORL_QUEUE_FIFO) {
        assert(queue->store.count == 0);
        getter->item = item;
        waiter_serve(&getter->waiter, 0);
    } else {
        int error = store_put(&queue->store, item);
        if (error)
            return error;
        if (getter) {
            queue->promised++;
            waiter_serve(&getter->waiter, 0);
        }
    }
    queue->unfinished++;
    return 0;
}

/* Takes the next item, of which there is one; the first putter that waits puts its own into the
 * room. */
static inline void *take(struct queue *queue)
{
    void *item = store_take(&queue->store);
    struct trader *putter = (struct trader *)queue->putters.first;
    if (putter) {
        int error = put(queue, putter->item);
        assert(!error);
        (void)error;
        waiter_serve(&putter->waiter, 0);
    }
    return item;
}

/* Gets the next item, or tells why not: -EAGAIN if there is none. */
static inline int get(struct queue *queue, void **item)
{
    if (queue->store.count <= queue->promised)
        return queue->shut ? -EPIPE : -EAGAIN;
    *item = take(queue);
    return 0;
}

/* Takes what was promised to the running task; -EPIPE if a shutdown has dropped it. */
static int get_promised(struct queue *queue, void **item)
{
    queue->promised--;
    if (queue->store.count == 0)
        return -EPIPE;
    *item = take(queue);
    return 0;
}

int whorl_queue_put(whorl_queue *public, void *item)
{
    struct loop *loop = loop_here;
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop, queue);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    error = put(queue, item);
    if (error != -EAGAIN)
        return error;
    struct trader putter = {.item = item};
    return waiters_wait(loop, &queue->putters, &putter.waiter, &room_wait);
}

int whorl_queue_get(whorl_queue *public, void **item)
{
    struct loop *loop = loop_here;
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop, queue);
    if (error || !item)
        return error ? error : -EINVAL;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    error = get(queue, item);
    if (error != -EAGAIN)
        return error;
    bool is_handed = queue->store.kind == WHORL_QUEUE_FIFO;
    struct trader getter = {.item = NULL};
    error = waiters_wait(loop, &queue->getters, &getter.waiter, &item_wait);
    if (error)
        return error;
    if (!is_handed)
        return get_promised(queue, item);
    *item = getter.item;
    return 0;
}

int whorl_queue_try_put(whorl_queue *public, void *item)
{
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop_here, queue);
    return error ? error : put(queue, item);
}

int whorl_queue_try_get(whorl_queue *public, void **item)
{
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop_here, queue);
    if (error || !item)
        return error ? error : -EINVAL;
    return get(queue, item);
}

/* --- Knowing that all is done --- */

static void serve_all(struct waiters *queue, int result)
{
    while (queue->first)
        waiter_serve(queue->first, result);
}

/* So many items are done, or dropped; a program may have said before of some of them that they
 * are. */
static void finish(struct queue *queue, size_t count)
{
    queue->unfinished -= count < queue->unfinished ? count : queue->unfinished;
    if (queue->unfinished == 0)
        serve_all(&queue->joiners, 0);
}

int whorl_queue_task_done(whorl_queue *public)
{
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop_here, queue);
    if (error)
        return error;
    if (queue->unfinished == 0)
        return -EINVAL;
    finish(queue, 1);
    return 0;
}

int whorl_queue_join(whorl_queue *public)
{
    struct loop *loop = loop_here;
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop, queue);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (queue->unfinished == 0)
        return 0;
    struct waiter joiner = {0};
    return waiters_wait(loop, &queue->joiners, &joiner, &done_wait);
}

int whorl_queue_shutdown(whorl_queue *public, enum whorl_queue_ending ending)
{
    struct queue *queue = (struct queue *)public;
    int error = place_error(loop_here, queue);
    if (error)
        return error;
    if (ending != WHORL_QUEUE_GRACEFUL && ending != WHORL_QUEUE_IMMEDIATE)
        return -EINVAL;
    queue->shut = true;
    serve_all(&queue->getters, -EPIPE);
    serve_all(&queue->putters, -EPIPE);
    if (ending == WHORL_QUEUE_IMMEDIATE)
        finish(queue, store_clear(&queue->store));
    return 0;
}

/* --- Looking at one --- */

ssize_t whorl_queue_size(const whorl_queue *queue)
{
    return queue ? (ssize_t)((const struct queue *)queue)->store.count : -EINVAL;
}

ssize_t whorl_queue_capacity(const whorl_queue *queue)
{
    return queue ? (ssize_t)((const struct queue *)queue)->store.capacity : -EINVAL;
}

int whorl_queue_is_empty(const whorl_queue *queue)
{
    return queue ? ((const struct queue *)queue)->store.count == 0 : -EINVAL;
}

int whorl_queue_is_full(const whorl_queue *queue)
{
    return queue ? store_is_full(&((const struct queue *)queue)->store) : -EINVAL;
}
