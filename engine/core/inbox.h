/*
 * The inbox: what other threads, and signal handlers, put in for a loop, and how they wake it.
 *
 *     open --> closed
 *
 * open: whoever has the inbox may put in. closed: no task lives any more; what was accepted before
 * still runs, nothing else is accepted.
 *
 * It is apart from the loop, and counted by references, so that it may outlive it. A loop has none
 * until somebody needs one.
 *
 * The mail is a queue of many producers and one consumer, linked through nodes in the producers'
 * memory (Vyukov: Intrusive MPSC node-based queue). A producer swaps himself in as the tail, then
 * links the former tail to himself; it waits for nobody, and so may be a signal handler, also one
 * that interrupted another producer. Between the two steps there is a gap, which the loop does not
 * see beyond.
 *
 * `state` tells how many producers are inside, and two bits. A producer adds himself on entry and
 * takes himself away on exit; who sees SLEEPING then, and is the one to clear it, writes to the
 * eventfd: so a loop that is busy costs no system call, and one that sleeps costs one. The loop
 * sets SLEEPING, looks at its mail once more, and only then waits. Either it sees what was put in,
 * gap and all, or the producer, who is still inside, sees SLEEPING when he leaves. A producer who
 * finds CLOSED on entry backs out; the loop sets it, waits until nobody is inside,
 * and has what is left.
 *
 * A loop that shares its inbox with nobody need not say that it sleeps: a handler of SIGINT, which
 * has no reference, sounds the alarm, which wakes it in any case.
 */
#ifndef CORE_INBOX_H
#define CORE_INBOX_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Something put in; whoever put it in owns the memory until it is taken. */
struct inbox_node {
    struct inbox_node *next;
    /* The loop takes it, on its host. False: there is no memory for a task now, or others were kept
     * for that reason; it is kept behind them, and tried again later. */
    bool (*take)(struct loop *loop, struct inbox_node *self);
};

#define INBOX_LINE 64    /* bytes of a cache line */
#define INBOX_SPARES 256 /* nodes kept for the next to put in, in each of two lists */
#define INBOX_BATCH 256  /* taken a turn, so that a flood starves nobody */

struct inbox {
    /* Anybody's. */
    _Alignas(INBOX_LINE) uint64_t state;
    struct inbox_node *tail;
    struct inbox_node *spares; /* of who has swapped himself into the lock */
    uint32_t spares_locked;
    /* The loop's; `stub` also of the producer who finds the queue empty. */
    _Alignas(INBOX_LINE) struct inbox_node *head;
    struct inbox_node stub;
    struct inbox_node *kept; /* taken, and to be tried again */
    struct inbox_node **kept_end;
    bool listening;          /* a read of the eventfd is with the ring */
    uint64_t heard;          /* what it reads */
    uint64_t wakes;          /* how often the eventfd was written, as far as was read */
    unsigned returned_count; /* since `returned` was taken */
    /* Rarely used. */
    _Alignas(INBOX_LINE) struct inbox_node *returned; /* spares; the loop adds, others take all */
    uint32_t references; /* whose memory it is: the loop's, and each holder's */
    uint32_t holders;    /* who may put in from elsewhere */
    int eventfd;
};

void inbox_ref(struct inbox *inbox);
void inbox_unref(struct inbox *inbox);

/* A holder has a reference, and lets the loop wait for what he may put in. */
void inbox_hold(struct inbox *inbox);
void inbox_drop(struct inbox *inbox);

/* Puts a node in. False: closed. From any thread or signal handler that has a reference, which it
 * keeps until this returns: a node that is taken may end the loop. */
bool inbox_put(struct inbox *inbox, struct inbox_node *node);

/* The same for one without a reference who knows that the loop lives: it is woken in any case. */
void inbox_alarm(struct inbox *inbox, struct inbox_node *node);

/* The same as inbox_put, for what the loop has sent out, and awaits:
 * it is accepted after the close, too. */
void inbox_return(struct inbox *inbox, struct inbox_node *node);

/* A node of malloc'ed memory that the loop is done with, to be used again instead of a new one;
 * NULL if there is none, or another thread is looking. What one thread allocates and another frees
 * is slow, and here it is always one and another. */
struct inbox_node *inbox_take_spare(struct inbox *inbox);

/* The loop is done with a node of malloc'ed memory. */
void inbox_give_spare(struct inbox *inbox, struct inbox_node *node);

/* --- The loop's side --- */

/* The loop's inbox, made if it has none: NULL with *error -ENOMEM, -EMFILE or -ENFILE. */
struct inbox *inbox_of(struct loop *loop, int *error);

/* Takes what is there, at most `most`, and what was kept. */
void inbox_take(struct loop *loop, unsigned most);

/* Something is there that inbox_take would take. What lies behind a gap is not. */
static inline bool inbox_has_mail(const struct inbox *inbox)
{
    const struct inbox_node *first = inbox->head;
    if (first == &inbox->stub) {
        first = __atomic_load_n(&first->next, __ATOMIC_ACQUIRE);
        if (!first)
            return false;
    }
    return __atomic_load_n(&first->next, __ATOMIC_RELAXED) ||
           first == __atomic_load_n(&inbox->tail, __ATOMIC_RELAXED);
}

/* The same, or something was kept. */
static inline bool inbox_wants_turn(const struct inbox *inbox)
{
    return inbox_has_mail(inbox) || inbox->kept;
}

/* Something may come, or has come, that is worth waiting for. */
bool inbox_may_bring(const struct inbox *inbox);

/* Somebody but the loop has a reference. Where nobody has, what the last one put in, and that it is
 * gone, is seen by looks at the inbox that come after this. */
static inline bool inbox_is_shared(const struct inbox *inbox)
{
    return __atomic_load_n(&inbox->references, __ATOMIC_ACQUIRE) > 1;
}

/* Nothing is there, and nobody may put anything in but a handler of SIGINT, which wakes the loop.
 */
static inline bool inbox_is_calm(const struct inbox *inbox)
{
    return inbox->listening && !inbox_is_shared(inbox) && !inbox_wants_turn(inbox);
}

/* Who puts something in from now on wakes the loop, until inbox_wake. */
void inbox_sleep(struct inbox *inbox);
void inbox_wake(struct inbox *inbox);

/* The read of the eventfd has completed. */
void inbox_heard(struct inbox *inbox, int32_t result);

/* Accepts nothing from now on; returns when nobody is inside. */
void inbox_close(struct inbox *inbox);

/* In a child of fork, where no loop will ever take anything: closed, whoever was inside. */
void inbox_after_fork(struct inbox *inbox);

/* Has the read of the eventfd end, and gives the loop's reference back, if it has an inbox. */
void inbox_end(struct loop *loop);

#endif
