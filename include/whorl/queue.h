/*
 * Queues: tasks hand items to other tasks, through a store in between.
 *
 *     static whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(100);
 *
 *     whorl_queue_put(&queue, item);           // a producer; waits while the queue is full
 *
 *     while (whorl_queue_get(&queue, &item) == 0) {    // a consumer; waits while it is empty
 *         use(item);
 *         whorl_queue_task_done(&queue);
 *     }
 *
 *     whorl_queue_join(&queue);                // who wants to know that all of it is done
 *     whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL);    // ends the consumers' loops
 *
 * An item is a pointer, which the queue passes on and never follows; NULL is an item like another.
 * It is the queue's from the put that returns 0, and the getter's from the get that returns 0.
 *
 * Putters that wait are served in the order in which they came, and so are getters: nobody
 * overtakes them. A put serves the first getter that waits, if there is one; a get from a full
 * queue lets the first putter that waits put its item in. A call that was served like that has done
 * its work, though its task runs later: a cancel that comes in between waits for the task's next
 * call. One that is cancelled before has taken nothing and put nothing. A getter of a FIFO queue is
 * handed the item itself. Where the order is another, an item of the queue is promised to it, and
 * when it runs it takes the best that is there by then.
 *
 * A queue is used by the tasks of one loop at a time. While tasks of one wait in it, those of
 * another are refused with -EPERM.
 */
#ifndef WHORL_QUEUE_H
#define WHORL_QUEUE_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which item comes out next. */
enum whorl_queue_kind {
    WHORL_QUEUE_FIFO,     /* the one that was put first */
    WHORL_QUEUE_LIFO,     /* the one that was put last */
    WHORL_QUEUE_PRIORITY, /* the one that compares lowest; of equals the one that was put first */
};

/* Compares two items, which it is given as they were put: < 0 if `a` comes out before `b`, 0 if
 * they are equals, > 0 if after. Called by puts and gets; must not use the queue, nor wait. */
typedef int whorl_queue_compare(const void *a, const void *b);

/* In the caller's memory; must stay, at its place, while tasks use it. */
typedef struct whorl_queue {
    void *engine[20]; /* the engine's */
} whorl_queue;

/* An unbounded FIFO queue; a FIFO queue of at most n items (0: unbounded). */
/* clang-format off */
#define WHORL_QUEUE_INIT {{0}}
#define WHORL_QUEUE_INIT_BOUNDED(n) {{(void *)(size_t)(n)}}
/* clang-format on */

/* --- Making and ending one --- */

/* Makes an empty queue of at most `capacity` items; 0: unbounded. `compare` is for
 * WHORL_QUEUE_PRIORITY, and not used by the other kinds. Takes no memory: that comes as the queue
 * grows, by doubling, and never for more than `capacity` items; it stays until
 * whorl_queue_destroy. Returns 0. From: anywhere.
 *   -EINVAL  queue is NULL, the kind is unknown, it is WHORL_QUEUE_PRIORITY and compare is NULL, or
 *   capacity is above SSIZE_MAX */
WHORL_API int whorl_queue_init(whorl_queue *queue, enum whorl_queue_kind kind, size_t capacity,
                               whorl_queue_compare *compare);

/* How many pointers the array for a queue of n items must have. */
#define WHORL_QUEUE_SLOTS(kind, n) ((kind) == WHORL_QUEUE_PRIORITY ? 2 * (n) : (n))

/* The same, with all the memory that it will need: an array of WHORL_QUEUE_SLOTS(kind, capacity)
 * pointers, which is the queue's until whorl_queue_destroy. So no put can fail for memory. Returns
 * 0. From: anywhere.
 *   -EINVAL  also: array is NULL, or capacity is 0 */
WHORL_API int whorl_queue_init_with(whorl_queue *queue, enum whorl_queue_kind kind, void **array,
                                    size_t capacity, whorl_queue_compare *compare);

/* Ends a queue, and gives its memory back; one that never held an item has none. It may be made
 * anew then; until that it is as if shut down. Returns 0. From: anywhere, while no other thread
 * uses the queue.
 *   -EBUSY      tasks wait in it, in whorl_queue_put, _get or _join, or an item was promised to one
 *   that has not run since; nothing has changed
 *   -EINVAL     queue is NULL
 *   -ENOTEMPTY  items are in it; nothing has changed */
WHORL_API int whorl_queue_destroy(whorl_queue *queue);

/* --- Putting and getting --- */

/* Puts an item, after a wait while the queue is full. Takes memory where the queue must grow.
 * Returns 0; after an error the item is still the caller's.
 *   -ECANCELED  the caller is cancelled; nothing was put
 *   -EPIPE      the queue is shut down, be it while the caller waits
 *   -ENOMEM     no memory to grow; the queue is as it was
 *   -EINVAL     queue is NULL
 *   -EPERM      not inside a task, or tasks of another loop wait in the queue */
WHORL_API int whorl_queue_put(whorl_queue *queue, void *item);

/* Gets the next item into *item, after a wait while the queue is empty. Returns 0; after an error
 * *item is as it was.
 *   -ECANCELED  the caller is cancelled; nothing was taken
 *   -EPIPE      the queue is shut down and empty, be it while the caller waits
 *   -EINVAL     queue or item is NULL
 *   -EPERM      as for whorl_queue_put */
WHORL_API int whorl_queue_get(whorl_queue *queue, void **item);

/* The same without a wait, in a cancelled task too.
 *   -EAGAIN  the queue is full, or empty
 *   -EINVAL, -ENOMEM, -EPERM, -EPIPE  as above */
WHORL_API int whorl_queue_try_put(whorl_queue *queue, void *item);
WHORL_API int whorl_queue_try_get(whorl_queue *queue, void **item);

/* --- Knowing that all is done --- */

/* Says that the work on one item that was got is done. A queue counts its items, from the put to
 * this; who does not call whorl_queue_join need not call this either. Does not wait. Returns 0.
 *   -EINVAL  queue is NULL, or more would be done than were put
 *   -EPERM   as for whorl_queue_put */
WHORL_API int whorl_queue_task_done(whorl_queue *queue);

/* Waits until no item is unfinished: each that was put has been whorl_queue_task_done'd, or dropped
 * by a shutdown. Any number of tasks may wait; all go on when it has come to that, though more may
 * have been put since. Returns 0.
 *   -ECANCELED  the caller is cancelled
 *   -EINVAL     queue is NULL
 *   -EPERM      as for whorl_queue_put */
WHORL_API int whorl_queue_join(whorl_queue *queue);

/* How a queue is shut down. */
enum whorl_queue_ending {
    WHORL_QUEUE_GRACEFUL,  /* what is in it can still be got */
    WHORL_QUEUE_IMMEDIATE, /* what is in it, promised or not, is dropped, and counts as done */
};

/* Shuts the queue down: puts give -EPIPE from now on, and so do gets once it is empty; also the
 * calls that wait now. Can follow on another, so that an immediate one drops what a graceful one
 * has left. Does not wait. Returns 0.
 *
 * Items that are dropped are forgotten. A program whose items are its memory takes them out itself,
 * which comes to the same; nobody can put one in between:
 *
 *     whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL);
 *     while (whorl_queue_try_get(&queue, &item) == 0) {
 *         free(item);
 *         whorl_queue_task_done(&queue);
 *     }
 *
 *   -EINVAL  queue is NULL, or `ending` is unknown
 *   -EPERM   as for whorl_queue_put */
WHORL_API int whorl_queue_shutdown(whorl_queue *queue, enum whorl_queue_ending ending);

/* --- Looking at one --- */

/* How many items are in the queue, and how many it can hold, 0 for any number; 1 if it is empty, or
 * full, else 0. A queue that is unbounded is never full. From: anywhere, while no other thread uses
 * the queue.
 *   -EINVAL  queue is NULL */
WHORL_API ssize_t whorl_queue_size(const whorl_queue *queue);
WHORL_API ssize_t whorl_queue_capacity(const whorl_queue *queue);
WHORL_API int whorl_queue_is_empty(const whorl_queue *queue);
WHORL_API int whorl_queue_is_full(const whorl_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
