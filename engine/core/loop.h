/*
 * The loop: one thread's circle of ready tasks, its timers and ring, and what runs when.
 *
 * The tasks that are ready stand in a circle, and with them the one that runs, `current`. Yielding
 * is a step to the next; who becomes ready is put in just before `current`, where he comes last;
 * who parks is taken out. The loop itself is a task, `host`, on the thread's own stack: its place
 * in the circle marks the end of a turn. Tasks switch straight to the next one; when that is the
 * host, it turns the ring, and wakes whom the completions and timers wake. If the ring is quiet and
 * no timer is due, the host is stepped over, which saves the switch. So every ready task runs once
 * a turn, and every turn looks at the ring: neither starves the other.
 *
 * Invariant: the host and `current` are in the circle whenever a task's own code runs.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <assert.h>
#include <core/clock.h>
#include <core/inbox.h>
#include <core/ring.h>
#include <core/task.h>
#include <fiber/overflow.h>
#include <signal.h>

#define IN_FLIGHT_BUCKETS 4096
#define IN_FLIGHT_LISTS (IN_FLIGHT_BUCKETS + 1) /* and one for ops on two descriptors */
#define CLOSER_BUCKETS 64
#define ZERO_COPY_SOCKETS 4096

/* What the floors above do for the loop. */
struct loop_hooks {
    ring_sink *complete; /* takes a completion; its context is the loop */
    ring_scout *expect;  /* one comes soon */
    /* Asks for the end of all that a task whose function has returned still has in flight; when the
     * last of it has ended, the task is woken. */
    void (*abandon)(struct loop *loop, struct task *task);
    /* The same for a group that it has left open; counts as in flight until its children have
     * ended. */
    void (*abandon_group)(struct scope *group);
    /* Fills a read of the inbox's eventfd, which ends in inbox_heard; not an op in flight. */
    void (*listen)(struct loop *loop);
};

/* Somebody who looks at what main does not clean up; in his own memory, and never on main's stack
 * but its own frames. */
struct onlooker {
    /* Main's function, or a handler that it has deferred, has returned, and what it has left,
     * scopes or ops in flight, is about to be ended. By the host. */
    void (*returned)(struct onlooker *self, struct loop *loop);
    /* Main has ended, and those that live still are about to be cancelled. */
    void (*ended)(struct onlooker *self, struct loop *loop);
};

/* A task that waits in whorl_close; the floor of ops knows more. */
struct closer;

/* The threads that run what tasks give away; the floor of os knows more. */
struct pool;

/* A task that waits for a signal; the floor of os knows more. */
struct signal_wait;

/* The names that were looked up; the floor of net knows more. */
struct resolver;

/* What the datagram sockets of a loop share; the floor of net knows more. */
struct datagram_hub;

/* See leftover.h. */
struct leftover;

/* Buffers of bulk transfers; the floor of net knows more. */
struct bulk;
/* What the streams of a loop share; the floor of net knows more. */
struct stream_hub;

struct loop {
    struct task *current;
    struct task host;
    struct timers timers;
    uint64_t clock_ticks; /* when the clock was last read */
    int64_t clock_now;    /* what it said */
    uint64_t rounds;      /* that the loop has turned */
    unsigned blind_waits; /* to go until the loop looks before a timed wait; see loop_wait */
    struct ring ring;
    struct inbox *inbox; /* NULL: nobody outside knows the loop */
    const struct loop_hooks *hooks;
    struct stack_pool stacks;
    struct task *live;          /* all that have not ended, the newest first */
    struct task *shown;         /* by whorl_each_task, now */
    struct task *abandoned;     /* their functions have returned, and left something behind */
    struct leftover *leftovers; /* what is left to the loop itself */
    struct leftover *buried;    /* what was ended of it, and is to be freed */
    struct task *deliveries;    /* tasks whose cancel is being delivered */
    struct task **deliveries_end;
    uint64_t spawned;
    uint64_t ends;
    uint64_t searches; /* see deadlock.h */
    uint64_t draws;    /* see select.c */
    uint16_t task_generation;
    uint8_t stack_class; /* default for tasks */
    bool draining;       /* main has ended; the rest is being cancelled */
    bool delivering;
    bool deadlocked; /* nothing could happen any more: all has been cancelled for that */
    bool overruled;  /* `result` is the run's, and not main's */
    bool time_is_virtual;
    int64_t virtual_now;
    int64_t opened; /* when; tells this loop from each before it */
    int64_t defer_limit;
    struct task *main;
    struct onlooker *onlooker; /* NULL: none */
    intptr_t result;           /* main's, once it has ended */
    int64_t drain_warning;
    struct timer drain_timer;
    int64_t limit;            /* of real time; WHORL_FOREVER: none, or it was reached */
    struct timer limit_timer; /* with a real clock */
    sigset_t mask_before;     /* the thread's signal mask outside the run */
    /* Kept by the floor of os. */
    struct pool *pool;
    uint32_t jobs; /* that tasks have given to threads, and await */
    unsigned threads_most;
    int64_t thread_idle;
    struct signal_wait *signal_waits; /* tasks that wait for signals */
    struct signal_wait **signal_waits_end;
    int signal_fd; /* while some do */
    /* Kept by the floor of net: see net/zero_copy.h, net/bulk_buffers.h. */
    struct resolver *resolver; /* NULL: no name was */
    struct bulk *bulk;         /* NULL: there was no transfer yet */
    size_t zero_copy;          /* bytes from which on a send does not copy; 0: never */
    unsigned zero_copy_pause;  /* sends that are to go by untried */
    unsigned zero_copy_doubt;  /* reports of a copy in a row, as far as they count */
    uint64_t copied_to[ZERO_COPY_SOCKETS / 64]; /* bit n: to socket n the kernel copies */
    struct stream_hub *stream_hub;              /* NULL: no stream was opened */
    struct datagram_hub *datagram_hub;          /* NULL: none was received */
    /* Kept by the floor of runs. */
    struct overflow_watch watch;
    sigset_t signals_to_take; /* of those that writes raise, at the run's end */
    bool sigint_is_watched;
    struct loop *left_next;
    /* Kept by the floor of ops; what every op touches first, in one line. */
    _Alignas(TASK_LINE) uint32_t ops_in_flight; /* of all tasks */
    uint32_t ops_at_rest;     /* of those, that nobody waits for; see op/multishot.h */
    uint32_t file_ops;        /* with the kernel, that hold a place; see op/admission.h */
    uint32_t file_ops_unseen; /* while fewer are taken, who wants a place gets it unseen */
    uint32_t file_ops_most;   /* places */
    uint16_t op_generation;
    unsigned closing;       /* closers that wait */
    struct whorl_op *turns; /* ops that wait for their turn, the first first */
    struct whorl_op **turns_end;
    struct timer turn_timer;  /* armed: a place is free, and somebody waits for it */
    struct whorl_op *cancels; /* ops to cancel, or to submit again, when the timer fires */
    struct whorl_op **cancels_end;
    struct timer cancel_timer;
    uint64_t seen_in; /* which round a descriptor was last looked at, and what it was */
    int seen_fd;
    bool seen_is_file;
    uint8_t *peer_slots; /* bit n: registered file n may await a peer; NULL: none does */
    unsigned peer_slots_count;
    bool has_buffers;                /* the program has registered some */
    struct own_buffers *own_buffers; /* the engine may; see op/own_buffers.h */
    struct closer *closers[CLOSER_BUCKETS];
    struct whorl_op *in_flight[IN_FLIGHT_LISTS]; /* every op in flight, by descriptor */
};

/* The calling thread's loop, NULL if it runs none. */
extern __thread struct loop *loop_here;

/* The running task, or NULL: outside a run. */
static inline struct task *task_here(void)
{
    struct loop *loop = loop_here;
    return loop ? loop->current : NULL;
}

/* An overflow_describe: for the running task of the calling thread. */
overflow_describe loop_describe_overflow;

/* A loop, with its ring, for the calling thread. -errno as whorl_run says; nothing is left then. */
int loop_open(struct loop **result, const whorl_config *config, const struct loop_hooks *hooks);

/* Runs main(arg), and everything until the last task has ended. */
void loop_run(struct loop *loop, const char *name, whorl_fn *main, void *arg);

/* The loop was left in the middle of a task by a jump to the thread's own stack: the host runs, and
 * no task will again. */
void loop_leave(struct loop *loop);

/* Ends the waits of a loop that was left, as if all were cancelled, and turns it until no op is in
 * flight and no job with a thread; then accepts nothing from outside any more, and tells other
 * threads that wait for its tasks. */
void loop_end_left(struct loop *loop);

/* Closes a loop that has run, or was left and has no ops in flight. */
void loop_close(struct loop *loop);

/* Has the ring take what is filled, until there is room for `count` more, which must be no more
 * than its entries. */
void loop_make_room(struct loop *loop, unsigned count);

static inline void loop_reserve(struct loop *loop, unsigned count)
{
    if (__builtin_expect(ring_room(&loop->ring) < count, 0))
        loop_make_room(loop, count);
}

/* A new task, not yet ready. NULL if there is no memory for its stack. */
struct task *task_make(struct loop *loop, unsigned stack_class, const char *name, whorl_fn *fn,
                       void *arg);

/* --- The circle and the switch --- */

static inline void ready_add(struct loop *loop, struct task *task)
{
    struct task *before = loop->current->previous;
    task->next = loop->current;
    task->previous = before;
    before->next = task;
    loop->current->previous = task;
}

/* Makes a parked task ready; its park returns `result`. */
static inline void task_wake(struct task *task, int result)
{
    assert(task->wait && !task->ended);
    task->wait = NULL;
    task->wait_result = result;
    ready_add(task->loop, task);
}

/* The task keeps its link to the next one, for loop_next. */
static inline __attribute__((always_inline)) void ready_remove(struct task *task)
{
    task->previous->next = task->next;
    task->next->previous = task->previous;
}

/* The running task leaves the circle, and the host runs next; those behind keep their order. */
static inline __attribute__((always_inline)) void ready_leave_to_host(struct loop *loop,
                                                                      struct task *self)
{
    struct task *host = &loop->host;
    ready_remove(host);
    host->previous = self;
    host->next = self->next;
    host->next->previous = host;
    self->next = host;
    ready_remove(self);
}

/* The time, or one that is less than CLOCK_GLANCE_NS behind it. */
static inline int64_t loop_glance(struct loop *loop)
{
    if (loop->time_is_virtual)
        return loop->virtual_now;
    uint64_t ticks = clock_ticks();
    if (ticks - loop->clock_ticks >= CLOCK_GLANCE_TICKS) {
        loop->clock_ticks = ticks;
        loop->clock_now = clock_read();
    }
    return loop->clock_now;
}

/* The kernel says that a deadline has come. It counts by the real clock, of which a virtual one is
 * behind. */
static inline void loop_reach(struct loop *loop, int64_t deadline)
{
    if (loop->time_is_virtual && loop->virtual_now < deadline)
        loop->virtual_now = deadline;
}

/* The point in time `ns` from now; by a glance, and so a little later than that, never earlier. */
static inline int64_t loop_deadline_after(struct loop *loop, int64_t ns)
{
    int64_t slack = loop->time_is_virtual ? 0 : CLOCK_GLANCE_NS;
    return deadline_after(loop_glance(loop) + slack, ns);
}

/* Whether a timer is due, as far as a glance tells. */
static inline bool loop_timer_is_due(struct loop *loop)
{
    int64_t next = timers_next(&loop->timers);
    return next == TIMER_AT_ONCE || (next != INT64_MAX && next <= loop_glance(loop));
}

/* Something waits for the host to do it. */
static inline bool loop_has_business(struct loop *loop)
{
    return !ring_is_quiet(&loop->ring) || stack_wants_trim(&loop->stacks) ||
           loop_timer_is_due(loop) || (loop->inbox && inbox_wants_turn(loop->inbox));
}

/* Steps from `self`, which may just have been taken out, to who runs next: the host only where it
 * has something to do, or nobody else is ready. */
static inline struct task *loop_next(struct loop *loop, const struct task *self)
{
    struct task *next = self->next;
    if (next == &loop->host && next->next != next && !loop_has_business(loop))
        next = next->next;
    loop->current = next;
    return next;
}

/* Runs others until `self` is next again. */
static inline void loop_switch(struct loop *loop, struct task *self)
{
    struct task *next = loop_next(loop, self);
    if (next != self)
        fiber_switch(&self->fiber, &next->fiber);
}

/* Parks the running task until task_wake, and returns the result given there. Inline, as each frame
 * on a parked stack is memory to fetch again at the wake. */
static inline int task_park(struct loop *loop, struct task *self, const struct wait_kind *kind,
                            void *object)
{
    assert(loop->current == self && !self->wait);
    self->wait = kind;
    self->wait_object = object;
    ready_remove(self);
    loop_switch(loop, self);
    return self->wait_result;
}

#endif
