/*
 * What the program may leave to the loop itself: it belongs to no task, and when the last task has
 * ended the loop ends what is left of it.
 *
 *     left --> stopped --> ended --> buried
 *
 * At the run's end each leftover is stopped; then the loop turns until nothing is in flight any
 * more; then each is ended, which takes it out. The memory of what the program has a handle of is
 * buried: there until the loop is closed, as handlers that tasks of a run that was left had
 * deferred come yet, and may use the handle, to be told that it is of another run.
 */
#ifndef CORE_LEFTOVER_H
#define CORE_LEFTOVER_H

struct loop;

struct leftover {
    /* Asks for the end of what would not end by itself. From the host of the loop. */
    void (*stop)(struct leftover *self);
    /* Nothing is in flight. From the host of the loop. */
    void (*end)(struct leftover *self);
    struct leftover *next;
    union {
        struct leftover **link;
        void *memory; /* when it is buried */
    };
};

/* Leaves something, whose functions are set, to the loop; and takes it back. */
void leftover_add(struct loop *loop, struct leftover *self);
void leftover_remove(struct leftover *self);

/* Stops all of them; ends all of them. */
void leftovers_stop(struct loop *loop);
void leftovers_end(struct loop *loop);

/* Has `memory`, which malloc gave and which holds what was ended, be freed with the loop. */
void leftover_bury(struct loop *loop, struct leftover *self, void *memory);
void leftovers_free(struct loop *loop);

#endif
