/*
 * The fake's insides, which its two halves share: fake_kernel.c keeps the scripts and ends what is
 * in flight, fake_ring.c stands behind the seam.
 *
 * Every submission is an entry of one table, from its filling until its completion is reaped:
 *
 *     free --> filled --> held --> running --> posted --> free
 *
 * filled: not taken yet. held: taken, behind a member of its chain that has not ended. running: may
 * have a point in turns at which it is due. posted: in the completion queue, in order. A deadline
 * belongs to its op until either has ended; one that nobody asked a report of vanishes then.
 */
#ifndef TESTS_OP_FAKE_KERNEL_H
#define TESTS_OP_FAKE_KERNEL_H

#include "op/fake_ring.h"

#include <core/ring.h>

enum { TABLE = 128, STEPS = 8, ENTRIES_MAX = 64, TURNS_MAX = 1000000 };

enum kind { FREE, OP, CANCEL, DEADLINE };
enum stage { FILLED, HELD, RUNNING, POSTED };

struct entry {
    enum kind kind;
    enum stage stage;
    uint64_t token;
    int fd;
    int32_t result;
    bool due; /* running: will be posted in turn due_turn, after those of lower due_order */
    uint64_t due_turn, due_order;
    /* An op. */
    uint8_t code;
    void *buf; /* where a result above 0 puts as many bytes */
    enum ring_link link;
    bool linked; /* to the one before */
    struct entry *next, *deadline;
    /* A cancel. */
    uint64_t target;
    /* A deadline. */
    const int64_t *timespec;
    int64_t time;
    enum ring_report report;
    struct entry *owner; /* its op, until one of them has ended */
    enum fake_fate fate;
};

struct script {
    unsigned count, used, times[STEPS];
};

struct descriptor {
    struct script ops, cancels, deadlines;
    struct fake_end ends[STEPS];
    struct fake_answer answers[STEPS];
    struct {
        enum fake_fate fate;
        int turns;
    } fates[STEPS];
    int64_t deadline_time;
    unsigned deadlines_reaped, early_closes;
};

struct fake_kernel {
    struct descriptor descriptors[FAKE_DESCRIPTORS];
    unsigned refuse, refusals, interrupt, interruptions, most;
    uint64_t turn, order;
    struct entry table[TABLE];
    struct entry *filled[ENTRIES_MAX], *posted[TABLE];
    struct entry *last; /* op that was filled last */
    unsigned flags, posted_tail;
};

extern struct fake_kernel fake;

/* Prints why and what is in flight, and aborts. */
_Noreturn void fake_give_up(const char *why);

static inline struct descriptor *descriptor_of(int fd)
{
    return &fake.descriptors[(unsigned)fd % FAKE_DESCRIPTORS];
}

/* The op that has the token and was not reaped; NULL if there is none. */
struct entry *fake_find_op(uint64_t token);

/* What was taken starts: an op with its deadline, a cancel. */
void fake_start_op(struct entry *op);
void fake_start_cancel(struct entry *cancel);

/* What is due, or fires, first; NULL if there is none. */
struct entry *fake_first_due(void);
struct entry *fake_first_deadline(void);

/* Posts everything whose turn or time has come, also what that starts. */
void fake_deliver(void);

#endif
