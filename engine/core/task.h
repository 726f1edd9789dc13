/*
 * The task: a fiber with a function, a result, and whatever it waits for.
 *
 *     spawned --> ready <--> running --> ended --> gone
 *                   ^           |
 *                   '- parked <-'
 *
 * ready: in its loop's circle. running: loop->current. parked: `wait` says what for; whoever ends
 * the wait calls task_wake, once. ended: has its result; its block stays until nobody can ask for
 * it (references == 0).
 *
 * The control block lies at the top of the task's stack. A handle is its address with a generation
 * in the top 16 bits, so that a handle that was given back is known as such.
 */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include <core/timers.h>
#include <fiber/fiber.h>
#include <fiber/landing.h>
#include <fiber/stack.h>
#include <stdbool.h>
#include <whorl/task.h>

#define TASK_LINE 64 /* bytes of a cache line */

struct loop;
struct task;

/* A way of waiting. */
struct wait_kind {
    const char *name; /* what the task waits for, as a person would say it: "the end of" */
    /* Ends the wait of a parked task because it was cancelled, or sees to it that it will end.
     * NULL: this wait is not cut short. */
    void (*cancel)(struct task *task);
    /* The task number `index` of those whose ends are waited for; NULL after the last. NULL: it
     * does not wait for tasks. */
    struct task *(*awaited)(const struct task *task, size_t index);
    const char *link; /* between the name and those: ", held by"; NULL: nothing */
    bool needs_all;   /* it goes on only when all of them have ended */
};

/* That of a task whose function has returned, and left something behind that must end first. */
extern const struct wait_kind abandoned_wait;

/* Somebody who is to be told of a task's end, once, as the last thing that the task does; in his
 * own memory. */
struct watcher {
    void (*ended)(struct watcher *self, struct task *target);
    struct task *waiter; /* for whom it watches; NULL: for another thread */
    void *object;        /* the waiter's wait_object while he waits for this end */
    bool binds;          /* the waiter cannot end before, whatever he does now */
    struct watcher *next;
    struct watcher **link;
};

/* A task's place among the children of a group, which watches it; kept by the floor of scopes. */
struct kinship {
    struct watcher watcher;
    struct kinship *next;
    struct kinship **link;
};

/* In cache lines, by who touches them: a wake and a switch, the second and third alone; a spawn and
 * an end, the first four, up to the timer's link. */
struct task {
    struct stack stack; /* first: the block is the stack's */
    uint64_t number;
    whorl_fn *fn;
    void *arg;

    _Alignas(TASK_LINE) struct fiber fiber;
    struct task *next; /* in the circle of ready tasks */
    struct task *previous;
    struct loop *loop;

    _Alignas(TASK_LINE) const struct wait_kind *wait; /* not NULL: parked */
    void *wait_object; /* what is waited for, as the kind understands it */
    int wait_result;
    uint32_t in_flight;  /* ops started and not ended; groups its function left open; dependents */
    uint32_t references; /* the handle, and each who waits for it */
    uint16_t generation;
    uint8_t stack_class;
    bool cancelled;   /* the level */
    bool interrupted; /* its waits are refused: see interrupt.h */
    bool ended;
    bool is_in_delivery;
    bool handle_taken; /* joined or released */
    bool runs_anyway;  /* though it is cancelled before its first step */
    bool named;
    bool begun;     /* its function was called */
    bool contained; /* an overflow of its stack ends no more than its function */
    intptr_t result;
    struct task *live_next; /* in the loop's list of tasks that have not ended */
    struct task **live_link;

    struct scope *scopes;         /* the innermost that is open */
    struct dependent *dependents; /* see dependent.h */
    struct deferred *deferred;    /* what is to run at its end; see defer.h */
    struct locals *locals;        /* NULL: none; see locals.h */
    struct watcher *watchers;     /* first come, first told */
    struct watcher **watchers_end;
    uint64_t end;           /* its place among the ends in its loop */
    struct timer timer;     /* for whatever it waits for */
    struct kinship kinship; /* of a group's child */
    struct landing landing; /* of a task that is contained */
    struct task *search_next;
    uint64_t searched;             /* see deadlock.h */
    struct task *delivery_next;    /* among those whose cancel is being delivered */
    char name[WHORL_NAME_MAX + 1]; /* not named: "task-number", written when asked for */
};

_Static_assert(offsetof(struct task, scopes) % TASK_LINE == 0, "the fourth line begins there");
_Static_assert(offsetof(struct task, timer.link) / TASK_LINE ==
                   offsetof(struct task, scopes) / TASK_LINE,
               "and the timer's link is in it");

#define HANDLE_SHIFT 48

static inline whorl_task *task_handle(const struct task *task)
{
    return (whorl_task *)((uintptr_t)task | (uintptr_t)task->generation << HANDLE_SHIFT);
}

/* The task of a handle, for a call made by `loop`: its block, or NULL with *error set to -EPERM (no
 * loop, or another thread's) or -EINVAL (given back). */
struct task *task_of_handle(const struct loop *loop, whorl_task *handle, int *error);

/* The same for one who holds a reference of his own: also if the handle was given back. */
struct task *task_of_reference(const struct loop *loop, whorl_task *handle, int *error);

/* Makes a task that runs fn(arg), as whorl_spawn_with says, not yet ready. 0 or its errors. */
int task_spawn(struct loop *loop, const whorl_spawn_options *options, whorl_fn *fn, void *arg,
               struct task **task);

/* Makes a new task ready, or runs it at once if `options` say so. */
void task_begin(struct loop *loop, const whorl_spawn_options *options, struct task *task);

/* What an await of an interrupted task gives: lets others run, then -ECANCELED. */
int task_refuse(struct loop *loop, struct task *self);

/* Has `watcher` told of the end of a task that lives; and no longer, if he has not been told
 * yet. */
void task_watch(struct task *target, struct watcher *watcher);
void task_unwatch(struct task *target, struct watcher *watcher);

/* Takes the handle back, if nobody has; for one who holds another reference. */
void task_take_handle(struct task *task);

/* Whether a join ends early when its task is interrupted. */
enum join_mode { JOIN_INTERRUPTIBLE, JOIN_TO_THE_END };

/* Waits for `target`, takes its handle and puts its result into *result. Returns 0, -EDEADLK or
 * -ECANCELED, as whorl_join says; then nothing is taken. */
int task_join(struct loop *loop, struct task *target, enum join_mode mode, intptr_t *result);

/* The name, made up if it has none. */
const char *task_name(struct task *task);

#define TASK_NO_SANITIZE __attribute__((no_sanitize("thread", "address")))

/* Calls the function of the running task, or a handler that it has deferred: fn(arg). Gives
 * -EOVERFLOW in its place if it has used up the stack of a contained task. */
TASK_NO_SANITIZE intptr_t task_call(struct task *self, whorl_fn *fn, void *arg);

/* Drops a reference; without any, an ended task's stack goes back to the pool. */
void task_unref(struct task *task);

#endif
