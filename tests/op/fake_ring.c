/* See fake_ring.h and fake_kernel.h. The seam: turns, filling, opening. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/fake_kernel.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* --- Turns --- */

static void take_one(struct entry *entry)
{
    entry->stage = HELD;
    if (entry->kind == DEADLINE) {
        entry->time = entry->timespec[0] * 1000000000 + entry->timespec[1];
        descriptor_of(entry->fd)->deadline_time = entry->time;
    } else if (entry->kind == OP && entry->code == RING_OP_CLOSE) {
        descriptor_of(entry->fd)->early_closes += fake_owed(entry->fd) > 1;
    }
}

/* Whether it is taken together with the one before. */
static bool goes_on(const struct entry *entry)
{
    return entry->kind == DEADLINE || (entry->kind == OP && entry->linked);
}

static void take(struct ring *ring)
{
    unsigned begin = ring->submitted, mask = ring->entries - 1;
    while (ring->submitted != ring->tail && (!fake.most || ring->submitted - begin < fake.most)) {
        struct entry *head = fake.filled[ring->submitted & mask];
        do
            take_one(fake.filled[ring->submitted++ & mask]);
        while (ring->submitted != ring->tail && goes_on(fake.filled[ring->submitted & mask]));
        if (head->kind == CANCEL)
            fake_start_cancel(head);
        else
            fake_start_op(head);
    }
}

/* Goes on to when something comes, or to `end`. */
static void pass_time(int64_t end)
{
    const struct entry *due = fake_first_due();
    const struct entry *deadline = fake_first_deadline();
    if (due) {
        fake.turn = due->due_turn > fake.turn ? due->due_turn : fake.turn;
        return;
    }
    if (deadline && deadline->time < end)
        end = deadline->time;
    if (end == RING_FOREVER)
        fake_give_up("the loop would wait for ever, nothing is scripted to end");
    struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

int ring_turn(struct ring *ring, int64_t deadline)
{
    if (++fake.turn > TURNS_MAX)
        fake_give_up("too many turns, the loop spins");
    if (fake.refuse > 0) {
        fake.refuse--;
        fake.refusals++;
        return -EAGAIN;
    }
    take(ring);
    fake_deliver();
    while (fake.posted_tail == ring->head && ring->submitted == ring->tail &&
           deadline > whorl_now()) {
        if (fake.interrupt > 0) {
            fake.interrupt--;
            fake.interruptions++;
            break;
        }
        pass_time(deadline);
        fake_deliver();
    }
    fake.flags = fake_first_due() != NULL;
    return 0;
}

unsigned ring_reap(struct ring *ring, ring_sink *sink, ring_scout *scout, void *context)
{
    (void)scout;
    unsigned tail = fake.posted_tail, count = tail - ring->head;
    while (ring->head != tail) {
        struct entry *entry = fake.posted[ring->head++ % TABLE];
        if (entry->kind == DEADLINE)
            descriptor_of(entry->fd)->deadlines_reaped++;
        entry->kind = FREE;
        if (fake.last == entry)
            fake.last = NULL;
        sink(context, entry->token, entry->result, 0);
    }
    return count;
}

/* --- Filling --- */

static struct entry *fill(struct ring *ring, enum kind kind, uint64_t token)
{
    struct entry *entry = NULL;
    if (ring_room(ring) == 0)
        fake_give_up("an op is filled without room");
    for (struct entry *other = fake.table; other < fake.table + TABLE; other++) {
        if (other->kind == FREE)
            entry = other;
        else if (other->token == token)
            fake_give_up("a token is used twice");
    }
    if (!entry)
        fake_give_up("the table is full");
    *entry = (struct entry){.kind = kind, .token = token};
    fake.filled[ring->tail++ & (ring->entries - 1)] = entry;
    return entry;
}

void ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link)
{
    struct entry *entry = fill(ring, OP, token);
    bool reads = op->code == RING_OP_READ || op->code == RING_OP_RECV;
    entry->fd = op->fd;
    entry->code = op->code;
    entry->buf = reads ? (void *)(uintptr_t)op->addr : NULL;
    entry->link = link;
    if (fake.last && fake.last->link != RING_LINK_NONE) {
        fake.last->next = entry;
        entry->linked = true;
    }
    fake.last = entry;
}

void ring_fill_deadline(struct ring *ring, const void *timespec, uint64_t token,
                        enum ring_link link, enum ring_report report)
{
    struct entry *op = fake.last;
    if (!op || op->link == RING_LINK_NONE || op->deadline)
        fake_give_up("a deadline is filled for no op");
    struct entry *entry = fill(ring, DEADLINE, token);
    entry->fd = op->fd;
    entry->timespec = timespec;
    entry->report = report;
    entry->owner = op;
    op->deadline = entry;
    op->link = link;
}

void ring_fill_cancel(struct ring *ring, uint64_t target, uint64_t token)
{
    const struct entry *op = fake_find_op(target);
    if (!op)
        fake_give_up("a cancel is filled for no op");
    struct entry *entry = fill(ring, CANCEL, token);
    entry->fd = op->fd;
    entry->target = target;
    fake.last = NULL;
}

/* --- Opening --- */

int ring_open(struct ring *ring, unsigned entries, unsigned completions, uint64_t without)
{
    (void)completions;
    (void)without;
    unsigned size = 2;
    while (size < entries && size < ENTRIES_MAX)
        size *= 2;
    *ring = (struct ring){.entries = size,
                          .fd = -1,
                          .supported = (UINT64_C(1) << RING_OP_COUNT) - 1,
                          .kernel_flags = &fake.flags,
                          .kernel_completion_tail = &fake.posted_tail};
    memset(fake.table, 0, sizeof fake.table);
    fake.posted_tail = 0;
    fake.flags = 0;
    fake.last = NULL;
    return 0;
}

void ring_bound_workers(struct ring *ring, unsigned disk, unsigned peer)
{
    (void)ring;
    (void)disk;
    (void)peer;
}

void ring_close(struct ring *ring)
{
    for (int fd = 0; fd < FAKE_DESCRIPTORS; fd++)
        if (fake_owed(fd) > 0)
            fake_give_up("the ring is closed with ops in flight");
    *ring = (struct ring){0};
}

/* --- Registering: there is none --- */

int ring_register_files(struct ring *ring, const int *fds, unsigned count)
{
    (void)ring;
    (void)fds;
    (void)count;
    return -EOPNOTSUPP;
}

int ring_unregister_files(struct ring *ring)
{
    (void)ring;
    return -ENXIO;
}

int ring_register_buffers(struct ring *ring, const struct iovec *iov, unsigned count)
{
    (void)ring;
    (void)iov;
    (void)count;
    return -EOPNOTSUPP;
}

int ring_reserve_buffers(struct ring *ring, unsigned slots)
{
    (void)ring;
    (void)slots;
    return -EOPNOTSUPP;
}

int ring_set_buffers(struct ring *ring, unsigned first, const struct iovec *iov, unsigned count)
{
    (void)ring;
    (void)first;
    (void)iov;
    (void)count;
    return -EOPNOTSUPP;
}

int ring_unregister_buffers(struct ring *ring)
{
    (void)ring;
    return -ENXIO;
}
